"""Scores of tasks outside any benchmark: on the cells mteb scores each task on by default."""

from __future__ import annotations

__all__ = ["OWN_CELLS"]

# Common table expressions ending in `own`: model, task, result_id, score (0-1; NULL unless all cells are there that any
# model has), any_score, cells_present, cells_total, reported, other_dataset. Asks for the parameter $tasks, a list.
# A task that no registry knows the cells of is scored on every cell it was ever run on.
OWN_CELLS = """
counting AS MATERIALIZED (
    SELECT model, task, result_id FROM chosen WHERE experiment = '' AND list_contains($tasks, task)
),
-- The cells of these results first: the other way round every cell of the record is held against those wanted.
cells AS MATERIALIZED (
    SELECT c.model, c.task, c.result_id, s.split, s.subset, s.main_score FROM counting c JOIN scores s USING (result_id)
    WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
),
wanted AS (
    SELECT DISTINCT task, split, subset FROM task_cells WHERE list_contains($tasks, task)
    UNION
    SELECT DISTINCT task, split, subset FROM cells WHERE task NOT IN (SELECT task FROM task_cells)
),
means AS (
    SELECT c.model, c.task, any_value(c.result_id) AS result_id, avg(c.main_score) AS any_score,
        count(DISTINCT hash(c.split, c.subset)) AS cells_present
    FROM cells c JOIN wanted USING (task, split, subset)
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
