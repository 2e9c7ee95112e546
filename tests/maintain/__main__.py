"""The maintainers' command line: ``python -m tests.maintain COMMAND``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.store.errors import InputError
from evaluators.official.command import reading_progress, show_summary
from tests.maintain.faults import faults
from tests.maintain.noise import noise

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.command()(noise)
app.command()(faults)


@app.command()
def bundle(
    place: Annotated[
        Path, typer.Option("--from", metavar="CHECKOUT", help="A checkout of embeddings-benchmark/results.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write.")] = Path("data/record"),
    withdrawn: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Parquet file of model cards' figures that the record no longer holds."),
    ] = None,
    git_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Git directory of the checkout.", show_default="its own")
    ] = None,
    commit: Annotated[str, typer.Option(metavar="SHA", help="The commit that is checked out.")] = "HEAD",
) -> None:
    """Write the bundled record: every main score of a checkout and mteb's registry, as Parquet."""
    from tests.maintain.bundling import write_bundle

    with reading_progress("Reading results") as progress:
        summary = write_bundle(place, out, withdrawn=withdrawn, git_dir=git_dir, commit=commit, progress=progress)
    show_summary(summary)
    written = sum(file.stat().st_size for file in out.glob("*.parquet"))
    typer.echo(f"{out}: {written / 1e6:.2f} MB")


@app.command()
def bundle_runs(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, as --out names it.")],
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")] = Path("data/record/reproductions.parquet"),
) -> None:
    """Write finished runs as the reproductions that come with the record."""
    from evaluators.reproduce.journal import Journal
    from tests.maintain.own_runs import pack

    journals = [Journal(path.parent) for path in sorted(folder.glob("*/run.json"))]
    if not journals:
        raise InputError("There are no runs here", where=str(folder), remedy="Name the folder given to --out.")
    count = pack(journals, out)
    typer.echo(f"{out}: {count} tasks of {len(journals)} runs, {out.stat().st_size / 1e3:.0f} kB")


@app.command()
def sample(
    diagnose: Annotated[bool, typer.Option("--diagnose", help="Keep the check and only diagnose it again.")] = False,
) -> None:
    """Make the bundled parity sample again (a quarter of an hour)."""
    from tests.maintain.sample import make

    make(diagnose_only=diagnose)


@app.command()
def self_test(
    model: Annotated[str, typer.Option(help="minilm, decoder or both.")] = "both",
    reference: Annotated[str | None, typer.Option(help="A model in MiniLM's place.")] = None,
    pairs: Annotated[int, typer.Option(help="Pairs of causes tried.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes, one thread each.", min=1)] = 2,
) -> None:
    """Measure how often the diagnosis is right."""
    from tests.maintain import selftest_run

    selftest_run.run(model, reference=reference, pairs=pairs, seed=seed, jobs=jobs)


if __name__ == "__main__":
    app()
