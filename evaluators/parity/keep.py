"""A finished check as the rows of the store: run, encoders, findings, probes, protocol, vectors, drift, summaries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import cast

import duckdb
import numpy as np

from data.rules.measures import MEASURES
from data.store.checks import CheckRow, place_of, put_check
from data.store.database import reading
from data.store.errors import StoreError
from data.store.findings import put_findings
from data.store.runs import File, RunRow, RunWarning, put_run
from data.store.vocabulary import RunKind, Status
from evaluators.encoders.registry import backend_of
from evaluators.environment import environment
from evaluators.parity.compare import OutputComparison
from evaluators.parity.run import Check, Examined

__all__ = ["encoder_id", "keep_check", "last_verdict"]

_LARGEST = 200_000  # numbers of one multi-vector text that are kept; beyond that its shape is
# What the table ``drift`` keeps of a text; what else an output has goes into the measures of its summary.
_OF_TEXTS = (
    "cosine_distance", "l2", "l2_normalised", "max_difference", "max_dimension", "norm_ratio", "norm",
    "neighbours_kept",
)  # fmt: skip


def keep_check(connection: duckdb.DuckDBPyConnection, check: Check, command: str) -> None:
    """Add the check to an open store, all of it or (with the transaction) none of it."""
    put_run(connection, _run(check, command))
    # A text that a check of one's own shares with the bundled set keeps the bundled name and stays readable.
    put_check(connection, _tables(check), rename_texts=check.plan.probes.name == "bundled")
    for name, examined in _everyone(check).items():
        findings = [finding.as_row() for finding in examined.findings]
        put_findings(connection, check.check_id, examined.description.model, findings, subject=name)


def _everyone(check: Check) -> dict[str, Examined]:
    return {encoder_id(examined): examined for examined in (check.reference, *check.candidates)}


def _tables(check: Check) -> Iterator[tuple[str, list[CheckRow]]]:
    """The rows of each table, an encoder at a time: all vectors of a check at once are many."""
    everyone, probes = _everyone(check), check.plan.probes
    yield "checks", [{
        "check_id": check.check_id, "run_id": check.check_id, "reference": encoder_id(check.reference),
        "probe_set": probes.name, "n_texts": len(probes.probes), "started_at": check.started_at,
    }]  # fmt: skip
    yield "encoders", [_encoder(name, examined) for name, examined in everyone.items()]
    yield "probes", _probes(check)
    for name, examined in everyone.items():
        yield "protocol", _protocol(check, name, examined)
        yield "answers", _answers(check, name, examined)
        yield "vectors", list(_vectors(check, name, examined))
    for examined in check.candidates:
        for comparison in examined.comparisons:
            yield "drift", _drift(check, examined, comparison)
            yield "drift_summary", [_summary(check, examined, comparison)]


def encoder_id(examined: Examined) -> str:
    """Hash of backend, model, revision, settings, versions and file digests: the same encoder has it in every check."""
    description = examined.description
    asides = ("label", "timeout", "call_timeout", "retries")  # no vector depends on them
    settings = {key: value for key, value in description.settings.items() if key not in asides}
    digests = [entry["sha256"] for entry in description.files]
    plain = json.dumps(
        [examined.settings.backend, description.model, description.revision, settings, description.versions, digests],
        sort_keys=True,
    )
    return sha256(plain.encode()).hexdigest()[:16]


def last_verdict(store: Path | None, check: Check, examined: Examined, output: str) -> str | None:
    """The verdict of the newest check of the same pair on the same texts, unless the candidate was away then.

    None where there is no such check, or no store that could be asked.
    """
    pair = (check.reference, examined)
    same = [value for each in pair for value in (each.settings.display, _place(each))]
    texts = sorted(probe.text_hash for probe in check.plan.probes.probes)
    try:
        with reading(store) as cursor:
            newest = cursor.execute(
                f"""
                SELECT s.verdict FROM drift_summary s JOIN checks c USING (check_id)
                JOIN encoders e ON e.encoder_id = s.encoder_id JOIN encoders r ON r.encoder_id = c.reference
                WHERE (r.label, {place_of("r")}, e.label, {place_of("e")}) = (?, ?, ?, ?) AND s.output = ?
                    AND coalesce(s.measures ->> '$.away', 'false') <> 'true'
                    AND (
                        SELECT list(d.text_hash ORDER BY d.text_hash) FROM drift d
                        WHERE (d.check_id, d.encoder_id, d.output) = (s.check_id, s.encoder_id, s.output)
                    ) = ?
                ORDER BY c.started_at DESC, c.check_id DESC LIMIT 1
                """,
                [*same, output, texts],
            ).fetchone()
    except StoreError:
        return None
    return None if newest is None else str(newest[0])


def _place(examined: Examined) -> str:
    """As :func:`data.store.checks.place_of` has it of one that is in the store."""
    source = examined.settings.source
    return source if source.startswith("http") else examined.description.model


def _run(check: Check, command: str) -> RunRow:
    everyone = (check.reference, *check.candidates)
    return {
        "run_id": check.check_id,
        "kind": RunKind.PARITY,
        "model": check.reference.description.model,
        "revision": check.reference.description.revision,
        "private": False,
        "command": command,
        "settings": {
            "reference": check.reference.description.settings,
            "candidates": [candidate.description.settings for candidate in check.candidates],
        },
        "environment": environment(),
        "files": cast(list[File], check.reference.description.files),
        "warnings": [
            RunWarning(source=each.settings.display, text=text, times=1)
            for each in everyone
            for text in each.description.warnings
        ],
        "started_at": check.started_at,
        "finished_at": check.finished_at,
        "status": Status.FAILED if check.reference.error else Status.DONE,
    }


def _encoder(name: str, examined: Examined) -> CheckRow:
    description, settings = examined.description, examined.settings
    backend = backend_of(settings.backend)
    return {
        "encoder_id": name, "label": settings.display, "backend": settings.backend, "outside": backend.outside,
        "own_weights": backend.runs_own_weights(settings), "model": description.model,
        "revision": description.revision, "settings": description.settings, "versions": description.versions,
        "files": description.files,
    }  # fmt: skip


def _probes(check: Check) -> list[CheckRow]:
    return [
        {
            "text_hash": probe.text_hash, "probe": probe.probe, "text": probe.text if check.plan.keep_text else None,
            "role": probe.role, "traits": list(probe.traits), "why": probe.why, "core": probe.core,
            "characters": len(probe.text),
        }
        for probe in check.plan.probes.probes
    ]  # fmt: skip


def _vectors(check: Check, name: str, examined: Examined) -> Iterator[CheckRow]:
    vectors, hidden = examined.vectors, not check.plan.keep_text
    finite = vectors.finite()
    for row, probe in enumerate(check.plan.probes.probes):
        tokens = vectors.tokens[row]
        entry = {
            "check_id": check.check_id,
            "encoder_id": name,
            "text_hash": probe.text_hash,
            # Tokens spell the text out, so they stay away with it.
            "token_ids": tokens.ids if tokens and not hidden else None,
            "tokens": [str(token) for token in tokens.texts] if tokens and not hidden else None,
        }
        if vectors.dense is not None and finite[row]:
            yield entry | {"output": "dense", "vector": vectors.dense[row], "payload": None}
        if vectors.sparse is not None and (weights := vectors.sparse[row]) is not None and not hidden:
            yield entry | {"output": "sparse", "vector": None, "payload": weights}
        if vectors.multi is not None and (matrix := vectors.multi[row]) is not None:
            flat = matrix.ravel() if matrix.size <= _LARGEST else None
            yield entry | {"output": "multi", "vector": flat, "payload": {"shape": list(matrix.shape)}}


def _answers(check: Check, name: str, examined: Examined) -> list[CheckRow]:
    """The answers to what was asked again, where they showed anything; those of all texts are kept as vectors."""
    if examined.log is None or not any(outcome.observed for outcome in examined.protocol):
        return []
    log = examined.log
    return [
        {
            "check_id": check.check_id, "encoder_id": name, "call": number, "how": call.how, "load": call.load,
            "place": place, "text_hash": log.texts[text].text_hash, "vector": call.vectors[place],
        }
        for number, call in enumerate(log.calls)
        for place, text in enumerate(call.texts)
        if call.how != "all" and text >= 0 and bool(np.isfinite(call.vectors[place]).all())
    ]  # fmt: skip


def _protocol(check: Check, name: str, examined: Examined) -> list[CheckRow]:
    return [
        {
            "check_id": check.check_id, "encoder_id": name, "test": outcome.test, "outcome": outcome.outcome,
            "value": outcome.value, "detail": outcome.detail, "outputs": list(outcome.outputs),
            "code": outcome.observed[0].code if outcome.observed else None,
            "observed": [vars(one) for one in outcome.observed] or None,
        }
        for outcome in examined.protocol
    ]  # fmt: skip


def _drift(check: Check, examined: Examined, comparison: OutputComparison) -> list[CheckRow]:
    name, probes, failed = encoder_id(examined), check.plan.probes.probes, examined.vectors.failed
    blank = np.full(len(probes), np.nan)
    columns = {column: comparison.columns.get(column, blank).tolist() for column in _OF_TEXTS}
    return [
        {column: values[row] for column, values in columns.items()}
        | {
            "check_id": check.check_id,
            "encoder_id": name,
            "text_hash": probe.text_hash,
            "output": comparison.output,
            "max_dimension": None if math.isnan(columns["max_dimension"][row]) else int(columns["max_dimension"][row]),
            "error": failed.get(row) or check.reference.vectors.failed.get(row),
        }
        for row, probe in enumerate(probes)
    ]


def _summary(check: Check, examined: Examined, comparison: OutputComparison) -> CheckRow:
    per_text = {
        name: [value if math.isfinite(value) else None for value in values.tolist()]
        for name, values in sorted(comparison.columns.items())
        if name not in _OF_TEXTS
    }
    hidden = () if check.plan.keep_text else ("max_token",)  # a token spells a part of the text out
    facts = {name: fact for name, fact in comparison.measures.items() if name not in hidden}
    if examined.vectors.gone:
        facts["away"] = True  # it could not be had, which is no drift
    return {each.name: comparison.summary.get(each.name) for each in MEASURES} | {
        "check_id": check.check_id, "encoder_id": encoder_id(examined), "output": comparison.output,
        "verdict": comparison.verdict.verdict, "sentence": comparison.verdict.sentence, "floor": comparison.floor,
        "texts": len(check.plan.probes.probes), "texts_failed": len(examined.vectors.failed),
        "seconds": examined.seconds, "measures": facts | ({"per_text": per_text} if per_text else {}),
    }  # fmt: skip
