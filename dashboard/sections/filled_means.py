"""Means over all tasks beside a comparison on shared ones, predicted where tasks are missing."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.formatting import plain, score
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries.filling import FilledBoard
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.sections.filling import choose_filling, show_filled
from dashboard.sections.grid import MOST_ROWS
from dashboard.tables import filling as filling_tables
from dashboard.words import tr

__all__ = ["with_means"]


def with_means(candidates: pd.DataFrame, incumbent: str, benchmark: str, strict: bool) -> pd.DataFrame:
    """The candidates with their means over all tasks, measured and predicted, where the switch for it is on.

    Above them stands the incumbent's. Nothing is decided by these: that rests on the tasks two models share.
    """
    selection = Selection(trusted=True) if strict else answer_of(leaderboard_queries.selected, benchmark, Filter())
    lacking, of = answer_of(leaderboard_queries.lacking, benchmark, selection)
    asked = list(dict.fromkeys([incumbent, *candidates["model"]])) if of > MOST_ROWS else None
    filled = choose_filling(benchmark, selection, lacking, ranks=False, models=asked)
    if filled is None:
        return candidates
    board = answer_of(leaderboard_queries.table, benchmark, selection).set_index("model")
    means = board[_quality(benchmark)]
    if asked is not None:
        lacking = int((board["tasks_missing"].reindex(asked) > 0).sum())
    if incumbent in board.index:
        st.markdown(_of_incumbent(incumbent, benchmark, board.to_dict("index")[incumbent], means[incumbent], filled))
    show_filled(filled, lacking, drawn=asked is not None)
    return candidates.assign(
        mean_of_all=means.reindex(candidates["model"]).to_numpy(),
        **filling_tables.predicted_texts(candidates["model"], filled.means),
    )


def _quality(benchmark: str) -> str:
    """Column of the benchmark's headline mean."""
    rows = answer_of(leaderboard_queries.benchmarks)
    return leaderboard_queries.quality_of(leaderboard_queries.benchmark_row(rows, benchmark))


def _of_incumbent(model: str, benchmark: str, row: dict[Any, Any], mean: float, filled: FilledBoard) -> str:
    """What the model there is has over all tasks of the benchmark, or would have."""
    blanks = {
        "model": plain(model), "benchmark": plain(benchmark),
        "n": int(row["tasks_present"]), "total": int(row["tasks_scored"]),
    }  # fmt: skip
    if not math.isnan(mean):
        return tr("**{model}** has all {total:,} tasks of {benchmark}: mean {mean}.", mean=score(mean), **blanks)
    if model not in filled.means.index:
        return tr("**{model}** has {n:,} of {total:,} tasks of {benchmark}; its mean cannot be predicted.", **blanks)
    one = filled.means.to_dict("index")[model]
    return tr(
        "**{model}** has {n:,} of {total:,} tasks of {benchmark}; with the others its mean is predicted at {mean} "
        "(calibrated on {held_out:,} models). What holds up is decided on shared tasks alone.",
        mean=filling_tables.predicted_text(one["value"], one["high"] - one["value"]), held_out=int(one["held_out"]),
        **blanks,
    )  # fmt: skip
