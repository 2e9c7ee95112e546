"""``python -m evaluators diagnose``: name the cause of a drift, and prove it."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from data.errors import InputError

if TYPE_CHECKING:
    from evaluators.diagnose.reference import Reference
    from evaluators.diagnose.rows import Texts
    from evaluators.diagnose.verdict import Diagnosis

__all__ = ["register"]

_STYLE = {"identical": "green", "precision only": "green", "explained": "bold", "partly explained": "yellow"}


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
    batch_size: Annotated[int, typer.Option(help="Texts the candidate encoded at once.")] = 32,
    trust_remote_code: Annotated[
        list[str] | None, typer.Option(metavar="MODEL@REV", help="Let this model's own code run; repeatable.")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="RUN", help="Suggest causes from a run's scores alone, or a model's newest.")
    ] = None,
    self_test: Annotated[bool, typer.Option("--self-test", help="Measure how often the diagnosis is right.")] = False,
    pairs: Annotated[int, typer.Option(help="Self-test: pairs of causes tried.", min=0)] = 100,
    model: Annotated[str, typer.Option(help="Self-test: minilm, decoder or both.")] = "both",
    seed: Annotated[int, typer.Option(help="Self-test: of the draws.")] = 1,
    jobs: Annotated[int, typer.Option(help="Self-test: processes, one thread each.", min=1)] = 2,
    store: Annotated[Path | None, typer.Option(help="The store; PLUMBLINE_STORE or data/ otherwise.")] = None,
) -> None:
    """Name the causes of the drift between a reference and a candidate, and prove them by re-encoding."""
    if self_test:
        from evaluators.diagnose import selftest_run

        selftest_run.run(model, reference=reference, pairs=pairs, seed=seed, jobs=jobs)
    elif scores:
        _of_scores(scores, store)
    elif check_id:
        _of_check(check_id, candidate, trust_remote_code or [], batch_size, store)
    elif reference and candidate_vectors:
        _of_files(reference, revision, trust_remote_code or [], candidate_vectors, texts, batch_size)
    else:
        raise InputError(
            "There is nothing to diagnose",
            remedy="Name a check of the store, or --reference and --candidate-vectors, or --scores, or --self-test.",
        )


def _of_check(check_id: str, candidate: str | None, trust: list[str], batch_size: int, store: Path | None) -> None:
    from data.store import open_reader, writing
    from evaluators.diagnose.answer import batched, load_reference
    from evaluators.diagnose.from_store import keep, read_check

    started = datetime.now(UTC)
    reader = open_reader(store)
    kept = read_check(reader.cursor(), check_id, candidate)
    reader.close()
    settings = kept.settings
    batch_size = int(settings.get("batch_size") or batch_size)
    model = load_reference(settings["source"], revision=settings.get("revision"), trust=trust, settings=settings)
    texts = batched(kept.texts, kept.roles, batch_size)
    found = {}
    for one in kept.candidates:
        found[one.encoder_id] = _run(model, texts, one.vectors, one.label, one.facts)
    with writing(store) as connection:
        said = [kept.check_id if word == check_id else word for word in sys.argv[1:]]  # 'last' is another one tomorrow
        command = shlex.join(["python", "-m", "evaluators", *said])
        run = keep(connection, model, found, check_id=kept.check_id, command=command, started=started)
    Console(highlight=False).print(Text(f"Kept as {run}"))


def _of_scores(asked: str, store: Path | None) -> None:
    from data.store import open_reader
    from data.suggest import suggest
    from evaluators.diagnose.from_store import read_deltas

    reader = open_reader(store)
    model, deltas = read_deltas(reader.cursor(), asked)
    reader.close()
    console, found = Console(highlight=False), suggest(deltas, model)
    if not found:
        console.print(Text(f"{asked}: the deltas of {len(deltas)} tasks are no more than honest reruns differ by."))
        return
    table = Table(title=f"Suggested by the scores of {len(deltas)} tasks; nothing is proved until vectors are compared")
    for heading in ("cause", "fits", "why"):
        table.add_column(heading)
    for one in found:
        table.add_row(Text(one.cause), f"{one.fit:.0%}", Text(one.why))
    console.print(table)
    console.print(Text(f"What would settle it: {found[0].settle}"))


def _of_files(
    reference: str, revision: str | None, trust: list[str], vectors: Path, texts: Path | None, batch_size: int
) -> None:
    from data.probes import load_probes
    from evaluators.diagnose.answer import batched, load_reference

    probes = load_probes(texts).probes
    model = load_reference(reference, revision=revision, trust=trust)
    asked = batched([probe.text for probe in probes], [probe.role for probe in probes], batch_size)
    _run(model, asked, _read_vectors(vectors, texts), vectors.name, None)


def _read_vectors(path: Path, texts: Path | None) -> Any:
    """The candidate's vectors, one row a text; other formats than .npy are read as the ready encoder does."""
    import numpy as np

    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError("The vectors cannot be read", where=str(path), remedy=f"{error}.") from error
    from data.probes import load_probes
    from evaluators.encoders.registry import open_encoder
    from evaluators.encoders.settings import EncoderSettings

    encoder = open_encoder(EncoderSettings("ready", str(path), options={"texts": str(texts)} if texts else {}))
    return encoder.encode([probe.text for probe in load_probes(texts).probes], None).dense


def _run(reference: Reference, texts: Texts, vectors: Any, label: str, facts: Any) -> Diagnosis:
    from evaluators.diagnose.answer import Bench, diagnose
    from evaluators.diagnose.proof import snippet

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Encoding under each cause")
        found = diagnose(
            Bench(reference, texts),
            vectors,
            facts=facts,
            progress=lambda n, of: bar.update(task, completed=n, total=of),
        )
    console = Console(highlight=False)
    console.print(Text(f"{label}: "), Text(found.verdict, _STYLE.get(found.verdict, "red")), Text(found.sentence))
    console.print(_table(found))
    for named in found.causes:
        console.print(Text(f"Remedy for {named.cause.name}: {named.cause.remedy}"))
    if found.match:
        console.print(Text("\nThe reference made to agree with it:\n"))
        typer.echo(snippet(reference, [named.cause for named in found.causes]))
    return found


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
