"""Tables of the fleet page: how far each model is, and what was given up."""

from __future__ import annotations

import pandas as pd

from dashboard.formatting import span_text
from dashboard.tables.columns import STORED, TASK, TEXT, WORDED, Column, Format, Table
from dashboard.words import tr
from data.store.vocabulary import Status

__all__ = ["fleet_models_table", "given_up_table"]

_SPAN = Format(TEXT.config, write=lambda seconds: seconds.map(span_text))
_MODELS = (
    Column("Model and set-up", "setup"),
    Column("Done", "progress", sort="done"),
    Column("Running", "running", help="Tasks that it was at, when the store was last told"),
    Column("Given up", "given_up"),
    Column("Time taken", "taken", _SPAN, help="By the tasks that are done"),
    Column("Time expected", "expected", _SPAN, help="Of the tasks that are left, where anything is known of them"),
    Column("Run", "run_id"),
)  # fmt: skip
_GIVEN_UP = (
    Column("Model and set-up", "setup"),
    TASK,
    Column("Tasks", "cells"),
    Column("Status", "status", WORDED),
    Column("Error", "error", STORED, width="large"),
)


def fleet_models_table(cells: pd.DataFrame) -> Table:
    """A row a model, those with the most left to do first.

    Args:
        cells: of a plan, as the query gives them.
    """
    rows = []
    for setup, own in cells.groupby("setup", sort=False):
        done, open_ = own["status"] == Status.DONE, own["status"].isin([Status.WAITING, Status.RUNNING])
        rows.append({
            "setup": setup,
            "done": int(done.sum()),
            "progress": tr("{n} of {total}", n=int(done.sum()), total=len(own)),
            "running": ", ".join(own.loc[own["status"] == Status.RUNNING, "task"]),
            "given_up": int(own["status"].isin([Status.FAILED, Status.SET_ASIDE]).sum()) or None,
            "taken": own.loc[done, "seconds"].sum() or None,
            "expected": own.loc[open_, "expected"].sum() or None,
            "run_id": own["run_id"].iloc[0],
            "left": int(open_.sum()),
        })  # fmt: skip
    frame = pd.DataFrame(rows).sort_values(["left", "setup"], ascending=[False, True], ignore_index=True)
    return Table.of(_MODELS, frame)


def given_up_table(failures: pd.DataFrame) -> Table:
    """What was given up and why; a model that was refused is one row."""
    return Table.of(_GIVEN_UP, failures)
