"""Rank intervals on the leaderboard: as the query has them, tied ones marked, absent where nothing can be said."""

from __future__ import annotations

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import leaderboard
from dashboard.queries.intervals import fewer_draws, first_of, intervals
from data.store.database import open_reader
from tests.dashboard.choose_store import BENCHMARK
from tests.dashboard.opened import on


@pytest.fixture(scope="module")
def path(made_choice):
    return made_choice


def board(monkeypatch, store, **asked: str) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    return on("leaderboard", **asked)


def test_ranges_and_ties_are_the_querys(monkeypatch, path):
    at = board(monkeypatch, path)
    reader = open_reader(path)
    found = intervals(reader.cursor(), BENCHMARK).models.set_index("model")
    reader.close()
    for row in at.dataframe[0].value.to_dict("records"):
        mine = found.loc[row["Model"]]
        tied = {"tied": " tied", "ahead": " higher mean"}.get(mine["against_first"], "")
        low, high = f"{mine['rank_low']:.0f}", f"{mine['rank_high']:.0f}"
        assert row["Rank range"] == (low if low == high else f"{low}–{high}") + tied
        mean = (
            ""
            if mine["mean_low"] != mine["mean_low"]
            else f"{100 * mine['mean_low']:.1f}–{100 * mine['mean_high']:.1f}"
        )
        assert row["Mean range"] == mean
    others = int(found["against_first"].eq("tied").sum())
    assert others > 0 and f"{others} others are statistically tied with it" in at.markdown[0].value


def test_who_is_first_is_the_same_from_the_board_and_from_the_store(path):
    cursor = open_reader(path).cursor()
    for criteria in (leaderboard.Filter(), leaderboard.Filter(types=("STS",)), leaderboard.Filter(trusted=True)):
        selection = leaderboard.selected(cursor, BENCHMARK, criteria)
        board = leaderboard.table(cursor, BENCHMARK, selection)
        scope = (cursor, BENCHMARK, selection.models, selection.tasks, selection.trusted, 100)
        asked, handed = intervals(*scope), intervals(*scope, first_of(board))
        assert asked.first == handed.first == board["model"].iloc[0] and asked.rivals == handed.rivals
        pd.testing.assert_frame_equal(asked.models, handed.models)
    assert first_of(board.iloc[:0]) is None


def test_too_few_tasks_have_no_ranges(monkeypatch, made_store, path):
    assert "Rank range" not in board(monkeypatch, made_store).dataframe[0].value
    filtered = board(monkeypatch, path, type="STS")
    assert "Rank range" not in filtered.dataframe[0].value and "tied" not in filtered.markdown[0].value


def test_only_boards_far_beyond_todays_are_drawn_less_often() -> None:
    assert fewer_draws(4000, 474) == 4000  # the largest board of the public record
    assert fewer_draws(1000, 474) == 1000
    assert fewer_draws(4000, 4_000) == 1000
    assert fewer_draws(4000, 40_000) == 250
    assert fewer_draws(4000, 0) == 4000
