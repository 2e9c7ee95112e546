"""Answers of the store that are plain lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

__all__ = ["first_column", "most_frequent"]

Parameters = Sequence[object] | Mapping[str, object]


def first_column(cursor: duckdb.DuckDBPyConnection, query: str, parameters: Parameters | None = None) -> list[str]:
    """The first column of what a query gives, in its order."""
    return [row[0] for row in cursor.execute(query, parameters).fetchall()]


def most_frequent(cursor: duckdb.DuckDBPyConnection, names: str, parameters: Parameters) -> list[str]:
    """The values of the column ``name`` of a query, the most frequent first, each once; NULL is none."""
    query = f"SELECT name FROM ({names}) WHERE name IS NOT NULL GROUP BY name ORDER BY count(*) DESC, name"
    return first_column(cursor, query, parameters)
