"""Diagnose every candidate of a parity check, or a file of vectors; print each answer and keep it in the store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from data.store.database import reading, writing
from data.store.errors import InputError, ModelError
from data.store.keys import as_written
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.answer import BATCH, Bench, Diagnosis, Facts, Reference, batched, diagnose, load_reference
from evaluators.diagnose.from_store import Candidate, StoredCheck, keep_diagnoses, read_check
from evaluators.diagnose.identity import reference_identity
from evaluators.diagnose.kept import KeptVectors
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.report import print_diagnosis
from evaluators.diagnose.standing import alone, standing
from evaluators.probes import load_probes

__all__ = ["of_check", "of_files"]


def of_check(
    check_id: str, candidate: str | None, *, trust: Sequence[str], batch_size: int | None, store: Path | None
) -> list[tuple[str, str]]:
    """Diagnose the candidates of a check against its reference.

    A candidate that cannot be diagnosed is told of and costs the others nothing.

    Args:
        check_id: the check, or 'last'.
        candidate: id or label of one candidate; all of them otherwise.
        trust: models whose own code may run, each as ``name@revision``.
        batch_size: texts that the candidates encoded at once; otherwise what the check says of each.
        store: the store.

    Returns:
        Label and verdict of each output of each candidate (:mod:`evaluators.diagnose.standing`).

    Raises:
        NotFoundError: no such check or candidate.
        ModelError: the reference cannot be rebuilt, or what is rebuilt does not give the check's reference vectors.
        InputError: no candidate could be diagnosed.
    """
    started = datetime.now(UTC)
    with reading(store) as cursor:
        check = read_check(cursor, check_id, candidate)
    settings = check.settings
    model = load_reference(settings["source"], revision=settings.get("revision"), trust=trust, settings=settings)
    own = batched(check.texts, check.roles, int(settings.get("batch_size") or BATCH))
    every = Bench(model, own, KeptVectors(reference_identity(model)))
    remark = _of_the_reference(every, check)
    diagnoses: dict[str, Diagnosis] = {}
    refused: list[InputError] = []
    for (size, by_length), those in groupby(sorted(check.candidates, key=_batches), _batches):
        texts = batched(check.texts, check.roles, batch_size or size, by_length=by_length)
        bench = every if texts == every.texts else every.of_texts(texts)
        for one in those:
            try:
                diagnosis = _with_progress(bench, one.vectors, one.facts)
            except InputError as error:
                refused.append(error)
                Console(highlight=False).print(Text(f"{one.label}: {error}", "red"))
                continue
            diagnoses[one.encoder_id] = replace(diagnosis, sentence=diagnosis.sentence + remark)
            print_diagnosis(one.label, model, diagnoses[one.encoder_id])
    if not diagnoses:
        raise refused[0]
    _keep(model, diagnoses, check.check_id, started, store, {check_id: check.check_id})
    with reading(store) as cursor:
        return standing(cursor, check.check_id, candidate, diagnoses)


def of_files(
    reference: str,
    vectors: Path,
    texts: Path | None,
    *,
    revision: str | None,
    trust: Sequence[str],
    batch_size: int | None,
    store: Path | None,
) -> list[tuple[str, str]]:
    """Diagnose a file of vectors of the texts (the bundled probes where None) against a model; its name and verdict.

    Raises:
        InputError: the vectors cannot be read, or are not one a text.
        ModelError: the reference cannot be rebuilt.
    """
    started = datetime.now(UTC)
    probes = load_probes(texts).probes
    model = load_reference(reference, revision=revision, trust=trust)
    batches = batched([probe.text for probe in probes], [probe.role for probe in probes], batch_size or BATCH)
    bench = Bench(model, batches, KeptVectors(reference_identity(model)))
    diagnosis = _with_progress(bench, _read_vectors(vectors, texts), None)
    print_diagnosis(vectors.name, model, diagnosis)
    _keep(model, {vectors.name: diagnosis}, None, started, store, {})
    return [(vectors.name, alone(diagnosis))]


def _batches(candidate: Candidate) -> tuple[int, bool]:
    return candidate.batch_size, candidate.by_length


def _of_the_reference(bench: Bench, check: StoredCheck) -> str:
    """A sentence where the check's reference rounds; empty where its vectors are those of the model rebuilt here.

    Raises:
        ModelError: they are not. Whatever were then proved would be of another reference.
    """
    own = diagnose(bench, check.reference)
    if own.verdict is DiagnosisVerdict.IDENTICAL:
        return ""
    if own.verdict is DiagnosisVerdict.PRECISION:
        how = " and ".join(named.cause.words for named in own.causes) or "half precision"
        return f" Compared with the model in float32: the check's own reference rounds ({how})."
    raise ModelError(
        f"The check's reference did not give the vectors of its own model under its own settings: {own.sentence}",
        where=str(check.settings["source"]),
        remedy="Take one that does (`parity --reference sentence-transformers:MODEL`), and diagnose that check.",
    )


def _with_progress(bench: Bench, vectors: Embeddings, facts: Facts | None) -> Diagnosis:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Encoding under each cause")
        return diagnose(
            bench, vectors, facts=facts, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def _keep(
    model: Reference,
    diagnoses: dict[str, Diagnosis],
    check_id: str | None,
    started: datetime,
    store: Path | None,
    names: dict[str, str],
) -> None:
    words = [names.get(word, word) for word in sys.argv[1:]]  # 'last' is another check tomorrow
    command = as_written(["python", "-m", "evaluators", *words])
    with writing(store) as connection:
        run = keep_diagnoses(connection, model, diagnoses, check_id=check_id, command=command, started=started)
    Console(highlight=False).print(Text(f"Kept as {run}"))


def _read_vectors(path: Path, texts: Path | None) -> Any:
    """The candidate's vectors, one row a text; other formats than .npy are read as the ready encoder does."""
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError("The vectors cannot be read", where=str(path), remedy=f"{error}.") from error
    from evaluators.encoders.registry import open_encoder
    from evaluators.encoders.settings import EncoderSettings

    encoder = open_encoder(EncoderSettings("ready", str(path), options={"texts": str(texts)} if texts else {}))
    return encoder.encode([probe.text for probe in load_probes(texts).probes], None).dense
