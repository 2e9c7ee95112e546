"""Every figure says what it shows: a title with units, and its main figures in words; nothing in it is small."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures import (
    budget,
    changes,
    compare,
    deltas,
    diagnosis,
    drift_maps,
    drift_spread,
    fleet,
    pareto,
    replace,
    tasks,
    theme,
    use,
)
from dashboard.figures.theme import alt_of
from dashboard.words import in_language
from data.rules.budget.curve import CurvePoint, Picking
from tests.serving import ROOT

UNITS = (
    r"points|0 to 100|from 0 to 100|in places|in %|distance|Cosine|around 0|90%|number of parameters|as served"
    r"|名次|分|seconds|秒|0 至 100|%|距离|余弦|为中心|原始数值"
)
TYPES = ["Retrieval", "PairClassification", "STS"]


def wide() -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([(kind, f"Task{i}") for i, kind in enumerate(TYPES)], names=["type", "task"])
    return pd.DataFrame({"org/one": [0.5, 0.6, 0.7], "org/<b>two</b>": [0.4, 0.65, 0.7]}, index=index)


def moves() -> go.Figure:
    frame = pd.DataFrame({"model": ["a", "b"], "rank_before": [3, 1], "rank_after": [1, 2], "move": [2, -1]})
    return changes.moves_chart(frame, 10)


def lines(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": names,
            "label": names,
            "effect": -0.01,
            "typical": -0.02,
            "significant": [True] + [False] * (len(names) - 1),
        }
    )


def heat() -> go.Figure:
    cells = pd.DataFrame(
        {"row": ["a", "b"], "column": ["t", "t"], "delta": [-0.03, 0.01], "verdict": ["gap", "match"], "cells": [2, 1],
         "comparable": [1, 1], "cause": ["model", "none"]}
    )  # fmt: skip
    return deltas.deltas_map(cells, lines(["a", "b"]), lines(["t"]))


def dumbbell() -> go.Figure:
    frame = pd.DataFrame(
        {"who": ["a"], "what": ["t"], "claim_score": [0.5], "check_score": [0.4], "floor": [0.01], "delta": [-0.1],
         "verdict": ["gap"], "key": [["a", "t", "test"]]}
    )  # fmt: skip
    return deltas.dumbbell_chart(frame, claim="model card", check="our run")


def verdicts() -> go.Figure:
    shares = {"match": [3], "drift": [1], "gap": [0], "broken": [0], "not comparable": [1]}
    quantiles = {"q5": [-0.1], "q25": [-0.05], "q50": [0.0], "q75": [0.01], "q95": [0.1]}
    return deltas.verdicts_chart(pd.DataFrame({"type": ["STS"], "cells": [5], **shares, **quantiles}))


def causes() -> go.Figure:
    return diagnosis.waterfall_chart(pd.DataFrame({"cause": ["prompt missing"], "explained": [0.9]}), 0.1, 0.05)


def quantiles() -> pd.DataFrame:
    row = {"least": 0.0, "low": 0.1, "q1": 0.2, "median": 0.3, "q3": 0.4, "high": 0.5, "most": 0.6}
    return pd.DataFrame([{"encoder_id": name, "of": "drift", **row} for name in ("x", "y")])


def length() -> go.Figure:
    drift = pd.DataFrame(
        {"encoder_id": ["x", "x", "y"], "text_hash": list("abc"), "name": list("abc"), "length": [3, 900, 5],
         "value": [1e-3, 1e-2, 1e-4]}
    )  # fmt: skip
    return drift_spread.length_chart(
        drift, {"x": "X", "y": "Y"}, "x", length="tokens", label="Cosine distance", floor_kind="distance", log=True,
        limits={"maximum of X": 512},
    )  # fmt: skip


def fleet_cells() -> go.Figure:
    states = ["done", "running", "waiting", "failed", "set aside", "done"]
    frame = pd.DataFrame(
        {
            "setup": ["a"] * 3 + ["<b>b</b>"] * 3,
            "task": list("xyz") * 2,
            "status": states,
            "seconds": [1.5] + [np.nan] * 5,
        }
    )
    return fleet.cells_done_map(frame)


def history_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"check_id": ["1", "2"], "started_at": pd.to_datetime(["2026-01-01", "2026-02-01"]), "median": [1e-4, 1e-3],
         "worst": [1e-2, 1e-1], "verdict": ["identical", "differs everywhere"], "floor": [1e-6, 1e-5],
         "away": [False, False], "was": [None, "identical"]}
    )  # fmt: skip


def history() -> go.Figure:
    return drift_spread.history_chart(history_frame())


def cost() -> go.Figure:
    frame = pd.DataFrame(
        {"encoder": ["x"], "drift": [1e-3], "delta": [-0.02], "task": ["T"], "verdict": ["gap"], "floor": [0.01]}
    )
    return drift_spread.cost_chart(frame)


def quality() -> go.Figure:
    frame = pd.DataFrame(
        {"model": ["a/b", "a/c"], "n_parameters": [1e7, 1e9], "quality": [0.5, 0.6], "rank": [2, 1],
         "licence": ["mit", None], "release_date": pd.to_datetime(["2020-01-01", "2026-01-01"])}
    )  # fmt: skip
    return pareto.pareto_chart(frame, quality="Mean (Task)", by="release", chosen="a/b")


def short_list() -> go.Figure:
    frame = pd.DataFrame(
        {
            "model": ["a", "b"],
            "score": [0.6, 0.5],
            "place": [1, 2],
            "index_bytes": [4e9, 1e9],
            "n_parameters": [1e9, 1e8],
        }
    )
    return use.short_list_chart(frame, "Index size", 1)


def standings() -> go.Figure:
    frame = pd.DataFrame({"model": list("abc"), "score": [0.5, 0.6, 0.7], "place": [3, 2, 1]})
    return tasks.distribution_chart(frame, ["a"])


def cells() -> go.Figure:
    frame = pd.DataFrame({"model": ["a", "a"], "split": ["test"] * 2, "subset": ["de", "en"], "main_score": [0.5, 0.7]})
    return tasks.cells_map(frame, ["a"])


def profile() -> go.Figure:
    frame = pd.DataFrame(
        {
            "task": ["t", "u"],
            "type": ["STS", "Retrieval"],
            "score": [0.5, 0.6],
            "percentile": [40.0, 80.0],
            "peers": [9, 9],
        }
    )
    return tasks.profile_chart(frame)


def budgets() -> go.Figure:
    points = [
        CurvePoint(picking, share, share, 3.0, half)
        for picking in Picking
        for share, half in ((0.01, 0.05), (0.1, 0.01))
    ]
    return budget.budget_chart(points, budget.Spot(0.05, 0.02, 8), "org/<b>one</b>", {"another": points[:2]})


SQUARE = pd.DataFrame(np.array([[0.1, np.nan], [0.3, 0.2]]), index=["r", "s"], columns=["c", "d"])
DRAWN: dict[str, Callable[[], Any]] = {
    "budget_chart": budgets,
    "moves_chart": moves,
    "differences_chart": lambda: compare.differences_chart(wide(), "org/one", pd.Series({"Task0": 0.01})),
    "scores_chart": lambda: compare.scores_chart(wide(), "org/one"),
    "differences_map": lambda: compare.differences_map(wide(), "org/one"),
    "radar_chart": lambda: compare.radar_chart(wide(), "org/one"),
    "deltas_map": heat,
    "dumbbell_chart": dumbbell,
    "verdicts_chart": verdicts,
    "waterfall_chart": causes,
    "before_and_after_chart": lambda: diagnosis.before_and_after_chart(pd.DataFrame({"before": [0.1], "after": [0.0]})),
    "drift_map": lambda: drift_maps.drift_map(SQUARE, ["r", "s"], ["c", "d"], label="Cosine distance", log=True),
    "signed_map": lambda: drift_maps.signed_map(SQUARE, ["r", "s"], ["c", "d"], label="Largest difference"),
    "spread_chart": lambda: drift_spread.spread_chart(
        quantiles(), {"x": "X", "y": "Y"}, of="drift", title="Cosine distance to the reference", log=True
    ),
    "length_chart": length,
    "vector_chart": lambda: drift_spread.vector_chart(
        pd.DataFrame({"dimension": [0, 1], "reference": [0.1, 0.2], "candidate": [0.1, 0.3], "difference": [0.0, 0.1]})
    ),
    "history_chart": history,
    "cost_chart": cost,
    "pareto_chart": quality,
    "short_list_chart": short_list,
    "distribution_chart": standings,
    "cells_map": cells,
    "cells_done_map": fleet_cells,
    "profile_chart": profile,
    "gains_chart": lambda: replace.gains_chart(
        pd.DataFrame({"type": ["STS", "NLI"], "tasks": [3, 4], "difference": [0.02, -0.01], "floor": [0.01, np.nan]}),
        "type", "org/one",
    ),
}  # fmt: skip


def test_every_figure_is_drawn_here() -> None:
    there = {
        node.name
        for path in (ROOT / "dashboard" / "figures").glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and re.fullmatch(r"[a-z]\w*_(chart|map)", node.name)
    }
    assert there == set(DRAWN)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", DRAWN)
def test_it_says_what_it_shows_and_in_what_units(name: str, language: str) -> None:
    with in_language(language):
        figure = DRAWN[name]()
    title, alt = figure.layout.title.text, alt_of(figure)
    assert re.search(UNITS, title), title
    assert re.search(r"\d", alt) and alt.rstrip()[-1] in ".。" and "{" not in title + alt, alt
    assert "<b>" not in title
    # On a screen of 390 px, of which the plot has 358: a Chinese sign is as wide as two letters.
    for line in title.split("<br>"):
        assert sum(2 if sign > "⿿" else 1 for sign in line) <= 48, line
    assert figure.layout.margin.t >= 18 * len(title.split("<br>"))


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_in_it_is_smaller_than_twelve_pixels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for least, size in ((12, 13), (14, 16)):
        monkeypatch.setattr(theme, "text_size", lambda size=size: size)
        monkeypatch.setattr(compare, "text_size", lambda size=size: size)
        sizes = re.findall(r'"(?:tick|text|)font":\{[^}]*"size":(\d+)', DRAWN[name]().to_json())
        assert sizes and min(map(int, sizes)) >= least


@pytest.mark.parametrize("name", DRAWN)
def test_a_bar_of_colours_lies_between_title_and_map(name: str) -> None:
    """Beside the map it would take a phone's room; in a part of its width its figures overprint each other."""
    figure = DRAWN[name]()
    layout = figure.layout
    for trace in (trace for trace in figure.data if trace.type == "heatmap" and trace.showscale is not False):
        bar = trace.colorbar
        assert (bar.orientation, bar.len, bar.x, bar.yref) == ("h", 1, 0, "container")
        lines = len(layout.title.text.split("<br>"))
        assert 16 * lines <= layout.height * (1 - bar.y) <= layout.margin.t - 40


def many(count: int) -> dict[str, go.Figure]:
    """Maps of so many columns."""
    names = [f"column-{place}" for place in range(count)]
    wide_frame = pd.DataFrame(np.ones((2, count)), index=["r", "s"], columns=names)
    labels = pd.DataFrame({"name": names, "label": names, "effect": 0.0, "typical": 0.0, "significant": False})
    apart = pd.DataFrame({"row": "a", "column": names, "delta": 0.1, "verdict": "gap", "cells": 1, "comparable": 1,
                          "cause": ""})  # fmt: skip
    states = pd.DataFrame({"setup": "a", "task": names, "status": "done", "seconds": 1.0})
    subsets = pd.DataFrame({"model": "a", "split": "test", "subset": names, "main_score": 0.5})
    index = pd.MultiIndex.from_tuples([("STS", "T0"), ("STS", "T1")], names=["type", "task"])
    models = pd.DataFrame(np.eye(2, count), index=index, columns=names)
    return {
        "drift_map": drift_maps.drift_map(wide_frame, ["r", "s"], names, label="Cosine distance", log=True),
        "signed_map": drift_maps.signed_map(wide_frame, ["r", "s"], names, label="Largest difference"),
        "deltas_map": deltas.deltas_map(apart, lines(["a"]), labels),
        "cells_done_map": fleet.cells_done_map(states),
        "cells_map": tasks.cells_map(subsets, ["a"]),
        "differences_map": compare.differences_map(models, names[0]),
    }


def test_a_map_keeps_the_width_that_its_columns_need() -> None:
    few, plenty = many(3), many(40)
    assert set(few) == {name for name in DRAWN if name.endswith("_map")}
    for name, figure in plenty.items():
        assert theme.least_of(figure) >= 12 * 39, name
        assert theme.least_of(few[name]) <= 340, name  # a phone has room for it


def test_floors_that_lie_close_together_share_a_name() -> None:
    names = {note.text: note.x for note in cost().layout.annotations}
    assert list(names) == ["fp32", "fp16", "bf16", "int8 · int4"] and len(cost().layout.shapes) == 6
    assert np.diff(sorted(names.values())).min() >= 0.5


def test_turns_that_lie_close_together_share_a_name() -> None:
    times = pd.date_range("2026-01-01", periods=100, freq="h")
    frame = pd.DataFrame({"check_id": list(map(str, range(100))), "started_at": times, "median": 1e-4, "worst": 1e-2,
                          "verdict": "identical", "floor": 1e-6, "away": False, "was": None})  # fmt: skip
    frame.loc[[10, 50, 52], "was"] = "unusable"
    upright = [note.x for note in drift_spread.history_chart(frame).layout.annotations if note.textangle]
    assert [pd.Timestamp(x) for x in upright] == [times[52], times[10]]


def test_ticks_of_a_logarithmic_axis_are_written_as_the_pages_write_numbers() -> None:
    axis = drift_spread.history_chart(history_frame()).layout.yaxis
    assert axis.type == "log" and {"1e-6", "1e-5", "0.01", "1"} <= set(axis.ticktext) and "2e-6" not in axis.ticktext
    texts = theme.log_axis([3.0, 9.0])["ticktext"]
    assert isinstance(texts, list) and {"2", "5", "100", "1e-6"} <= set(texts)


def test_places_that_lie_close_together_are_written_beside_each_other() -> None:
    sizes, scores = [1e8, 1e11, 1.1e11, 1.2e11, 4e10], [0.2, 0.7, 0.699, 0.4, 0.69]
    frame = pd.DataFrame({"model": list("abcde"), "score": scores, "place": [5, 1, 2, 4, 3], "index_bytes": sizes})
    figure = use.short_list_chart(frame, "Index size", 3)
    (marks,) = [trace for trace in figure.data if trace.mode == "markers+text"]
    assert list(marks.text) == ["1, 2", "", "3"] and list(marks.textposition)[::2] == ["top right", "top left"]


def test_names_of_types_are_whole_on_the_radar() -> None:
    figure = compare.radar_chart(wide(), "org/one")
    assert list(figure.data[0].theta) == ["Pair<br>Classification", "Retrieval", "STS", "Pair<br>Classification"]
    assert figure.layout.margin.l >= 8 * len("Classification")
    assert theme.least_of(figure) >= figure.layout.margin.l + figure.layout.margin.r + 150, "a circle that can be read"


def test_half_a_model_is_none() -> None:
    assert standings().layout.yaxis.dtick == 1


def test_the_chosen_budget_is_the_one_accent_and_named() -> None:
    figure = budgets()
    by_name = {trace.name: trace for trace in figure.data}
    accented = [name for name, trace in by_name.items() if (trace.line.color or trace.marker.color) == theme.ACCENT]
    assert accented == ["the most telling tasks", "chosen"]
    (note,) = figure.layout.annotations
    assert note.text == "<b>8 tasks: ±2.0</b>" and note.x == pytest.approx(np.log10(0.05)) and note.y == 2
    assert list(by_name["the cheapest tasks"].y) == [5, 1] and len({t.line.dash for t in figure.data[1:4]}) == 3
    assert "another" in by_name and not budget.budget_chart([], None, "nothing").data


def test_names_are_not_grey() -> None:
    for name in ("length_chart", "pareto_chart"):
        figure = DRAWN[name]()
        assert figure.layout.annotations and all(each.font.color == "#1d2430" for each in figure.layout.annotations)
        assert figure.layout.xaxis.tickfont.color == figure.layout.yaxis.tickfont.color == "#1d2430"


def test_the_map_of_differences_has_values_in_its_cells_and_frames_the_open_one() -> None:
    cells = pd.DataFrame(
        {
            "row": ["a", "a", "b"], "column": ["x", "y", "x"], "delta": [-0.0002, 0.031, float("nan")],
            "verdict": ["match", "gap", "not comparable"], "cells": 1, "comparable": [1, 1, 0], "cause": "",
        }
    )  # fmt: skip

    def lines(*names: str) -> pd.DataFrame:
        return pd.DataFrame({"name": names, "label": names, "effect": 0.0, "typical": 0.0, "significant": False})

    figure = deltas.deltas_map(cells, lines("a", "b"), lines("x", "y"), ("a", "y"))
    (heat,) = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [list(row) for row in heat.text] == [["0.0", "+3.1"], ["", ""]]
    (frame,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, -0.5, 0.5)
    assert not deltas.deltas_map(cells, lines("a", "b"), lines("x", "y"), ("c", "y")).layout.shapes
    wide = deltas.deltas_map(cells, lines("a", "b"), lines("x", "y", *(f"t{n}" for n in range(30))))
    assert [trace.text for trace in wide.data if trace.type == "heatmap"] == [None]  # no room, so nothing is sent


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Short", ["Short"]),
        ("How much of the drift each cause explains, in %", ["How much of the drift", "each cause explains, in %"]),
        ("各原因解释了多少漂移", ["各原因解释了多少漂移"]),
        ("a" * 60, ["a" * 60]),  # a word is never cut
    ],
)
def test_a_title_is_parted_into_lines_of_a_length(title: str, lines: list[str]) -> None:
    assert theme._lines(title) == lines
