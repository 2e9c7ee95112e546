from __future__ import annotations

import numpy as np
import pandas as pd

from dashboard.figures.pareto import MOST_POINTS, drawn, front, pareto_chart


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["small", "<i>x</i>", "mid", "tied", "big", "unsized", "unscored", "words"],
            "n_parameters": [1e6, 2e6, 1e8, 1e8, 1e9, None, 1e7, 0],
            "quality": [0.3, 0.2, 0.6, 0.6, 0.8, 0.99, None, 0.9],
            "rank": [5, 6, 3, 3, 2, 1, None, 9],
            "licence": ["mit", "cc-by-nc-4.0", "gemma", None, "https://own.example/licence", "mit", "mit", "mit"],
            "release_date": pd.to_datetime(["2024-01-01"] * 3 + [None] * 5),
        }
    )


def test_the_front_is_what_no_smaller_or_equal_model_beats():
    assert front(frame())["model"].tolist() == ["small", "mid", "big"]


def test_the_front_agrees_with_its_definition_on_random_boards():
    rng = np.random.default_rng(7)
    for _ in range(50):
        board = pd.DataFrame({"n_parameters": rng.choice([1e6, 1e7, 1e8], 30), "quality": rng.integers(0, 9, 30) / 10})
        kept = front(board)
        for row in board.itertuples():
            beaten = ((board["n_parameters"] <= row.n_parameters) & (board["quality"] > row.quality)).any()
            on_it = ((kept["n_parameters"] <= row.n_parameters) & (kept["quality"] >= row.quality)).any()
            assert on_it, "every model is matched or beaten by the front"
            assert not (row.Index in kept.index and beaten)


def test_every_sized_and_scored_model_is_a_point_and_names_are_text():
    figure = pareto_chart(frame(), quality="Mean (Task)", by="licence", chosen="big")
    points = [
        name for trace in figure.data if trace.mode == "markers" and trace.name != "chosen" for name in trace.customdata
    ]
    assert sorted(points) == ["<i>x</i>", "big", "mid", "small", "tied"]
    assert any("&lt;i&gt;x&lt;/i&gt;" in text for trace in figure.data for text in trace.text or ())
    classes = ["commercial use", "commercial use with conditions", "non-commercial only", "licence unknown"]
    assert [trace.name for trace in figure.data if trace.mode == "markers"] == [*classes, "chosen"]
    ring = next(trace for trace in figure.data if trace.name == "chosen")
    assert ring.y == (80.0,)
    assert figure.layout.xaxis.type == "log"


def test_colour_by_release_year_with_unknown_last():
    figure = pareto_chart(frame(), quality="Mean (Task)", by="release")
    names = [trace.name for trace in figure.data if trace.mode == "markers"]
    assert names == ["2024", "not stated"]


def test_nothing_to_draw_is_an_empty_figure():
    assert len(pareto_chart(frame().iloc[:0], quality="Mean (Task)", by="licence").data) == 1


def test_of_very_many_models_the_front_the_chosen_and_an_even_part_of_the_rest_are_drawn():
    rng = np.random.default_rng(3)
    n = 20 * MOST_POINTS
    many = pd.DataFrame(
        {
            "model": [f"org/m{i}" for i in range(n)],
            "n_parameters": 10 ** rng.uniform(6, 11, n),
            "quality": np.linspace(0.9, 0.1, n),  # in the order of ranks, as a board is
            "rank": np.arange(1, n + 1),
            "licence": "mit",
            "release_date": pd.Timestamp("2024-01-01"),
        }
    )
    best, chosen = set(front(many)["model"]), "org/m12345"
    shown = drawn(many, chosen)
    assert len(shown) <= MOST_POINTS + len(best) + 1 and best | {chosen} <= set(shown["model"])
    quarters = np.histogram(shown["quality"], bins=4, range=(0.1, 0.9))[0]
    assert quarters.min() > 0.9 * quarters.max(), "as dense as all of them"
    figure = pareto_chart(many, quality="Mean (Task)", by="licence", chosen=chosen)
    points = [trace for trace in figure.data if trace.mode == "markers" and trace.name != "chosen"]
    assert sum(len(trace.x) for trace in points) == len(shown)
    line = next(trace for trace in figure.data if trace.mode == "lines")
    assert len(line.x) == len(best), "the line is of all"
    assert len(next(trace for trace in figure.data if trace.name == "chosen").x) == 1
    few = many.head(MOST_POINTS)
    assert drawn(few).equals(few)
