"""How a budget run stands: what was asked, chosen and measured, and what that says of the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from data.rules.budget.choice import TaskChoice
from data.rules.budget.claims import ClaimVerdict
from data.rules.budget.gaussian import fit
from data.rules.budget.prediction import Prediction, Predictor, predictor_of
from data.rules.budget.table import TaskTable
from data.store.errors import NotFoundError
from data.store.vocabulary import Origin
from evaluators.reproduce.budget_asked import AskedBudget
from evaluators.reproduce.budget_claim import BenchmarkClaim, Measured
from evaluators.reproduce.estimate import Estimate
from evaluators.reproduce.tasks import data_source

__all__ = ["BudgetState", "Order", "offered", "seconds_here", "stranger_to"]

_FEWEST_MODELS = 10  # from which something can be learned


class Order(NamedTuple):
    """What was asked for.

    Attributes:
        benchmark: name, as mteb has it.
        budget: what it may cost.
        claim: the mean a vendor claims, 0-1 scale; None for the published figures.
        origin: whose figures those are, official or reported.
        go_on: run the whole budget although the claim is settled.
        datasets: the folder that stands in for the hub.
    """

    benchmark: str
    budget: AskedBudget
    claim: float | None = None
    origin: str = Origin.OFFICIAL
    go_on: bool = False
    datasets: Path | None = None


class BudgetState:
    """A budget run as it stands.

    Args:
        order: what was asked for.
        table: of the benchmark, all models.
        store: the default is the published one.

    Attributes:
        model: name under which the run is filed.
        predictor: of the record without the model's family.
        claim: what it is held against.
        offered: tasks that could be run.
        done: tasks that were measured before.
        here: seconds of each task on this machine.
        chosen: tasks to run, in their order.
        measured: what the run has so far.
        failed: why, by task.
        prediction: of the whole from what is measured.
        verdict: on the claim; None where nothing can be judged.
    """

    model: str
    predictor: Predictor
    claim: BenchmarkClaim
    offered: list[str]
    done: list[str]
    here: dict[str, float]

    def __init__(self, order: Order, table: TaskTable, store: Path | None = None) -> None:
        self.order, self.table, self.store = order, table, store
        self.failed: dict[str, str] = {}
        self.chosen: list[TaskChoice] = []
        self.verdict: ClaimVerdict | None = None
        self.prediction: Prediction | None = None
        self.measured = Measured({}, {})

    @property
    def ran(self) -> list[str]:
        """Tasks of the benchmark that are measured."""
        return list(self.measured.scores)

    @property
    def types_run(self) -> set[str]:
        """Task types of which a task is measured."""
        return {self.table.types[self.table.tasks.index(task)] for task in self.measured.scores}

    @property
    def share(self) -> float:
        """Of the benchmark's published time, what the measured tasks come to, 0 to 1."""
        places = [self.table.tasks.index(task) for task in self.measured.scores]
        return float(self.table.seconds[places].sum() / self.table.seconds.sum())

    @property
    def not_run(self) -> list[str]:
        """Tasks of the benchmark that could be run and were not."""
        return [task for task in self.offered if task not in self.measured.scores and task not in self.failed]

    def known_to(self, steps: int) -> float:
        """Half of the 95% interval of the mean (0-1 scale) once so many of the chosen tasks were run."""
        chosen = [self.table.tasks[choice.place] for choice in self.chosen[:steps]]
        return self.predictor.expected([*self.measured.scores, *chosen]).half


def stranger_to(table: TaskTable, model: str) -> Predictor:
    """What the record says of a model without anything that is of its family; ranks are among all other models.

    Raises:
        NotFoundError: too few models of other families have figures.
    """
    others = table.without_family_of(model)
    if len(others.models) < _FEWEST_MODELS:
        raise NotFoundError(
            f"Only {len(others.models)} models of other families have figures on this benchmark: too few to tell"
            " the rest from a few tasks",
            where=table.benchmark,
            remedy="Leave --budget out to run every task.",
        )
    return replace(predictor_of(table), gaussian=fit(others.scores, others.types))


def offered(tasks: list[Any], table: TaskTable) -> list[str]:
    """Those of the tasks that somebody has figures on and whose data are not known to be missing."""
    return [task.metadata.name for task in tasks if task.metadata.name in table.tasks and _at_hand(task)]


def _at_hand(task: Any) -> bool:
    try:
        data_source(task)
    except NotFoundError:
        return False
    return True


def seconds_here(table: TaskTable, estimates: list[Estimate], records: dict[str, float]) -> dict[str, float]:
    """Seconds of each task of the table on this machine: as it took, or as estimated and corrected by what others took.

    A task without an estimate gets its published time, scaled to the others.
    """
    own = {estimate.task: estimate.seconds for estimate in estimates if estimate.seconds}
    both = [task for task in records if task in own]
    if both:
        slower = sum(records[task] for task in both) / sum(own[task] for task in both)
        own = {task: slower * seconds for task, seconds in own.items()}
    own |= records
    published = dict(zip(table.tasks, map(float, table.seconds), strict=True))
    scale = median([own[task] / published[task] for task in published if task in own] or [1.0])
    return {task: own.get(task, scale * seconds) for task, seconds in published.items()}
