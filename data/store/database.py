"""Open the store for reading, and publish a new version of it atomically.

One DuckDB file holds everything. Readers attach it read-only and keep the version they opened. A writer takes a lock,
changes a private copy and puts that in the published file's place in one step, so that nobody waits on a reader and a
crash at any moment leaves the published file as it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import duckdb
from filelock import FileLock, Timeout

from data.store.access_mode import must_be_writable, read_only, store_path
from data.store.cleaning import clean, rewrite
from data.store.errors import StoreBusyError, StoreError, StoreMissingError, StoreOutdatedError
from data.store.migrate import check_schema, create, damaged, migrate

__all__ = [
    "StoreReader",
    "Version",
    "bring_up_to_date",
    "open_reader",
    "put_in_place",
    "reading",
    "store_path",
    "version_of",
    "writing",
]

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}

# What a reader may hold of the store and of answers in the making: DuckDB would take four fifths of the machine.
_MEMORY = "700MB"


class Version(NamedTuple):
    """What tells one published store from the next; every cache of the dashboard is keyed by it."""

    mtime_ns: int
    size: int
    inode: int


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


class StoreReader:
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
        # What does not fit into memory would be written to a folder ".tmp" of wherever the process was started.
        spill = "" if read_only(path) else str(Path(tempfile.gettempdir()) / f"plumbline-spill-{os.getpid()}")
        self._root = duckdb.connect(config={**_CONFIG, "memory_limit": _MEMORY, "temp_directory": spill})
        self._local = threading.local()
        try:
            # ATTACH takes no parameters; the path is the operator's own, and a quote in it is doubled.
            self._root.execute("ATTACH '{}' AS store (READ_ONLY)".format(str(path).replace("'", "''")))
            self._root.execute("USE store")
            check_schema(self._root, path)
        except duckdb.Error as error:
            self._root.close()
            raise damaged(path) from error
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


def open_reader(path: Path | None = None) -> StoreReader:
    """Open the published store read-only.

    Raises:
        StoreMissingError, StoreDamagedError, StoreOutdatedError: each with the command that mends it.
    """
    return StoreReader(path or store_path())


@contextmanager
def reading(path: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor on the published store for the length of the block; raises as :func:`open_reader` does."""
    reader = open_reader(path)
    try:
        yield reader.cursor()
    finally:
        reader.close()


def bring_up_to_date(path: Path | None = None) -> None:
    """Publish the store under today's schema if an earlier one wrote it; nothing where it is of today's.

    Raises:
        StoreMissingError, StoreBusyError, StoreDamagedError, StoreOutdatedError: as for a writer.
    """
    try:
        open_reader(path).close()
    except StoreOutdatedError:
        with writing(path):
            pass


@contextmanager
def writing(path: Path | None = None, *, fresh: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Change the store: yields a connection to a private copy, and publishes the copy if the block ends well.

    Args:
        path: the published file; the default is :func:`store_path`.
        fresh: start from an empty store instead of a copy of the published one.

    Raises:
        ReadOnlyError: this deployment writes nothing, or the folder cannot be written to.
        StoreBusyError: another process is writing.
        StoreOutdatedError, StoreDamagedError: the published store cannot be added to (``fresh=True`` replaces it).
    """
    path = path or store_path()
    must_be_writable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        _sweep(path)
        private = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            with _private(path, private, fresh) as connection:
                yield connection
            _publish(private, path)
        finally:
            for leftover in (private, private.with_name(private.name + ".wal")):
                leftover.unlink(missing_ok=True)


def put_in_place(store: Path, path: Path) -> None:
    """Publish a whole store that came from elsewhere, a file in the folder of ``path``, in one step as a writer does.

    Raises:
        StoreDamagedError, StoreOutdatedError: it is no store of today's schema; the published one stays.
        StoreBusyError: another process is writing.
    """
    open_reader(store).close()
    with _alone(path):
        _publish(store, path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of writers; raises StoreBusyError where another process does."""
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
        yield
    finally:
        lock.release()


@contextmanager
def _private(path: Path, private: Path, fresh: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    new = fresh or not path.exists()
    if not new:
        shutil.copyfile(path, private)
    try:
        connection = duckdb.connect(str(private), config=_CONFIG)
    except duckdb.Error as error:
        raise damaged(path) from error
    try:
        if new:
            create(connection)
        else:
            migrate(connection, path)
            connection = _without_keys(connection, private)
        yield connection
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _without_keys(connection: duckdb.DuckDBPyConnection, private: Path) -> duckdb.DuckDBPyConnection:
    """The private copy, cleaned of keys that an earlier version let through; in a file of its own if there were any."""
    if not clean(connection):
        return connection
    cleaned = private.with_name(private.name + ".cleaned")
    cleaned.unlink(missing_ok=True)
    rewrite(connection, cleaned)
    connection.close()
    cleaned.replace(private)
    return duckdb.connect(str(private), config=_CONFIG)


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
