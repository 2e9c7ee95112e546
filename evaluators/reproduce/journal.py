"""What a run has done so far, kept as files so that a run killed at any moment goes on where it stopped.

A run's folder holds mteb's own result files (``mteb/``), one record a task (``tasks/``) and ``run.json``. Records are
written last and put in place in one step: a task's record says ``done`` only when its result file is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from data.store import keys
from data.store.errors import InputError, StoreBusyError
from data.store.vocabulary import Status
from evaluators.cached import cache_folder

__all__ = ["Journal", "default_root", "identity_digest", "now"]


def default_root() -> Path:
    """Where runs are kept: ``runs`` in :func:`evaluators.cached.cache_folder`."""
    return cache_folder() / "runs"


def now() -> str:
    """This moment in UTC, to the millisecond, as the store writes it."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def identity_digest(identity: dict[str, Any]) -> str:
    """64 hexadecimal digits, the same for runs whose scores can be of one run."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()


class Journal:
    """One run's folder.

    Attributes:
        folder: where it is.
        run: the row of ``runs``, as JSON.
        resumed: the run was begun by an earlier process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.resumed = (folder / "run.json").exists()
        self.run: dict[str, Any] = _read(folder / "run.json") if self.resumed else {}

    @classmethod
    def open(cls, root: Path, identity: dict[str, Any], *, again: bool = False) -> Journal:
        """The newest run of this very identity, or a new one.

        Args:
            root: folder of all runs.
            identity: everything that can change a score: model, revision, files, settings, library versions.
            again: begin a new run even if there is one, as is needed to measure the noise of reruns.
        """
        digest = identity_digest(identity)[:8]
        earlier = sorted(path.parent for path in root.glob(f"*-{digest}/run.json"))
        if earlier and not again:
            return cls(earlier[-1])
        moment = datetime.now(UTC)
        while (folder := root / f"{moment:%Y%m%d-%H%M%S}-{digest}").exists():
            moment = moment.fromtimestamp(moment.timestamp() + 1, UTC)  # two runs begun within a second
        (folder / "tasks").mkdir(parents=True)
        return cls(folder)

    @property
    def run_id(self) -> str:
        """Date, time and a hash of the identity: the folder's name."""
        return self.folder.name

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second process from running the same thing into the same folder.

        Raises:
            StoreBusyError: another process does it right now.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreBusyError(
                "Another process is at work on this very run",
                where=self.run_id,
                remedy="Wait for it, or start a separate run with --again.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def write_run(self, **columns: Any) -> None:
        """Change some of the run's columns."""
        self.run |= columns
        _write(self.folder / "run.json", self.run)

    def write_task(self, record: dict[str, Any]) -> None:
        """Keep one task's record; the last one written for a task counts."""
        _write(self.folder / "tasks" / f"{record['task']}.json", record)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Every task's record, by name, in the order they ended; an unreadable one counts as not there."""
        records = filter(None, (_read(path) for path in (self.folder / "tasks").glob("*.json")))
        return {record["task"]: record for record in sorted(records, key=lambda r: r.get("finished_at") or "~")}

    def read(self, file: str) -> bytes:
        """The bytes of a result file, by the name a record has for it."""
        return (self.folder / file).read_bytes()

    def finished(self, task: str, dataset: dict[str, Any]) -> bool:
        """Whether the task was run to its end on this very data set (path and revision)."""
        record = self.tasks().get(task)
        return bool(record and record["status"] == Status.DONE and record["dataset"] == dataset)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write beside, then put in place: a reader never sees half a file."""
    content = keys.masked_all(content)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=1, default=str)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            "A run's record cannot be read", where=str(path), remedy="Remove that file; its task will run again."
        ) from error
    if not isinstance(content, dict):
        raise InputError("A run's record is not one", where=str(path), remedy="Remove that file.")
    return content
