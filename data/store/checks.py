"""Write a parity check: its row of ``checks``, and what each encoder was asked, gave and came to, a table each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from data.store.rows import Known, append

__all__ = ["CheckRow", "place_of", "put_check"]

CheckRow = dict[str, Any]

_TYPES = {
    "VARCHAR": pa.string(), "JSON": pa.string(), "DOUBLE": pa.float64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"), "FLOAT[]": pa.list_(pa.float32()), "INTEGER[]": pa.list_(pa.int32()),
    "VARCHAR[]": pa.list_(pa.string()),
}  # fmt: skip


def put_check(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[tuple[str, Sequence[CheckRow]]],
    *,
    rename_texts: bool = False,
) -> None:
    """Add a check to an open store; what calls it has written the run.

    Args:
        connection: inside :func:`data.store.database.writing`.
        tables: names of tables with rows of theirs, each by the names of its columns. Columns of JSON take plain
            values; NaN and infinity are no values in the store. A figure of ``drift_summary`` without a column of its
            own goes into ``measures``.
        rename_texts: texts that are there already take their names from this check.
    """
    known: dict[str, Known] = {"encoders": "OR REPLACE", "probes": "OR REPLACE" if rename_texts else "OR IGNORE"}
    for table, rows in tables:
        _insert(connection, table, rows, known.get(table, ""))


def place_of(encoder: str) -> str:
    """SQL of what tells encoders of one label apart: the address of a server, whatever it answers as; else the model.

    Args:
        encoder: what a query calls the table ``encoders``.
    """
    source = f"{encoder}.settings ->> '$.source'"
    return f"CASE WHEN starts_with({source}, 'http') THEN {source} ELSE {encoder}.model END"


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[CheckRow], known: Known) -> None:
    if not rows:
        return
    types = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE table_name = ? AND database_name = current_database()",
            [table],
        ).fetchall()
    )
    if "measures" in types:
        rows = [_with_measures(row, types) for row in rows]
    columns = list(rows[0])
    values = {name: [_plain(row[name], types[name]) for row in rows] for name in columns}
    typed = pa.table({name: pa.array(values[name], _TYPES[types[name]]) for name in columns})
    append(connection, table, typed, known=known)


def _with_measures(row: CheckRow, types: Mapping[str, str]) -> CheckRow:
    others = {name: _finite(value) for name, value in row.items() if name not in types}
    return {name: row[name] for name in row if name in types} | {"measures": row.get("measures", {}) | others}


def _plain(value: Any, type_: str) -> Any:
    if type_ == "JSON":
        return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return _finite(value) if type_ == "DOUBLE" else value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
