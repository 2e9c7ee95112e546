"""A diagnosis in the terminal: the verdict, the causes with what each explains, the remedies, the lines to paste."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.rules.causes.alike import first_alike
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.proof import snippet
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.verdict import Diagnosis, NamedCause

__all__ = ["print_diagnosis"]

_STYLE = {
    DiagnosisVerdict.IDENTICAL: "green",
    DiagnosisVerdict.PRECISION: "green",
    DiagnosisVerdict.EXPLAINED: "bold",
    DiagnosisVerdict.PARTLY: "yellow",
}


def print_diagnosis(label: str, reference: Reference, diagnosis: Diagnosis) -> None:
    """Print the diagnosis of one candidate."""
    console = Console(highlight=False)
    verdict = Text.assemble((diagnosis.verdict, _STYLE.get(diagnosis.verdict, "red")), ".")
    console.print(Text(f"{label}:"), verdict, Text(diagnosis.sentence))
    if diagnosis.searched and diagnosis.searched < len(diagnosis.before):
        many = f"Causes looked for on {diagnosis.searched} of {len(diagnosis.before)} texts, and held against all."
        console.print(Text(many, "dim"))
    if diagnosis.causes or diagnosis.runners_up:
        console.print(_table(diagnosis))
    for named in diagnosis.causes:
        if first_alike(named.same_as)[1]:
            console.print(Text(f"Not told apart from {named.cause.words}: {', '.join(named.same_as)}.", "dim"))
    for named in diagnosis.causes:
        where = "on both sides" if named.cause.both else f"in the candidate, {label}"
        console.print(Text(f"Remedy for {named.cause.words}, {where}: {named.cause.remedy}"))
    if diagnosis.match:
        console.print(Text("\nThe proof, no remedy: the reference with the candidate's fault put in\n"))
        typer.echo(snippet(reference, [named.cause for named in diagnosis.causes]))


def _alike(named: NamedCause) -> str:
    """Causes that give the same vectors, as a cell has room for them."""
    first, more = first_alike(named.same_as)
    return ", ".join([*first, f"{more} others (below)"] if more else first)


def _table(diagnosis: Diagnosis) -> Table:
    table = Table(
        title=f"Drift {diagnosis.drift:.2g} (mean over the texts); bf16 alone makes {diagnosis.floor:.2g} here"
    )
    for heading in ("cause", "slot", "explained", "left", "not told apart from"):
        table.add_column(heading, justify="right" if heading in ("explained", "left") else "left")
    for named in diagnosis.causes:
        table.add_row(
            Text(named.cause.words, "bold"), named.cause.slot, f"{named.explained:.1%}" if diagnosis.match else "",
            f"{named.remaining:.2g}" if diagnosis.match else "", Text(_alike(named)),
        )  # fmt: skip
    for named in diagnosis.runners_up:
        table.add_row(
            Text(f"({named.cause.words})"),
            named.cause.slot,
            f"{named.explained:.1%}",
            f"{named.remaining:.2g}",
            "runner-up, not stated",
        )
    return table
