"""A run for a part of the cost: which tasks to run, what each says of the rest, and when the claim is settled."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.choice import Budget, TaskChoice, choose_tasks
from data.rules.budget.claims import ALPHA, ClaimVerdict, by_mean, by_tasks, level_of_a_look
from data.rules.budget.prediction import Prediction, Predictor, predictor_of
from data.rules.budget.table import TaskTable, task_table
from data.rules.deltas import thresholds
from data.store.database import reading
from data.store.errors import NotFoundError
from data.store.runs import BudgetRecord
from data.store.vocabulary import Origin, Status
from evaluators.reproduce.budget_asked import AskedBudget, BudgetKind
from evaluators.reproduce.budget_claim import Measured, claim_on, measured_on
from evaluators.reproduce.budget_screen import BudgetScreen
from evaluators.reproduce.estimate import Estimate
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.tasks import data_source
from evaluators.reproduce.terminal import Screen

__all__ = ["BudgetRun", "Order", "budget_table", "offered", "seconds_here", "write_budget"]

Floats = npt.NDArray[np.float64]

FEWEST_MODELS = 10  # from which something can be learned
_NO_LIMIT = 1e18  # seconds; less than what a task costs that cannot be run
_FLOOR_IN_SDS = 1.96  # a floor is where 95 % of honest reruns stay below


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


class BudgetRun:
    """Chooses the tasks of a run, and after each says what they tell and which are left to run.

    Args:
        order: what was asked for.
        table: of the benchmark, all models.
        store: the default is the published one.
    """

    def __init__(self, order: Order, table: TaskTable, store: Path | None = None) -> None:
        self.order, self.table, self.store = order, table, store
        self.failed: dict[str, str] = {}
        self.chosen: list[TaskChoice] = []
        self.verdict: ClaimVerdict | None = None
        self.prediction: Prediction | None = None
        self.measured = Measured({}, {})

    def begin(
        self, journal: Journal, tasks: list[Any], waiting: list[Any], estimates: list[Estimate], screen: Screen
    ) -> list[Any]:
        """Choose among the tasks that are not done yet; gives those to run, in their order.

        Raises:
            NotFoundError: the record has too few models of other families to tell anything.
        """
        self.journal, self.model, self.screen = journal, str(journal.run["model"]), BudgetScreen(screen.console)
        self.predictor = self._learned()
        self.claim = claim_on(self.table, self.model, self.order.claim, self.order.origin, self.store)
        self._tasks = {task.metadata.name: task for task in tasks}
        self.offered = offered(waiting, self.table)
        self.left_out = [task.metadata.name for task in waiting if task.metadata.name not in self.offered]
        self.done = [name for name in self._tasks if name not in {task.metadata.name for task in waiting}]
        self.here = seconds_here(self.table, estimates, self._records())
        self.measured = self._seen()
        self.chosen = self._choice()
        self.planned = [*self.measured.scores, *(self.table.tasks[choice.place] for choice in self.chosen)]
        self._judge()
        return self._to_run() if self._goes_on() else []

    def explain(self) -> None:
        """Say what is run and why, and what is known already."""
        self.screen.plan(self)

    def after(self, record: dict[str, Any], waiting: list[Any]) -> list[Any]:
        """Take in the task that has just ended; gives the tasks still to run."""
        name, done = record["task"], record["status"] == Status.DONE
        if not done:
            self.failed[name] = record["error"]
        self.measured = self._seen()
        waiting = [task for task in waiting if task.metadata.name not in self.failed]
        if not done or not self._affords(waiting):
            self.chosen = self._choice()
            waiting = self._to_run()
        if done:
            self._judge()
            self.screen.step(self)
        if not self._goes_on():
            waiting = []
        self._keep()
        return waiting

    def conclude(self, command: str) -> None:
        """Say what it came to, what was not run, and what to type to go on."""
        self.screen.conclusion(self, command)

    @property
    def fails(self) -> bool:
        """Whether the claim does not hold."""
        return self.verdict is not None and self.verdict.state == "does not hold"

    @property
    def broken(self) -> bool:
        """Whether the run itself is called broken: only a smoke run says so."""
        return False

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

    def expected_width(self) -> float | None:
        """Half of the 95 % interval the mean will have once the chosen tasks were run; None where none is."""
        if not self.chosen:
            return None
        middle = self.predictor.gaussian.mean
        scores = {self.table.tasks[choice.place]: float(middle[choice.place]) for choice in self.chosen}
        mean = self.predictor.predict(scores | self.measured.scores, self.table.floors / _FLOOR_IN_SDS).mean
        return (mean.high - mean.low) / 2

    def width_of_sd(self) -> float:
        """Half of a 95 % interval in predicted standard deviations, as those left out need it after the last task."""
        width = self.expected_width()
        return width / self.chosen[-1].sd if width and self.chosen[-1].sd > 0 else _FLOOR_IN_SDS

    def _learned(self) -> Predictor:
        table = self.table.without_family_of(self.model)
        if len(table.models) < FEWEST_MODELS:
            raise NotFoundError(
                f"Only {len(table.models)} models of other families have figures on this benchmark: too few to tell"
                " the rest from a few tasks",
                where=self.table.benchmark,
                remedy="Leave --budget out to run every task.",
            )
        return predictor_of(table)

    def _records(self) -> dict[str, float]:
        return {
            name: float(record["seconds"])
            for name, record in self.journal.tasks().items()
            if record.get("seconds") and name in self._tasks
        }

    def _seen(self) -> Measured:
        known = [name for name in self._tasks if name in self.table.tasks]
        return measured_on(self.journal.run_id, self.model, self.claim, known, self.store)

    def _cost(self) -> Floats:
        """(tasks,), what each takes in the measure of the budget; infinite for a task that cannot be run."""
        seconds = self.table.seconds
        if self.order.budget.kind is not BudgetKind.SHARE:
            seconds = np.array([self.here[task] for task in self.table.tasks])
        able = [task in self.offered and task not in self.failed for task in self.table.tasks]
        return np.where(able, seconds, np.inf)

    def _left(self) -> Budget:
        """What is left of the budget: what was run before counts."""
        kind, amount = self.order.budget.kind, self.order.budget.amount
        if kind is BudgetKind.TASKS:
            return Budget(seconds=_NO_LIMIT, tasks=max(int(amount) - len(self.measured.scores), 0))
        if kind is BudgetKind.SECONDS:
            return Budget(seconds=max(amount - sum(self._records().values()), 0.0))
        return Budget(seconds=max((amount - self.share) * float(self.table.seconds.sum()), 0.0))

    def _choice(self) -> list[TaskChoice]:
        done = tuple(self.table.tasks.index(task) for task in self.measured.scores)
        noise = self.table.floors / _FLOOR_IN_SDS
        return choose_tasks(self.predictor.gaussian, self.table.weights, self._cost(), noise, self._left(), done)

    def _to_run(self) -> list[Any]:
        return [self._tasks[self.table.tasks[choice.place]] for choice in self.chosen]

    def _affords(self, waiting: list[Any]) -> bool:
        """Whether the tasks that wait still fit: only this machine's time may be spent otherwise than planned."""
        if self.order.budget.kind is not BudgetKind.SECONDS:
            return True
        left = self._left().seconds or 0.0
        return sum(self.here[task.metadata.name] for task in waiting) <= left

    def _goes_on(self) -> bool:
        return self.order.go_on or self.verdict is None or not self.verdict.state.settled

    def _judge(self) -> None:
        """What the tasks so far tell of the mean, and of the claim."""
        noise = self.table.floors / _FLOOR_IN_SDS
        self.prediction = self.predictor.predict(self.measured.scores, noise)
        limit = thresholds().drift
        if self.claim.tasks:
            # A task that was run and could not be compared after all is no part of the claim.
            counted = [
                task for task in self.claim.tasks if task in self.measured.deltas or task not in self.measured.scores
            ]
            if not counted:
                self.verdict = None
                return
            at = [self.table.tasks.index(task) for task in counted]
            deltas = np.array([self.measured.deltas.get(task, np.nan) for task in counted])
            self.verdict = by_tasks(deltas, self.table.floors[at], self.table.weights[at], limit)
        elif self.claim.mean is not None:
            level = level_of_a_look(len(self.planned))
            look = self.predictor.predict(self.measured.scores, noise, level=level)
            seen = len(self.measured.scores)
            self.verdict = by_mean(self.claim.mean, self.prediction.mean, limit, seen, look.mean)

    def _keep(self) -> None:
        prediction, verdict = self.prediction, self.verdict
        assert prediction is not None
        write_budget(self.journal, self.table.benchmark, BudgetRecord(
            asked=self.order.budget.text,
            claim=self.claim.mean,
            claim_origin=self.claim.origin,
            claim_tasks=len(self.claim.tasks),
            state=str(verdict.state) if verdict else None,
            sure=verdict.sure if verdict else None,
            difference=list(verdict.difference) if verdict else None,
            alpha=ALPHA,
            limit=thresholds().drift,
            mean=list(prediction.mean),
            rank=list(prediction.rank) if prediction.rank else None,
            chosen=[task for task in self.planned if task not in self.failed],
            ran=self.ran,
            failed=list(self.failed),
            share=self.share,
        ))  # fmt: skip


def budget_table(benchmark: str, store: Path | None = None) -> TaskTable:
    """The record's table of a benchmark.

    Raises:
        NotFoundError: nobody has figures on it.
    """
    with reading(store) as cursor:
        return task_table(cursor, benchmark)


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
    """Seconds of each task of the table on this machine: as it took, as estimated, or the published scaled to these."""
    own = {estimate.task: estimate.seconds for estimate in estimates if estimate.seconds} | records
    published = dict(zip(table.tasks, map(float, table.seconds), strict=True))
    scale = median([own[task] / published[task] for task in published if task in own] or [1.0])
    return {task: own.get(task, scale * seconds) for task, seconds in published.items()}


def write_budget(journal: Journal, benchmark: str, record: Any) -> None:
    """Keep what a budget run came to with the run, beside what other benchmarks' budgets came to."""
    settings = dict(journal.run["settings"])
    settings["budgets"] = {**settings.get("budgets", {}), benchmark: dict(record)}
    journal.write_run(settings=settings)
