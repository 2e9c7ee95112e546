"""``python -m dashboard report``: views on paper, without a browser."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dashboard.report.files import write_folder
from dashboard.report.making import WRITERS, Wish, make_report, notices_of
from dashboard.views import View, base_of, language_in, read_view
from dashboard.words import in_language
from data.store.errors import InputError

__all__ = ["register"]

_STORE = "PLUMBLINE_STORE"


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MD = "md"
    CSV = "csv"
    PARQUET = "parquet"


_BY_ENDING = {".html": Format.HTML, ".htm": Format.HTML, ".md": Format.MD, ".zip": Format.CSV}
_FOLDERS = (Format.CSV, Format.PARQUET)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ADDRESS",
            help="Views as their addresses are copied from the browser, in full or from the page's name on, such as"
            " 'leaderboard?l_benchmark=MTEB(eng, v2)'. Without any, the dashboard's first page.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; for csv and parquet a folder, or a .zip.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="Without it, what the file's name ends with says it.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option("--lang", help="en or zh; without it, the language of the first address, or English.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Where the dashboard is, for links back; without it, that of a full address."),
    ] = None,
    store: Annotated[Path | None, typer.Option("--store", help="The store; without it, as the dashboard.")] = None,
    title: Annotated[str, typer.Option("--title", help="Of the report; without it, the pages it shows.")] = "",
) -> None:
    """Put views onto paper: one HTML file that opens offline, Markdown, or their tables as data.

    A view is a page at the choices of its address. The figures are those of the pages: the same functions draw both.
    The HTML file needs nothing else, has every row of every table, and prints on A4 or as slides.
    """
    given = addresses or [""]
    form = form or (_BY_ENDING.get(out.suffix.lower(), Format.HTML) if out else Format.HTML)
    out = out or Path("report" if form in _FOLDERS else f"report{WRITERS[form][0]}")
    folder = form in _FOLDERS and out.suffix.lower() != ".zip"
    _check_place(out, folder=folder)
    language = lang or next(filter(None, map(language_in, given)), "en")
    base = base_url or next(filter(None, map(base_of, given)), None)
    wish = Wish(tuple(map(read_view, given)), language, base, title)
    console = Console(stderr=True, highlight=False)
    with _reading(store), _bar(console, len(wish.views)) as step:
        made = make_report(wish, step)
    with in_language(wish.language):
        if folder:
            write_folder(made, out, (form.value,))
        else:
            out.write_bytes(WRITERS[form][2](made))
        for view, words in notices_of(made):
            console.print(f"{view}: {words}", style="yellow", markup=False)
    typer.echo(str(out))


@contextmanager
def _reading(store: Path | None) -> Iterator[None]:
    """Within it pages read this store, and say nothing of what only matters in a server."""
    logger, named = logging.getLogger("streamlit"), os.environ.get(_STORE)
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns of caches that end with the process, of threads without a session
    if store is not None:
        os.environ[_STORE] = str(store)
    try:
        yield
    finally:
        logger.setLevel(level)
        os.environ.pop(_STORE, None)
        if named is not None:
            os.environ[_STORE] = named


def _check_place(out: Path, *, folder: bool) -> None:
    """Look before anything is drawn whether the file can be written at all."""
    if out.is_dir() and not folder:
        raise InputError("This is a folder", where=str(out), remedy="Name a file with --out.")
    if out.is_file() and folder:
        raise InputError("This is a file", where=str(out), remedy="Name a folder or a .zip with --out.")
    if not out.absolute().parent.is_dir():
        raise InputError(
            "There is no such folder", where=str(out.absolute().parent), remedy="Make it, or name another."
        )


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[View, int], None]]:
    """A line that says which view is being drawn, and how many are left."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[left]}"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, left="")

        def step(view: View, done: int) -> None:
            bar.update(task, description=view.page or "first page", completed=done, left=f"{done} of {total}")

        yield step
