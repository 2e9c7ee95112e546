"""A smoke run: the few tasks that between them show the most faults, and whether the run is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.rules.budget.faults import fault_table
from data.rules.budget.reruns import ALARM
from data.rules.budget.smoke import SMOKE_SHARE, Smoke, SmokePlan, SmokeVerdict, smoke_plan, smoke_verdict
from data.rules.budget.table import TaskTable
from data.store.runs import BudgetRecord
from data.store.vocabulary import Status
from evaluators.reproduce.budget import write_budget
from evaluators.reproduce.budget_claim import claim_on, measured_on
from evaluators.reproduce.budget_screen import BudgetScreen, going_on
from evaluators.reproduce.budget_state import Order, offered, seconds_here, stranger_to
from evaluators.reproduce.estimate import Estimate, duration
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.terminal import Screen

__all__ = ["SmokeRun"]

_COLOURS = {Smoke.BROKEN: "red", Smoke.NOTHING_SEEN: "green", Smoke.CANNOT_TELL: "yellow"}


class SmokeRun:
    """Chooses the tasks of a smoke run, and says at its end whether something is broken.

    Args:
        order: what was asked for.
        table: of the benchmark, all models.
        store: the default is the published one.
    """

    fails = False  # a smoke run judges no claim

    def __init__(self, order: Order, table: TaskTable, store: Path | None = None) -> None:
        self.order, self.table, self.store = order, table, store
        self.failed: dict[str, str] = {}
        self.verdict: SmokeVerdict | None = None
        self._spent = 0.0

    def begin(
        self, journal: Journal, tasks: list[Any], waiting: list[Any], estimates: list[Estimate], screen: Screen
    ) -> list[Any]:
        """The tasks to run: of those with a published figure on today's data where there are any, else of all."""
        self.journal, self.model, self.screen = journal, str(journal.run["model"]), BudgetScreen(screen.console)
        self.claim = claim_on(self.table, self.model, None, self.order.origin, self.store)
        self._tasks = {task.metadata.name: task for task in tasks}
        self._waiting = {task.metadata.name for task in waiting}
        self.usable = [name for name in offered(tasks, self.table) if name in self.claim.tasks or not self.claim.tasks]
        records = {name: record["seconds"] for name, record in journal.tasks().items() if record.get("seconds")}
        self.here = seconds_here(self.table, estimates, records)
        self.plan = self._planned()
        self._judge()
        return self._to_run()

    def explain(self) -> None:
        """Say which tasks, what they cost and what they would show."""
        if not self.plan.tasks:
            self.screen.line("No task that can be run here fits into 1% of the benchmark and shows a fault", "yellow")
            return
        cost = sum(self.here[task] for task in self.plan.tasks)
        beside = "their published figures" if self.claim.tasks else "what the record's models score on them together"
        self.screen.line(
            f"smoke: {', '.join(self.plan.tasks)}; about {duration(cost)} here, {self.plan.share:.2%} of the benchmark"
            f" by published times; held against {beside}"
        )
        for sentence in filter(None, (str(self.plan.coverage), str(self.plan.standing))):
            self.screen.line(sentence)

    def after(self, record: dict[str, Any], waiting: list[Any]) -> list[Any]:
        """The tasks still to run; in the place of one that failed others are taken, as far as the budget goes."""
        self._waiting.discard(record["task"])
        if record["status"] == Status.DONE:
            self._spent += float(self.table.seconds[self.table.tasks.index(record["task"])])
        else:
            self.failed[record["task"]] = record["error"]
            self.usable = [name for name in self.usable if name not in self.failed]
            self.plan = self._planned()
            waiting = self._to_run()
        self._judge()
        return waiting

    def conclude(self, command: str) -> None:
        """Broken, or nothing broken seen, with the error rate and what would be missed."""
        assert self.verdict is not None
        if self.failed:
            self.screen.line(f"Left out because they failed: {', '.join(self.failed)}", "yellow")
        for task in self.verdict.tasks:
            self.screen.line(
                f"{task.task} {100 * task.score:.2f}, published {100 * task.published:.2f} ({100 * task.delta:+.2f};"
                f" alone it would be broken from {100 * task.limit:.1f} on){' - off' if task.beyond else ''}"
            )
        self.screen.line(str(self.verdict.sentence), _COLOURS[self.verdict.code])
        if command:
            self.screen.line(f"To go on: {going_on(self.order.budget, command)}")

    @property
    def broken(self) -> bool:
        """Whether the run is called broken."""
        return self.verdict is not None and self.verdict.code is Smoke.BROKEN

    @property
    def ran(self) -> list[str]:
        """Tasks of the plan that are measured."""
        return [task for task in self.plan.tasks if task not in self._waiting and task not in self.failed]

    def _planned(self) -> SmokePlan:
        return smoke_plan(self.table, fault_table(), self.usable)

    def _to_run(self) -> list[Any]:
        """What of the plan is not measured yet, as far as it fits beside what was spent before a task failed."""
        seconds = dict(zip(self.table.tasks, map(float, self.table.seconds), strict=True))
        left = SMOKE_SHARE * (1 + 1e-9) * float(self.table.seconds.sum()) - self._spent
        names = []
        for name in self.plan.tasks:
            if name in self._waiting and seconds[name] <= left:
                names.append(name)
                left -= seconds[name]
        return [self._tasks[name] for name in names]

    def _judge(self) -> None:
        known = [name for name in self._tasks if name in self.table.tasks]
        measured = measured_on(self.journal.run_id, self.model, self.claim, known, self.store)
        scores = {task: score for task, score in measured.scores.items() if task in self.plan.tasks}
        published = {task: scores[task] - delta for task, delta in measured.deltas.items() if task in scores}
        predictor = None
        if scores and not self.claim.tasks:
            predictor = stranger_to(self.table, self.model)
        self.verdict = smoke_verdict(self.plan, scores, published, predictor)
        write_budget(self.journal, self.table.benchmark, BudgetRecord(
            asked=self.order.budget.text,
            claim_origin=self.claim.origin,
            claim_tasks=len(self.claim.tasks),
            alpha=ALARM,
            chosen=list(self.plan.tasks),
            ran=list(scores),
            failed=list(self.failed),
            share=self.plan.of_tasks(list(scores)).share if scores else 0.0,
            smoke=str(self.verdict.code),
            p=self.verdict.p,
            missed=[fault.code for fault in self.verdict.plan.missed],
        ))  # fmt: skip
