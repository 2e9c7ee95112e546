"""What a person sees while a run goes on: the plan, one line for tasks and one for texts, verdicts, a final table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from data.store.vocabulary import Status
from evaluators.progress import Rate
from evaluators.reproduce.estimate import Estimate, duration
from evaluators.reproduce.verdicts import JudgedCell

if TYPE_CHECKING:
    from evaluators.reproduce.journal import Journal
    from evaluators.reproduce.models import LoadedModel
    from evaluators.reproduce.request import ModelRequest

__all__ = ["COLOURS", "Screen"]

COLOURS = {"match": "green", "drift": "yellow", "gap": "red", "broken": "bold red", "not comparable": "dim"}


class Screen:
    """Draws a run on a console; on something that is no terminal, a line a task and no bars."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            Rate(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks = self._progress.add_task("tasks", visible=False, left="")
        self._texts = self._progress.add_task("texts", visible=False, unit="texts", left="")
        self._estimates: dict[str, float | None] = {}
        self._spent = self._estimated = 0.0  # on the tasks so far

    def loading(self, request: ModelRequest) -> None:
        """The first sign of life."""
        self.console.print(f"Loading {escape(request.model)} ...")

    def note(self, sentence: str) -> None:
        """A sentence between the lines."""
        self.console.print(sentence, style="yellow", markup=False)

    @contextmanager
    def running(
        self, journal: Journal, model: LoadedModel, done: int, waiting: list[Any], estimates: list[Estimate]
    ) -> Iterator[None]:
        """Say what will be done, then draw progress for the length of the block."""
        self._plan(journal, model, done, waiting, estimates)
        self._estimates = {estimate.task: estimate.seconds for estimate in estimates}
        self._progress.reset(self._tasks, total=len(waiting), visible=bool(waiting))
        with self._progress:
            yield

    def _plan(
        self, journal: Journal, model: LoadedModel, done: int, waiting: list[Any], estimates: list[Estimate]
    ) -> None:
        seconds = [estimate.seconds for estimate in estimates if estimate.seconds is not None]
        unknown = len(estimates) - len(seconds)
        print_line = self.console.print
        print_line(f"[bold]{escape(model.name)}[/] at {escape(model.revision)}, by {escape(model.loader)}")
        print_line(
            f"run {journal.run_id}{', continued' if journal.resumed else ''}; kept in {escape(str(journal.folder))}"
        )
        for finding in journal.run["findings"]:
            self.note(f"{finding['severity']}: {finding['seen']}. {finding['why']}")
        for warning in journal.run["warnings"]:
            self.note(f"warning while loading: {warning['text']}")
        if done:
            print_line(f"{done} of the tasks are done already and are not run again")
        if waiting:
            text = f"{len(waiting)} {'task' if len(waiting) == 1 else 'tasks'} to run"
            if seconds:
                text += f", about {duration(sum(seconds))}{f' and {unknown} unknown' if unknown else ''}"
            print_line(escape(text))

    def remaining(self, waiting: list[Any]) -> None:
        """Another number of tasks is left to run than was planned."""
        names = {task.metadata.name for task in waiting}
        self._estimates = {name: seconds for name, seconds in self._estimates.items() if name in names}
        ended = self._progress.tasks[self._tasks].completed
        self._progress.update(self._tasks, total=ended + len(waiting))

    def task_begins(self, task: Any) -> None:
        """Start the line of texts again for this task."""
        self._progress.update(self._tasks, description=task.metadata.name)
        self._progress.reset(self._texts, visible=True, total=0, description="  texts")

    def texts(self, done: int, asked: int) -> None:
        """Texts encoded so far in this task, of those asked for so far."""
        self._progress.update(self._texts, completed=done, total=asked)

    def task_ends(self, record: dict[str, Any], verdicts: list[JudgedCell]) -> None:
        """One line: the task's worst verdict, or why it failed."""
        self._progress.advance(self._tasks)
        if (estimated := self._estimates.pop(record["task"], None)) is not None and record["status"] == Status.DONE:
            self._spent, self._estimated = self._spent + record["seconds"], self._estimated + estimated
        left = sum(filter(None, self._estimates.values())) * (self._spent / self._estimated if self._estimated else 1)
        self._progress.update(self._tasks, left=f"about {duration(left)} left" if left else "")
        print_line = self._progress.console.print
        if record["status"] == Status.FAILED:
            print_line(f"[bold red]failed[/] {escape(record['task'])}: {escape(record['error'])}")
            return
        for verdict in verdicts[:1]:
            print_line(self._line(verdict, len(verdicts), record))

    def _line(self, verdict: JudgedCell, cells: int, record: dict[str, Any]) -> str:
        colour = COLOURS[verdict.verdict]
        more = f" (worst of {cells} cells)" if cells > 1 else ""
        against = ""
        if verdict.other is not None and verdict.delta is not None:
            against = f" against {verdict.other:.6f} ({verdict.delta:+.6f})"
        if verdict.why:
            against += f": {verdict.why}"
        score = "no score" if verdict.reproduced is None else f"{verdict.reproduced:.6f}"
        speed = f"{record['texts'] / record['seconds']:,.0f} texts/s" if record["texts"] and record["seconds"] else ""
        return (
            f"[{colour}]{verdict.verdict}[/] {escape(verdict.task)} {score}{escape(against)}{more}"
            f" [dim]{duration(record['seconds'])}, {speed}[/]"
        )

    def summary(self, verdicts: list[JudgedCell], records: dict[str, dict[str, Any]], compare_to: str) -> None:
        """The final table: every cell, the figure it is compared with, the noise floor and the verdict."""
        table = Table(title=f"reproduced against {compare_to}", title_justify="left", box=SIMPLE)
        table.add_column("task")
        for name in (compare_to, "reproduced", "delta", "floor"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("verdict")
        for verdict in verdicts:
            table.add_row(
                _cell(verdict),
                *(_figure(score) for score in (verdict.other, verdict.reproduced)),
                "" if verdict.delta is None else f"{verdict.delta:+.6f}",
                _figure(verdict.floor),
                Text(verdict.verdict + (f": {verdict.why}" if verdict.why else ""), COLOURS[verdict.verdict]),
            )
        for record in records.values():
            if record["status"] == Status.FAILED:
                table.add_row(escape(record["task"]), "", "", "", "", Text(f"failed: {record['error']}", "red"))
        self.console.print(table)


def _cell(verdict: JudgedCell) -> str:
    """The task, with split and subset where they are not the usual ones."""
    more = [part for part, usual in ((verdict.split, "test"), (verdict.subset, "default")) if part != usual]
    return escape(" ".join([verdict.task, *more]))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
