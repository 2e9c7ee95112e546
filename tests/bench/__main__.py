"""Run every measurement on one input and one machine, and print the ratios."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

import tests.bench
from evaluators.official.importer import import_bundle
from tests.bench.against import compare

ROOT = Path(__file__).resolve().parents[2]


class Context(NamedTuple):
    """What measurements share."""

    place: Path  # a folder with results/<model>/<revision>/<Task>.json
    store: Path  # built from the bundled record
    scale: int = 0  # how many times as large a record is generated for tests/bench/scale.py
    scratch: Path | None = None  # where, if not where temporary files are


def main(
    place: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Checkout of the results repository, or a zip of a part of it."),
    ] = None,
    only: Annotated[str, typer.Option(metavar="SUBJECT", help="Run one measurement.", show_default="all")] = "",
    against: Annotated[str, typer.Option(metavar="COMMIT", help="Measure a commit by turns with this tree.")] = "",
    rounds: Annotated[int, typer.Option(help="Turns of each, with --against.", min=1)] = 3,
    scale: Annotated[int, typer.Option(help="Measure on a generated record alone: 1, 10, 100 times, up to this.")] = 0,
    scratch: Annotated[Path | None, typer.Option(help="Folder for the generated record (100 times: 6 GB).")] = None,
) -> None:
    """Measure in one run, on the same input and machine."""
    subjects = [
        module.name
        for module in pkgutil.iter_modules(tests.bench.__path__)
        if module.name not in ("__main__", "against")
    ]
    if only and only not in subjects:
        raise typer.BadParameter(f"'{only}' is none of {', '.join(subjects)}")
    if against:
        if worse := compare(against, [only] if only else subjects, rounds, place or sample()):
            print(f"worse by more than a twentieth: {', '.join(worse)}")
        return
    if scale:
        importlib.import_module("tests.bench.scale").measure(Context(Path(), Path(), scale, scratch))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = unpacked(place or sample(), Path(temporary) / "results")
        context = Context(folder, Path(temporary) / "record.duckdb")
        import_bundle(store=context.store)
        for subject in [only] if only else subjects:
            module = importlib.import_module(f"tests.bench.{subject}")
            if hasattr(module, "measure"):
                print(f"-- {subject}")
                module.measure(context)


def sample() -> Path:
    """The sample of the record beside the repository."""
    places = [folder / "shared" / "mteb" / "results-sample.zip" for folder in (ROOT, ROOT.parent)]
    found = next((path for path in places if path.exists()), None)
    if found is None:
        raise typer.BadParameter(
            "name a checkout of embeddings-benchmark/results, or a zip of a part of it, with --from"
        )
    return found


def unpacked(place: Path, scratch: Path) -> Path:
    """``place`` as a folder, because mteb reads no zip."""
    if not zipfile.is_zipfile(place):
        return place
    with zipfile.ZipFile(place) as archive:
        archive.extractall(scratch)
    return scratch


if __name__ == "__main__":
    typer.run(main)
