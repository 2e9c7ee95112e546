"""What the headline mean of models that lack tasks would come to; a prediction is kept nowhere and is no score."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashboard.queries.leaderboard import Selection
from dashboard.queries.rows import Cursor, first_column
from data.rules.budget.filled_ranks import filled_ranks
from data.rules.budget.filling import can_fill, filled_means
from data.rules.budget.prediction import predictor_of
from data.rules.budget.table import TaskTable, task_table
from data.store.errors import NotFoundError

__all__ = ["FilledBoard", "Unfilled", "filled"]


class Unfilled(StrEnum):
    """Why nothing is predicted on a board."""

    STRICT = "strict"  # figures were left out on purpose, not missing
    SUBSETS = "subsets"  # the mean is over subsets
    UNFINISHED = "unfinished"  # a task counts that nobody of the record has whole, as on mteb's own board
    FEW = "few"  # too few families have most of the tasks


class FilledBoard(NamedTuple):
    """A board's predictions.

    ``means``: by model; value, low, high (95%, 0-1 scale), measured (share of the mean), missing (tasks), held_out
    (models the interval is calibrated on). ``ranks``: by model of the board, those with all tasks too; rank, low, high;
    empty unless it was asked for. ``why``: the reason where nothing is said at all.
    """

    means: pd.DataFrame
    ranks: pd.DataFrame
    why: Unfilled | None = None


_TASKS = "SELECT DISTINCT task FROM board_cells($benchmark, $models, $tasks, $trusted) WHERE ranked"
_OWN = """
SELECT b.model, b.task, b.score
FROM board_cells($benchmark, $models, $tasks, $trusted) b JOIN results r USING (result_id)
WHERE r.origin = 'reproduced' AND b.score IS NOT NULL
"""
_MEANS = ["value", "low", "high", "measured", "missing", "held_out"]
_RANKS = ["rank", "low", "high"]


def filled(
    cursor: Cursor, benchmark: str, selection: Selection, ranks: bool = False, models: tuple[str, ...] | None = None
) -> FilledBoard:
    """Predict the mean that the board of this selection shows, of each model that has a row and lacks tasks.

    Whoever takes part, a prediction rests on all models of the record (of very many on a sample of them and on those
    asked about); only published figures speak of others, own runs of the model that was run.

    Args:
        cursor: on the store.
        benchmark: its name.
        selection: who takes part and what counts.
        ranks: whether ranks are predicted, too.
        models: those that are asked about, without ranks; None for all.
    """
    table = _table(cursor, benchmark, selection, models or ())
    if isinstance(table, Unfilled):
        return FilledBoard(_frame({}, _MEANS), _frame({}, _RANKS), table)
    own: dict[str, dict[str, float]] = {}
    for model, task, score in cursor.execute(_OWN, selection.parameters(benchmark)).fetchall():
        own.setdefault(model, {})[task] = score
    only = None if selection.models is None else frozenset(selection.models)
    if models is not None:
        only = frozenset(models) if only is None else only & frozenset(models)
    filling = filled_means(predictor_of(table), only, own)
    means = {model: [*one.mean, one.measured, one.missing, one.held_out] for model, one in filling.means.items()}
    places = filled_ranks(filling) if ranks else {}
    return FilledBoard(_frame(means, _MEANS), _frame(places, _RANKS))


def _table(cursor: Cursor, benchmark: str, selection: Selection, models: Collection[str]) -> TaskTable | Unfilled:
    """The record on the tasks of the mean that is shown, or why nothing can be said by it."""
    if selection.trusted:
        return Unfilled.STRICT
    if any(first_column(cursor, "SELECT show_mean_subset FROM benchmarks WHERE benchmark = ?", [benchmark])):
        return Unfilled.SUBSETS
    tasks = first_column(cursor, _TASKS, selection.parameters(benchmark))
    try:
        table = task_table(cursor, benchmark, only=tasks, beside=models)
    except NotFoundError:  # own tasks, of which there is no record
        return Unfilled.FEW
    if set(tasks) - set(table.tasks):
        return Unfilled.UNFINISHED
    return table if can_fill(table) else Unfilled.FEW


def _frame(rows: Mapping[str, Sequence[float]], columns: list[str]) -> pd.DataFrame:
    index = pd.Index(list(rows), name="model", dtype=str)
    return pd.DataFrame(np.array(list(rows.values()), float).reshape(len(rows), len(columns)), index, columns)
