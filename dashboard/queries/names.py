"""The names a control offers."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.queries.rows import Cursor, first_column

__all__ = ["Private", "models", "private", "tasks", "tasks_of"]

# A model is private when it has no result but our own and no registry knows it; so is one that was only checked for
# parity, from a folder of this machine. What is published later is private no longer.
_OWN_MODELS = "SELECT model FROM models WHERE private AND NOT registered"
_OWN_TASKS = "SELECT task FROM tasks WHERE private AND NOT registered"
# Asked of these few by name: of all, the record is searched from end to end.
_PUBLISHED = "SELECT DISTINCT {kind} FROM results WHERE list_contains(?, {kind}) AND origin <> 'reproduced'"
_CHECKED_FOLDERS = """
SELECT DISTINCT model FROM encoders WHERE revision IS NULL AND json_array_length(files) > 0
    AND backend NOT IN ('ready', 'command') AND model NOT IN (SELECT model FROM models WHERE NOT private)
    AND EXISTS (FROM models WHERE registered)
"""


class Private(NamedTuple):
    """Names that only this machine knows."""

    models: frozenset[str]
    tasks: frozenset[str]


def private(cursor: Cursor) -> Private:
    """Models and tasks that are in neither mteb's registry nor its published results."""
    models = _never_published(cursor, "model", _OWN_MODELS) | set(first_column(cursor, _CHECKED_FOLDERS))
    return Private(frozenset(models), frozenset(_never_published(cursor, "task", _OWN_TASKS)))


def _never_published(cursor: Cursor, kind: str, own: str) -> set[str]:
    """Of the names that ``own`` gives those without a published result."""
    names = first_column(cursor, own)
    return set(names).difference(first_column(cursor, _PUBLISHED.format(kind=kind), [names]) if names else ())


def models(cursor: Cursor) -> list[str]:
    """Every model with a result that counts, by name."""
    return first_column(cursor, "SELECT model FROM model_counts WHERE tasks > 0 ORDER BY lower(model), model")


def tasks(cursor: Cursor) -> list[str]:
    """Every task with a result that counts, by name."""
    return first_column(cursor, "SELECT task FROM task_counts WHERE models > 0 ORDER BY lower(task), task")


def tasks_of(cursor: Cursor, benchmark: str) -> list[str]:
    """Tasks of a benchmark, by name."""
    query = "SELECT task FROM benchmark_tasks WHERE benchmark = ? ORDER BY lower(task), task"
    return first_column(cursor, query, [benchmark])
