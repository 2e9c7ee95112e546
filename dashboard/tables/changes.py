"""Tables of the page on what changed."""

from __future__ import annotations

import pandas as pd

from dashboard.formatting import day
from dashboard.tables.columns import DIFFERENCE, MODEL, POINTS, PRIVATE, TASK, WORDED, Column, Table, number

__all__ = ["changed_table", "import_label", "models_added", "moves_table", "of_models", "of_models_table"]

_OF_MODELS = (MODEL, PRIVATE, Column("Tasks", "tasks"), Column("Scores", "scores"))
_CHANGED = (
    MODEL,
    TASK,
    PRIVATE,
    Column("Before", "before", POINTS),
    Column("After", "after", POINTS),
    Column("Difference", "difference", DIFFERENCE, "Mean over the cells that changed, in points"),
    Column("Cells", "cells_changed"),
    Column("Origin", "origin", WORDED),
    Column("Revision", lambda frame: frame["revision"].fillna("").str.slice(0, 10)),
    Column("Variant", "experiment"),
)
_MOVES = (
    MODEL,
    Column("Rank before", "rank_before"),
    Column("Rank after", "rank_after"),
    Column("Move", "move", number("%+d"), "Places gained; negative is down"),
    Column("Mean before", "mean_before", POINTS),
    Column("Mean after", "mean_after", POINTS),
    Column("Difference", "difference", DIFFERENCE),
    Column("Tasks before", "tasks_before"),
    Column("Tasks after", "tasks_after"),
)


def import_label(row: pd.Series) -> str:
    """One import in a line: its number, day, kind and source."""
    return f"{row['import_id']}: {day(row['started_at'])}, {row['kind']}, {row['source']}"


def models_added(changes: pd.DataFrame, before: list[str]) -> pd.DataFrame:
    """Models with results now and none before, with what is new of each."""
    known = set(before)
    new = [model for model in changes["model"].unique() if model not in known]
    return of_models(changes[changes["model"].isin(new)], "cells_new")


def of_models(changes: pd.DataFrame, column: str) -> pd.DataFrame:
    """New (``cells_new``) or gone (``cells_gone``) scores by model: model, tasks, scores."""
    by_model = changes[changes[column] > 0].groupby("model", as_index=False)
    return by_model.agg(tasks=("task", "nunique"), scores=(column, "sum")).sort_values(
        ["tasks", "scores"], ascending=False
    )


def of_models_table(by_model: pd.DataFrame) -> Table:
    """Models with their numbers of tasks and scores."""
    return Table.of(_OF_MODELS, by_model)


def changed_table(changes: pd.DataFrame) -> Table:
    """Results whose scores are others now, in points, the biggest difference first."""
    return Table.of(_CHANGED, changes[changes["cells_changed"] > 0])


def moves_table(moves: pd.DataFrame) -> Table:
    """Ranks before and after, in places and points; blank where a model is in one record only."""
    return Table.of(_MOVES, moves)
