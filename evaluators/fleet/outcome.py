"""What becomes of a plan's cells by what actors answer, and by what other sessions do: a driver's bookkeeping."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Protocol

from data.rules.words import in_english
from data.store.errors import NotFoundError, StorageError
from data.store.vocabulary import Status
from evaluators.fleet.answers import Elsewhere, GaveUp, Loaded, Ran, Refused, other_run
from evaluators.fleet.budget import FleetBudget
from evaluators.fleet.crew import Crew, Died, Event
from evaluators.fleet.known import keep_known, planned_cell
from evaluators.fleet.plan import FleetPlan
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import Shelf
from evaluators.fleet.state import OVER, CellState, FleetState, SetUpState
from evaluators.fleet.summary import Summary
from evaluators.fleet.waiting import patient
from evaluators.reproduce.journal import now

__all__ = ["Outcomes", "Watcher"]

_ALL = 10_000  # begins of a task, however many they were


class Watcher(Protocol):
    """Who is told what happens."""

    def happened(self, kind: str, sentence: str, log: list[str]) -> None:
        """Something ended, began or failed; ``kind`` is a status."""

    def stands(self, summary: Summary) -> None:
        """How far everything is; called twice a second."""


class Outcomes:
    """Keeps what becomes of each cell.

    Args:
        plan: what is run.
        tasks: mteb's, by name.
        shelf: the plan's storage, under this session's name.
        crew: whose answers these are; who is of no use is dismissed.
        pulse: tells which other sessions are dead.
        state: the cells.
        watcher: is told.
        budget: chooses the tasks of models that have one.

    Attributes:
        dead: sessions whose claims count no more.
    """

    def __init__(
        self,
        plan: FleetPlan,
        tasks: dict[str, Any],
        shelf: Shelf,
        crew: Crew,
        pulse: Pulse,
        state: FleetState,
        watcher: Watcher,
        budget: FleetBudget | None,
    ) -> None:
        self._plan, self._tasks, self._shelf, self._crew, self._pulse = plan, tasks, shelf, crew, pulse
        self._state, self._watcher, self._budget = state, watcher, budget
        self._patiently = patient(plan.limits)
        self._looked = 0.0
        self.dead: set[str] = set()

    def take(self, event: Event) -> None:
        """Keep what a call came to."""
        setup, answer = self._state.setups[event.member.setup.key], event.answer
        if not event.task:
            self._take_load(event, setup)
            return
        cell = setup.cells[event.task]
        if isinstance(answer, Ran) and answer.record["status"] == Status.DONE:
            cell.seconds = answer.record.get("seconds")
            self._done(setup, cell)
        elif isinstance(answer, Ran):
            self._grow(setup, cell, answer.record["error"], event.log, begun=1)
        elif isinstance(answer, Refused):  # by a machine that had to load it again
            cell.status = Status.WAITING
            self._turn_away(event, setup, answer.error)
        elif isinstance(answer, Elsewhere):
            cell.session = answer.session
            with suppress(StorageError):  # it is looked at again with the next heartbeat
                self._free_if_dead(cell)
        elif isinstance(answer, GaveUp):
            self.set_aside(setup, cell, str(answer.record["error"]), event.log, answer.record)
        elif isinstance(answer, Died):
            self._crew.dismiss(event.member)  # the next one begins with a process that nothing has happened to
            cell.deaths += not answer.out_of_memory
            if answer.out_of_memory:
                self._grow(setup, cell, answer.error, event.log, begun=_ALL)
            elif cell.deaths > self._plan.limits.retries:
                self.set_aside(setup, cell, answer.error, event.log)
            else:  # its machine may be at fault: one that cannot reach the storage, or whose disk is full
                cell.status, cell.error, cell.log = Status.WAITING, answer.error, event.log
                self._watcher.happened(Status.WAITING, f"{setup.label}: {cell.task} begins again. {answer.error}", [])

    def _done(self, setup: SetUpState, cell: CellState) -> None:
        cell.status, cell.error, cell.log = Status.DONE, "", []
        self._watcher.happened(Status.DONE, f"{setup.label}: {cell.task}", [])
        self._tell_budget(setup, cell)

    def _tell_budget(self, setup: SetUpState, cell: CellState) -> None:
        if self._budget is not None and setup.digest:
            self._say(setup, self._patiently(self._budget.ended, setup, cell))

    def _say(self, setup: SetUpState, sentences: list[str]) -> None:
        for sentence in sentences:
            self._watcher.happened(Status.RUNNING, f"{setup.label}: {sentence}", [])

    def _take_load(self, event: Event, setup: SetUpState) -> None:
        answer = event.answer
        if isinstance(answer, Loaded):
            twin = next((each for each in self._state.setups.values() if each.digest == answer.digest), setup)
            if twin is not setup:
                self._refuse(event, setup, f"Loaded, it is the very run of {twin.label}: its figures are those.")
            elif setup.digest not in ("", answer.digest):
                self._turn_away(event, setup, other_run(answer.node))
            else:
                self._take_loaded(event, setup, answer)
            return
        error = answer.error if isinstance(answer, Refused | Died) else "The model could not be loaded."
        if isinstance(answer, Died) and answer.out_of_memory:
            self._crew.dismiss(event.member)
            for cell in setup.waiting():
                if cell.growth <= event.member.growth:
                    self._grow(setup, cell, error, event.log, begun=0)
            return
        setup.deaths += isinstance(answer, Died)
        if isinstance(answer, Died) and setup.deaths <= self._plan.limits.retries:
            self._crew.dismiss(event.member)  # its machine may be at fault; another is asked for
            self._watcher.happened(Status.WAITING, f"{setup.label}: is loaded again. {error}", [])
            return
        self._turn_away(event, setup, error)

    def _take_loaded(self, event: Event, setup: SetUpState, loaded: Loaded) -> None:
        first = not setup.digest
        setup.digest, setup.run_id = loaded.digest, loaded.run_id
        placed = event.member.placed or event.member.asked_for
        setup.load_seconds = time.monotonic() - placed
        for task, cell in setup.cells.items():
            cell.expected = loaded.seconds.get(task, cell.expected)
            if task in loaded.done and cell.status not in OVER:
                cell.status = Status.DONE
        self._patiently(keep_known, self._shelf, self._plan.plan_id, setup.key, loaded)
        if first and self._budget is not None:
            try:
                sentences = self._patiently(self._budget.begin, setup, loaded.digest, loaded.done, loaded.seconds)
            except NotFoundError as error:  # too few models of other families
                self._refuse(event, setup, str(error))
                return
            self._say(setup, sentences)
        waiting = in_english("{n} tasks", {"n": len(setup.waiting())})
        self._watcher.happened(Status.RUNNING, f"{setup.label}: loaded on {loaded.node}, {waiting} to run", [])

    def _turn_away(self, event: Event, setup: SetUpState, error: str) -> None:
        """An actor is of no use; the model stops with it unless it is loaded elsewhere."""
        others = [m for m in self._crew.members if m.setup.key == setup.key and m is not event.member and m.loaded]
        if not others:
            self._refuse(event, setup, error)
            return
        setup.no_more = True
        self._crew.dismiss(event.member)
        self._watcher.happened(Status.RUNNING, f"{setup.label}: goes on with a copy less. {error}", [])

    def _refuse(self, event: Event, setup: SetUpState, error: str) -> None:
        """The model stops alone."""
        self._crew.dismiss(event.member)
        claimed = [c for c in setup.cells.values() if c.session == self._shelf.session and c.status not in OVER]
        setup.refuse(error)
        for cell in setup.cells.values():
            cell.log = event.log if cell.status == Status.FAILED else cell.log
        for cell in claimed:  # nobody is to wait for us
            self._keep_given_up(setup, cell, {})
        self._watcher.happened(Status.FAILED, f"{setup.label}: {error}", event.log)

    def _grow(self, setup: SetUpState, cell: CellState, error: str, log: list[str], *, begun: int) -> None:
        """Memory ran out at one text at a time, or all of it: the task waits for a bigger slot, as if not yet begun."""
        if setup.digest and begun:
            self._patiently(self._shelf.forgive, setup.digest, planned_cell(self._tasks[cell.task]), begun)
        cell.status, cell.growth, cell.error, cell.log = Status.WAITING, cell.growth + 1, error, log
        self._watcher.happened(Status.WAITING, f"{setup.label}: {cell.task} asks for more memory. {error}", [])

    def set_aside(
        self, setup: SetUpState, cell: CellState, error: str, log: list[str], record: dict[str, Any] | None = None
    ) -> None:
        """A task is given up, and said to all."""
        cell.give_up(Status.SET_ASIDE, error, log)
        cell.session = self._shelf.session
        self._keep_given_up(setup, cell, record or {})
        self._watcher.happened(Status.SET_ASIDE, f"{setup.label}: {cell.task} set aside. {error}", log)
        self._tell_budget(setup, cell)

    def _keep_given_up(self, setup: SetUpState, cell: CellState, record: dict[str, Any]) -> None:
        record = {"warnings": [], "finished_at": now()} | record | {"task": cell.task, "status": Status.FAILED}
        if setup.digest:
            record |= {"error": cell.error, "log": cell.log}
            self._patiently(self._shelf.set_aside, setup.digest, record)

    def look_elsewhere(self) -> None:
        """Once a heartbeat: what has become of cells that other sessions run."""
        if time.monotonic() - self._looked < self._plan.limits.heartbeat:
            return
        self._looked = time.monotonic()
        for setup, cell in self._state.cells(Status.RUNNING):
            if cell.session == self._shelf.session:
                continue
            try:
                self._look_at(setup, cell)
            except StorageError as error:
                self._watcher.happened(Status.RUNNING, str(error), [])
                return

    def _look_at(self, setup: SetUpState, cell: CellState) -> None:
        if self._shelf.is_done(setup.digest, planned_cell(self._tasks[cell.task])):
            self._done(setup, cell)
        elif (record := self._shelf.given_up(setup.digest, cell.task)) and record.get("session") == cell.session:
            cell.give_up(Status.SET_ASIDE, str(record.get("error")), record.get("log") or [])
            self._tell_budget(setup, cell)
        else:
            self._free_if_dead(cell)

    def _free_if_dead(self, cell: CellState) -> None:
        """What a dead session had claimed is ours to run."""
        if self._pulse.is_dead(cell.session):
            self.dead.add(cell.session)
            cell.status, cell.session = Status.WAITING, ""
