"""``python -m evaluators import``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evaluators.official.importer import ImportSummary
    from evaluators.official.workers import Progress

__all__ = ["reading_progress", "register", "show_summary"]

_Place = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="A checkout of embeddings-benchmark/results, mteb's cache folder, a results folder, a zip of one, or the "
        "address of one on shared storage (s3://bucket/path).",
        show_default="the bundled record",
    ),
]
_Origin = Annotated[
    str | None,
    typer.Option(
        metavar="ORIGIN",
        help="'reproduced' for runs that are not of the published record.",
        show_default="official, or reported for model cards' figures",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this area's commands to the command line."""
    app.command("import")(import_)
    app.command("publish")(publish_)


def import_(
    place: _Place = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download the record with mteb, then import it.")
    ] = False,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing if there is a usable store with a record.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Start from an empty store; runs kept by `reproduce` are put back.")
    ] = False,
    origin: _Origin = None,
) -> None:
    """Import published scores into the store: the bundled record, or results of mteb from anywhere."""
    usable, recorded = _state() if if_missing else (True, False)
    if recorded:
        return
    from data.store.errors import InputError
    from data.store.vocabulary import ImportKind
    from evaluators.official.importer import import_bundle, import_from

    if place is not None and download:
        raise InputError("--from and --download name two sources", remedy="Give one of them.")
    _check_origin(origin)
    if place is None and not download:
        # a store of another schema, or a damaged file, is not added to but written again
        show_summary(import_bundle(rebuild=rebuild or not usable))
        _put_runs_back(rebuild or not usable)
        return
    kind = ImportKind.DOWNLOAD if download else ImportKind.FOLDER
    source = _download() if download else place
    assert source is not None
    with reading_progress("Reading results") as progress:
        summary = import_from(source, origin=origin, rebuild=rebuild, kind=kind, progress=progress)
    show_summary(summary)
    _put_runs_back(rebuild)


def publish_(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Shared storage: s3://bucket/path, or a folder.")],
    place: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="PATH", help="What to import first; may be repeated.", show_default="ADDRESS"),
    ] = None,
    no_import: Annotated[bool, typer.Option("--no-import", help="Publish the store as it is.")] = False,
    origin: _Origin = None,
    keep: Annotated[int, typer.Option(min=1, help="How many stores stay there.")] = 5,
    own_runs: Annotated[bool, typer.Option("--own-runs", help="Publish runs of this machine, too.")] = False,
) -> None:
    """Import what is new on shared storage, then publish the store there for every dashboard that follows it."""
    from data.store.storage import open_storage
    from data.store.vocabulary import ImportKind
    from evaluators.official.importer import import_from
    from evaluators.official.publishing import publish_from

    _check_origin(origin)
    storage = open_storage(to)

    def bring() -> None:
        for each in place or [storage.url]:
            with reading_progress("Reading results") as progress:
                show_summary(import_from(each, origin=origin, kind=ImportKind.FOLDER, progress=progress))

    published = publish_from(storage, None if no_import else bring, keep=keep, own_runs=own_runs)
    publication = published.publication
    if published.fetched is not None:
        typer.echo(f"Began from publication {published.fetched.number}, which was fetched.")
    if published.elsewhere and published.new:
        typer.echo(
            "The publication before was made of another store; its history of imports is not in this one.", err=True
        )
    verb = "Published" if published.new else "Nothing new: it stays"
    typer.echo(f"{verb} publication {publication.number} ({publication.size / 2**20:.1f} MB) at {storage.url}.")


def _check_origin(origin: str | None) -> None:
    from data.store.errors import InputError
    from data.store.vocabulary import Origin

    if origin not in (None, *Origin):
        raise InputError(f"'{origin}' is no origin of a score", remedy=f"It is one of {', '.join(Origin)}.")


def _put_runs_back(fresh: bool) -> None:
    """Bring this machine's own runs into a store that was built anew; nothing is run for it."""
    from evaluators.reproduce.journal import default_root

    root = default_root()
    if not fresh or not any(root.glob("*/run.json")):
        return
    from data.store.database import writing
    from data.store.derive import derive
    from evaluators.reproduce.publish import restore

    with writing() as connection:
        count, problems = restore(connection, root)
        derive(connection)
    for sentence in problems:
        typer.echo(sentence, err=True)
    typer.echo(f"{count} runs of this machine put back from {root}")


def _state() -> tuple[bool, bool]:
    """Whether a store of this schema is there, and whether it holds a record or only what was run or compared here.

    Imports nothing but DuckDB: `make run` asks this each time.
    """
    from data.store.database import bring_up_to_date, reading
    from data.store.errors import StoreError
    from data.store.vocabulary import ImportKind

    try:
        bring_up_to_date()  # with everything that was run here, which writing it again would lose
        with reading() as cursor:
            return True, bool(cursor.execute("SELECT 1 FROM imports WHERE kind <> ?", [ImportKind.RUN]).fetchall())
    except StoreError:
        return False, False


def _download() -> Path:
    """Bring mteb's own clone of the results repository up to date; returns its folder."""
    import subprocess

    import mteb

    from data.store.errors import InputError

    cache = mteb.ResultCache()
    try:
        return Path(cache.download_from_remote())
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        raise InputError(
            "mteb could not download the published record",
            where=str(cache.cache_path),
            remedy="Check the connection, or import the bundled record: `python -m evaluators import`.",
        ) from error


@contextmanager
def reading_progress(what: str) -> Iterator[Progress]:
    """A bar with rate and time left on stderr; nothing while there is nothing to read."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from evaluators.progress import Rate

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, visible=False, unit="files")
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def show_summary(summary: ImportSummary) -> None:
    """What the import did, what stands now, and what could not be read."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not summary.published:
        console.print(f"Nothing new in {summary.source}.", markup=False)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("models", summary.models),
        ("tasks", summary.tasks),
        ("results", summary.results),
        ("scores", summary.rows),
        ("files looked at", summary.files_seen),
        ("files read", summary.files_read),
        ("results added", summary.added),
        ("results gone", summary.gone),
        ("rejected", len(summary.rejected)),
    ):
        table.add_row(name, f"{value:,}")
    table.add_row("seconds", f"{summary.seconds:.1f}")
    console.print(table)
    for path, reason in summary.rejected[:20]:
        console.print(f"  {path}: {reason}", style="yellow", markup=False, soft_wrap=True)
    if len(summary.rejected) > 20:
        console.print(f"  and {len(summary.rejected) - 20:,} more, in the store's table `rejected`", style="yellow")
