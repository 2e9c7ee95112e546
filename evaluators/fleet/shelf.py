"""What a fleet leaves on storage, so that nothing that matters is known to a process alone.

::

    results/<model>/<revision>/<Task>.json   as mteb lays them out, with model_meta.json; another run of the same
                                             revision below experiments/<digest>/, a task of the same run on other data
                                             below experiments/<digest>-<data>/
    runs/<digest>/run.json                   a run by its identity: what ran, on what, with which files
    runs/<digest>/tasks/<Task>.<data>.json   the record of a task that is done, written after its result
    runs/<digest>/failed/<Task>.json         why one was set aside
    runs/<digest>/claims/<Task>.<data>.<n>.json   who runs it; n grows when the one before died
    fleet/<plan>/sessions/<session>.json     a driver's sign of life, with how far it is
    fleet/<plan>/cells/<session>/<model>.json     its tasks, one by one

Whatever is written is written whole. A result is never written twice, and a cell counts from the moment its record is
there, which one writer alone can put there. So it is done exactly once, whoever crosses whom, and a record's result is
the same whenever it is read. Who was slow, was taken for dead and ends after another finds both there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from data.store import keys
from data.store.errors import StorageError
from data.store.storage import Storage
from data.store.vocabulary import StorageFault

__all__ = ["AT_ONCE", "Cell", "Shelf", "StoredRun", "cell_of", "run_folders", "stored_run"]

AT_ONCE = 16  # requests to the storage; each is a wait and no work
_RECORD = 16 * 2**20  # bytes of a record at most


class Cell(NamedTuple):
    """A task on its data."""

    task: str
    data: str  # 8 hexadecimal digits of path, revision, splits and subsets

    @property
    def name(self) -> str:
        """Its name in a file's."""
        return f"{self.task}.{self.data}"


class StoredRun(NamedTuple):
    """A run that lies on storage, whole as far as it is."""

    run: dict[str, Any]
    records: list[dict[str, Any]]


def cell_of(task: str, dataset: Mapping[str, Any]) -> Cell:
    """The cell of a task on a data set, as ``evaluators.reproduce.run.data_of`` tells it."""
    return Cell(task, hashlib.sha256(json.dumps(dataset, sort_keys=True).encode()).hexdigest()[:8])


class Shelf:
    """The storage of a plan, as one session sees it."""

    def __init__(self, storage: Storage, session: str) -> None:
        self.storage, self.session = storage, session

    def begin(self, digest: str, run: dict[str, Any]) -> dict[str, Any]:
        """The run of an identity: the one there is, else this one."""
        path = f"runs/{digest}/run.json"
        if self.storage.write_new(path, _encoded(run)):
            return run
        return _decoded(self.storage.read(path, _RECORD))

    def run(self, digest: str) -> dict[str, Any]:
        """A run as it is there; empty where it cannot be read."""
        return self._read(f"runs/{digest}/run.json") or {}

    def change(self, digest: str, **columns: Any) -> None:
        """Change columns of a run: how it ended, and when. One that cannot be read is left for somebody to look at."""
        run = self.run(digest)
        if run and any(run.get(name) != value for name, value in columns.items()):
            self.storage.write(f"runs/{digest}/run.json", _encoded(run | columns))

    def done(self, digest: str) -> set[str]:
        """Names of the cells of a run that are done; one listing."""
        return {file.path.rpartition("/")[2].removesuffix(".json") for file in self._files(f"runs/{digest}/tasks")}

    def is_done(self, digest: str, cell: Cell) -> bool:
        """Whether a cell is done."""
        return self.storage.look(f"runs/{digest}/tasks/{cell.name}.json") is not None

    def record(self, digest: str, cell: Cell) -> dict[str, Any]:
        """The record of a cell that is done; empty where it is not."""
        return self._read(f"runs/{digest}/tasks/{cell.name}.json") or {}

    def claim(self, digest: str, cell: Cell, dead: Iterable[str] = ()) -> str | int:
        """Make a cell ours to run, or say whose it is.

        Args:
            digest: the run.
            cell: the task on its data.
            dead: sessions whose claims count no more.

        Returns:
            Where it is ours, how often this session has begun it, with this time; else the session that runs it.
        """
        # A request whose answer was lost is asked again by the library: the mark tells this claim from an earlier try.
        mark, over = secrets.token_hex(8), set(dead)
        mine = _encoded({"session": self.session, "tries": 1, "mark": mark})
        for generation in range(10_000):
            path = f"runs/{digest}/claims/{cell.name}.{generation}.json"
            if self.storage.write_new(path, mine):
                return 1
            claim = _decoded(self.storage.read(path, _RECORD))
            owner = str(claim.get("session"))
            if owner == self.session:  # our worker died at it, or it raised
                if claim.get("mark") == mark:
                    return 1
                tries = int(claim.get("tries") or 0) + 1
                self.storage.write(path, _encoded(claim | {"tries": tries}))
                return tries
            if owner not in over:
                return owner
        raise AssertionError  # nobody dies ten thousand times

    def forgive(self, digest: str, cell: Cell, by: int) -> None:
        """Count so many begins of ours less: what ended them was no fault of the task."""
        for file in reversed(list(self.storage.files(f"runs/{digest}/claims"))):
            if file.path.rpartition("/")[2].startswith(f"{cell.name}."):
                claim = self._read(file.path) or {}
                if claim.get("session") == self.session:
                    left = max(int(claim.get("tries") or 0) - by, 0)
                    self.storage.write(file.path, _encoded(claim | {"tries": left}))
                    return

    def commit(
        self, digest: str, cell: Cell, record: dict[str, Any], result: bytes, place: tuple[str, str], meta: bytes | None
    ) -> bool:
        """Keep a finished task: its result first, then the record that makes it count.

        Args:
            digest: the run.
            cell: the task on its data.
            record: the journal's; ``file`` is set to where the result lies.
            result: mteb's file.
            place: names of the folders of model and revision, as mteb has them.
            meta: mteb's model_meta.json.

        Returns:
            Whether it was ours that counts; another one's was there before otherwise.
        """
        if self.is_done(digest, cell):
            return False
        folder = self._folder(digest, cell, place)
        file = f"{folder}/{cell.task}.json"
        if meta is not None:
            self.storage.write_new(f"{folder}/model_meta.json", meta)
        self.storage.write_new(file, result)  # that of a writer who died before its record counts as well: it is whole
        ours = self.storage.write_new(f"runs/{digest}/tasks/{cell.name}.json", _encoded(record | {"file": file}))
        self.storage.remove(f"runs/{digest}/failed/{cell.task}.json")
        return ours

    def begin_load(self, worker: str) -> int:
        """How often a worker has begun to load its model since it last succeeded, with this time."""
        path = f"loads/{self.session}/{worker}.json"
        tries = int((self.shown(path) or {}).get("tries") or 0) + 1
        self.show(path, {"tries": tries})
        return tries

    def end_load(self, worker: str) -> None:
        """It has succeeded: what dies later did not die of loading."""
        self.show(f"loads/{self.session}/{worker}.json", {"tries": 0})

    def _folder(self, digest: str, cell: Cell, place: tuple[str, str]) -> str:
        """The folder of a cell's result: that of its revision for the first run and data there, else an experiment."""
        plain, owners = "/".join(("results", *place)), "/".join(("fleet/folders", *place))
        first = self._first(f"{owners}.json", digest)
        if not self._first(f"{owners}/{digest}/{cell.task}.json", cell.data):
            return f"{plain}/experiments/{digest}-{cell.data}"
        return plain if first else f"{plain}/experiments/{digest}"

    def _first(self, path: str, who: str) -> bool:
        """Whether somebody is the first to ask for a place, or was."""
        if self.storage.write_new(path, _encoded({"digest": who})):
            return True
        return _decoded(self.storage.read(path, _RECORD)).get("digest") == who

    def set_aside(self, digest: str, record: dict[str, Any]) -> None:
        """Keep why a task was given up."""
        record = record | {"session": self.session}
        self.storage.write(f"runs/{digest}/failed/{record['task']}.json", _encoded(record))

    def given_up(self, digest: str, task: str) -> dict[str, Any] | None:
        """Why a task was given up, and by which session."""
        return self._read(f"runs/{digest}/failed/{task}.json")

    def show(self, path: str, content: dict[str, Any]) -> None:
        """Write a small record of how things are below ``fleet/``."""
        self.storage.write(f"fleet/{path}", _encoded(content))

    def shown(self, path: str) -> dict[str, Any] | None:
        """Such a record, or None where there is none."""
        return self._read(f"fleet/{path}")

    def shown_below(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and content of the records in a folder below ``fleet/``."""
        files = self._files(f"fleet/{path}")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            contents = list(pool.map(self._read, [file.path for file in files]))
        for file, content in zip(files, contents, strict=True):
            if content is not None:
                yield file.path.removeprefix(f"fleet/{path}/").removesuffix(".json"), content

    def _files(self, below: str) -> list[Any]:
        return [file for file in self.storage.files(below) if file.path.endswith(".json")]

    def _read(self, path: str) -> dict[str, Any] | None:
        return _content(self.storage, path)


def run_folders(storage: Storage) -> dict[str, str]:
    """Folders of the runs on a fleet's storage, each with what is another when a record in it is; one listing."""
    versions: dict[str, list[str]] = {}
    for file in storage.files("runs"):
        parts = file.path.split("/")
        if len(parts) > 2 and parts[2] in ("run.json", "tasks", "failed"):
            versions.setdefault("/".join(parts[:2]), []).append(f"{file.path} {file.size} {file.version}")
    return {
        folder: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
        for folder, lines in versions.items()
        if any(line.startswith(f"{folder}/run.json ") for line in lines)
    }


def stored_run(storage: Storage, folder: str) -> StoredRun:
    """A run as it is on storage; of a task that was given up and then done, or done on other data, the last stands.

    Raises:
        StorageError: it cannot be read.
    """
    records: list[dict[str, Any]] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for kind in ("failed", "tasks"):
            paths = [file.path for file in storage.files(f"{folder}/{kind}")]
            of_kind = [record for record in pool.map(lambda path: _content(storage, path), paths) if record]
            records += sorted(of_kind, key=lambda record: str(record.get("finished_at")))
    by_task = {str(record["task"]): record for record in records if "task" in record}
    return StoredRun(_decoded(storage.read(f"{folder}/run.json", _RECORD)), list(by_task.values()))


def _content(storage: Storage, path: str) -> dict[str, Any] | None:
    """A record by its path; None where it is not there, or was removed a moment ago."""
    try:
        return _decoded(storage.read(path, _RECORD))
    except StorageError as error:
        if error.code != StorageFault.MISSING:
            raise
        return None


def _encoded(content: dict[str, Any]) -> bytes:
    """A record as it is written; keys of services are masked."""
    return json.dumps(keys.masked_all(content), indent=1, default=str).encode()


def _decoded(data: bytes) -> dict[str, Any]:
    """A record as it was written; an unreadable one is empty."""
    with suppress(ValueError):
        content = json.loads(data)
        if isinstance(content, dict):
            return content
    return {}
