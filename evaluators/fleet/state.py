"""Which cells of a plan are done, running, waiting or given up: bookkeeping alone, nothing is run or written here.

A plan may have a million cells, of which a driver asks twice a second: what is asked of a model's cells is counted once
and again when one of them has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, NamedTuple

from data.store.vocabulary import Status
from evaluators.fleet.plan import FleetPlan, ModelSetUp

__all__ = ["CellState", "FleetState", "SetUpState"]

OVER = (Status.DONE, Status.FAILED, Status.SET_ASIDE)


@dataclass
class CellState:
    """A task on a model."""

    task: str
    status: str = Status.WAITING
    expected: float | None = None  # seconds
    seconds: float | None = None
    session: str = ""  # who runs it, or gave it up
    node: str = ""
    error: str = ""
    log: list[str] = field(default_factory=list)
    growth: int = 0  # how often its slot was too small
    deaths: int = 0  # of actors that were given up while they ran it
    texts: int = 0
    asked: int = 0

    def give_up(self, status: str, error: str, log: Iterable[str] = ()) -> None:
        """It ends without figures."""
        self.status, self.error, self.log = status, error, list(log)

    def __setattr__(self, name: str, value: object) -> None:
        """Set it, and let the model whose cell this is know."""
        object.__setattr__(self, name, value)
        owner: SetUpState | None = self.__dict__.get(_OWNER)
        if owner is not None:
            owner.changed(counts=name not in _PROGRESS)


_OWNER = "_owner"  # of a cell: no field, since no record has it
_PROGRESS = ("texts", "asked")  # changes twice a second, and nothing is counted of it


class _Tally(NamedTuple):
    """What is asked of a model's cells all the time."""

    by_status: Counter[str]
    finished: int  # by a session of ours: their seconds are known
    growths: tuple[int, ...]  # of the cells that wait
    expected: float | None  # seconds, of the cells that wait and of which something is known
    left: float | None


@dataclass
class SetUpState:
    """A model's cells.

    Attributes:
        version: another one whenever anything here has changed; no record has it.
    """

    key: str
    label: str
    model: str
    cells: dict[str, CellState]
    digest: str = ""
    run_id: str = ""
    error: str = ""  # why the model as a whole was refused
    load_seconds: float | None = None
    deaths: int = 0  # of actors that were given up while they loaded it
    no_more: bool = False  # a further copy could not be loaded: none is asked for again
    ordered: bool = False  # the cells are in the order in which they are to be run

    def __setattr__(self, name: str, value: object) -> None:
        """Set it; cells learn whose they are."""
        object.__setattr__(self, name, value)
        if name == "cells":
            for cell in self.cells.values():
                cell.__dict__[_OWNER] = self
        self.changed(counts=True)

    def changed(self, *, counts: bool) -> None:
        """Something is another: ``counts`` where it may be counted."""
        self.__dict__[_VERSION] = self.version + 1
        if counts:
            self.__dict__[_TALLY] = None

    @property
    def version(self) -> int:
        """Of what is here."""
        return int(self.__dict__.get(_VERSION, 0))

    def count(self, *statuses: str) -> int:
        """How many cells are in one of the states."""
        counts = self._tally().by_status
        return sum(counts[status] for status in statuses)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.count(*OVER) == len(self.cells)

    @property
    def finished(self) -> int:
        """Cells that are done and of which it is known how long they took."""
        return self._tally().finished

    @property
    def growths(self) -> tuple[int, ...]:
        """How often the slots of cells that wait were too small: each number once."""
        return self._tally().growths

    @property
    def expected_seconds(self) -> float | None:
        """What the cells that wait are expected to take, as far as anything is known; None where nothing is."""
        return self._tally().expected

    def seconds_left(self) -> float | None:
        """Of work in cells that wait or run; None where nothing is known of one of them.

        What tasks are expected to take is scaled by what the finished ones of this model took.
        """
        return self._tally().left

    def _tally(self) -> _Tally:
        tally: _Tally | None = self.__dict__.get(_TALLY)
        while tally is None:
            # A change meanwhile, by another thread, makes it count again.
            version, tally = self.version, _tallied(list(self.cells.values()))
            if version == self.version:
                self.__dict__[_TALLY] = tally
        return tally

    def waiting(self, growth: int | None = None) -> list[CellState]:
        """Cells to run, the longest first; those of which nothing is known before all, unless they have an order.

        Args:
            growth: of slots that often grown alone.
        """
        cells = [
            cell
            for cell in self.cells.values()
            if cell.status == Status.WAITING and (growth is None or cell.growth == growth)
        ]
        if self.ordered:
            return cells
        return sorted(cells, key=lambda cell: -(float("inf") if cell.expected is None else cell.expected))

    def refuse(self, error: str) -> None:
        """The model is not to be run: its open cells fail with it."""
        self.error = error
        for cell in self.cells.values():
            if cell.status not in OVER:
                cell.give_up(Status.FAILED, error)

    def as_record(self) -> dict[str, Any]:
        """For storage."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> SetUpState:
        """As storage has it; what another version wrote beyond is left out."""
        cells = {
            task: CellState(**{name: value for name, value in cell.items() if name in _CELL})
            for task, cell in record["cells"].items()
        }
        return cls(**{name: value for name, value in record.items() if name in _SETUP} | {"cells": cells})


def _tallied(cells: list[CellState]) -> _Tally:
    by_status = Counter(cell.status for cell in cells)
    waiting = [cell for cell in cells if cell.status == Status.WAITING]
    expected = [cell.expected for cell in waiting if cell.expected is not None]
    return _Tally(
        by_status=by_status,
        finished=sum(cell.status == Status.DONE and cell.seconds is not None for cell in cells),
        growths=tuple(sorted({cell.growth for cell in waiting})),
        expected=sum(expected) if expected else None,
        left=_seconds_left(cells),
    )


def _seconds_left(cells: list[CellState]) -> float | None:
    done = [cell for cell in cells if cell.status == Status.DONE and cell.seconds]
    both = [cell.seconds / cell.expected for cell in done if cell.seconds and cell.expected]
    scale = median(both) if both else 1.0
    took = [cell.seconds for cell in done if cell.seconds]
    usual = median(took) if took else None
    left = 0.0
    for cell in cells:
        if cell.status not in OVER:
            seconds = usual if cell.expected is None else cell.expected * scale
            if seconds is None:
                return None
            left += seconds
    return left


_VERSION, _TALLY = "_version", "_tallied"  # of a model: no fields, since no record has them
_CELL, _SETUP = set(CellState.__dataclass_fields__), set(SetUpState.__dataclass_fields__)


class FleetState:
    """All set-ups of a plan by their keys."""

    def __init__(self, setups: Iterable[SetUpState]) -> None:
        self.setups = {setup.key: setup for setup in setups}

    @classmethod
    def of_plan(cls, plan: FleetPlan, tasks: Iterable[str]) -> FleetState:
        """Everything waits."""
        names = list(tasks)
        return cls(_waiting(setup, names) for setup in plan.setups)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return all(setup.over for setup in self.setups.values())

    def count(self, *statuses: str) -> int:
        """How many cells are in one of the states; all without any."""
        every = statuses or tuple(Status)
        return sum(setup.count(*every) for setup in self.setups.values())

    def cells(self, *statuses: str) -> list[tuple[SetUpState, CellState]]:
        """The cells in one of the states."""
        among = [setup for setup in self.setups.values() if setup.count(*statuses)]
        return [(setup, cell) for setup in among for cell in setup.cells.values() if cell.status in statuses]

    def seconds_left(self) -> float | None:
        """Of work; None where of no model anything is known."""
        known = [left for setup in self.setups.values() if (left := setup.seconds_left()) is not None]
        return sum(known) if known else None


def _waiting(setup: ModelSetUp, tasks: list[str]) -> SetUpState:
    model = setup.request.known_as or setup.request.model
    return SetUpState(setup.key, setup.label, model, {task: CellState(task) for task in tasks})
