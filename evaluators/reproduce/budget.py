"""A run for a part of the cost: which tasks to run, what each says of the rest, and when the claim is settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.rules.budget.choice import Budget, TaskChoice, choose_tasks
from data.rules.budget.claims import ALPHA, ClaimState, by_mean, by_tasks, level_of_a_look
from data.rules.budget.faults import FAULTS_FILE, fault_table
from data.rules.budget.prediction import Prediction
from data.rules.budget.table import TaskTable, task_table
from data.rules.deltas import thresholds
from data.store.database import reading
from data.store.runs import BudgetRecord
from data.store.vocabulary import Status
from evaluators.reproduce.budget_asked import BudgetKind
from evaluators.reproduce.budget_claim import Measured, claim_on, measured_on
from evaluators.reproduce.budget_screen import BudgetScreen
from evaluators.reproduce.budget_state import BudgetState, offered, seconds_here, stranger_to
from evaluators.reproduce.estimate import Estimate
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.terminal import Screen

__all__ = ["BudgetRun", "budget_table", "write_budget"]

Floats = npt.NDArray[np.float64]

_NO_LIMIT = 1e18  # seconds; less than what a task costs that cannot be run


class BudgetRun(BudgetState):
    """Chooses the tasks of a run, and after each says what they tell and which are left to run."""

    def begin(
        self, journal: Journal, tasks: list[Any], waiting: list[Any], estimates: list[Estimate], screen: Screen
    ) -> list[Any]:
        """Choose among the tasks that are not done yet; gives those to run, in their order.

        Raises:
            NotFoundError: the record has too few models of other families to tell anything.
        """
        self.journal, self.model, self.screen = journal, str(journal.run["model"]), BudgetScreen(screen.console)
        self.predictor = stranger_to(self.table, self.model)
        self.claim = claim_on(self.table, self.model, self.order.claim, self.order.origin, self.store)
        self._tasks, self._ended = {task.metadata.name: task for task in tasks}, set[str]()
        self.offered = offered(waiting, self.table)
        self.done = [name for name in self._tasks if name not in {task.metadata.name for task in waiting}]
        self.estimates = estimates
        self.here = self._seconds()
        self.measured = self._seen()
        self.chosen = self._choice()
        self.planned = self._planned()
        self._judge()
        self._keep()
        if not self._goes_on():
            self.chosen = []
        return self._to_run()

    def explain(self) -> None:
        """Say what is run and why, and what is known already."""
        self.screen.plan(self)

    def after(self, record: dict[str, Any], waiting: list[Any]) -> list[Any]:
        """Take in the task that has just ended; gives the tasks still to run."""
        name, done = record["task"], record["status"] == Status.DONE
        self._ended.add(name)  # whether or not the store could take it in yet
        if not done:
            self.failed[name] = record["error"]
        self.measured = self._seen()
        waiting = [task for task in waiting if task.metadata.name not in self.failed]
        self.here = self._seconds()
        # What was planned stands, but for a failure; this machine's time is spent otherwise than was estimated.
        if not done or self.order.budget.kind is BudgetKind.SECONDS:
            self.chosen = self._choice()
            waiting, self.planned = self._to_run(), self._planned()
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
        return self.verdict is not None and self.verdict.state is ClaimState.FAILS

    @property
    def broken(self) -> bool:
        """Whether the run itself is called broken: only a smoke run says so."""
        return False

    def _records(self) -> dict[str, float]:
        return {
            name: float(record["seconds"])
            for name, record in self.journal.tasks().items()
            if record.get("seconds") and name in self._tasks
        }

    def _seconds(self) -> dict[str, float]:
        return seconds_here(self.table, self.estimates, self._records())

    def _seen(self) -> Measured:
        known = [name for name in self._tasks if name in self.table.tasks]
        return measured_on(self.journal.run_id, self.model, self.claim, known, self.store)

    def _cost(self) -> Floats:
        """(tasks,), what each takes in the measure of the budget; infinite for a task that cannot be run."""
        seconds = self.table.seconds
        if self.order.budget.kind is not BudgetKind.SHARE:
            seconds = np.array([self.here[task] for task in self.table.tasks])
        able = [task in self.offered and task not in self._ended for task in self.table.tasks]
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
        noise = self.table.noise
        return choose_tasks(self.predictor.gaussian, self.table.weights, self._cost(), noise, self._left(), done)

    def _planned(self) -> list[str]:
        """Names of the tasks that are measured and that are to be."""
        return [*self.measured.scores, *(self.table.tasks[choice.place] for choice in self.chosen)]

    def _to_run(self) -> list[Any]:
        return [self._tasks[self.table.tasks[choice.place]] for choice in self.chosen]

    def _goes_on(self) -> bool:
        return self.order.go_on or self.verdict is None or not self.verdict.state.settled

    def _predicted(self, level: float = 0.95) -> Prediction:
        noise = self.table.noise
        return self.predictor.predict(self.measured.scores, noise, level, leave_out=self.model)

    def _judge(self) -> None:
        """What the tasks so far tell of the mean, and of the claim."""
        self.prediction = self._predicted()
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
            last = all(task in self.measured.scores or task in self._ended for task in self.planned)
            level = level_of_a_look(len(self.planned), last)
            look = self._predicted(level)
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
            chosen=self.planned,
            ran=self.ran,
            failed=list(self.failed),
            share=self.share,
        ))  # fmt: skip


def budget_table(benchmark: str, store: Path | None = None) -> TaskTable:
    """The record's table of a benchmark, with the model that faults were measured on.

    Raises:
        NotFoundError: nobody has figures on it.
    """
    with reading(store) as cursor:
        return task_table(cursor, benchmark, beside=[fault_table().model] if FAULTS_FILE.is_file() else [])


def write_budget(journal: Journal, benchmark: str, record: Any) -> None:
    """Keep what a budget run came to with the run, beside what other benchmarks' budgets came to."""
    settings = dict(journal.run["settings"])
    settings["budgets"] = {**settings.get("budgets", {}), benchmark: dict(record)}
    journal.write_run(settings=settings)
