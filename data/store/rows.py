"""Write rows into an open store by the names of their columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import duckdb
import pyarrow as pa

__all__ = ["Known", "append", "in_json", "next_number", "set_fact", "stored_fact"]

Known = Literal["", "OR REPLACE", "OR IGNORE"]


def append(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: pa.Table | duckdb.DuckDBPyRelation | Sequence[Mapping[str, Any]],
    *,
    known: Known = "",
) -> None:
    """Add rows to a table; columns that they do not name are NULL.

    Args:
        connection: inside :func:`data.store.database.writing`.
        table: its name, which is ours; the values are never part of the statement.
        rows: an Arrow table, a relation, or dictionaries of the same names.
        known: what becomes of a row whose key the table has.
    """
    if isinstance(rows, Sequence):
        if not rows:
            return
        rows = pa.Table.from_pylist(list(rows))
    connection.register("incoming", rows)
    try:
        connection.execute(f"INSERT {known} INTO {table} BY NAME SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def in_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its dictionaries and lists as JSON."""
    return {
        name: json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value
        for name, value in row.items()
    }


def next_number(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """One more than the largest number in the column; 1 for an empty table."""
    # fetchall, because a result that was not read to its end keeps DuckDB's connection from anything else
    [(following,)] = connection.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}").fetchall()
    return int(following)


def stored_fact(cursor: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """A value of the store's table ``meta``."""
    rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return rows[0][0] if rows else None


def set_fact(connection: duckdb.DuckDBPyConnection, key: str, value: str | None) -> None:
    """Put a value into the store's table ``meta``."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])
