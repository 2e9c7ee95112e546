"""What a machine of the fleet does: load one model, then run tasks on it, one a call.

One at a time: mteb seeds the process's random numbers for each task, so that two side by side would take them from one
another and their figures would not be those of a serial run. More of a model's tasks at once are more actors of it.
"""

from __future__ import annotations

import socket
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data.store import keys
from data.store.errors import PlumblineError, StorageError
from data.store.storage import open_storage
from data.store.vocabulary import Status
from evaluators.fleet.answers import (
    Elsewhere,
    GaveUp,
    Loaded,
    Ran,
    Refused,
    TaskFailedError,
    Watched,
    other_run,
)
from evaluators.fleet.plan import FleetPlan, ModelSetUp
from evaluators.fleet.shelf import Cell, Shelf
from evaluators.fleet.waiting import patient

if TYPE_CHECKING:
    from evaluators.fleet.loading import ReadyModel

__all__ = ["SIGN", "ModelWorker"]


Answered = Ran | GaveUp | Elsewhere | Refused
SIGN = "plumbline worker "  # and its name: whose the lines are that follow in a log


class ModelWorker:
    """An actor: a model in a process of its own. After a restart its next call loads it again.

    Ray repeats a call without end, since it counts each look at a machine that is gone as one; how often a call really
    began is on storage, and one that began too often is answered instead of run.
    """

    def __init__(
        self, plan: FleetPlan, setup: ModelSetUp, session: str, published: dict[str, float], name: str
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            print(f"{SIGN}{name}", file=stream, flush=True)
        keys.remember_environment()  # a machine of the cluster has keys of its own; none gets into a record
        self._plan, self._setup, self._published = plan, setup, published
        self._session = session
        self._ready: ReadyModel | None = None
        self._watched = Watched("", 0, 0, 0.0)
        self._name, self._most = name, plan.limits.retries + 1
        self._patiently = patient(plan.limits)

    @cached_property
    def _shelf(self) -> Shelf:
        return Shelf(open_storage(self._plan.storage), self._session)

    def load(self) -> Loaded | Refused:
        """Preflight, load and measure; what is wrong with a model is an answer.

        Raises:
            StorageError: it is away, for all or for this machine alone; nothing is wrong with the model.
        """
        try:
            ready = self._load()
            if isinstance(ready, Refused):
                return ready
            return self._patiently(ready.look, self._shelf, self._published)
        except StorageError:
            raise
        except PlumblineError as error:
            return Refused(str(error))

    def run(self, task: str, dead: frozenset[str] = frozenset(), digest: str = "") -> Answered:
        """Run a task, unless another session does or did.

        Args:
            task: its name.
            dead: sessions whose claims count no more.
            digest: of the run that the task is to be a part of; any if empty.

        Raises:
            TaskFailedError: it raised.
        """
        ready = self._ready or self._load()
        if isinstance(ready, Refused):
            return ready
        if digest and digest != ready.digest:  # after a restart on a machine that differs
            return Refused(other_run(socket.gethostname()))
        digest, cell = ready.digest, ready.cell(task)
        if self._patiently(self._shelf.is_done, digest, cell):
            return Ran({"task": task, "status": Status.DONE}, ours=False)
        tries = self._patiently(self._shelf.claim, digest, cell, dead)
        if isinstance(tries, str):
            return Elsewhere(tries)
        if tries > self._most:
            return GaveUp(
                {"task": task, "error": f"Its worker died at it, or its machine, the last of {self._most} times."}
            )
        record = ready.run(task, self._progress)
        self._watched = Watched("", 0, 0, 0.0)
        if record["status"] == Status.DONE:
            return Ran(record, self._commit(ready, cell, record))
        if record.get("out_of_memory"):
            return Ran(record, ours=True)
        if tries >= self._most:
            return GaveUp(record)
        time.sleep(min(self._plan.limits.heartbeat / 10 * 2**tries, 60))  # what failed may recover
        raise TaskFailedError(str(record["error"]))

    def watch(self) -> Watched:
        """How far the task at hand is; asked while it runs."""
        return self._watched

    def _progress(self, task: str, texts: int, asked: int, seconds: float) -> None:
        self._watched = Watched(task, texts, asked, seconds)

    def _load(self) -> ReadyModel | Refused:
        """The model, unless it is refused, or workers of this name have died at it one after the other."""
        from evaluators.fleet.loading import ready_model

        if self._patiently(self._shelf.begin_load, self._name) > self._most:
            return Refused(f"Its worker died {self._most} times while it loaded the model.")
        try:
            self._ready = ready_model(self._plan, self._setup, self._shelf)
        except StorageError:
            raise
        except PlumblineError as error:
            return Refused(str(error))
        self._patiently(self._shelf.end_load, self._name)
        return self._ready

    def _commit(self, ready: ReadyModel, cell: Cell, record: dict[str, Any]) -> bool:
        file = ready.folder / record["file"]
        place = (file.parent.parent.name, file.parent.name)
        meta = file.with_name("model_meta.json")
        return self._patiently(
            self._shelf.commit,
            ready.digest,
            cell,
            record,
            file.read_bytes(),
            place,
            meta.read_bytes() if meta.is_file() else None,
        )
