"""Which cells of a plan are done, running, waiting or given up: bookkeeping alone, nothing is run or written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

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


@dataclass
class SetUpState:
    """A model's cells."""

    key: str
    label: str
    model: str
    cells: dict[str, CellState]
    digest: str = ""
    run_id: str = ""
    error: str = ""  # why the model as a whole was refused
    load_seconds: float | None = None
    no_more: bool = False  # a further copy could not be loaded: none is asked for again
    ordered: bool = False  # the cells are in the order in which they are to be run

    def count(self, *statuses: str) -> int:
        """How many cells are in one of the states."""
        return sum(cell.status in statuses for cell in self.cells.values())

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.count(*OVER) == len(self.cells)

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

    def seconds_left(self) -> float | None:
        """Of work in cells that wait or run; None where nothing is known of one of them.

        What tasks are expected to take is scaled by what the finished ones of this model took.
        """
        both = [
            cell.seconds / cell.expected
            for cell in self.cells.values()
            if cell.status == Status.DONE and cell.seconds and cell.expected
        ]
        scale = median(both) if both else 1.0
        took = [cell.seconds for cell in self.cells.values() if cell.status == Status.DONE and cell.seconds]
        usual = median(took) if took else None
        left = 0.0
        for cell in self.cells.values():
            if cell.status not in OVER:
                seconds = usual if cell.expected is None else cell.expected * scale
                if seconds is None:
                    return None
                left += seconds
        return left

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
        return [
            (setup, cell) for setup in self.setups.values() for cell in setup.cells.values() if cell.status in statuses
        ]

    def seconds_left(self) -> float | None:
        """Of work; None where of no model anything is known."""
        known = [left for setup in self.setups.values() if (left := setup.seconds_left()) is not None]
        return sum(known) if known else None


def _waiting(setup: ModelSetUp, tasks: list[str]) -> SetUpState:
    model = setup.request.known_as or setup.request.model
    return SetUpState(setup.key, setup.label, model, {task: CellState(task) for task in tasks})
