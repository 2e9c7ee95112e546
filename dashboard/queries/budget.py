"""What a benchmark's few tasks can be asked: the record of its models, what was run here, and own tasks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashboard.queries.rows import Cursor, first_column
from data.rules.budget.prediction import Predictor, predictor_of
from data.rules.budget.table import TaskTable, task_table

__all__ = [
    "Measured", "Rests", "boards", "measured_of", "models_of", "own_scores", "record_predictor", "run_here",
    "timed_here",
]  # fmt: skip


class Rests(StrEnum):
    """What a model's figures on a benchmark rest on, as far as a prediction takes them."""

    HERE = "here"
    WHOLE = "whole"
    PARTLY = "partly"


class Measured(NamedTuple):
    """What is known of a model on a benchmark.

    Attributes:
        rests: runs of this machine; else published figures, of all its tasks or of some.
        scores: by task, 0-1 scale; of runs of this machine those alone.
        mean: published headline mean, 0-1 scale; NaN where a task is missing.
        types: published mean by task type, 0-1 scale, of those with all their tasks.
    """

    rests: Rests
    scores: dict[str, float]
    mean: float
    types: dict[str, float]


# Of those that somebody has published figures on; today's menu first, in its order.
_BOARDS = """
SELECT benchmark FROM benchmarks k
WHERE EXISTS (
    SELECT 1 FROM board b JOIN results r USING (result_id)
    WHERE b.benchmark = k.benchmark AND b.ranked AND b.score IS NOT NULL AND r.origin <> 'reproduced'
)
ORDER BY menu IS NOT NULL AND len(coalesce(superseded_by, [])) = 0 DESC, position
"""

# The latest run of each task, with every cell that the benchmark asks for.
_RUN_HERE = """
WITH latest AS (
    SELECT task, result_id FROM current_results
    WHERE model = $model AND origin = 'reproduced' AND experiment = '' AND NOT withdrawn
    QUALIFY row_number() OVER (PARTITION BY task ORDER BY date DESC NULLS LAST, result_id DESC) = 1
),
wanted AS (SELECT task, max(cells_total) AS cells FROM board WHERE benchmark = $benchmark GROUP BY task)
SELECT l.task, avg(s.main_score) AS score
FROM latest l
JOIN scores s USING (result_id)
JOIN benchmark_cells k
    ON k.benchmark = $benchmark AND k.task = l.task AND k.split = s.split AND k.subset = s.subset
JOIN wanted w ON w.task = l.task
WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
GROUP BY l.task HAVING count(DISTINCT (s.split, s.subset)) >= any_value(w.cells)
"""

_MODELS = """
SELECT DISTINCT r.model FROM current_results r
JOIN benchmark_tasks b ON b.benchmark = ? AND b.task = r.task
WHERE r.experiment = '' AND NOT r.withdrawn
"""

_TIMED = """
SELECT r.model, k.task, k.seconds FROM runs r JOIN run_tasks k USING (run_id)
WHERE r.kind = 'reproduce' AND k.status = 'done' AND k.seconds > 0
QUALIFY row_number() OVER (PARTITION BY r.model, k.task ORDER BY r.started_at DESC) = 1
"""

_OWN = """
SELECT model, task, score FROM board_cells('Own tasks', NULL, NULL, false)
WHERE score IS NOT NULL ORDER BY task, model
"""


def boards(cursor: Cursor) -> list[str]:
    """Benchmarks somebody has published figures on: those of today's menu first, in its order."""
    return first_column(cursor, _BOARDS)


def record_predictor(cursor: Cursor, benchmark: str, beside: tuple[str, ...] = ()) -> Predictor:
    """What the record says of a benchmark's models, fitted; of very many to a sample and to those ``beside``.

    Raises:
        NotFoundError: nobody has figures on it.
    """
    return predictor_of(task_table(cursor, benchmark, beside=beside))


def models_of(cursor: Cursor, benchmark: str) -> list[str]:
    """Models with a figure, published or run here, on any of a benchmark's tasks, by name."""
    return sorted(first_column(cursor, _MODELS, [benchmark]), key=lambda name: (name.lower(), name))


def run_here(cursor: Cursor, benchmark: str, model: str) -> dict[str, float]:
    """Scores (0-1) by task of what was run here of a model, where all cells the benchmark asks for were."""
    return dict(cursor.execute(_RUN_HERE, {"benchmark": benchmark, "model": model}).fetchall())


def measured_of(table: TaskTable, model: str, here: Mapping[str, float]) -> Measured:
    """What is known of a model: what was run here, if anything, else what is published."""
    row = table.scores[table.models.index(model)] if model in table.models else np.full(len(table.tasks), np.nan)
    mean = float(row @ table.weights)
    by_type = {kind: row[table.of_type(kind) > 0].mean() for kind in dict.fromkeys(table.types)}
    types = {kind: float(value) for kind, value in by_type.items() if not np.isnan(value)}
    scores = {task: here[task] for task in table.tasks if task in here}
    if scores:
        return Measured(Rests.HERE, scores, mean, types)
    published = {task: float(score) for task, score in zip(table.tasks, row, strict=True) if not np.isnan(score)}
    return Measured(Rests.PARTLY if np.isnan(mean) else Rests.WHOLE, published, mean, types)


def timed_here(cursor: Cursor) -> pd.DataFrame:
    """Seconds that runs of this machine took, the latest of each: model, task, seconds."""
    return cursor.execute(_TIMED).df()


def own_scores(cursor: Cursor) -> pd.DataFrame:
    """Scores on own tasks: model, task, score (0-1)."""
    return cursor.execute(_OWN).df()
