"""Run every measurement on one input and print the ratios."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import tests.bench
from tests.bench.child import Row

ROOT = Path(__file__).resolve().parents[2]


def main(
    place: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Checkout of the results repository, or a zip of a part of it."),
    ] = None,
    only: Annotated[str, typer.Option(metavar="SUBJECT", help="Run one measurement.", show_default="all")] = "",
) -> None:
    """Measure in one run, on the same input and machine."""
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = unpacked(place or sample(), Path(scratch))
        table = Table("measured", "Plumbline", "against", "its figure", "ratio", "aim", "", title=f"On {folder}")
        for module in pkgutil.iter_modules(tests.bench.__path__, "tests.bench."):
            subject = module.name.rpartition("measure_")[2]
            if "measure_" not in module.name or only not in ("", subject):
                continue
            console.print(f"measuring {subject} ...", style="dim")
            rows: list[Row] = importlib.import_module(module.name).measure(folder)
            for row in rows:
                table.add_row(*row.cells())
    console.print(table)


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
