"""Scores of tasks outside any benchmark: on the cells mteb scores each task on by default."""

from __future__ import annotations

__all__ = ["OWN_CELLS"]

# Common table expressions ending in `own`: model, task, result_id, score (0-1; NULL unless all cells are there that any
# model has), any_score, cells_present, cells_total, reported, other_dataset. Asks for the parameter $tasks, a list.
# A task that no registry knows the cells of is scored on every cell it was ever run on.
OWN_CELLS = """
wanted AS (
    SELECT DISTINCT task, split, subset FROM task_cells WHERE list_contains($tasks, task)
    UNION
    SELECT DISTINCT r.task, s.split, s.subset FROM chosen r JOIN scores s USING (result_id)
    WHERE list_contains($tasks, r.task) AND r.task NOT IN (SELECT task FROM task_cells)
),
means AS (
    SELECT c.model, c.task, any_value(c.result_id) AS result_id, avg(s.main_score) AS any_score,
        count(DISTINCT (s.split, s.subset)) AS cells_present
    FROM chosen c JOIN scores s USING (result_id)
    JOIN wanted w ON w.task = c.task AND w.split = s.split AND w.subset = s.subset
    WHERE c.experiment = '' AND s.main_score IS NOT NULL AND NOT isnan(s.main_score)
    GROUP BY c.model, c.task
),
own AS (
    SELECT m.model, m.task, m.result_id, CASE WHEN m.cells_present = k.cells_total THEN m.any_score END AS score,
        m.any_score, m.cells_present, k.cells_total, r.origin = 'reported' AS reported,
        NOT coalesce(same_dataset(r.dataset_revision, t.dataset_revision), false) AS other_dataset
    FROM means m
    JOIN (SELECT task, max(cells_present) AS cells_total FROM means GROUP BY task) k USING (task)
    JOIN results r USING (result_id)
    JOIN tasks t ON t.task = m.task
)
"""
