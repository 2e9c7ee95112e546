"""A diagnosis in the terminal: the verdict, the causes with what each explains, the remedies, the lines to paste."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluators.diagnose.proof import snippet
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.verdict import Diagnosis

__all__ = ["show"]

_STYLE = {"identical": "green", "precision only": "green", "explained": "bold", "partly explained": "yellow"}


def show(label: str, reference: Reference, found: Diagnosis) -> None:
    """Print the diagnosis of one candidate."""
    console = Console(highlight=False)
    console.print(Text(f"{label}: "), Text(found.verdict, _STYLE.get(found.verdict, "red")), Text(found.sentence))
    if found.causes or found.runners_up:
        console.print(_table(found))
    for named in found.causes:
        where = "on both sides" if named.cause.both else f"in the candidate, {label}"
        console.print(Text(f"Remedy for {named.cause.name}, {where}: {named.cause.remedy}"))
    if found.match:
        console.print(Text("\nThe proof, no remedy: the reference with the candidate's fault put in\n"))
        typer.echo(snippet(reference, [named.cause for named in found.causes]))


def _table(found: Diagnosis) -> Table:
    table = Table(title=f"Drift {found.drift:.2g} (mean over the texts); bf16 alone makes {found.floor:.2g} here")
    for heading in ("cause", "slot", "explained", "left", "not told apart from"):
        table.add_column(heading, justify="right" if heading in ("explained", "left") else "left")
    for named in found.causes:
        table.add_row(
            Text(named.cause.name, "bold"), named.cause.slot, f"{named.explained:.1%}" if found.match else "",
            f"{named.remaining:.2g}" if found.match else "", Text(", ".join(named.same_as)),
        )  # fmt: skip
    for named in found.runners_up:
        table.add_row(
            Text(f"({named.cause.name})"),
            named.cause.slot,
            f"{named.explained:.1%}",
            f"{named.remaining:.2g}",
            "runner-up, not stated",
        )
    return table
