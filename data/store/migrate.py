"""Bring a store of an earlier schema up to today's, so that runs and checks of this machine outlive a new version.

What is in the tables is changed by one script a version (``migrations/NN.sql``); views and macros hold nothing and are
made again from ``views/``.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["EARLIEST", "make_views", "migrate"]

_HERE = Path(__file__).resolve().parent
EARLIEST = 1  # the first version there is a script from


def migrate(connection: duckdb.DuckDBPyConnection, written: int, wanted: int) -> None:
    """Change a store of schema ``written`` into one of schema ``wanted``, inside one transaction."""
    connection.begin()
    try:
        for version in range(written + 1, wanted + 1):
            connection.execute((_HERE / "migrations" / f"{version:02d}.sql").read_text(encoding="utf-8"))
        _drop_views(connection)
        make_views(connection)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(wanted)])
    except duckdb.Error:
        connection.rollback()
        raise
    connection.commit()


def make_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views and macros, in the order of their file names."""
    for script in sorted((_HERE / "views").glob("*.sql")):
        connection.execute(script.read_text(encoding="utf-8"))


def _drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
        connection.execute(f'DROP VIEW "{name}"')
    macros = connection.execute(
        "SELECT DISTINCT function_name, function_type FROM duckdb_functions()"
        " WHERE NOT internal AND function_type IN ('macro', 'table_macro')"
    ).fetchall()
    for name, kind in macros:
        connection.execute(f'DROP MACRO {"TABLE " if kind == "table_macro" else ""}"{name}"')
