"""Budgets of a plan: of each model the few tasks of a benchmark that tell the rest, as ``reproduce --budget`` has it.

The choice, what is told after each task and the verdict on a claim are those of ``evaluators.reproduce.budget``, which
asks a store what was measured. The driver has one for it: a copy of this machine's, with the record of others' figures,
into which finished cells are put as they come from storage. The store itself is not written to.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from data.store.database import bring_up_to_date, store_path, version_of
from data.store.errors import NotFoundError
from data.store.storage import Storage
from data.store.vocabulary import Status
from evaluators.fleet.known import planned_cell
from evaluators.fleet.plan import FleetPlan
from evaluators.fleet.shelf import Shelf, cell_of, stored_run
from evaluators.fleet.state import OVER, CellState, SetUpState
from evaluators.reproduce.budget import budget_table
from evaluators.reproduce.budget_asked import BudgetKind
from evaluators.reproduce.budget_plan import BudgetOptions
from evaluators.reproduce.estimate import Estimate
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.publish import publish
from evaluators.reproduce.run import Guide
from evaluators.reproduce.terminal import Screen

__all__ = ["FleetBudget", "chosen_by_budget"]

_LARGEST = 2**28  # bytes of a result file
_WIDE = 160  # columns of the lines that are told


@contextmanager
def chosen_by_budget(plan: FleetPlan, tasks: dict[str, Any], shelf: Shelf) -> Iterator[FleetBudget | None]:
    """What chooses the tasks, for the length of the block; None where no model of the plan has a budget."""
    if not any(setup.budget for setup in plan.setups):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="plumbline-fleet-budget-") as home:
        yield FleetBudget(plan, tasks, shelf, Path(home))


class _StoredJournal(Journal):
    """The journal of a run whose results lie on storage."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        super().__init__(folder)
        self._storage = storage

    def read(self, file: str) -> bytes:
        """The bytes of a result file."""
        return self._storage.read(file, _LARGEST)


class _Guided(NamedTuple):
    """A model's run, what chooses its tasks, and what it says."""

    guide: Guide
    journal: Journal
    output: io.StringIO

    def told(self) -> list[str]:
        """What it has said since the last time, line by line."""
        lines = [line.strip() for line in self.output.getvalue().splitlines()]
        self.output.seek(0)
        self.output.truncate()
        return [line for line in lines if line]


class FleetBudget:
    """Chooses the tasks of each model that has a budget, and stops asking once its claim is settled.

    Args:
        plan: with budgets.
        tasks: mteb's, by name: the benchmark's.
        shelf: the plan's storage.
        home: a folder for the copy of the store, and the runs as they come.

    Raises:
        InputError: a budget, a claim and a benchmark that say nothing together.
        NotFoundError: nobody has figures on the benchmark.
        StoreMissingError: there is no store, and so no record to choose by.
    """

    def __init__(self, plan: FleetPlan, tasks: dict[str, Any], shelf: Shelf, home: Path) -> None:
        (benchmark,) = plan.choice.benchmarks
        self._tasks, self._shelf, self._guided = tasks, shelf, dict[str, _Guided]()
        self._orders = {setup.key: setup.budget for setup in plan.setups if setup.budget is not None}
        self._datasets = None if plan.datasets is None else Path(plan.datasets)
        self._options = {
            key: BudgetOptions(order.budget, order.claim, order.go_on).checked(
                benchmark, order.compare_to, whole=not plan.choice.languages
            )
            for key, order in self._orders.items()
        }
        version_of(store_path())
        self._home, self._store = home, home / "store.duckdb"
        shutil.copyfile(store_path(), self._store)
        bring_up_to_date(self._store)
        self._table = budget_table(benchmark, self._store)

    def known(self, setup: SetUpState, digest: str, done: Collection[str]) -> None:
        """Leave of a model that is not loaded yet only what is done, where its budget asks for no more.

        A time on this machine is none of these: how long tasks take is only known of a loaded model.
        """
        order = self._orders.get(setup.key)
        if order is None or not done or order.kind is BudgetKind.SECONDS:
            return
        cells = setup.cells
        with suppress(NotFoundError):  # said when it is loaded
            self.begin(setup, digest, done, {})
        if setup.waiting():
            setup.cells, setup.ordered = cells, False

    def begin(self, setup: SetUpState, digest: str, done: Collection[str], seconds: Mapping[str, float]) -> list[str]:
        """Choose among a model's tasks; what is left of its cells are those that are done and those to run.

        Args:
            setup: of a model that is loaded.
            digest: of its run.
            done: tasks that are.
            seconds: what each of the others will take.

        Returns:
            Sentences that say which tasks, and why.
        """
        options, order = self._options.get(setup.key), self._orders.get(setup.key)
        if options is None or order is None:
            return []
        output = io.StringIO()
        guide = options.guide(order.compare_to, self._datasets, self._store, self._table)
        journal = self._journal(digest, done)
        waiting = [task for name, task in self._tasks.items() if name not in done]
        estimates = [Estimate(name, seconds.get(name)) for name in self._tasks if name not in done]
        screen = Screen(Console(file=output, width=_WIDE))
        chosen = guide.begin(journal, list(self._tasks.values()), waiting, estimates, screen)
        guide.explain()
        self._guided[setup.key] = _Guided(guide, journal, output)
        _leave(setup, [task.metadata.name for task in chosen])
        return self._told(setup, digest)

    def ended(self, setup: SetUpState, cell: CellState) -> list[str]:
        """Take in a task that is done or was given up; what is left of the cells are those still to run.

        Returns:
            Sentences that say what the tasks so far tell, and at the end what it came to.
        """
        guided = self._guided.get(setup.key)
        if guided is None:
            return []
        record: dict[str, Any] = {"task": cell.task, "status": Status.FAILED, "error": cell.error}
        if cell.status == Status.DONE:
            record = self._shelf.record(setup.digest, planned_cell(self._tasks[cell.task]))
            guided.journal.write_task(record)
            publish(guided.journal, self._store)
        left = guided.guide.after(record, [self._tasks[each.task] for each in setup.waiting()])
        _leave(setup, [task.metadata.name for task in left])
        return self._told(setup, setup.digest)

    def _journal(self, digest: str, done: Collection[str]) -> Journal:
        """The run as it is on storage, in the store: cells of the benchmark's data alone."""
        stored = stored_run(self._shelf.storage, f"runs/{digest}")
        folder = self._home / "runs" / str(stored.run["run_id"])
        (folder / "tasks").mkdir(parents=True, exist_ok=True)
        journal = _StoredJournal(folder, self._shelf.storage)
        journal.write_run(**stored.run)
        for record in stored.records:
            task = str(record["task"])
            if record["status"] == Status.DONE and task in done and _on_planned_data(record, self._tasks[task]):
                journal.write_task(record)
        publish(journal, self._store)
        return journal

    def _told(self, setup: SetUpState, digest: str) -> list[str]:
        """Keep with the run what its budget came to; what is to be told."""
        guided = self._guided[setup.key]
        settings = self._shelf.run(digest).get("settings", {})
        budgets = {**settings.get("budgets", {}), **guided.journal.run["settings"].get("budgets", {})}
        self._shelf.change(digest, settings={**settings, "budgets": budgets})
        if setup.over:
            guided.guide.conclude("")
        return guided.told()


def _on_planned_data(record: Mapping[str, Any], task: Any) -> bool:
    return cell_of(str(record["task"]), record["dataset"]) == planned_cell(task)


def _leave(setup: SetUpState, names: Collection[str]) -> None:
    """Let only these wait, in their order, beside what is over or at work.

    The cells are put in place as a whole: another thread may be writing them down.
    """
    cells = {task: cell for task, cell in setup.cells.items() if cell.status in (*OVER, Status.RUNNING)}
    waiting = {task: setup.cells.get(task) or CellState(task) for task in names if task not in cells}
    setup.cells, setup.ordered = cells | waiting, True
