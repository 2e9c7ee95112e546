"""What a driver makes of its workers' answers: what stops, what begins again, and what others may take over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.store.storage import open_storage
from data.store.vocabulary import Status
from evaluators.fleet.answers import Loaded, Ran, Refused
from evaluators.fleet.choice import planned_tasks
from evaluators.fleet.crew import Died, Event, Member
from evaluators.fleet.known import planned_cell
from evaluators.fleet.outcome import Outcomes
from evaluators.fleet.plan import read_plan
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import Shelf
from evaluators.fleet.slots import Place
from evaluators.fleet.state import FleetState, SetUpState
from tests.serving import ROOT


class Told:
    """A crew without actors, and who is told: what a driver has of both."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.said: list[tuple[str, str]] = []

    def dismiss(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)

    def happened(self, kind: str, sentence: str, log: list[str]) -> None:
        self.said.append((kind, sentence))

    def stands(self, summary: Any) -> None:
        pass


class Session:
    """A driver's bookkeeping on a folder, with two set-ups of a model and one task."""

    def __init__(self, folder: Path) -> None:
        plan = folder / "PLAN.toml"
        plan.write_text(
            f'storage = "shared"\nown = ["{ROOT}/data/sample/pairs"]\n[limits]\nretries = 1\n'
            '[[models]]\nmodel = "a/b"\n[[models]]\nmodel = "a/b"\ndtype = "float32"\n'
        )
        self.plan = read_plan(plan)
        tasks = planned_tasks(self.plan)
        (self.task,) = tasks
        self.cell = planned_cell(tasks[self.task])
        self.shelf = Shelf(open_storage(self.plan.storage), "ours")
        self.told, self.state = Told(), FleetState.of_plan(self.plan, tasks)
        pulse = Pulse(self.plan, self.shelf, dict)
        crew: Any = self.told
        self.outcomes = Outcomes(self.plan, tasks, self.shelf, crew, pulse, self.state, self.told, None)
        self.first: SetUpState
        self.first, self.second = self.state.setups.values()

    def member(self, number: int = 0, *, loaded: bool = False) -> Member:
        member = Member(self.plan.setups[number], 0, Place(1, 0, 100), None, loaded=loaded)
        self.told.members.append(member)
        return member

    def load(self, member: Member, digest: str = "d", node: str = "here") -> None:
        answer = Loaded(digest, "r", {}, frozenset(), {}, node, {}, [], True)
        self.outcomes.take(Event(member, "", answer, []))
        member.loaded = True

    def answer(self, member: Member, answer: Any) -> None:
        """What came of the task, which the worker had claimed."""
        cell = self.state.setups[member.setup.key].cells[self.task]
        cell.status, cell.session = Status.RUNNING, "ours"
        self.shelf.claim("d", self.cell)
        self.outcomes.take(Event(member, self.task, answer, ["its last line"]))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_a_further_copy_that_cannot_be_loaded_is_done_without(session: Session) -> None:
    first, copy = session.member(), session.member()
    session.load(first)
    session.outcomes.take(Event(copy, "", Refused("There is no such folder."), []))
    assert session.told.members == [first] and session.first.no_more and not session.first.error
    other = session.member()
    session.load(other, digest="another", node="far")
    assert session.told.members == [first] and "On far the model has other files" in session.told.said[-1][1]


def test_a_model_that_stops_leaves_its_claims_to_nobodys_waiting(session: Session) -> None:
    """Another driver waits for a cell of ours as long as we live: it must be told that we gave it up."""
    member = session.member()
    session.load(member)
    session.answer(member, Refused("There is no such folder."))
    assert session.first.error and session.first.cells[session.task].status == Status.FAILED
    record = session.shelf.given_up("d", session.task)
    assert record is not None and record["session"] == "ours" and record["error"] == "There is no such folder."


def test_an_actor_that_is_given_up_costs_a_try_and_not_the_task(session: Session) -> None:
    session.load(session.member())
    cell = session.first.cells[session.task]
    session.answer(session.member(loaded=True), Died("StorageError: The storage refused us", out_of_memory=False))
    assert cell.status == Status.WAITING and session.shelf.given_up("d", session.task) is None
    session.answer(session.member(loaded=True), Died("It is gone.", out_of_memory=False))
    assert cell.status == Status.SET_ASIDE and cell.log == ["its last line"]
    for _ in range(2):
        assert not session.second.error
        session.outcomes.take(Event(session.member(1), "", Died("It is gone.", out_of_memory=False), []))
    assert session.second.error == "It is gone."


def test_memory_that_ran_out_asks_for_more_and_is_no_try(session: Session) -> None:
    session.load(session.member())
    cell = session.first.cells[session.task]
    oom = {"task": session.task, "status": Status.FAILED, "error": "out of memory", "out_of_memory": True}
    for growth, answer in enumerate((Ran(oom, ours=True), Died("It was memory.", out_of_memory=True)), 1):
        session.answer(session.member(loaded=True), answer)
        assert (cell.status, cell.growth, cell.deaths) == (Status.WAITING, growth, 0)
        assert session.shelf.claim("d", session.cell) == 1
        session.shelf.forgive("d", session.cell, 1)


def test_two_set_ups_that_are_one_run_are_not_run_twice(session: Session) -> None:
    """Only loading shows it: each worker would take the other's claim for its own."""
    session.load(session.member())
    session.load(session.member(1))
    assert session.second.error == "Loaded, it is the very run of a/b: its figures are those."
    assert not session.first.error and len(session.told.members) == 1
