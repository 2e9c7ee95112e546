"""What models were trained on, of the tasks they are judged by: the one answer for every page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.queries.rows import Cursor, first_column

__all__ = ["overlap", "scored_tasks", "training"]


_KNOWN = "SELECT model FROM models WHERE training_known AND model IN (SELECT unnest($models))"
_SEEN = """
SELECT DISTINCT m.place AS "row", t.place AS "column"
FROM model_training s
JOIN (SELECT unnest($models) AS model, unnest(range(len($models))) AS place) m ON m.model = s.model
JOIN (SELECT unnest($tasks) AS task, unnest(range(len($tasks))) AS place) t ON t.task = s.task
"""


def overlap(cursor: Cursor, models: Sequence[str], tasks: Sequence[str]) -> pd.DataFrame:
    """Whether each model was trained on each task, or on one mteb holds to be similar: models down, tasks across.

    1 or 0; NaN where nobody said what the model was trained on. Every mark of a task and every count of marks is
    of this, and agrees with :func:`training`.
    """
    names, of = list(dict.fromkeys(models)), list(dict.fromkeys(tasks))
    known = pd.Index(names).isin(first_column(cursor, _KNOWN, {"models": names}))
    seen = cursor.execute(_SEEN, {"models": names, "tasks": of}).fetchnumpy()
    trained = np.zeros((len(names), len(of)))
    trained[seen["row"], seen["column"]] = 1
    trained[~known] = np.nan
    return pd.DataFrame(trained, pd.Index(names, name="model", dtype=str), pd.Index(of, name="task", dtype=str))


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
