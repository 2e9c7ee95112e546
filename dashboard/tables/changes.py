"""Tables of the page on what changed."""

from __future__ import annotations

import pandas as pd

from dashboard.formatting import day, shown_in_points

__all__ = ["changed", "import_label", "models_added", "moves", "of_models"]


def import_label(row: pd.Series) -> str:
    """One import in a line: its number, day, kind and source."""
    return f"{row['import_id']}: {day(row['started_at'])}, {row['kind']}, {row['source']}"


def models_added(changes: pd.DataFrame, before: list[str]) -> pd.DataFrame:
    """Models with results now and none before."""
    new = changes[~changes["model"].isin(before) & (changes["cells_new"] > 0)]
    found = new.groupby("model").agg(Tasks=("task", "nunique"), Scores=("cells_new", "sum")).reset_index()
    return found.sort_values(["Tasks", "Scores"], ascending=False).rename(columns={"model": "Model"})


def changed(changes: pd.DataFrame) -> pd.DataFrame:
    """Results whose scores are others now, in points, the biggest difference first."""
    found = changes[changes["cells_changed"] > 0]
    return pd.DataFrame(
        {
            "Model": found["model"],
            "Task": found["task"],
            "Before": 100 * found["before"],
            "After": 100 * found["after"],
            "Difference": 100 * found["difference"],
            "Cells": found["cells_changed"],
            "Origin": found["origin"],
            "Revision": found["revision"].fillna("").str.slice(0, 10),
            "Variant": found["experiment"],
        }
    ).pipe(shown_in_points)


def of_models(changes: pd.DataFrame, column: str) -> pd.DataFrame:
    """New (``cells_new``) or gone (``cells_gone``) scores by model."""
    found = changes[changes[column] > 0].groupby("model")
    shown = found.agg(Tasks=("task", "nunique"), Scores=(column, "sum")).reset_index()
    return shown.sort_values(["Tasks", "Scores"], ascending=False).rename(columns={"model": "Model"})


def moves(frame: pd.DataFrame) -> pd.DataFrame:
    """Ranks before and after, in places and points; blank where a model is in one record only."""
    return pd.DataFrame(
        {
            "Model": frame["model"],
            "Rank before": frame["rank_before"],
            "Rank after": frame["rank_after"],
            "Move": frame["move"],
            "Mean before": 100 * frame["mean_before"],
            "Mean after": 100 * frame["mean_after"],
            "Difference": 100 * frame["difference"],
            "Tasks before": frame["tasks_before"],
            "Tasks after": frame["tasks_after"],
        }
    ).pipe(shown_in_points)
