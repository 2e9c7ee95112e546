"""One task: what it is, every model's score on it, and the cells and metrics a score is made of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.queries.own_cells import OWN_CELLS
from dashboard.queries.rows import Cursor, first_column

__all__ = ["benchmarks_with", "cells", "metrics", "models_by_score", "task_description"]

_ORIGIN = """
, r.origin, r.revision, r.dataset_revision, r.mteb_version, r.date, r.file, r.notes, r.metric, m.n_parameters
FROM {source} b
JOIN results r USING (result_id)
LEFT JOIN models m ON m.model = b.model
WHERE b.any_score IS NOT NULL AND {scope}
ORDER BY b.score DESC NULLS LAST, b.any_score DESC, b.model
"""
_COLUMNS = """
SELECT CASE WHEN b.score IS NOT NULL THEN rank() OVER (ORDER BY b.score DESC NULLS LAST) END AS place, b.model, b.score,
    b.any_score, b.cells_present, b.cells_total, b.reported, b.other_dataset, b.result_id
"""
_ON_BENCHMARK = _COLUMNS + _ORIGIN.format(source="board", scope="b.benchmark = $benchmark AND b.task = $task")
_ON_ITS_OWN = f"WITH {OWN_CELLS}" + _COLUMNS + _ORIGIN.format(source="own", scope="true")

_CELLS = """
SELECT r.model, s.split, s.subset, s.languages, s.main_score, r.result_id
FROM results r JOIN scores s USING (result_id)
WHERE list_contains($results, r.result_id)
    AND ($benchmark = '' OR EXISTS (FROM benchmark_cells k
        WHERE k.benchmark = $benchmark AND k.task = r.task AND k.split = s.split AND k.subset = s.subset))
ORDER BY s.split, s.subset, r.model
"""


def task_description(cursor: Cursor, task: str) -> dict[str, Any]:
    """The task's row in the registry; empty when nobody knows it."""
    rows = cursor.execute("SELECT * FROM tasks WHERE task = ?", [task]).df().to_dict("records")
    return {str(key): value for key, value in rows[0].items()} if rows else {}


def benchmarks_with(cursor: Cursor, task: str) -> list[str]:
    """Benchmarks that have the task and a score on it, in the order of mteb's menu."""
    query = "SELECT benchmark FROM benchmarks SEMI JOIN (FROM board WHERE task = ?) USING (benchmark)"
    return first_column(cursor, query + " ORDER BY menu IS NULL, position, benchmark", [task])


def models_by_score(cursor: Cursor, task: str, benchmark: str = "") -> pd.DataFrame:
    """Every model with a score on the task, the best first: one row a model, with where the score came from.

    ``place`` counts complete scores only (ties share it); ``score`` is blank where cells are missing that others have,
    and ``any_score`` is then of those present. Without a benchmark the cells are the task's own.
    """
    if benchmark:
        return cursor.execute(_ON_BENCHMARK, {"task": task, "benchmark": benchmark}).df()
    return cursor.execute(_ON_ITS_OWN, {"tasks": [task]}).df()


def cells(cursor: Cursor, results: tuple[int, ...], benchmark: str = "") -> pd.DataFrame:
    """The cells of some results: one row a model, split and subset; only a benchmark's own where one is named."""
    return cursor.execute(_CELLS, {"results": list(results), "benchmark": benchmark}).df()


def metrics(cursor: Cursor, result: int) -> pd.DataFrame:
    """Every metric stored of one result: one row a split, subset and metric; empty where only the main score is."""
    return cursor.execute(
        "SELECT * EXCLUDE (result_id) FROM metrics_of([?]) ORDER BY split, subset, metric", [result]
    ).df()
