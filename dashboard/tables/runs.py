"""Tables of the runs page."""

from __future__ import annotations

import pandas as pd

from dashboard.tables.columns import LOCALISED, MOMENT, POINTS, PRIVATE, STORED, WHOLE, WORDED, Column, Table, number
from dashboard.words import mark, tr

__all__ = ["recorded_table", "run_tasks_table", "runs_table"]

_RUNS = (
    Column("Started (UTC)", "started_at", MOMENT),
    Column("Kind", "kind", WORDED),
    Column("Model or reference", "model"),
    PRIVATE,
    Column("Status", "status", WORDED),
    Column("Tasks", "progress", sort="done"),
    Column("Warnings", "warnings"),
    Column("Findings", "findings"),
    Column("Seconds", "seconds", WHOLE),
    Column("Revision", "revision"),
    Column("Run", "run_id"),
)
_TASKS = (
    Column("Task", "task"),
    Column("Status", "status", WORDED),
    Column("Error", "error", STORED, width="medium"),
    Column("Score", "score", POINTS),
    Column("Texts", "texts", LOCALISED),
    Column("Seconds", "seconds", number("%.1f")),
    Column("Peak memory, MB", "peak_memory_mb", number("%.0f")),
    Column("Batch size", "batch_size"),
    Column("Local data set", "dataset_path"),
    Column("Warnings", "warnings"),
    Column("Data set revision", "dataset_revision"),
    Column("mteb", "mteb_version"),
)


# The parts of what a run recorded, as heads here and on the page.
_PARTS = (mark("Settings"), mark("Environment"), mark("Files"))


def runs_table(runs: pd.DataFrame) -> Table:
    """Every run of this machine, the newest first."""
    pairs = zip(runs["done"], runs["tasks"], strict=True)
    return Table.of(
        _RUNS,
        runs.assign(progress=[tr("{n} of {total}", n=done, total=tasks) if tasks else "" for done, tasks in pairs]),
    )


def run_tasks_table(tasks: pd.DataFrame) -> Table:
    """The tasks of a run, with their scores in points."""
    return Table.of(_TASKS, tasks)


def recorded_table(entries: pd.DataFrame, part: str) -> Table:
    """One part of what a run recorded: its entries, as they were in use."""
    return Table.of((Column(part.capitalize(), "name"), Column("As in use", "left", width="large")), entries)
