"""The loop that gives a plan's tasks to actors and keeps what becomes of them; it may die at any moment.

All that it knows and that matters is on storage: a driver that begins again, or a second one elsewhere, finds what is
done there, whose cells are taken, and who of the others still lives.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from data.store.errors import PlumblineError
from data.store.vocabulary import Status
from evaluators.fleet.budget import FleetBudget
from evaluators.fleet.crew import Crew, Member, free, machines
from evaluators.fleet.known import known_done, known_run
from evaluators.fleet.outcome import Outcomes, Watcher
from evaluators.fleet.plan import FleetPlan, ModelSetUp
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import AT_ONCE, Shelf
from evaluators.fleet.slots import ModelSize, model_size, slot_for
from evaluators.fleet.state import CellState, FleetState, SetUpState
from evaluators.fleet.summary import Summary, summary_of
from evaluators.reproduce.journal import now

__all__ = ["Driver"]

_TICK = 0.5  # seconds between two looks at what is shown
_AHEAD = 64  # actors that wait for a place: enough for a cluster that grows by what is asked of it
_WORTH = 2.0  # a further copy of a model is loaded where it saves so many times what loading costs


class Driver:
    """One session of a plan.

    Args:
        plan: what is to be run.
        tasks: mteb's, by name.
        shelf: the plan's storage, under this session's name.
        published: seconds by model and task, as published.
        watcher: is told.
        ray_dashboard: its address, where there is one.
        budget: what chooses the tasks of models that have one.
    """

    def __init__(
        self,
        plan: FleetPlan,
        tasks: dict[str, Any],
        shelf: Shelf,
        published: dict[str, dict[str, float]],
        watcher: Watcher,
        ray_dashboard: str | None = None,
        budget: FleetBudget | None = None,
    ) -> None:
        self._plan, self._tasks, self._shelf, self._watcher = plan, tasks, shelf, watcher
        self._published, self._dashboard = published, ray_dashboard
        self.state = FleetState.of_plan(plan, tasks)
        self._setups = {setup.key: setup for setup in plan.setups}
        self._sizes: dict[str, ModelSize] = {}
        self._crew = Crew(plan, shelf.session)
        self._pulse = Pulse(plan, shelf, self._beat)
        self._budget = budget
        self._outcomes = Outcomes(plan, tasks, shelf, self._crew, self._pulse, self.state, watcher, budget)
        self._began = time.monotonic()
        self._written: dict[str, int] = {}
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
                    self._outcomes.take(event)
                self._outcomes.look_elsewhere()
                self._crew.watch()
                self._watcher.stands(self.summary())
            status = Status.DONE
        finally:
            try:
                self._crew.dismiss_all()
                self._end_runs(status)
            finally:
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
        for setup, (digest, done) in zip(setups, known, strict=True):
            if digest is None:
                continue
            if self._budget is not None:
                self._budget.known(setup, digest, done)
            if set(setup.cells) <= done:
                for cell in setup.cells.values():
                    cell.status = Status.DONE
                self._watcher.happened(Status.DONE, f"{setup.label}: everything is there already", [])

    def _known(self, key: str) -> tuple[str | None, set[str]]:
        digest = known_run(self._shelf, self._plan.plan_id, self._setups[key])
        return digest, set() if digest is None else known_done(self._shelf, digest, self._tasks)

    # Who works

    def _staff(self) -> None:
        """Give everybody who is free a task, ask for actors where there are none, end those without work."""
        for member in list(self._crew.members):
            if member.call is None:
                self._assign(member)
            elif not member.loaded and not self._work_for(member):
                self._crew.dismiss(member)  # a further copy that came too late
        waiting_for_a_place = sum(member.placed is None for member in self._crew.members)
        for setup, growth in self._without_actor():
            if waiting_for_a_place >= _AHEAD:
                break
            waiting_for_a_place += self._engage(setup, growth)
        if not waiting_for_a_place:
            self._copy()

    def _assign(self, member: Member) -> None:
        waiting = self._work_for(member)
        if not waiting:
            self._crew.dismiss(member)
            return
        cell = waiting[0]
        cell.status, cell.session = Status.RUNNING, self._shelf.session
        self._crew.give(member, cell.task, frozenset(self._outcomes.dead), self._state(member).digest)

    def _work_for(self, member: Member) -> list[CellState]:
        """Cells that wait and that its slot has room for."""
        setup = self._state(member)
        return [] if setup.error else [cell for cell in setup.waiting() if cell.growth <= member.growth]

    def _without_actor(self) -> list[tuple[SetUpState, int]]:
        """Models with tasks that no actor of theirs will run, those with the most to do first."""
        served = {(member.setup.key, member.growth) for member in self._crew.members}
        wanted = [
            (setup, growth)
            for setup in self.state.setups.values()
            for growth in setup.growths
            if not any((setup.key, more) in served for more in range(growth, growth + 8))
        ]
        return sorted(wanted, key=lambda each: -self._cost(each[0]))

    def _cost(self, setup: SetUpState) -> float:
        """Seconds a model's tasks are expected to take; where none is known, by its size."""
        expected = setup.expected_seconds
        return (self._size(self._setups[setup.key]).parameters or 0.0) / 1e9 if expected is None else expected

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
                error = f"{cell.error} No machine of the cluster has more memory."
                self._outcomes.set_aside(state, cell, error, cell.log)
            return False
        self._crew.engage(setup, growth, slot, self._published.get(state.key, {}))
        return True

    def _copy(self) -> None:
        """Load a model once more where there is room and its tasks take long."""
        loaded: dict[str, list[Member]] = defaultdict(list)
        for member in self._crew.members:
            if not member.growth:
                loaded[member.setup.key].append(member)
        setups = sorted((self.state.setups[key] for key in loaded), key=lambda each: -(each.seconds_left() or 0.0))
        for setup in setups:
            members, left, load = loaded[setup.key], setup.seconds_left(), setup.load_seconds
            waiting, most = setup.waiting(0), self._setups[setup.key].resources.copies
            if not waiting or left is None or load is None or setup.no_more:
                continue
            if most and len(members) >= most:
                continue
            longest = max(cell.expected or 0.0 for cell in waiting)
            saved = left / len(members) - max(left / (len(members) + 1), longest)
            if saved > _WORTH * load and members[0].slot.fits(free()):
                self._engage(setup, 0)
                return

    # What is written

    def _beat(self) -> dict[str, Any]:
        """What a heartbeat says; the cells of models that have changed are written with it."""
        # The version comes first: what changes between the two is written with the next one.
        versions = {key: setup.version for key, setup in self.state.setups.items()}
        changed = {
            key: self.state.setups[key].as_record()
            for key, version in versions.items()
            if version != self._written.get(key)
        }
        folder = f"plans/{self._plan.plan_id}/cells/{self._shelf.session}"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda key: self._shelf.show(f"{folder}/{key}.json", changed[key]), changed))
        self._written |= {key: versions[key] for key in changed}
        return self.summary()._asdict() | {"name": self._plan.name, "setups": list(self.state.setups)}

    def _end_runs(self, status: str) -> None:
        """Say in each run's record how it ended."""
        for setup in self.state.setups.values():
            if not setup.digest:
                continue
            failed = setup.count(Status.FAILED, Status.SET_ASIDE)
            ended = Status.DONE if setup.over and not failed else Status.FAILED if setup.over else status
            try:
                self._shelf.change(setup.digest, status=ended, finished_at=now())
            except PlumblineError as error:  # the figures are there; only the word for their run is not
                self._watcher.happened(Status.STOPPED, str(error), [])
