from __future__ import annotations

import io

import pandas as pd
import pytest

from dashboard.queries import leaderboard as asked
from dashboard.queries.leaderboard import Selection
from dashboard.tables import leaderboard
from data.store.database import open_reader

NAMES = ("show_mean_task", "show_mean_task_type", "show_public_private", "show_mean_subset", "show_zero_shot")


def benchmark(*shown: str, ranked_by: str = "borda") -> dict[str, object]:
    return {**{name: name in shown for name in NAMES}, "ranked_by": ranked_by}


@pytest.fixture
def board(made_store):
    frame = asked.table(open_reader(made_store).cursor(), "Tiny(all)", Selection(), leaderboard.fact_sources())
    return frame.assign(zero_shot=50.0, private=False)


def shown(board, kind):
    return leaderboard.board_table(board, kind).shown


def test_columns_are_those_the_benchmark_defines(board):
    full = shown(board, benchmark("show_mean_task", "show_mean_task_type", "show_zero_shot"))
    assert list(full.columns[:4]) == ["Rank", "Model", "Mean (Task)", "Mean (TaskType)"]
    assert "Zero-shot" in full.columns
    rteb = shown(board, benchmark("show_mean_task", "show_public_private"))
    assert list(rteb.columns[:5]) == ["Rank", "Model", "Mean (Task)", "Mean (Public)", "Mean (Private)"]
    assert "Zero-shot" not in rteb.columns
    assert asked.quality_of(benchmark("show_mean_subset")) == "mean_subset"
    assert asked.quality_of(benchmark("show_mean_task_type", ranked_by="mean_task_type")) == "mean_task_type"


def test_scores_are_points_and_missing_stays_missing(board):
    frame = shown(board, benchmark("show_mean_task")).set_index("Model")
    assert frame.loc["org/model-00", "Mean (Task)"] == 75.0
    assert pd.isna(frame.loc["org/model-05", "Mean (Task)"]) and frame.loc["org/model-05", "Missing"] == 1
    assert pd.isna(frame.loc["org/model-00", "Missing"])
    assert frame.loc["org/model-01", "Evidence"] == ["1 card"]


def test_sorting_puts_missing_last_both_ways(board):
    table = leaderboard.board_table(board, benchmark("show_mean_task"))
    for reverse in (False, True):
        means = table.sorted_by("Mean (Task)", reverse=reverse).shown["Mean (Task)"]
        assert means.dropna().is_monotonic_increasing == reverse
        assert pd.isna(means.iloc[-1])
    assert table.sorted_by("Rank").shown["Rank"].iloc[0] == 1


@pytest.mark.parametrize("column", ["Rank", "Missing", "Parameters"])
def test_ranks_gaps_and_sizes_begin_with_the_small_ones(board, column):
    counted = board.assign(tasks_missing=range(len(board), 0, -1))
    values = leaderboard.board_table(counted, benchmark("show_mean_task")).sorted_by(column).shown[column].dropna()
    assert len(values) > 1 and values.is_monotonic_increasing


def test_csv_cannot_start_a_formula(board):
    table = leaderboard.board_table(
        board.head(2).assign(model=["=HYPERLINK(1)", "org/fine"]), benchmark("show_mean_task")
    )
    read = pd.read_csv(io.BytesIO(table.csv()))
    assert read["Model"].tolist() == ["'=HYPERLINK(1)", "org/fine"]
    assert list(read.columns) == list(table.shown.columns)
