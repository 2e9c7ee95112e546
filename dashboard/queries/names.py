"""The names a control offers."""

from __future__ import annotations

import duckdb

__all__ = ["models", "tasks", "tasks_of"]


def models(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Every model with a result that counts, by name."""
    return _first(
        cursor.execute("SELECT DISTINCT model FROM chosen WHERE experiment = '' ORDER BY lower(model), model")
    )


def tasks(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Every task with a result that counts, by name."""
    return _first(cursor.execute("SELECT DISTINCT task FROM chosen WHERE experiment = '' ORDER BY lower(task), task"))


def tasks_of(cursor: duckdb.DuckDBPyConnection, benchmark: str) -> list[str]:
    """Tasks of a benchmark, by name."""
    query = "SELECT task FROM benchmark_tasks WHERE benchmark = ? ORDER BY lower(task), task"
    return _first(cursor.execute(query, [benchmark]))


def _first(result: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in result.fetchall()]
