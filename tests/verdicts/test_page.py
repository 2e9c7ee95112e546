"""The reproduction page: every number on it equals a direct query, and every state of it is a sentence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import reproduction as asked
from dashboard.tables import deltas as tables
from data.rules.deltas import Thresholds
from data.rules.setups import NamedRun
from data.store.database import open_reader
from tests.serving import ROOT
from tests.verdicts.making import (
    BROKEN,
    HOSTILE,
    MOVED,
    PAGE_MODELS,
    RIGHT_RUN,
    WRONG_RUN,
    result,
    store_of,
)  # fmt: skip


@pytest.fixture
def cursor(page_store: Path) -> duckdb.DuckDBPyConnection:
    return open_reader(page_store).cursor()


@pytest.fixture
def at(page_store: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``at(compare="Model cards", part="Table")``: the page as that link shows it."""

    def opened(store: Path = page_store, **link: str | list[str]) -> AppTest:
        monkeypatch.setenv("PLUMBLINE_STORE", str(store))
        test = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
        test.switch_page("screens/reproduction.py")
        for name, value in link.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception, test.exception
        return test

    return opened


def said(test: AppTest) -> str:
    return " ".join(e.value for kind in ("markdown", "caption", "info", "warning") for e in test.get(kind)).replace(
        "\\", ""
    )


def counted(test: AppTest) -> dict[str, int]:
    return {m.label: int(m.value.replace(",", "")) for m in test.metric}


@pytest.mark.parametrize(
    ("compare", "kind"), [("Model cards", "reported"), ("Our runs", "reproduced"), ("Run against run", "runs")]
)
def test_counts_equal_a_direct_query(at, cursor, compare: str, kind: str) -> None:
    rows = cursor.execute("SELECT verdict, count(*) FROM deltas WHERE kind = ? GROUP BY verdict", [kind]).fetchall()
    test = at(compare=compare)
    assert {v: n for v, n in counted(test).items() if n} == dict(rows)
    held, comparable = cursor.execute(
        """SELECT count(*) FILTER (verdict IN ('match', 'drift')), count(*) FILTER (comparable)
           FROM deltas WHERE kind = ?""",
        [kind],
    ).fetchone()
    assert f"#### {100 * held / comparable:.1f}% of {comparable} comparable cells hold" in said(test)


def test_own_runs_come_first_as_soon_as_there_is_one(at) -> None:
    assert "1 model in 2 runs on 5 tasks" in said(at())


def test_the_words_name_the_model_and_the_task_at_fault(at) -> None:
    words = said(at(compare="Model cards"))
    low = "the official run is {} points below the model card"
    assert f"**{BROKEN}**: {low.format('40.0')} on all 6 tasks; look at how it is loaded." in words
    moved = (
        f"**{MOVED}**: moved for 7 of 15 models, where {low.format('9.0')} in the median; another data set revision."
    )
    assert moved in words
    assert "**TaskE**: another metric is compared for 1 model" in words


def test_a_wrong_run_is_named_and_a_right_one_is_not(at) -> None:
    words = said(at())
    assert f"{WRONG_RUN}**: our run is" in words and "points below the published figure" in words
    assert f"{RIGHT_RUN}**:" not in words
    between = said(at(compare="Run against run"))
    assert f"{RIGHT_RUN} → {WRONG_RUN}**: the later run is" in between and "below the earlier run" in between


def cells(test: AppTest) -> pd.DataFrame:
    """The table of cells; the verdicts of models are one, too."""
    return next(frame.value for frame in test.dataframe if "Noise floor" in frame.value)


def test_the_table_equals_the_view(at, cursor) -> None:
    shown = cells(at(compare="Model cards", part="Table"))
    direct = cursor.execute(
        """SELECT model, task, split, subset, 100 * claim_score, 100 * check_score, 100 * delta, verdict, 100 * floor
           FROM deltas WHERE kind = 'reported' ORDER BY model, task, split, subset"""
    ).df()
    columns = ["Model", "Task", "Split", "Subset", "Model card", "Official run", "Difference", "Verdict", "Noise floor"]
    assert len(shown) == len(direct) == len(PAGE_MODELS) * 6
    for ours, theirs in zip(columns, direct.columns, strict=True):
        left, right = shown[ours].tolist(), direct[theirs].tolist()
        assert left == (right if isinstance(right[0], str) else pytest.approx(right, abs=0.0051)), ours


def test_the_csv_is_the_table_and_runs_nothing(cursor) -> None:
    frame = asked.judged(cursor, "reported", Thresholds())
    read = pd.read_csv(io.BytesIO(tables.deltas_csv(frame.assign(private=""))))
    assert read["delta"].tolist() == pytest.approx(frame["delta"].tolist())
    assert read["verdict"].tolist() == frame["verdict"].tolist()
    evil = tables.deltas_csv(frame.head(1).assign(private="", model="=HYPERLINK(1)")).decode()
    assert ",'=HYPERLINK(1)," in evil


def test_filters_narrow_everything_and_say_so(at, cursor) -> None:
    found = at(compare="Model cards", find="BROKEN")
    assert sum(counted(found).values()) == 6
    assert "cells of other models and tasks are left out" in said(found)
    types = at(compare="Model cards", types=["STS"])
    assert sum(counted(types).values()) == len(PAGE_MODELS)
    assert "No cell meets all of these filters" in said(at(compare="Model cards", find="no such thing"))


def test_thresholds_in_the_address_move_the_lines(at, cursor) -> None:
    test = at(compare="Model cards", drift="0.06")
    direct = cursor.execute(
        "SELECT count(*) FROM deltas_under(1, 0.06, 3, 0.3) WHERE kind = 'reported' AND verdict = 'drift'"
    ).fetchone()[0]
    assert counted(test)["drift"] == direct > counted(at(compare="Model cards"))["drift"]
    assert "drift cannot be" in said(at(compare="Model cards", drift="much"))


def test_thresholds_from_the_environment_are_the_page_s_defaults(at, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_THRESHOLDS", "drift=0.06")
    assert at(compare="Model cards").number_input(key="r_drift").value == 0.06


def test_a_cell_opens_with_both_sides_and_what_differs(at, cursor) -> None:
    test = at(compare="Model cards", row="org/model-02", task=MOVED)
    words = said(test)
    assert ":gray-badge[:material/block: not comparable]" in words
    assert "model card **68.00**, official run **59.00**, difference **−9.00**" in words
    assert "Another data set revision" in words
    assert (
        "**Another revision of the data set**: the data set revision differs, and 7 of 15 models moved on this task"
        in words
    )
    sides = next(f.value for f in test.dataframe if "What" in f.value)
    assert sides["What"].tolist()[0] == "≠ data set revision"
    assert sides.set_index("What").loc["≠ data set revision"].tolist() == ["d" * 40, "e" * 40]
    assert test.code[0].value == (
        f"python -m evaluators reproduce org/model-02 --tasks {MOVED} --revision {'a' * 40} --compare-to reported"
    )


def test_a_cell_of_a_run_shows_its_settings_warnings_and_every_metric(at) -> None:
    row = f"{PAGE_MODELS[1]} · {WRONG_RUN}"
    test = at(compare="Our runs", row=row, task="STSBenchmark")
    words = said(test)
    assert ":red-badge[:material/cancel: broken]" in words
    assert "**The model is not loaded as it should be**" in words
    sides = next(f.value for f in test.dataframe if "What" in f.value).set_index("What")
    assert sides.loc["max_seq_length", "Our run"] == "256"
    assert sides.loc["≠ mteb"].tolist() == ["2.1.0", "2.26.24"]
    metrics = next(f.value for f in test.dataframe if "Metric" in f.value).set_index("Metric")
    assert metrics.loc["main_score", "Difference"] == pytest.approx(
        -0.5 * metrics.loc["main_score", "Published figure"]
    )
    assert pd.isna(metrics.loc["extra", "Published figure"])
    assert "a warning of the run" in [c.value for c in test.code]


def test_names_with_markup_are_text(at) -> None:
    test = at(compare="Model cards", row=HOSTILE, task="SciFact")
    assert test.selectbox(key="r_row").value == HOSTILE
    assert all("<img" not in m.value for m in test.markdown), "escaped, it has a backslash in it"


def test_an_unknown_cell_in_the_address_is_said(at) -> None:
    assert "row cannot be “org/nobody”" in said(at(compare="Model cards", row="org/nobody"))


@pytest.mark.parametrize(
    ("results", "compare", "command"),
    [
        ([result("official", 0.5)], "Our runs", "python -m evaluators reproduce"),
        ([result("official", 0.5)], "Run against run", "--dtype bfloat16"),
        ([result("official", 0.5)], "Model cards", "python -m evaluators import"),
    ],
)
def test_empty_states_say_what_to_type(at, tmp_path: Path, results: list, compare: str, command: str) -> None:
    test = at(store_of(tmp_path / "empty.duckdb", results), compare=compare)
    assert len(test.info) == 1
    assert command in test.code[0].value


def test_one_run_alone_says_what_it_cannot_tell(at, tmp_path: Path) -> None:
    both = [result("official", 0.8), result("reproduced", 0.8, run_id="run-1")]
    assert "One model or run alone cannot tell" in said(at(store_of(tmp_path / "one.duckdb", both)))


@pytest.mark.parametrize("view", ["Heatmap", "Biggest differences", "By task type", "Table"])
@pytest.mark.parametrize("compare", ["Our runs", "Model cards", "Run against run"])
def test_every_view_of_every_comparison_draws(at, view: str, compare: str) -> None:
    shown = at(compare=compare, part=view)
    assert not shown.error
    assert shown.dataframe if view == "Table" else shown.get("plotly_chart")


def test_quantiles_by_type_equal_a_direct_query(cursor) -> None:
    found = asked.types(asked.judged(cursor, "reported", Thresholds())).set_index("type")
    direct = cursor.execute(
        """SELECT type, quantile_cont(delta, [0.05, 0.25, 0.5, 0.75, 0.95]) FILTER (comparable), count(*),
               count(*) FILTER (verdict = 'match') FROM deltas WHERE kind = 'reported' GROUP BY type"""
    ).fetchall()
    assert len(found) == len(direct)
    for kind, quantiles, cells_of_type, matches in direct:
        row = found.loc[kind]
        assert row[["q5", "q25", "q50", "q75", "q95"]].tolist() == pytest.approx(quantiles)
        assert (row["cells"], row["match"]) == (cells_of_type, matches)


def test_types_of_which_nothing_is_comparable_stay_blank(cursor) -> None:
    frame = asked.judged(cursor, "reported", Thresholds())
    found = asked.types(frame[frame["verdict"] == "not comparable"])
    assert found[["q5", "q50", "q95"]].isna().all(axis=None)


def test_a_task_of_several_cells_shows_the_worst_that_can_be_compared(cursor) -> None:
    frame = asked.judged(cursor, "reported", Thresholds())
    split, _ = asked.effects(cursor, "reported", Thresholds())
    one = frame[(frame["row"] == "org/model-00") & (frame["task"] == "SciFact")]
    for verdicts, shown, delta, comparable in (
        (["match", "gap", "not comparable"], "gap", -0.02, 2),
        (["match", "match", "not comparable"], "match", -0.02, 2),
        (["not comparable", "drift", "not comparable"], "drift", -0.04, 1),
        (["not comparable"] * 3, "not comparable", None, 0),
    ):
        several = pd.concat([one] * 3).assign(verdict=verdicts, delta=[0.0, -0.04, -0.5])
        [task] = tables.heatmap_cells(several, split).to_dict("records")
        assert (task["verdict"], task["cells"], task["comparable"]) == (shown, 3, comparable)
        # What is coloured is what was compared: nothing that proves nothing moves a colour.
        assert pd.isna(task["delta"]) if delta is None else task["delta"] == pytest.approx(delta), verdicts


def test_no_mark_of_a_figure_fades_when_another_is_clicked(at) -> None:
    for part in ("Heatmap", "Biggest differences"):
        spec = json.loads(at(compare="Model cards", part=part).get("plotly_chart")[0].proto.spec)
        marks = [trace for trace in spec["data"] if trace["type"] == "scatter" and "markers" in trace["mode"]]
        assert marks and all(trace["unselected"]["marker"]["opacity"] == 1 for trace in marks), part
        assert all(trace["selected"]["marker"]["opacity"] == 1 for trace in marks), part


def test_the_verdicts_shown_leave_the_headline_and_the_tiles_alone(at) -> None:
    whole = at(compare="Model cards")
    heading = next(m.value for m in whole.markdown if "comparable cells hold" in m.value)
    for verdicts in (["broken"], ["match"], ["not comparable", "gap"]):
        some = at(compare="Model cards", verdicts=verdicts, part="Table")
        assert heading in [m.value for m in some.markdown], verdicts
        assert counted(some) == counted(whole)
        assert set(cells(some)["Verdict"]) == set(verdicts)
    none = at(compare="Model cards", find="org/model-00", verdicts=["broken"])
    assert "#### 100.0% of" in said(none) and "No cell meets all of these filters" in said(none)


def test_tiles_and_headline_have_one_denominator(at, cursor) -> None:
    test = at(compare="Model cards")
    shares = {m.label: float(m.delta.split("%")[0]) for m in test.metric if "of comparable" in m.delta}
    assert sum(shares.values()) == pytest.approx(100, abs=0.3)
    heading = next(m.value for m in test.markdown if "comparable cells hold" in m.value)
    holds = float(heading.split("#### ")[1].split("%")[0])
    assert shares["match"] + shares["drift"] == pytest.approx(holds, abs=0.11)
    [apart] = [m.delta for m in test.metric if m.label == "not comparable"]
    assert apart == "counted apart"


def test_a_filtered_heatmap_shows_the_tasks_own_verdict(at, tmp_path: Path) -> None:
    """Of a task with a match and a gap the heatmap says gap, also where only matches are asked for."""
    both = [
        result(origin, score, cells={"a": score, "b": score - (0.3 if origin == "official" else 0)}, task=task)
        for task in ("STSBenchmark", "SciFact")
        for origin, score in (("reported", 0.8), ("official", 0.8))
    ]
    test = at(store_of(tmp_path / "both.duckdb", both), compare="Model cards", verdicts=["match"])
    assert "broken" in test.get("plotly_chart")[0].proto.spec


def test_out_of_the_box_the_bundled_record_shows_153_models(at, record_store: Path) -> None:
    test = at(record_store, compare="Model cards")
    words = said(test)
    assert "(153 models on 312 tasks)" in words
    assert (
        "**jinaai/jina-embeddings-v2-base-en**: the official run is 53.0 points below the model card on all 8 " in words
    )
    assert "**MassiveIntentClassification**: moved for" in words
    direct = (
        open_reader(record_store)
        .cursor()
        .execute("SELECT verdict, count(*) FROM deltas WHERE kind = 'reported' GROUP BY verdict")
        .fetchall()
    )
    assert counted(test) == dict(direct)


def test_our_own_bundled_runs_match_and_the_task_with_new_data_is_not_the_models_fault(at, record_store: Path) -> None:
    cursor = open_reader(record_store).cursor()
    frame = asked.judged(cursor, "reproduced", Thresholds())
    if frame.empty:
        pytest.skip("the bundled record has no runs of this machine")
    ours = frame[frame["model"] == "sentence-transformers/all-MiniLM-L6-v2"]
    same = ours[ours["task"] != "MasakhaNEWSClusteringS2S"]
    assert set(same["verdict"]) == {"match"}
    assert same["task"].nunique() >= 10
    assert same["delta"].abs().max() < 1e-3
    moved = ours[(ours["task"] == "MasakhaNEWSClusteringS2S") & (ours["delta"].abs() > ours["floor"])]
    assert set(moved["why_not"]) == {"another data set revision"}
    split, _ = asked.effects(cursor, "reproduced", Thresholds())
    assert not split.rows["significant"].any()
    assert "MasakhaNEWSClusteringS2S" in set(split.columns.loc[split.columns["significant"].astype(bool), "name"])
    [where] = tables.cell_names(moved.head(1))
    test = at(record_store, row=moved["row"].iloc[0], task="MasakhaNEWSClusteringS2S", cell=where)
    words = said(test)
    assert "**Runs**: none stands out." in words
    assert "**MasakhaNEWSClusteringS2S**: moved for" in words
    assert ":gray-badge[:material/block: not comparable]" in words
    sides = next(f.value for f in test.dataframe if "What" in f.value)
    assert "≠ data set revision" in sides["What"].tolist()


def test_runs_of_one_setting_keep_labels_of_their_own() -> None:
    rows = pd.Series(
        ["org/model · 20261121-081443-2589dfc2", "org/model · 20261120-100000-2589dfc2 → 20261121-120000-ab"]
    )
    assert tables.short_row_names(rows, {}).tolist() == [
        "model · 11-21 08:14 2589",
        "model · 11-20 10:00 2589 → 20261121-120000-ab",
    ]
    assert tables.short_row_names(pd.Series(["org/model"]), {}).tolist() == ["model"]


def test_runs_are_labelled_by_what_sets_them_apart() -> None:
    plain_run, cut, first, second = (f"org/model · 2026112{n}-081443-2589dfc2" for n in range(4))
    named = {row: NamedRun("", "pooling cls", None, "", "") for row in (first, second)}
    named |= {cut: NamedRun("", "32 tokens", None, "", ""), plain_run: NamedRun("", "", None, "", "")}
    assert tables.short_row_names(pd.Series([plain_run, cut, cut, first, second]), named).tolist() == [
        "model · 11-20 08:14 2589",
        "model · 32 tokens",
        "model · 32 tokens",
        "pooling cls · 11-22 08:14 2589",
        "pooling cls · 11-23 08:14 2589",
    ]
