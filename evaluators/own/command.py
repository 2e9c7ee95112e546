"""``python -m evaluators own``: a folder of documents becomes tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from data.store.errors import InputError
from evaluators.progress import Rate

if TYPE_CHECKING:
    from evaluators.own.make import Made

__all__ = ["register"]

_SHOWN = 20  # files that are named on the terminal; the README names more

_Folder = Annotated[Path, typer.Argument(help="PDF, DOCX, HTML, Markdown, text and CSV, in any folders below it.")]
_Out = Annotated[Path | None, typer.Option(help="Where the tasks go (default: own-<name of the folder>, here).")]
_Name = Annotated[str | None, typer.Option(help="What the tasks' names begin with (default: the folder's name).")]
_Questions = Annotated[int, typer.Option(min=10, max=2000, help="The most questions of a split.")]
_Passage = Annotated[int, typer.Option(min=200, max=20_000, help="Letters of a passage; an ideograph counts as three.")]
_Seed = Annotated[int, typer.Option(help="Another one draws other questions.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("own")(make_own_tasks)


def make_own_tasks(
    folder: _Folder,
    out: _Out = None,
    name: _Name = None,
    questions: _Questions = 100,
    passage: _Passage = 800,
    seed: _Seed = 0,
) -> None:
    """Make retrieval tasks of your own documents: long ones, two languages, planted texts."""
    import re

    from evaluators.own.library import Asking
    from evaluators.own.make import make_tasks, read_folder
    from evaluators.own.write import check_place, write_tasks

    console = Console(highlight=False)
    called = re.sub(r"[^A-Za-z0-9._-]+", "_", name or folder.resolve().name).strip("._-") or "own"
    out = out or Path(f"own-{called}")
    check_place(folder, out)
    asking = Asking(questions, seed, passage)
    with _reading(console) as (begin, step):
        documents, skipped = read_folder(folder, begin, step)
    console.print(f"{len(documents):,} documents read, {len(skipped):,} files skipped", markup=False)
    made = make_tasks(documents, skipped, asking)
    if not made.tasks:
        _show_files(console, made)
        raise InputError(
            "The documents have too little text for any of the questions",
            where=str(folder),
            remedy=" ".join(f"{sentence}." for sentence in made.missing[:5]),
        )
    write_tasks(made, called, asking, out)
    _show(console, made, called, out)


class _Counter:
    """Keeps the line of progress: files, megabytes a second, time left by size."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._line = progress.add_task("reading", total=None, unit="MB")
        self._files = progress.add_task("files", total=None)
        self._sizes: dict[str, int] = {}

    def begin(self, files: list[tuple[str, int]]) -> None:
        self._sizes = dict(files)
        self._progress.update(self._line, total=sum(self._sizes.values()) / 1e6)
        self._progress.update(self._files, total=len(files))

    def step(self, name: str) -> None:
        self._progress.advance(self._line, self._sizes[name] / 1e6)
        self._progress.advance(self._files)


@contextmanager
def _reading(console: Console) -> Iterator[tuple[Callable[[list[tuple[str, int]]], None], Callable[[str], None]]]:
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    counter = _Counter(progress)
    with progress:
        yield counter.begin, counter.step


def _show(console: Console, made: Made, name: str, out: Path) -> None:
    from evaluators.own.meaning import CANNOT_TELL, chance, doubt, split_meaning

    table = Table(box=SIMPLE)
    for head in ("task", "split", "questions", "sure to", "by lot", "what is asked"):
        table.add_column(head, justify="right" if head in ("questions", "sure to", "by lot") else "left")
    for task in made.tasks:
        for number, (split, judged) in enumerate(task.judged.items()):
            table.add_row(
                escape(f"{name}-{task.suffix}") if not number else "", escape(split), str(len(judged)),
                f"{doubt(len(judged)):.2f}", f"{chance(task):.3f}", escape(split_meaning(split)),
            )  # fmt: skip
    console.print(table)
    for task in made.tasks:
        if task.left_out:
            reasons = "; ".join(f"{times:,} {why}" for why, times in sorted(task.left_out.items()))
            console.print(f"{name}-{task.suffix}: not asked: {reasons}", markup=False)
    for sentence in made.missing:
        console.print(sentence, style="yellow", markup=False)
    _show_files(console, made)
    console.print("What such judgements cannot tell:", markup=False)
    for sentence in CANNOT_TELL:
        console.print(f"- {sentence}", markup=False)
    console.print(f"Written to {out}; nothing left this machine. To run them:", markup=False)
    console.print(f"  python -m evaluators reproduce MODEL --own {out}", markup=False, soft_wrap=True)


def _show_files(console: Console, made: Made) -> None:
    lines = [f"skipped {entry.name}: {entry.why}" for entry in made.skipped]
    lines += [f"{file}: {'; '.join(notes)}" for file, notes in made.notes.items()]
    for line in lines[:_SHOWN]:
        console.print(line, style="yellow", markup=False)
    if len(lines) > _SHOWN:
        console.print(f"and {len(lines) - _SHOWN:,} more, in the README", style="yellow", markup=False)
