"""Take keys out of a store that an earlier version wrote them into, by whatever road they had come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from data.store import keys

__all__ = ["clean", "rewrite"]

# The public record, which no run writes to.
_RECORD = (
    "meta", "scores", "metric_sets", "files", "rejected", "versions", "model_training", "renames", "task_cells",
    "benchmarks", "benchmark_tasks", "benchmark_cells", "benchmark_groups", "noise_floors", "cells_held",
    "delta_grounds", "task_counts", "group_entries",
)  # fmt: skip
# Tables that hold both: the rows of one's own runs. Models come last, whose names say whose rows the others are.
_OF_PRIVATE_MODELS = ("chosen", "board", "board_subsets", "board_groups", "delta_figures", "model_counts")
_OWN_ROWS = {
    "results": "run_id IS NOT NULL",
    "tasks": "private",
    **dict.fromkeys(_OF_PRIVATE_MODELS, "model IN (SELECT model FROM models WHERE private)"),
    "models": "private",
}
_ASKED_OUTSIDE = """
    SELECT settings::VARCHAR FROM encoders WHERE outside
    UNION SELECT settings::VARCHAR FROM runs WHERE settings ->> '$.in_use.outside' = 'true'"""
_TEXTS = ("VARCHAR", "JSON", "VARCHAR[]")


class _Column(NamedTuple):
    name: str
    type: str

    @property
    def text(self) -> str:
        """The column as one text."""
        return f"array_to_string({self.name}, chr(10))" if self.type.endswith("[]") else f"{self.name}::VARCHAR"


def clean(connection: duckdb.DuckDBPyConnection) -> int:
    """Mask every key that this process knows, or whose variable the store names, in every text of one's own runs.

    Nothing is looked at in a store without an encoder that was asked for its vectors outside of this process.

    Returns:
        How many values held a key.
    """
    named = connection.execute(_ASKED_OUTSIDE).fetchall()
    for (settings,) in named:
        keys.remember_named(settings)
    suspicious = keys.key_pattern() if named else None
    if suspicious is None:
        return 0
    tables = _tables(connection)
    return sum(_clean_table(connection, table, tables[table]) for table in _suspects(connection, tables, suspicious))


def _suspects(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, list[_Column]], suspicious: str) -> list[str]:
    """Tables with a text that may hold a key, found in one pass."""
    [(private,)] = connection.execute("SELECT count(*) FROM models WHERE private").fetchall()
    looked_at = [table for table in tables if private or table not in _OF_PRIVATE_MODELS]
    texts = " UNION ALL ".join(
        f"SELECT '{table}' AS name, {_text(tables[table])} AS text FROM {table} WHERE {_rows(table)}"  # noqa: S608
        for table in looked_at
    )
    query = f"SELECT DISTINCT name FROM ({texts}) WHERE regexp_matches(text, ?)"  # noqa: S608
    names = {name for (name,) in connection.execute(query, [suspicious]).fetchall()}
    return [table for table in looked_at if table in names]


def _text(columns: Sequence[_Column]) -> str:
    """All columns as one text; names of columns are the schema's own."""
    return f"concat_ws(chr(10), {', '.join(column.text for column in columns)})"


def _rows(table: str) -> str:
    return _OWN_ROWS.get(table, "true")


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[_Column]]:
    """Columns of text by table."""
    columns = connection.execute(
        "SELECT c.table_name, c.column_name, c.data_type "
        "FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) "
        "WHERE c.database_name = current_database() AND list_contains($types, c.data_type) "
        "AND NOT list_contains($record, c.table_name)",
        {"types": list(_TEXTS), "record": list(_RECORD)},
    ).fetchall()
    tables: dict[str, list[_Column]] = {}
    for table, name, type_ in columns:
        tables.setdefault(table, []).append(_Column(name, type_))
    order = list(_OWN_ROWS)
    return dict(sorted(tables.items(), key=lambda entry: order.index(entry[0]) if entry[0] in order else -1))


def _clean_table(connection: duckdb.DuckDBPyConnection, table: str, columns: list[_Column]) -> int:
    names = ", ".join(column.name for column in columns)
    held = connection.execute(f"SELECT {names} FROM {table} WHERE {_rows(table)}").fetchall()  # noqa: S608
    changed = 0
    for column, values in zip(columns, zip(*held, strict=True), strict=False):
        for value in {str(value): value for value in values if value is not None}.values():
            if (without := _masked(value, column.type)) != value:
                query = f"UPDATE {table} SET {column.name} = ? WHERE {column.name} = ?"  # noqa: S608
                connection.execute(query, [without, value])
                changed += 1
    return changed


def _masked(value: Any, type_: str) -> Any:
    """A value without keys; JSON by its strings, since a number that looks like part of a key is none."""
    if type_ != "JSON":
        return keys.masked_all(value)
    try:
        plain = json.loads(value)
    except ValueError:
        return keys.masked(value)
    without = keys.masked_all(plain)
    return value if without == plain else json.dumps(without, ensure_ascii=False)


def rewrite(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Copy everything to a new file: what was changed stays in the old one's free blocks until they are used again."""
    connection.execute("ATTACH '{}' AS rewritten".format(str(path).replace("'", "''")))
    [(current,)] = connection.execute("SELECT current_database()").fetchall()
    quoted = current.replace('"', '""')
    connection.execute(f'COPY FROM DATABASE "{quoted}" TO rewritten')
    connection.execute("CHECKPOINT rewritten")
    connection.execute("DETACH rewritten")
