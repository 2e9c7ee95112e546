"""Runs of a fleet on its storage, read into the store: what is done there, with everything that was written down of it.

Only records count: the result file of a task whose record is not there yet is not looked at.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.store.errors import PlumblineError, StorageError
from data.store.rows import append
from data.store.storage import Storage, open_storage
from data.store.vocabulary import StorageFault
from evaluators.fleet.shelf import run_folders, stored_run
from evaluators.official.scan import LARGEST
from evaluators.reproduce.publish import put

__all__ = ["FleetRuns", "fleet_runs"]


class FleetRuns:
    """The runs that lie on a fleet's storage, as they were when this was made."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self.place = storage, storage.url
        self._root = f"{storage.url}/runs"
        self.prints = run_folders(storage)

    def new(self, cursor: duckdb.DuckDBPyConnection) -> list[str]:
        """Folders of runs that the store does not have as they are now."""
        rows = cursor.execute("SELECT path, mtime_ns FROM files WHERE root = ?", [self._root]).fetchall()
        before = dict(rows)
        return [folder for folder, print_ in self.prints.items() if before.get(folder) != _number(print_)]

    def put(self, connection: duckdb.DuckDBPyConnection, import_id: int) -> tuple[int, list[tuple[str, str]]]:
        """Bring the new ones into an open store, each whole or not at all.

        Args:
            connection: from :func:`data.store.database.writing`.
            import_id: of the import that reads them; each run counts as one of its own.

        Returns:
            How many were read, and path and reason of those that cannot be; they are looked at again next time.

        Raises:
            StorageError: the storage does not answer; a fault of one file is that run's.
        """
        rejected = []
        folders = self.new(connection)
        for folder in folders:
            connection.begin()
            try:
                self._put_one(connection, folder)
            except (PlumblineError, KeyError, TypeError, ValueError) as error:
                connection.rollback()
                if isinstance(error, StorageError) and error.code not in _OF_ONE_FILE:
                    raise
                rejected.append((folder, f"The run cannot be read: {type(error).__name__}: {error}"))
            else:
                connection.commit()
        connection.execute("DELETE FROM rejected WHERE root = ?", [self._root])
        names = ("path", "reason", "root", "import_id")
        append(
            connection, "rejected", [dict(zip(names, (*each, self._root, import_id), strict=True)) for each in rejected]
        )
        return len(folders) - len(rejected), rejected

    def _put_one(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        stored = stored_run(self._storage, folder)
        put(connection, stored.run, stored.records, lambda file: self._storage.read(file, LARGEST))
        connection.execute("DELETE FROM files WHERE root = ? AND path = ?", [self._root, folder])
        row = {"root": self._root, "path": folder, "size": 0, "mtime_ns": _number(self.prints[folder])}
        append(connection, "files", [row])


_OF_ONE_FILE = (StorageFault.MISSING, StorageFault.TOO_LARGE, StorageFault.ARCHIVED)


def fleet_runs(place: Path | str) -> FleetRuns | None:
    """The runs at a place, or None where no fleet has written there.

    Raises:
        StorageError: it cannot be listed.
    """
    if isinstance(place, Path) and not place.is_dir():
        return None
    storage = open_storage(place)
    if not {"fleet", "runs"} <= set(storage.folders()):
        return None
    return FleetRuns(storage)


def _number(print_: str) -> int:
    """The first 63 bits of a hash, for a column that is made for times."""
    return int(print_[:16], 16) >> 1
