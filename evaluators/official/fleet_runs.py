"""Runs and plans of a fleet on its storage, read into the store: what is done there, and what is left to do.

Only records count: the result file of a task whose record is not there yet is not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from data.store.errors import PlumblineError, StorageError
from data.store.rows import append
from data.store.storage import Storage, open_storage
from data.store.vocabulary import Status, StorageFault
from evaluators.fleet.shelf import Shelf, run_folders, stored_run
from evaluators.fleet.state import CellState, SetUpState
from evaluators.fleet.summary import plans_on, stored_state
from evaluators.official.scan import LARGEST
from evaluators.reproduce.publish import put

__all__ = ["FleetRuns", "fleet_runs"]


class FleetRuns:
    """The runs that lie on a fleet's storage, as they were when this was made."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self.place = storage, storage.url
        self._root = f"{storage.url}/runs"
        self.prints = run_folders(storage) | {_PLANS: plans_print(storage)}

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
                if folder == _PLANS:
                    put_plans(connection, self._storage)
                else:
                    self._put_one(connection, folder)
                self._remember(connection, folder)
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
        return len([folder for folder in folders if folder != _PLANS]) - len(rejected), rejected

    def _put_one(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        stored = stored_run(self._storage, folder)
        put(connection, stored.run, stored.records, lambda file: self._storage.read(file, LARGEST))

    def _remember(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        connection.execute("DELETE FROM files WHERE root = ? AND path = ?", [self._root, folder])
        row = {"root": self._root, "path": folder, "size": 0, "mtime_ns": _number(self.prints[folder])}
        append(connection, "files", [row])


_PLANS = "fleet"  # what stands in the place of a run's folder for the progress of all plans
_OF_ONE_FILE = (StorageFault.MISSING, StorageFault.TOO_LARGE, StorageFault.ARCHIVED)


def plans_print(storage: Storage) -> str:
    """What is another whenever a driver has given a sign of life."""
    versions = "\n".join(f"{file.path} {file.version}" for file in storage.files("fleet/sessions"))
    return hashlib.sha256(versions.encode()).hexdigest()


def put_plans(connection: duckdb.DuckDBPyConnection, storage: Storage) -> None:
    """Bring the progress of all plans on a storage into an open store, in the place of what it had of them."""
    for table in ("fleets", "fleet_cells"):
        connection.execute(f"DELETE FROM {table} WHERE storage = ?", [storage.url])
    shelf = Shelf(storage, "")
    for plan_id in plans_on(shelf):
        state, sessions = stored_state(shelf, plan_id)
        newest = sessions[-1]
        costs = [session["cost"] for session in sessions if session.get("cost") is not None]
        whose = {"storage": storage.url, "plan_id": plan_id}
        row = whose | {
            "name": str(newest.get("name") or plan_id),
            "status": Status(newest["status"]),
            "drivers": len(sessions),
            "started_at": datetime.fromisoformat(sessions[0]["started_at"]),
            "seen_at": datetime.fromisoformat(newest["seen_at"]),
            **{name: _number_in(newest, name) for name in ("an_hour", "seconds_left", "cost_left")},
            "cost": sum(map(float, costs)) if costs else None,
            "currency": str(newest.get("currency") or ""),
            "dashboard": newest.get("dashboard"),
        }
        append(connection, "fleets", [row])
        append(connection, "fleet_cells", [whose | _cell(*each) for each in state.cells(*Status)])


def _cell(setup: SetUpState, cell: CellState) -> dict[str, Any]:
    return {
        **{"setup": setup.label, "model": setup.model, "run_id": setup.run_id or None},
        **{"task": cell.task, "status": Status(cell.status), "seconds": cell.seconds, "expected": cell.expected},
        **{"error": cell.error or None, "log": list(map(str, cell.log))},
    }


def _number_in(record: Mapping[str, Any], name: str) -> float | None:
    return None if record.get(name) is None else float(record[name])


def fleet_runs(place: Path | str) -> FleetRuns | None:
    """The runs at a place, or None where no fleet has written there.

    Raises:
        StorageError: it cannot be listed.
    """
    if isinstance(place, Path) and not place.is_dir():
        return None
    storage = open_storage(place)
    # Signs of life come before the first run: then there is nothing to read yet, and no result either.
    if "fleet" not in storage.folders() or "fleet/sessions" not in storage.folders("fleet"):
        return None
    return FleetRuns(storage)


def _number(print_: str) -> int:
    """The first 63 bits of a hash, for a column that is made for times."""
    return int(print_[:16], 16) >> 1
