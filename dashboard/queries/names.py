"""The names a control offers."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.queries.rows import Cursor, first_column

__all__ = ["Private", "models", "private", "tasks", "tasks_of"]

# A model is private when it has no result but our own and no registry knows it; so is one that was only checked for
# parity, from a folder of this machine. What is published later is private no longer.
_PRIVATE_MODELS = """
SELECT model FROM models m WHERE private AND NOT registered AND model NOT IN (
    SELECT model FROM results WHERE origin <> 'reproduced')
UNION
SELECT model FROM encoders WHERE revision IS NULL AND json_array_length(files) > 0
    AND backend NOT IN ('ready', 'command') AND model NOT IN (SELECT model FROM models WHERE NOT private)
    AND EXISTS (FROM models WHERE registered)
"""
_PRIVATE_TASKS = """
SELECT task FROM tasks WHERE private AND NOT registered AND task NOT IN (
    SELECT task FROM results WHERE origin <> 'reproduced')
"""


class Private(NamedTuple):
    """Names that only this machine knows."""

    models: frozenset[str]
    tasks: frozenset[str]


def private(cursor: Cursor) -> Private:
    """Models and tasks that are in neither mteb's registry nor its published results."""
    return Private(*(frozenset(first_column(cursor, query)) for query in (_PRIVATE_MODELS, _PRIVATE_TASKS)))


def models(cursor: Cursor) -> list[str]:
    """Every model with a result that counts, by name."""
    return first_column(cursor, "SELECT DISTINCT model FROM chosen WHERE experiment = '' ORDER BY lower(model), model")


def tasks(cursor: Cursor) -> list[str]:
    """Every task with a result that counts, by name."""
    return first_column(cursor, "SELECT DISTINCT task FROM chosen WHERE experiment = '' ORDER BY lower(task), task")


def tasks_of(cursor: Cursor, benchmark: str) -> list[str]:
    """Tasks of a benchmark, by name."""
    query = "SELECT task FROM benchmark_tasks WHERE benchmark = ? ORDER BY lower(task), task"
    return first_column(cursor, query, [benchmark])
