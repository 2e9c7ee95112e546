"""``python -m evaluators diagnose``: name the cause of a drift, and prove it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.store.errors import InputError
from evaluators.levels import FAIL_ON, fail, levels

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("diagnose")(_diagnose)


def _diagnose(
    check_id: Annotated[str | None, typer.Argument(help="A parity check in the store, or last.")] = None,
    candidate: Annotated[str | None, typer.Option(help="Id or label of one candidate of the check.")] = None,
    reference: Annotated[str | None, typer.Option(help="The model that is right: a folder or a hub name.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag of the reference.")] = None,
    candidate_vectors: Annotated[
        Path | None, typer.Option(help="The candidate's vectors: .npy, .npz, .jsonl ...")
    ] = None,
    texts: Annotated[Path | None, typer.Option(help="The texts they are of; the bundled probes otherwise.")] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Texts the candidate encoded at once; as the check says, or 32, otherwise.", min=1),
    ] = None,
    trust_remote_code: Annotated[
        list[str] | None, typer.Option(metavar="MODEL@REV", help="Let this model's own code run; repeatable.")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="RUN", help="Suggest causes from a run's scores alone, or a model's newest.")
    ] = None,
    fail_on: Annotated[list[str] | None, typer.Option(metavar="LEVEL", help=FAIL_ON)] = None,
    store: Annotated[Path | None, typer.Option(help="The store; PLUMBLINE_STORE or data/ otherwise.")] = None,
) -> None:
    """Name the causes of the drift between a reference and a candidate, and prove them by re-encoding.

    Exit status: 0 done; 1 a verdict at least as bad as --fail-on; 2 it could not be diagnosed; 130 stopped.
    """
    stop_at = levels(fail_on or ())
    if scores:
        _of_scores(scores, store)
    elif check_id:
        from evaluators.diagnose.session import of_check

        verdicts = of_check(check_id, candidate, trust=trust_remote_code or [], batch_size=batch_size, store=store)
        fail(verdicts, stop_at, Console(highlight=False))
    elif reference and candidate_vectors:
        from evaluators.diagnose.session import of_files

        verdicts = of_files(
            reference, candidate_vectors, texts,
            revision=revision, trust=trust_remote_code or [], batch_size=batch_size, store=store,
        )  # fmt: skip
        fail(verdicts, stop_at, Console(highlight=False))
    else:
        raise InputError(
            "There is nothing to diagnose",
            remedy="Name a check of the store, or --reference and --candidate-vectors, or --scores.",
        )


def _of_scores(run: str, store: Path | None) -> None:
    from data.rules.suggestions import FEWEST, suggest
    from data.store.database import reading
    from evaluators.diagnose.from_store import read_deltas

    with reading(store) as cursor:
        model, deltas = read_deltas(cursor, run)
    console, suggestions = Console(highlight=False), suggest(deltas, model)
    if not suggestions:
        few = f"the scores of {len(deltas)} task tell no cause from another; run tasks of other kinds as well."
        noise = f"the deltas of {len(deltas)} tasks are no more than honest reruns differ by, or fit no known cause."
        console.print(Text(f"{run}: {few if len(deltas) < FEWEST else noise}"), soft_wrap=True)
        return
    table = Table(title=f"Suggested by the scores of {len(deltas)} tasks; nothing is proved until vectors are compared")
    for heading in ("cause", "fits", "why"):
        table.add_column(heading)
    for one in suggestions:
        table.add_row(Text(one.words), f"{one.fit:.0%}", Text(one.why))
    console.print(table)
    console.print(Text(f"What would settle it: {suggestions[0].settle}"))
