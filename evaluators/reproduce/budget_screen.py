"""What a person sees of a budget run: why these tasks, what each tells of the rest, and what it came to."""

from __future__ import annotations

import shlex

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.rules.budget.claims import ALPHA, ClaimState
from data.rules.budget.prediction import Predicted
from data.rules.deltas import thresholds
from data.rules.words import in_english
from data.store.vocabulary import Origin
from evaluators.reproduce.budget_asked import AskedBudget, BudgetKind
from evaluators.reproduce.budget_state import BudgetState
from evaluators.reproduce.estimate import duration

__all__ = ["BudgetScreen", "going_on", "tasks_text"]

_MOST_ROWS = 15
_COLOURS = {ClaimState.HOLDS: "green", ClaimState.FAILS: "red", ClaimState.OPEN: "yellow"}


class BudgetScreen:
    """Draws a budget run; on something that is no terminal, a line a task."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def line(self, text: str, style: str | None = None) -> None:
        """A line of its own, however long, without markup."""
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def plan(self, run: BudgetState) -> None:
        """Which tasks, why, and what they cost beside the whole."""
        if run.order.datasets is not None:
            every = len(run.table.tasks)
            here = len([name for name in (*run.offered, *run.done) if name in run.table.tasks])
            of = tasks_text(every, part=here)
            self.line(f"Only those tasks are offered that have their data set in {run.order.datasets}: {of}")
        self.line(_claimed(run))
        if run.chosen and run.not_run:
            self.console.print(_chosen_table(run))
        self._cost(run)
        if run.measured.scores:
            self.line(f"What is known from the {tasks_text(len(run.ran))} measured already:")
            self.step(run)

    def _cost(self, run: BudgetState) -> None:
        if not run.chosen:
            self.line(_nothing_fits(run), "yellow")
            return
        names = [run.table.tasks[choice.place] for choice in run.chosen]
        here, whole = sum(run.here[name] for name in names), sum(run.here.values())
        published = sum(float(run.table.seconds[choice.place]) for choice in run.chosen)
        share = published / float(run.table.seconds.sum())
        self.line(
            f"About {duration(here)} here, where the whole benchmark would take {duration(whole)};"
            f" by published times {share:.1%} of it"
        )
        every, wide = len(run.table.tasks), 100 * run.known_to(len(run.chosen))
        self.line(f"They should tell the mean of {tasks_text(every, part=every)} to within {wide:.1f} points (95%)")

    def step(self, run: BudgetState) -> None:
        """What the tasks so far tell, after each."""
        parts = [f"{tasks_text(len(run.ran))}, {run.share:.1%} of the cost"]
        assert run.prediction is not None
        parts.append(f"mean {_in_points(run.prediction.mean)}")
        if run.prediction.rank is not None:
            parts.append(f"rank {_rank(run.prediction.rank)}")
        types = ", ".join(f"{kind} {_in_points(value)}" for kind, value in run.prediction.types.items())
        verdict = _verdict_line(run)
        if self.console.is_terminal:
            self.line("  " + "; ".join(parts))
            self.line("  " + types, "dim")
            self.line("  " + verdict, _COLOURS[run.verdict.state] if run.verdict else "dim")
        else:
            self.line("; ".join(["  after " + parts[0], *parts[1:], verdict, types]))

    def conclusion(self, run: BudgetState, command: str) -> None:
        """What it came to, what was not run, and how to go on."""
        if run.failed:
            self.line(f"Left out because they failed: {', '.join(run.failed)}", "yellow")
        if run.prediction and run.verdict and run.verdict.state.settled:
            limit = 100 * thresholds().drift
            self.line(
                f"Settled: the claim {run.verdict.state}. This is wrong for at most {ALPHA:.0%} of honest reruns, and"
                f" of claims that are more than {limit:.1f} points off the way the record's claims are.",
                _COLOURS[run.verdict.state],
            )
            if unseen := [kind for kind in run.prediction.types if kind not in run.types_run]:
                self.line(f"What only {_row(unseen)} would show was not looked at: no such task was run.", "yellow")
        if not run.not_run:
            self.line("Every task that could be run was run.")
            return
        self.line(f"Not run: {_row(run.not_run)}")
        if not command:
            return
        stopped = run.verdict is not None and run.verdict.state.settled and not run.order.go_on
        self.line(f"To go on: {going_on(run.order.budget, command, stopped=stopped)}")


def _claimed(run: BudgetState) -> str:
    """The claim it is held against, in a sentence."""
    claim = run.claim
    if claim.mean is None:
        other = Origin.REPORTED if claim.origin == Origin.OFFICIAL else Origin.OFFICIAL
        why = f"No {claim.origin} figures of {run.model} on {run.table.benchmark} are on the data of today"
        if claim.elsewhere:
            why += f" ({claim.elsewhere} are on other data)"
        if claim.other:
            return f"{why}. There are {other} ones of {tasks_text(claim.other)}: --compare-to {other}."
        return f"{why}, so there is no claim to hold it against; --claim 65.2 names a vendor's mean."
    if not claim.tasks:
        return (
            f"The claim: a mean of {100 * claim.mean:.2f} on {run.table.benchmark}, held against what the"
            " record's models of other families lead to expect"
        )
    every = len(run.table.tasks)
    on = tasks_text(every, part=len(claim.tasks))
    left = f"; {tasks_text(claim.elsewhere)} more on other data are no part of it" if claim.elsewhere else ""
    return f"The claim: {claim.origin} figures on {on}, mean {100 * claim.mean:.2f}{left}"


def _verdict_line(run: BudgetState) -> str:
    """The verdict on the claim so far, with how far the whole mean is off."""
    verdict, limit = run.verdict, 100 * thresholds().drift
    if verdict is None:
        return "no claim to judge"
    if not verdict.tasks:
        return f"claim: {verdict.state}; none of the tasks run so far can be compared with it"
    value, low, high = (round(100 * figure, 1) + 0.0 for figure in verdict.difference)  # no -0.0
    apart = f"the mean would be {value:+.1f} points from it ({low:+.1f} to {high:+.1f})"
    chance = "" if verdict.sure is None else f"; {_percent(verdict.sure)} that it is within {limit:.1f}"
    return f"claim: {verdict.state}; {apart}{chance}"


def _in_points(value: Predicted) -> str:
    """A mean on the scale of 100 with its interval."""
    middle, low, high = (f"{100 * figure:.1f}" for figure in value)
    return middle if value.low == value.high else f"{middle} ({low} to {high})"


def going_on(budget: AskedBudget, command: str, *, stopped: bool = False) -> str:
    """The command that goes on from here: with twice the budget, or where the claim was settled, with all of it."""
    words = [word for word in shlex.split(command) if word != "--again"]
    if stopped:
        return shlex.join([*words, "--go-on"])
    place = next((i for i, word in enumerate(words) if word == "--budget" or word.startswith("--budget=")), None)
    if place is None:
        return f"--budget {_more(budget)}"
    words[place : place + (1 if "=" in words[place] else 2)] = ["--budget", _more(budget)]
    return shlex.join(words)


def _more(budget: AskedBudget) -> str:
    kind, amount = budget.kind, budget.amount
    if kind is BudgetKind.SMOKE:
        return "5%"
    if kind is BudgetKind.SHARE:
        return f"{min(200 * amount, 100):g}%"
    if kind is BudgetKind.TASKS:
        return f"{int(2 * amount)} tasks"
    return f"{2 * amount / 60:g}min" if amount >= 60 else f"{2 * amount:g}s"


def _chosen_table(run: BudgetState) -> Table:
    table = Table(title=f"{run.order.budget.text} of {run.table.benchmark}", title_justify="left", box=SIMPLE)
    table.add_column("task")
    table.add_column("type")
    for name in ("of the doubt", "here", "then known to"):
        table.add_column(name, justify="right", no_wrap=True)
    for steps, choice in enumerate(run.chosen[:_MOST_ROWS], 1):
        name = run.table.tasks[choice.place]
        table.add_row(
            escape(name),
            run.table.types[choice.place],
            f"-{choice.share:.0%}",
            duration(run.here[name]),
            f"± {100 * run.known_to(steps):.1f}",
        )
    if (more := len(run.chosen) - _MOST_ROWS) > 0:
        table.add_row(f"and {more} more", "", "", "", "")
    return table


def _nothing_fits(run: BudgetState) -> str:
    if not run.not_run:
        return "Every task that can be run here was run already; nothing is left to run"
    if run.verdict is not None and run.verdict.state.settled and not run.order.go_on:
        return "The claim is settled by what was run already; --go-on runs on"
    if run.ran:
        return f"What was run already is all that {run.order.budget.text} allows"
    quickest = min(run.not_run, key=lambda name: run.here[name])
    seconds = duration(run.here[quickest])
    return f"No task fits into {run.order.budget.text}: the quickest, {quickest}, takes {seconds} here"


def _rank(rank: Predicted) -> str:
    return f"{rank.value:.0f}" if rank.low == rank.high else f"{rank.value:.0f} ({rank.low:.0f} to {rank.high:.0f})"


def _percent(share: float) -> str:
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else "over 99%" if share > 0.5 else "under 1%"


def tasks_text(count: int, *, part: int | None = None) -> str:
    """A number of tasks: "1 task", "41 tasks"; or what part of them: "3 of 41 tasks", "all 41 tasks"."""
    if part is None:
        return in_english("{n} tasks", {"n": count})
    if part == count > 1:
        return in_english("all {n} tasks", {"n": count})
    return in_english("{part} of {n} tasks", {"part": part, "n": count})


def _row(names: list[str]) -> str:
    some = ", ".join(names[:8])
    return some if len(names) <= 8 else f"{some} and {len(names) - 8} more"
