"""Open the store for reading, and publish a new version of it atomically.

One DuckDB file holds everything. Readers attach it read-only and keep the version they opened. A writer takes a lock,
changes a private copy and puts that in the published file's place in one step, so that nobody waits on a reader and a
crash at any moment leaves the published file as it was.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import duckdb
from filelock import FileLock, Timeout

from data.errors import StoreBusyError, StoreDamagedError, StoreError, StoreMissingError, StoreOutdatedError

__all__ = ["NOISE_FLOORS", "SCHEMA_VERSION", "Reader", "Version", "open_reader", "store_path", "version_of", "writing"]

# Raised whenever a table or a view changes shape: a store of another version is rebuilt, not migrated, because
# everything in it can be made again from the files it came from.
SCHEMA_VERSION = 2

_HERE = Path(__file__).resolve().parent
NOISE_FLOORS = _HERE / "record" / "noise_floors.parquet"
_REBUILD = "Run `python -m evaluators import --rebuild` to write it again from the bundled record."


class Version(NamedTuple):
    """What tells one published store from the next; every cache of the dashboard is keyed by it."""

    mtime_ns: int
    size: int
    inode: int


def store_path() -> Path:
    """Path of the store: ``PLUMBLINE_STORE`` if it is set, else ``data/plumbline.duckdb`` of this checkout."""
    named = os.environ.get("PLUMBLINE_STORE")
    return Path(named).expanduser() if named else _HERE / "plumbline.duckdb"


def version_of(path: Path) -> Version:
    """Version of the published store at ``path``.

    Raises:
        StoreMissingError: nothing is there.
    """
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreMissingError(
            "There is no store yet",
            where=str(path),
            remedy="Run `python -m evaluators import` to build it from the bundled record.",
        ) from None
    return Version(stat.st_mtime_ns, stat.st_size, stat.st_ino)


class Reader:
    """One version of the store, open read-only for as long as somebody reads it.

    DuckDB hands out the old file when a path is connected to twice in one process, and gives wrong results when one
    connection serves several threads. So each version is attached to an in-memory database of its own, and every
    thread reads through a cursor of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Taken before the file is opened: if it is replaced in between, the cache key is the older version, and the
        # next look at the file opens it again.
        self.version = version_of(path)
        self._root = duckdb.connect(config={"autoinstall_known_extensions": False})
        self._local = threading.local()
        try:
            # ATTACH takes no parameters; the path is the operator's own, and a quote in it is doubled.
            self._root.execute("ATTACH '{}' AS store (READ_ONLY)".format(str(path).replace("'", "''")))
            self._root.execute("USE store")
            _check_schema(self._root, path)
        except duckdb.Error as error:
            self._root.close()
            raise _damaged(path) from error
        except StoreError:
            self._root.close()
            raise

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own cursor on the store."""
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self.own_cursor()
        return cursor

    def own_cursor(self) -> duckdb.DuckDBPyConnection:
        """A new cursor that nobody else uses, for temporary tables and variables; the caller closes it."""
        cursor = self._root.cursor()
        cursor.execute("USE store")
        return cursor

    def close(self) -> None:
        """Let the file go."""
        self._root.close()


def open_reader(path: Path | None = None) -> Reader:
    """Open the published store read-only.

    Raises:
        StoreMissingError, StoreDamagedError, StoreOutdatedError: each with the command that mends it.
    """
    return Reader(path or store_path())


@contextmanager
def writing(path: Path | None = None, *, fresh: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Change the store: yields a connection to a private copy, and publishes the copy if the block ends well.

    Args:
        path: the published file; the default is :func:`store_path`.
        fresh: start from an empty store instead of a copy of the published one.

    Raises:
        StoreBusyError: another process is writing.
        StoreOutdatedError, StoreDamagedError: the published store cannot be added to (``fresh=True`` replaces it).
    """
    path = path or store_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreBusyError(
            "Another process is writing the store",
            where=str(path),
            remedy="Wait until it has finished, or name another file with PLUMBLINE_STORE.",
        ) from None
    try:
        _sweep(path)
        private = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            with _private(path, private, fresh) as connection:
                yield connection
            _publish(private, path)
        finally:
            for leftover in (private, private.with_name(private.name + ".wal")):
                leftover.unlink(missing_ok=True)
    finally:
        lock.release()


@contextmanager
def _private(path: Path, private: Path, fresh: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    new = fresh or not path.exists()
    if not new:
        shutil.copyfile(path, private)
    try:
        connection = duckdb.connect(str(private), config={"autoinstall_known_extensions": False})
    except duckdb.Error as error:
        raise _damaged(path) from error
    try:
        if new:
            _create(connection)
        else:
            _check_schema(connection, path)
        yield connection
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    """Tables first, then the views over them, each folder in the order of its file names; then what comes with us."""
    for folder in ("schema", "views"):
        for script in sorted((_HERE / folder).glob("*.sql")):
            connection.execute(script.read_text(encoding="utf-8"))
    # The noise floors are ours, not the record's: every store has them, whatever is imported into it.
    connection.execute("INSERT INTO noise_floors SELECT * FROM read_parquet(?)", [str(NOISE_FLOORS)])
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])


def _check_schema(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        # All rows, though there is one: a result read in part keeps the connection from registering frames.
        rows = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchall()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise _damaged(path)
    row = rows[0]
    if row[0] != str(SCHEMA_VERSION):
        raise StoreOutdatedError(
            f"The store was written by schema {row[0]}, this is schema {SCHEMA_VERSION}",
            where=str(path),
            remedy=_REBUILD,
        )


def _damaged(path: Path) -> StoreDamagedError:
    return StoreDamagedError("The file is not a store of Plumbline", where=str(path), remedy=_REBUILD)


def _publish(private: Path, path: Path) -> None:
    """Put ``private`` in the place of ``path`` in one step that survives a power cut."""
    with private.open("rb+") as handle:
        os.fsync(handle.fileno())
    private.replace(path)
    with suppress(OSError):  # a folder cannot be synced everywhere, and the rename has happened all the same
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sweep(path: Path) -> None:
    """Remove private copies of writers that were killed; the lock is ours, so none of them is alive."""
    for leftover in path.parent.glob(f"{path.name}.*.partial*"):
        leftover.unlink(missing_ok=True)
