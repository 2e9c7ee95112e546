"""What is asked, and answers that are plain lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

__all__ = ["Cursor", "first_column", "most_frequent"]

Cursor = duckdb.DuckDBPyConnection  # of one version of the store

Parameters = Sequence[object] | Mapping[str, object]


def first_column(cursor: Cursor, query: str, parameters: Parameters | None = None) -> list[str]:
    """The first column of what a query gives, in its order."""
    return [row[0] for row in cursor.execute(query, parameters).fetchall()]


def most_frequent(cursor: Cursor, names: str, parameters: Parameters) -> list[str]:
    """The values of the column ``name`` of a query, the most frequent first, each once; NULL is none."""
    query = f"SELECT name FROM ({names}) WHERE name IS NOT NULL GROUP BY name ORDER BY count(*) DESC, name"
    return first_column(cursor, query, parameters)
