"""The loop that gives a plan's tasks to actors and keeps what becomes of them; it may die at any moment.

All that it knows and that matters is on storage: a driver that begins again, or a second one elsewhere, finds what is
done there, whose cells are taken, and who of the others still lives.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from data.store.errors import PlumblineError, StorageError
from data.store.vocabulary import Status
from evaluators.fleet.answers import Elsewhere, GaveUp, Loaded, Ran, Refused
from evaluators.fleet.crew import Crew, Died, Event, Member, free, machines
from evaluators.fleet.known import keep_known, known_done
from evaluators.fleet.plan import FleetPlan, ModelSetUp
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import AT_ONCE, Shelf
from evaluators.fleet.slots import ModelSize, model_size, slot_for
from evaluators.fleet.state import OVER, CellState, FleetState, SetUpState
from evaluators.fleet.summary import Summary, summary_of
from evaluators.fleet.waiting import patient
from evaluators.reproduce.journal import now

__all__ = ["Driver", "Watcher"]

_TICK = 0.5  # seconds between two looks at what is shown
_AHEAD = 64  # actors that wait for a place: enough for a cluster that grows by what is asked of it
_WORTH = 2.0  # a further copy of a model is loaded where it saves so many times what loading costs


class Watcher(Protocol):
    """Who is told what happens."""

    def happened(self, kind: str, sentence: str, log: list[str]) -> None:
        """Something ended, began or failed; ``kind`` is a status."""

    def stands(self, summary: Summary) -> None:
        """How far everything is; called twice a second."""


class Driver:
    """One session of a plan.

    Args:
        plan: what is to be run.
        tasks: mteb's, by name.
        shelf: the plan's storage, under this session's name.
        published: seconds by model and task, as published.
        watcher: is told.
        ray_dashboard: its address, where there is one.
    """

    def __init__(
        self,
        plan: FleetPlan,
        tasks: dict[str, Any],
        shelf: Shelf,
        published: dict[str, dict[str, float]],
        watcher: Watcher,
        ray_dashboard: str | None = None,
    ) -> None:
        self._plan, self._tasks, self._shelf, self._watcher = plan, tasks, shelf, watcher
        self._published, self._dashboard = published, ray_dashboard
        self.state = FleetState.of_plan(plan, tasks)
        self._setups = {setup.key: setup for setup in plan.setups}
        self._sizes: dict[str, ModelSize] = {}
        self._crew = Crew(plan, shelf.session)
        self._pulse = Pulse(plan, shelf, self._beat)
        self._patiently = patient(plan.limits)
        self._began = time.monotonic()
        self._written: dict[str, dict[str, Any]] = {}
        self._dead: set[str] = set()
        self._looked = 0.0
        for key, setup in self.state.setups.items():
            for task, seconds in published.get(key, {}).items():
                setup.cells[task].expected = seconds

    def drive(self) -> FleetState:
        """Run until nothing is left to do; Ctrl-C ends it as ``stopped`` and is passed on.

        Raises:
            StorageError: storage cannot be written at the start, or was away for longer than an owner may be silent.
        """
        self._pulse.start()
        status = Status.STOPPED
        try:
            self._take_known()
            while not self.state.over:
                self._pulse.check()
                self._staff()
                for event in self._crew.events(_TICK):
                    self._take(event)
                self._look_elsewhere()
                self._crew.watch()
                self._watcher.stands(self.summary())
            status = Status.DONE
        finally:
            self._crew.dismiss_all()
            self._end_runs(status)
            with suppress(PlumblineError):  # storage that is away; others find out by the clock
                self._pulse.stop(status)
            self._watcher.stands(self.summary())
        return self.state

    def summary(self) -> Summary:
        """How far everything is, with rate, time left and cost."""
        at_work = [member for member in self._crew.members if member.task]
        for member in at_work:
            if member.watched is not None and member.watched.task == member.task:
                cell = self._state(member).cells[member.task]
                cell.texts, cell.asked = member.watched.texts, member.watched.asked
        return summary_of(
            self.state,
            self._plan.prices,
            seconds=time.monotonic() - self._began,
            spent=self._crew.spent(),
            taken=(sum(m.slot.cpus for m in at_work), sum(m.slot.gpus for m in at_work)),
            at_work=len(at_work),
            asked=sum(member.placed is None for member in self._crew.members),
            dashboard=self._dashboard,
            trouble=self._pulse.trouble,
        )

    def _state(self, member: Member) -> SetUpState:
        return self.state.setups[member.setup.key]

    def _take_known(self) -> None:
        """Models whose tasks are all done, and that have not changed since, need not be loaded to know it."""
        setups = self.state.setups.values()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            known = list(pool.map(lambda setup: self._known(setup.key), setups))
        for setup, done in zip(setups, known, strict=True):
            if done is not None and set(setup.cells) <= done:
                for cell in setup.cells.values():
                    cell.status = Status.DONE
                self._watcher.happened(Status.DONE, f"{setup.label}: everything is there already", [])

    def _known(self, key: str) -> set[str] | None:
        return known_done(self._shelf, self._plan.plan_id, self._setups[key], self._tasks)

    # Who works

    def _staff(self) -> None:
        """Give everybody who is free a task, ask for actors where there are none, end those without work."""
        for member in list(self._crew.members):
            if member.call is None:
                self._assign(member)
        waiting_for_a_place = sum(member.placed is None for member in self._crew.members)
        for setup, growth in self._without_actor():
            if waiting_for_a_place >= _AHEAD:
                break
            waiting_for_a_place += self._engage(setup, growth)
        if not waiting_for_a_place:
            self._copy()

    def _assign(self, member: Member) -> None:
        setup = self._state(member)
        waiting = [cell for cell in setup.waiting() if cell.growth <= member.growth]
        if not waiting or setup.error:
            self._crew.dismiss(member)
            return
        cell = waiting[0]
        cell.status, cell.session = Status.RUNNING, self._shelf.session
        self._crew.give(member, cell.task, frozenset(self._dead))

    def _without_actor(self) -> list[tuple[SetUpState, int]]:
        """Models with tasks that no actor of theirs will run, those with the most to do first."""
        served = {(member.setup.key, member.growth) for member in self._crew.members}
        wanted = [
            (setup, growth)
            for setup in self.state.setups.values()
            for growth in sorted({cell.growth for cell in setup.waiting()})
            if not any((setup.key, more) in served for more in range(growth, growth + 8))
        ]
        return sorted(wanted, key=lambda each: -self._cost(each[0]))

    def _cost(self, setup: SetUpState) -> float:
        """Seconds a model's tasks are expected to take; where none is known, by its size."""
        expected = [cell.expected for cell in setup.waiting() if cell.expected is not None]
        return sum(expected) if expected else (self._size(self._setups[setup.key]).parameters or 0.0) / 1e9

    def _size(self, setup: ModelSetUp) -> ModelSize:
        if setup.key not in self._sizes:
            self._sizes[setup.key] = model_size(setup)
        return self._sizes[setup.key]

    def _engage(self, state: SetUpState, growth: int) -> bool:
        """Ask for an actor; False where no machine has what it needs, and its tasks are set aside for it."""
        setup = self._setups[state.key]
        slot = slot_for(setup, self._size(setup), machines(), growth)
        if slot is None:
            for cell in state.waiting(growth):
                self._set_aside(state, cell, f"{cell.error} No machine of the cluster has more memory.", cell.log)
            return False
        self._crew.engage(setup, growth, slot, self._published.get(state.key, {}))
        return True

    def _copy(self) -> None:
        """Load a model once more where there is room and its tasks take long."""
        for setup in sorted(self.state.setups.values(), key=lambda each: -(each.seconds_left() or 0.0)):
            members = [member for member in self._crew.members if member.setup.key == setup.key and not member.growth]
            waiting, left, load = setup.waiting(0), setup.seconds_left(), setup.load_seconds
            most = self._setups[setup.key].resources.copies
            if not members or not waiting or left is None or load is None or (most and len(members) >= most):
                continue
            longest = max(cell.expected or 0.0 for cell in waiting)
            saved = left / len(members) - max(left / (len(members) + 1), longest)
            if saved > _WORTH * load and members[0].slot.fits(free()):
                self._engage(setup, 0)
                return

    # What came of it

    def _take(self, event: Event) -> None:
        setup, answer = self._state(event.member), event.answer
        if not event.task:
            self._take_load(event, setup)
            return
        cell = setup.cells[event.task]
        if isinstance(answer, Ran) and answer.record["status"] == Status.DONE:
            cell.status, cell.seconds, cell.error = Status.DONE, answer.record.get("seconds"), ""
            self._watcher.happened(Status.DONE, f"{setup.label}: {cell.task}", [])
        elif isinstance(answer, Ran):
            self._grow(setup, cell, answer.record["error"], event.log)
        elif isinstance(answer, Refused):  # by a machine that had to load it again
            self._refuse(event, setup, answer.error)
        elif isinstance(answer, Elsewhere):
            cell.session = answer.session
            with suppress(StorageError):  # it is looked at again with the next heartbeat
                self._free_if_dead(cell)
        elif isinstance(answer, GaveUp):
            self._set_aside(setup, cell, str(answer.record["error"]), event.log, answer.record)
        elif isinstance(answer, Died):
            self._crew.dismiss(event.member)  # the next one begins with a process that nothing has happened to
            if answer.out_of_memory:
                self._grow(setup, cell, answer.error, event.log)
            else:
                self._set_aside(setup, cell, answer.error, event.log)

    def _take_load(self, event: Event, setup: SetUpState) -> None:
        answer = event.answer
        if isinstance(answer, Loaded):
            setup.digest, setup.run_id = answer.digest, answer.run_id
            placed = event.member.placed or event.member.asked_for
            setup.load_seconds = time.monotonic() - placed
            for task, cell in setup.cells.items():
                cell.expected = answer.seconds.get(task, cell.expected)
                if task in answer.done and cell.status not in OVER:
                    cell.status = Status.DONE
            self._patiently(keep_known, self._shelf, self._plan.plan_id, setup.key, answer)
            self._watcher.happened(
                Status.RUNNING, f"{setup.label}: loaded on {answer.node}, {len(setup.waiting())} tasks to run", []
            )
            return
        self._crew.dismiss(event.member)
        error = answer.error if isinstance(answer, Refused | Died) else "The model could not be loaded."
        if isinstance(answer, Died) and answer.out_of_memory and not event.member.growth:
            for cell in setup.waiting():
                self._grow(setup, cell, error, event.log)
            return
        self._refuse(event, setup, error)

    def _refuse(self, event: Event, setup: SetUpState, error: str) -> None:
        """The model stops alone."""
        self._crew.dismiss(event.member)
        setup.refuse(error)
        for cell in setup.cells.values():
            cell.log = event.log if cell.status == Status.FAILED else cell.log
        self._watcher.happened(Status.FAILED, f"{setup.label}: {error}", event.log)

    def _grow(self, setup: SetUpState, cell: CellState, error: str, log: list[str]) -> None:
        """Memory ran out at one text at a time, or all of it: the task waits for a bigger slot."""
        cell.status, cell.growth, cell.error, cell.log = Status.WAITING, cell.growth + 1, error, log
        self._watcher.happened(Status.WAITING, f"{setup.label}: {cell.task} asks for more memory. {error}", [])

    def _set_aside(
        self, setup: SetUpState, cell: CellState, error: str, log: list[str], record: dict[str, Any] | None = None
    ) -> None:
        cell.give_up(Status.SET_ASIDE, error, log)
        cell.session = self._shelf.session
        record = {"warnings": [], "finished_at": now()} | (record or {}) | {"task": cell.task}
        if setup.digest:
            record |= {"status": Status.FAILED, "error": error, "log": log}
            self._patiently(self._shelf.set_aside, setup.digest, record)
        self._watcher.happened(Status.SET_ASIDE, f"{setup.label}: {cell.task} set aside. {error}", log)

    def _look_elsewhere(self) -> None:
        """Once a heartbeat: what has become of cells that other sessions run."""
        if time.monotonic() - self._looked < self._plan.limits.heartbeat:
            return
        self._looked = time.monotonic()
        for setup, cell in self.state.cells(Status.RUNNING):
            if cell.session == self._shelf.session:
                continue
            try:
                self._look_at(setup, cell)
            except StorageError as error:
                self._watcher.happened(Status.RUNNING, str(error), [])
                return

    def _look_at(self, setup: SetUpState, cell: CellState) -> None:
        from evaluators.fleet.known import planned_cell

        if self._shelf.is_done(setup.digest, planned_cell(self._tasks[cell.task])):
            cell.status = Status.DONE
        elif (record := self._shelf.given_up(setup.digest, cell.task)) and record.get("session") == cell.session:
            cell.give_up(Status.SET_ASIDE, str(record.get("error")), record.get("log") or [])
        else:
            self._free_if_dead(cell)

    def _free_if_dead(self, cell: CellState) -> None:
        """What a dead session had claimed is ours to run."""
        if self._pulse.is_dead(cell.session):
            self._dead.add(cell.session)
            cell.status, cell.session = Status.WAITING, ""

    # What is written

    def _beat(self) -> dict[str, Any]:
        """What a heartbeat says; the cells of models that have changed are written with it."""
        now_is = {key: setup.as_record() for key, setup in self.state.setups.items()}
        changed = [key for key, record in now_is.items() if record != self._written.get(key)]
        folder = f"plans/{self._plan.plan_id}/cells/{self._shelf.session}"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda key: self._shelf.show(f"{folder}/{key}.json", now_is[key]), changed))
        self._written |= {key: now_is[key] for key in changed}
        return self.summary()._asdict() | {"name": self._plan.name, "setups": list(self.state.setups)}

    def _end_runs(self, status: str) -> None:
        """Say in each run's record how it ended."""
        for setup in self.state.setups.values():
            if not setup.digest:
                continue
            failed = setup.count(Status.FAILED, Status.SET_ASIDE)
            ended = Status.DONE if setup.over and not failed else Status.FAILED if setup.over else status
            try:
                self._shelf.end(setup.digest, status=ended, finished_at=now())
            except PlumblineError as error:  # the figures are there; only the word for their run is not
                self._watcher.happened(Status.STOPPED, str(error), [])
