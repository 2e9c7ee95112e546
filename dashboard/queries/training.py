"""What models were trained on, of the tasks they are judged by: the one answer for every page."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.rows import Cursor, first_column

__all__ = ["scored_tasks", "training"]


def scored_tasks(cursor: Cursor, benchmark: str, tasks: tuple[str, ...] | None = None) -> list[str]:
    """The benchmark's tasks that anybody was run on, of those asked for: what a share of tasks is a share of."""
    query = "SELECT DISTINCT task FROM board_cells(?, NULL, ?, false) ORDER BY task"
    return first_column(cursor, query, [benchmark, None if tasks is None else list(tasks)])


def training(cursor: Cursor, benchmark: str, tasks: tuple[str, ...] | None = None) -> pd.DataFrame:
    """By model: ``tasks`` judged by, ``trained_on`` of them, ``zero_shot`` (whole percent); NaN where nobody said.

    Args:
        cursor: on the store.
        benchmark: its name; empty for the tasks themselves, whatever benchmark they are of.
        tasks: those that count; None for all of the benchmark.
    """
    judged = scored_tasks(cursor, benchmark, tasks) if benchmark else list(tasks or ())
    return cursor.execute("FROM trained_on(?)", [judged]).df().set_index("model")
