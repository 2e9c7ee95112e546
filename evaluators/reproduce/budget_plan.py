"""From the options of a budget to what guides the run; whatever is wrong with them is said before a model is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from data.rules.budget.table import TaskTable
from data.store.database import reading
from data.store.errors import InputError
from data.store.vocabulary import Origin
from evaluators.reproduce.budget import BudgetRun, budget_table
from evaluators.reproduce.budget_asked import BudgetKind, asked_budget, asked_claim
from evaluators.reproduce.budget_smoke import SmokeRun
from evaluators.reproduce.budget_state import Order
from evaluators.reproduce.run import Guide

__all__ = ["BudgetOptions"]


class BudgetOptions(NamedTuple):
    """``--budget``, ``--claim`` and ``--go-on`` as they were typed, and the benchmark."""

    budget: str | None
    claim: str | None = None
    go_on: bool = False
    benchmark: str = ""

    def checked(self, benchmark: str | None, compare_to: str, *, whole: bool) -> BudgetOptions | None:
        """The options for this benchmark; None where no budget was asked for.

        Args:
            benchmark: as it was typed.
            compare_to: whose figures the run is held against.
            whole: its tasks are run as they are in the benchmark, and no others.

        Raises:
            InputError: options that say nothing together.
        """
        if self.budget is None:
            if self.claim is not None or self.go_on:
                option = "--claim" if self.claim is not None else "--go-on"
                raise InputError(f"{option} goes with --budget", remedy="Add --budget 5%, or leave it out.")
            return None
        asked = asked_budget(self.budget)
        if benchmark is None:
            raise InputError("A budget is for a benchmark", where=self.budget, remedy="Add --benchmark NAME.")
        if not whole:
            raise InputError(
                "A budget tells the mean of a benchmark as it is", where="--languages or --own",
                remedy="Leave that out, or leave out --budget.",
            )  # fmt: skip
        if compare_to not in (Origin.OFFICIAL, Origin.REPORTED):
            raise InputError(
                "A budget run is held against official or reported figures", where=compare_to,
                remedy="Use --compare-to official or reported, or --claim with a mean.",
            )  # fmt: skip
        if self.claim is not None:
            asked_claim(self.claim)
            if asked.kind is BudgetKind.SMOKE:
                raise InputError(
                    "A smoke run judges no mean", where=self.claim, remedy="Leave --claim out, or use --budget 5%."
                )
        _known(benchmark)
        return self._replace(benchmark=benchmark)

    def guide(
        self, compare_to: str, datasets: Path | None, store: Path | None = None, table: TaskTable | None = None
    ) -> Guide:
        """What chooses the tasks and judges after each.

        Args:
            compare_to: official or reported.
            datasets: the folder that stands in for the hub.
            store: the default is the published one.
            table: the benchmark's in that store, where it is at hand.

        Raises:
            NotFoundError: nobody has figures on the benchmark.
        """
        order = Order(
            benchmark=self.benchmark,
            budget=asked_budget(self.budget or ""),
            claim=None if self.claim is None else asked_claim(self.claim),
            origin=compare_to,
            go_on=self.go_on,
            datasets=datasets,
        )
        kind = SmokeRun if order.budget.kind is BudgetKind.SMOKE else BudgetRun
        return kind(order, table or budget_table(order.benchmark, store), store)


def _known(benchmark: str) -> None:
    """A benchmark that only this store has cannot be run by its name.

    Raises:
        InputError: it is one.
    """
    import mteb

    with reading() as cursor:
        own = cursor.execute("SELECT 1 FROM benchmarks WHERE benchmark = ?", [benchmark]).fetchall()
    if own and benchmark not in {known.name for known in mteb.get_benchmarks()}:
        raise InputError(
            "This benchmark is one of this store, and mteb has no tasks of it", where=benchmark,
            remedy="Run its tasks by --own FOLDER or --tasks, without --budget.",
        )  # fmt: skip
