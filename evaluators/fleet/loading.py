"""A model of a plan loaded in this process, with its tasks: what ``reproduce`` does before its first task."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from data.store.vocabulary import Status
from evaluators.environment import score_versions
from evaluators.fleet.answers import Loaded
from evaluators.fleet.choice import one_download_a_node, planned_tasks
from evaluators.fleet.plan import FleetPlan, ModelSetUp
from evaluators.fleet.shelf import Cell, Shelf, cell_of
from evaluators.fleet.waiting import patient
from evaluators.reproduce.instrumented import InstrumentedEncoder
from evaluators.reproduce.journal import Journal, identity_digest
from evaluators.reproduce.model_settings import settings_in_use
from evaluators.reproduce.models import LoadedModel, load_requested
from evaluators.reproduce.run import RunPlan, begin_run, data_of, quiet_bars, run_identity, run_task, task_estimates
from evaluators.reproduce.served import is_spec
from evaluators.reproduce.warning_capture import capturing_warnings

__all__ = ["Progressed", "ReadyModel", "ready_model"]

Progressed = Callable[[str, int, int, float], None]  # task, texts encoded, texts asked for, seconds


class ReadyModel:
    """A loaded model, its journal in a folder of this process, and its tasks."""

    def __init__(self, plan: RunPlan, fleet: FleetPlan, model: LoadedModel, journal: Journal, digest: str) -> None:
        self._plan, self._fleet, self._model, self._journal, self.digest = plan, fleet, model, journal, digest
        self._progress: Progressed = lambda *_: None
        self._task, self._began = "", 0.0
        self._encoder = InstrumentedEncoder(model.encoder, self._texts)
        self._used: set[str] = set()

    @property
    def folder(self) -> Path:
        """Where a record's ``file`` begins."""
        return self._journal.folder

    def cell(self, task: str) -> Cell:
        """A task on its data."""
        return cell_of(task, data_of(self._instance(task)))

    def _instance(self, task: str) -> Any:
        return next(each for each in self._plan.tasks if each.metadata.name == task)

    def look(self, shelf: Shelf, published: dict[str, float]) -> Loaded:
        """What is there of the model's tasks, and how long the others will take.

        Raises:
            ModelError: it cannot encode a handful of plain texts.
        """
        cells = {task.metadata.name: self.cell(task.metadata.name) for task in self._plan.tasks}
        there = shelf.done(self.digest)
        done = frozenset(name for name, cell in cells.items() if cell.name in there)
        waiting = [task for task in self._plan.tasks if task.metadata.name not in done]
        if waiting:  # one that an earlier session ended goes on
            shelf.change(self.digest, status=Status.RUNNING, finished_at=None)
        with self._model.guard():
            seconds = task_estimates(self._plan, self._model, self._encoder, waiting, published)
        known = {each.task: each.seconds for each in seconds if each.seconds is not None}
        return Loaded(
            digest=self.digest,
            run_id=str(self._journal.run["run_id"]),
            cells=cells,
            done=done,
            seconds=known,
            node=socket.gethostname(),
            libraries=score_versions(),
            files=[[file["path"], file["sha256"]] for file in self._model.files],
            fixed=not is_spec(self._plan.request.model) and _fixed(self._plan.request.revision, self._model),
        )

    def run(self, task: str, progress: Progressed) -> dict[str, Any]:
        """Run a task to its record, as ``reproduce`` does."""
        self._progress, self._task, self._began = progress, task, time.monotonic()
        self._texts(0, 0)
        if task in self._used:  # what it holds of the first try is not to be trusted
            self._plan = self._plan._replace(tasks=list(planned_tasks(self._fleet).values()))
        self._used.add(task)
        instance = self._instance(task)
        one_download_a_node(instance)
        with capturing_warnings() as capture, quiet_bars(), self._model.guard():
            record = run_task(instance, self._encoder, self._journal, self._plan, capture)
        self._journal.write_task(record)
        return record

    def _texts(self, done: int, asked: int) -> None:
        self._progress(self._task, done, asked, time.monotonic() - self._began)


def _fixed(revision: str | None, model: LoadedModel) -> bool:
    """Whether a model's revision is a commit: a branch may be another one tomorrow. The registry's are commits."""
    return model.registered if revision is None else bool(_COMMIT.fullmatch(revision))


_COMMIT = re.compile(r"[0-9a-f]{40}")


def ready_model(plan: FleetPlan, setup: ModelSetUp, shelf: Shelf) -> ReadyModel:
    """Load a model after preflight and begin its run on storage.

    Raises:
        PlumblineError: preflight or the loader refuses it; a StorageError where it was away for too long.
    """
    command = f"python -m evaluators fleet {Path(plan.path).name}"
    _sweep()
    root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{_numbers()}-{os.getpid()}-"))
    tasks = list(planned_tasks(plan).values())
    run_plan = RunPlan(setup.request, tasks, root, command, batch_size=setup.batch_size)
    with capturing_warnings() as capture, quiet_bars():
        model = load_requested(setup.request)
        in_use = settings_in_use(model.encoder)
        identity = run_identity(model, in_use)
        journal, digest = Journal.open(root, identity), identity_digest(identity)[:16]
        with model.guard():
            begin_run(journal, run_plan, model, in_use, capture.take())
        journal.write_run(**patient(plan.limits)(shelf.begin, digest, journal.run))
    return ReadyModel(run_plan, plan, model, journal, digest)


_FOLDER = "plumbline-fleet-"


def _sweep() -> None:
    """Remove what workers have left that were killed on this machine, as all are in the end."""
    own = f"{_FOLDER}{_numbers()}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{own}*-*"):
        number = folder.name.removeprefix(own).partition("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _numbers() -> int:
    """Which numbering of processes this is: containers may share a folder, and have numbers of their own."""
    namespace = Path("/proc/self/ns/pid")
    return namespace.stat().st_ino if namespace.exists() else 0
