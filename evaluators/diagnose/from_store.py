"""A parity check as the store keeps it, ready to be diagnosed; and a diagnosis as the store keeps it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import duckdb
import numpy as np

from data.rules.causes import OF_FINDING
from data.rules.suggestions import Delta
from data.rules.task_deltas import cells_of, source_of, task_deltas
from data.store.errors import InputError, NotFoundError
from data.store.findings import FindingRow, put_findings
from data.store.rows import append
from data.store.runs import RunRow, put_run
from data.store.vocabulary import Outcome, Output, RunKind, Severity, Status, Tier
from evaluators.diagnose.answer import BATCH
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.proof import proof_record, snippet
from evaluators.diagnose.reference import Embeddings, Reference
from evaluators.diagnose.verdict import Diagnosis, NamedCause
from evaluators.encoders.registry import BACKENDS, backend_of
from evaluators.environment import environment
from evaluators.parity.asking import Call
from evaluators.parity.observations import Observation

__all__ = ["Candidate", "StoredCheck", "keep_diagnoses", "read_check", "read_deltas"]

# Cosine distance between two calls up to which their cause is looked for all the same: arithmetic may do as much.
_SEEN = 1e-3


@dataclass(frozen=True)
class Candidate:
    """One candidate of a check.

    Attributes:
        vectors: float [n, d] in the order of the check's texts, NaN where it gave none.
        batch_size: how many texts it encoded at once.
        by_length: whether it sorted them by length before it made its batches.
    """

    encoder_id: str
    label: str
    vectors: Embeddings
    facts: Facts
    batch_size: int
    by_length: bool = True


@dataclass(frozen=True)
class StoredCheck:
    """A check: the reference's settings as in use, the texts with their roles, the candidates.

    Attributes:
        reference: the reference's own vectors, float [n, d], NaN where it gave none.
    """

    check_id: str
    settings: dict[str, Any]
    texts: tuple[str, ...]
    roles: tuple[str | None, ...]
    reference: Embeddings
    candidates: tuple[Candidate, ...]


def read_check(connection: duckdb.DuckDBPyConnection, check_id: str, candidate: str | None = None) -> StoredCheck:
    """A check's reference, texts and candidates with dense vectors.

    Args:
        connection: of the store.
        check_id: the check, or 'last' for the newest.
        candidate: id or label of one candidate; all of them otherwise.

    Raises:
        NotFoundError: no such check, or no such candidate in it.
        InputError: the check did not keep its texts.
    """
    if check_id == "last":
        newest = connection.execute("SELECT check_id FROM checks ORDER BY started_at DESC LIMIT 1").fetchone()
        check_id = newest[0] if newest else check_id
    row = connection.execute(
        "SELECT e.encoder_id, e.settings FROM checks c JOIN encoders e ON e.encoder_id = c.reference "
        "WHERE c.check_id = ?",
        [check_id],
    ).fetchone()
    if row is None:
        raise NotFoundError("No such check is in the store", where=check_id, remedy="`parity` prints the id of each.")
    hashes, texts, roles = _texts(connection, check_id)
    others = connection.execute(
        "SELECT DISTINCT e.encoder_id, e.label, e.revision, e.settings ->> 'batch_size', e.settings ->> 'backend' "
        "FROM vectors v JOIN encoders e USING (encoder_id) "
        "WHERE v.check_id = ? AND e.encoder_id <> ? AND v.output = 'dense' ORDER BY e.label",
        [check_id, row[0]],
    ).fetchall()
    chosen = [each for each in others if candidate in (None, *each[:2])]
    if not chosen:
        named = ", ".join(label for _, label, *_ in others) or "none with dense vectors"
        raise NotFoundError(f"The check has no candidate {candidate!r}", where=check_id, remedy=f"It has: {named}.")
    candidates = tuple(
        Candidate(
            name,
            label,
            _vectors(connection, check_id, name, hashes),
            replace(_facts(connection, check_id, name, hashes), revision=revision),
            int(batch_size or BATCH),
            backend not in BACKENDS or backend_of(backend).by_length,
        )
        for name, label, revision, batch_size, backend in chosen
    )
    reference = _vectors(connection, check_id, row[0], hashes)
    return StoredCheck(check_id, json.loads(row[1]), tuple(texts), tuple(roles), reference, candidates)


def read_deltas(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, list[Delta]]:
    """Reproduced minus official for each task of one run, the mean over the cells that can be compared.

    Args:
        connection: of the store.
        name: a run, or a model, which stands for its newest run: two runs may differ in the very fault asked for.

    Returns:
        Where the model can be loaded from (its name, or the folder that was run), and its deltas.

    Raises:
        NotFoundError: nothing of the kind was reproduced.
    """
    from data.rules.deltas import deltas

    frame = deltas(connection, "reproduced", model=name)
    frame = deltas(connection, "reproduced", run_id=name) if frame.empty else frame
    frame = frame[frame["comparable"]]
    if frame.empty:
        remedy = f"Run `python -m evaluators reproduce {name}` first."
        raise NotFoundError("No reproduction of the model can be compared", where=name, remedy=remedy)
    runs = frame["check_run"].fillna("")  # an id begins with its date; imported results have none
    frame = frame[runs == runs.max()]
    run = frame["check_run"].iloc[0]
    source = source_of(connection, str(frame["model"].iloc[0]), run if isinstance(run, str) else None)
    return source, task_deltas(connection, cells_of(frame))


def _texts(connection: duckdb.DuckDBPyConnection, check_id: str) -> tuple[list[str], list[str], list[str | None]]:
    """Hashes, texts and roles in the order in which they were asked for: rows in another order show by it.

    They were written in the order of the probes, and each role was a call of its own.
    """
    rows = connection.execute(
        "SELECT text_hash, any_value(text), any_value(role) FROM vectors v JOIN probes USING (text_hash) "
        "WHERE check_id = ? GROUP BY text_hash ORDER BY min(v.rowid)",
        [check_id],
    ).fetchall()
    roles = list(dict.fromkeys(role for *_, role in rows))
    rows.sort(key=lambda row: roles.index(row[2]))
    if not rows or any(text is None for _, text, _ in rows):
        raise InputError(
            "The check did not keep its texts",
            where=check_id,
            remedy="Run parity without --no-keep-text, or diagnose with --reference, --candidate-vectors and --texts.",
        )
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _vectors(connection: duckdb.DuckDBPyConnection, check_id: str, encoder: str, hashes: list[str]) -> Embeddings:
    rows = connection.execute(
        "SELECT text_hash, vector FROM vectors "
        "WHERE check_id = ? AND encoder_id = ? AND output = 'dense' AND vector IS NOT NULL",
        [check_id, encoder],
    ).fetchall()
    by_text = {name: np.array(vector, dtype=np.float32) for name, vector in rows}
    width = max((len(vector) for vector in by_text.values()), default=1)
    empty = np.full(width, np.nan, dtype=np.float32)
    return np.stack([by_text.get(name, empty) for name in hashes])


def _facts(connection: duckdb.DuckDBPyConnection, check_id: str, encoder: str, hashes: list[str]) -> Facts:
    """What the protocol found; stores written before every answer was kept have the outcomes alone."""
    rows = connection.execute(
        "SELECT test, outcome, value, outputs, observed FROM protocol WHERE check_id = ? AND encoder_id = ?",
        [check_id, encoder],
    ).fetchall()
    results = {test: (outcome, value, outputs) for test, outcome, value, outputs, _ in rows}
    observed = tuple(
        Observation(one["code"], one["numbers"]) for *_, codes in rows for one in json.loads(codes or "[]")
    )

    def passed(test: str, least: float = 0.0) -> bool | None:
        outcome, value, _ = results.get(test, (Outcome.SKIPPED, None, None))
        # A test that failed without a figure (no second load could be made) says nothing about the weights.
        known = outcome == Outcome.PASS or (outcome == Outcome.FAIL and value is not None and value >= least)
        return outcome == Outcome.PASS if known else None

    # The test of two loads fails by output, and names those that failed: where the dense one is not among them, the
    # heads of the others are random and the model is whole. A store that names none means all of them.
    loads = passed("loads")
    failed = results.get("loads", (None, None, None))[2] or [Output.DENSE]
    heads_alone = loads is False and Output.DENSE not in failed
    restless = any(one.test == "deterministic" and one.numbers.get("worst", 1.0) >= _SEEN for one in observed)
    return Facts(
        loads_agree=True if heads_alone else loads,
        deterministic=False if restless else passed("deterministic", least=_SEEN),
        heads_agree=False if heads_alone else None,
        heads_missing=_heads_missing(connection, check_id, encoder),
        observed=observed,
        calls=_calls(connection, check_id, encoder, hashes),
    )


def _heads_missing(connection: duckdb.DuckDBPyConnection, check_id: str, encoder: str) -> bool:
    """Whether preflight found, in the check itself, that the files of the encoder's heads are not there."""
    rows = connection.execute(
        "SELECT 1 FROM findings JOIN checks USING (run_id) "
        "WHERE check_id = ? AND subject = ? AND list_contains(?, code)",
        [check_id, encoder, [finding for finding, cause in OF_FINDING.items() if cause == "heads-random"]],
    ).fetchall()
    return bool(rows)


def _calls(connection: duckdb.DuckDBPyConnection, check_id: str, encoder: str, hashes: list[str]) -> tuple[Call, ...]:
    """The calls that asked the same texts again, in the order made."""
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'answers'").fetchall():
        return ()
    rows = connection.execute(
        "SELECT call, how, load, text_hash, vector FROM answers WHERE check_id = ? AND encoder_id = ? "
        "ORDER BY call, place",
        [check_id, encoder],
    ).fetchall()
    number = {name: place for place, name in enumerate(hashes)}
    calls = []
    for (_, how, load), answers in groupby(rows, key=lambda row: row[:3]):
        those = [(number[name], vector) for *_, name, vector in answers if name in number]
        if those:
            vectors = np.array([vector for _, vector in those], dtype=np.float32)
            calls.append(Call(how, load, tuple(text for text, _ in those), vectors))
    return tuple(calls)


def _called(connection: duckdb.DuckDBPyConnection, check_id: str | None) -> str | None:
    """What the check calls the model of its reference, which may have been loaded from a folder."""
    rows = connection.execute(
        "SELECT e.model FROM checks c JOIN encoders e ON e.encoder_id = c.reference WHERE c.check_id = ?", [check_id]
    ).fetchall()
    return rows[0][0] if rows else None


def keep_diagnoses(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    diagnoses: dict[str, Diagnosis],
    *,
    check_id: str | None,
    command: str,
    started: datetime,
) -> str:
    """Add a run with its diagnoses, one a candidate, to an open store; returns the run's id."""
    run_id = f"{started:%Y%m%d-%H%M%S}-diagnose-{secrets.token_hex(3)}"
    put_run(
        connection,
        RunRow(
            run_id=run_id,
            kind=RunKind.DIAGNOSE,
            model=_called(connection, check_id) or reference.name,
            revision=reference.target.revision,
            private=False,
            command=command,
            settings={"recipe": asdict(reference.recipe)},
            environment=environment(),
            files=[],
            warnings=[],
            started_at=_utc(started),
            finished_at=_utc(datetime.now(UTC)),
            status=Status.DONE,
        ),
    )
    # Which texts the rows of a proof are of, in their order.
    texts = {"texts": _texts(connection, check_id)[0]} if check_id and diagnoses else {}
    for candidate, diagnosis in diagnoses.items():
        _insert_diagnosis(connection, reference, run_id, check_id, candidate, diagnosis, texts)
        rows = [_finding(named, diagnosis) for named in diagnosis.causes]
        put_findings(connection, run_id, reference.name, rows, subject=candidate)
    return run_id


def _insert_diagnosis(
    connection: duckdb.DuckDBPyConnection,
    reference: Reference,
    run_id: str,
    check_id: str | None,
    candidate: str,
    diagnosis: Diagnosis,
    texts: dict[str, list[str]],
) -> None:
    diagnosis_id = f"{run_id}-{secrets.token_hex(3)}"
    stated = [named.cause for named in diagnosis.causes]
    runner = diagnosis.runners_up[0].cause if diagnosis.runners_up else None
    row = {
        "diagnosis_id": diagnosis_id, "run_id": run_id, "check_id": check_id, "candidate": candidate,
        "verdict": diagnosis.verdict, "sentence": diagnosis.sentence, "unexplained": diagnosis.unexplained,
        "floor": diagnosis.floor, "runner_up": runner.words if runner else None,
        "runner_up_code": runner.code if runner else None,
        "snippet": snippet(reference, stated) if diagnosis.match else None,
        "proof": json.dumps(proof_record(reference, diagnosis) | texts),
    }  # fmt: skip
    append(connection, "diagnoses", [row])
    append(connection, "diagnosis_causes", [
        {
            "diagnosis_id": diagnosis_id, "position": position, "cause": named.cause.words,
            "same_as": list(named.same_as), "slot": named.cause.slot, "accepted": position < len(diagnosis.causes),
            "explained": named.explained, "remaining": named.remaining, "remedy": named.cause.remedy,
            "side": named.cause.side, "code": named.cause.code,
            "blanks": json.dumps(named.cause.blanks) if named.cause.blanks else None,
        }
        for position, named in enumerate((*diagnosis.causes, *diagnosis.runners_up))
    ])  # fmt: skip


def _finding(named: NamedCause, diagnosis: Diagnosis) -> FindingRow:
    cause = named.cause
    share = f": {named.explained:.1%} of the drift" if diagnosis.match else ""
    return FindingRow(
        tier=Tier.VECTORS,
        code=cause.code,
        severity=Severity.NOTICE if cause.precision else Severity.SERIOUS,
        seen=f"{cause.words}{share}",
        why=diagnosis.sentence,
        remedy=cause.remedy,
        evidence={"same_as": named.same_as, "remaining": named.remaining},
    )


def _utc(moment: datetime) -> datetime:
    """The store's timestamps are UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
