"""Fill the derived tables from the record, for the store about to be published or as it stood after an import."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["derive", "derive_as_of"]

_HERE = Path(__file__).resolve().parent


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill ``chosen``, ``board``, ``board_subsets`` and ``board_groups`` from the record as it stands.

    Own tasks become a benchmark first.
    """
    connection.execute((_HERE / "own_tasks.sql").read_text(encoding="utf-8"))
    _fill(connection)


def derive_as_of(cursor: duckdb.DuckDBPyConnection, import_id: int) -> None:
    """Make temporary derived tables, as they stood after an import, that shadow the store's own on this cursor.

    The macros and views of the leaderboard, asked through the same cursor, then answer for that import. Give it a
    cursor of its own (``Reader.own_cursor``): what is made here stays on it until it is closed.
    """
    cursor.execute("SET VARIABLE as_of = ?", [import_id])
    for statement in duckdb.extract_statements((_HERE / "schema" / "20_derived.sql").read_text(encoding="utf-8")):
        cursor.execute(statement.query.replace("CREATE TABLE", "CREATE OR REPLACE TEMP TABLE"))
    _fill(cursor)


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute((_HERE / "derive.sql").read_text(encoding="utf-8"))
