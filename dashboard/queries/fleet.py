"""Questions of the fleet page: how far the plans are that the store was told of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.queries.rows import Cursor

__all__ = ["fleet_cells", "fleet_facts", "fleets", "given_up"]


def fleets(cursor: Cursor) -> pd.DataFrame:
    """The plans, the one that was heard of last first: storage, plan_id, name, seen_at, and a key for the address."""
    return cursor.execute(
        """
        SELECT storage, plan_id, name, seen_at,
            CASE WHEN count(*) OVER (PARTITION BY plan_id) = 1 THEN plan_id ELSE plan_id || ' · ' || storage END AS key
        FROM fleets ORDER BY seen_at DESC, storage, plan_id
        """
    ).df()


def fleet_facts(cursor: Cursor, storage: str, plan_id: str) -> dict[str, Any]:
    """The row of a plan, with how many cells are in each state; None where it is not known."""
    frame = cursor.execute(
        """
        SELECT f.*, count(c.task) AS cells, count(DISTINCT c.setup) AS models, count(DISTINCT c.task) AS tasks,
            count(*) FILTER (c.status = 'done') AS done, count(*) FILTER (c.status = 'running') AS running,
            count(*) FILTER (c.status = 'waiting') AS waiting, count(*) FILTER (c.status = 'failed') AS failed,
            count(*) FILTER (c.status = 'set aside') AS set_aside
        FROM fleets f LEFT JOIN fleet_cells c USING (storage, plan_id)
        WHERE f.storage = ? AND f.plan_id = ? GROUP BY ALL
        """,
        [storage, plan_id],
    ).df()
    (row,) = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {str(name): value for name, value in row.items()}


def fleet_cells(cursor: Cursor, storage: str, plan_id: str) -> pd.DataFrame:
    """Every cell: setup, task, status, seconds, in the order of the set-ups' and tasks' names."""
    return cursor.execute(
        """
        SELECT setup, model, task, status, seconds, expected, run_id FROM fleet_cells
        WHERE storage = ? AND plan_id = ? ORDER BY setup, task
        """,
        [storage, plan_id],
    ).df()


def given_up(cursor: Cursor, storage: str, plan_id: str) -> pd.DataFrame:
    """What was given up and why: setup, task (NULL where the whole model was), cells, status, error, log (lines)."""
    return (
        cursor.execute(
            """
        SELECT setup, CASE WHEN status = 'failed' THEN NULL ELSE task END AS of_task, count(*) AS cells, status, error,
            any_value(log) AS log
        FROM fleet_cells WHERE storage = ? AND plan_id = ? AND status IN ('failed', 'set aside')
        GROUP BY setup, of_task, status, error ORDER BY status, setup, of_task
        """,
            [storage, plan_id],
        )
        .df()
        .rename(columns={"of_task": "task"})
    )
