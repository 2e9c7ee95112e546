"""Which schema a store is of: made anew as today's, or brought up to it from an earlier one.

What is in the tables is changed by the scripts of each version (``migrations/NN*.sql``), so that runs and checks of
this machine outlive a new version; views and macros hold nothing and are made again from ``views/``.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.store.derive import derive_compared
from data.store.errors import StoreDamagedError, StoreOutdatedError

__all__ = ["NOISE_FLOORS", "RECORD", "SCHEMA_VERSION", "check_schema", "create", "damaged", "migrate", "renew_views"]

# Raised whenever a table or a view changes shape. A writer brings a store of an earlier version up to this one;
# readers, who change nothing, say which command does.
SCHEMA_VERSION = 4
_EARLIEST = 1  # the first version there is a script from

_HERE = Path(__file__).resolve().parent
RECORD = _HERE.parent / "record"  # what is bundled
NOISE_FLOORS = RECORD / "noise_floors.parquet"
_REBUILD = "Run `python -m evaluators import --rebuild` to write it again from the bundled record."
_UPDATE = "Run `python -m evaluators import` to bring it up to date; nothing in it is lost."


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of an empty store, then the views over them; then what comes with us."""
    connection.begin()  # in one: each statement by itself would wait for the disk
    _execute(connection, "schema/*.sql")
    _execute(connection, "views/*.sql")
    # The noise floors are ours, not the record's: every store has them, whatever is imported into it.
    connection.execute("INSERT INTO noise_floors SELECT * FROM read_parquet(?)", [str(NOISE_FLOORS)])
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
    connection.commit()


def migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring the store read from ``path`` up to today's schema, inside one transaction.

    What a writer does before anything else: its copy is private, so a migration that fails leaves the store whole.

    Raises:
        StoreOutdatedError: of a later version than ours.
        StoreDamagedError: no store, or one that cannot be brought up to date.
    """
    written = _written_by(connection, path)
    if _is_earlier(written):
        connection.begin()
        try:
            for version in range(int(written) + 1, SCHEMA_VERSION + 1):
                _execute(connection, f"migrations/{version:02d}*.sql")
            renew_views(connection)
            derive_compared(connection)  # readers ask it, and no import need follow
            connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION)])
        except duckdb.Error as error:
            connection.rollback()
            raise damaged(path) from error
        connection.commit()
    check_schema(connection, path)


def check_schema(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a store of another schema than today's.

    Raises:
        StoreOutdatedError: of another version, with the command that mends it.
        StoreDamagedError: the file is no store.
    """
    written = _written_by(connection, path)
    if written != str(SCHEMA_VERSION):
        raise StoreOutdatedError(
            f"The store was written by schema {written}, this is schema {SCHEMA_VERSION}",
            where=str(path),
            remedy=_UPDATE if _is_earlier(written) else _REBUILD,
        )


def damaged(path: Path) -> StoreDamagedError:
    """The error that says a file is no store."""
    return StoreDamagedError("The file is not a store of Plumbline", where=str(path), remedy=_REBUILD)


def _written_by(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Version of the schema that wrote a store."""
    try:
        # All rows, though there is one: a result read in part keeps the connection from registering frames.
        rows = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchall()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise damaged(path)
    return str(rows[0][0])


def _is_earlier(written: str) -> bool:
    return written.isdecimal() and _EARLIEST <= int(written) < SCHEMA_VERSION


def _execute(connection: duckdb.DuckDBPyConnection, scripts: str) -> None:
    """Run the scripts of a folder in the order of their file names."""
    for script in sorted(_HERE.glob(scripts)):
        connection.execute(script.read_text(encoding="utf-8"))


def renew_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Put today's views and macros in the place of whatever a store has."""
    _drop_views(connection)
    _execute(connection, "views/*.sql")


def _drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
        connection.execute(f'DROP VIEW "{name}"')
    macros = connection.execute(
        "SELECT DISTINCT function_name, function_type FROM duckdb_functions()"
        " WHERE NOT internal AND function_type IN ('macro', 'table_macro')"
    ).fetchall()
    for name, kind in macros:
        connection.execute(f'DROP MACRO {"TABLE " if kind == "table_macro" else ""}"{name}"')
