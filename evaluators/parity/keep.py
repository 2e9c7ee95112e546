"""Write a finished check into the store: run, encoders, findings, probes, protocol, vectors, drift and summaries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa

from data.store.findings import put_findings
from data.store.runs import File, RunRow, RunWarning, put_run
from data.store.vocabulary import RunKind, Status
from evaluators.environment import environment
from evaluators.parity.compare import Comparison
from evaluators.parity.run import Check, Examined

__all__ = ["encoder_id", "keep"]

_LARGEST = 200_000  # numbers of one multi-vector text that are kept; beyond that its shape is
_DRIFT = ("cosine_distance", "l2", "l2_normalised", "max_difference", "norm_ratio", "norm", "neighbours_kept")
_SUMMARY = (
    "mean", "median", "p95", "worst", "neighbour_overlap", "rank_correlation", "cka", "rotation_residual",
    "effective_dimension", "anisotropy", "l2_amplification",
)  # fmt: skip
Rows = list[dict[str, Any]]


def keep(connection: duckdb.DuckDBPyConnection, check: Check, command: str) -> None:
    """Add the check to an open store, all of it or (with the transaction) none of it."""
    put_run(connection, _run(check, command))
    reference = encoder_id(check.reference)
    probes = check.plan.probes
    _insert(connection, "checks", [{
        "check_id": check.check_id, "run_id": check.check_id, "reference": reference, "probe_set": probes.name,
        "n_texts": len(probes.probes), "started_at": check.started_at,
    }])  # fmt: skip
    everyone = {encoder_id(examined): examined for examined in (check.reference, *check.candidates)}
    _insert(
        connection, "encoders", [_encoder(name, examined) for name, examined in everyone.items()], verb="OR REPLACE"
    )
    # A text that a check of one's own shares with the bundled set keeps the bundled name and stays readable.
    _insert(connection, "probes", _probes(check), verb="OR REPLACE" if probes.name == "bundled" else "OR IGNORE")
    _insert(connection, "protocol", [
        {"check_id": check.check_id, "encoder_id": name, "test": outcome.test, "outcome": outcome.outcome,
         "value": _number(outcome.value), "detail": outcome.detail, "outputs": list(outcome.outputs),
         "code": outcome.observed[0].code if outcome.observed else None,
         "observed": _json([vars(one) for one in outcome.observed]) if outcome.observed else None}
        for name, examined in everyone.items() for outcome in examined.protocol
    ])  # fmt: skip
    for name, examined in everyone.items():
        _insert(connection, "answers", _answers(check, name, examined))
    for name, examined in everyone.items():
        _insert(connection, "vectors", list(_vectors(check, name, examined)))
    for name, examined in everyone.items():
        rows = [finding.as_row() for finding in examined.findings]
        put_findings(connection, check.check_id, examined.description.model, rows, subject=name)
    for examined in check.candidates:
        for comparison in examined.comparisons:
            _insert(connection, "drift", _drift(check, examined, comparison))
            _insert(connection, "drift_summary", [_summary(check, examined, comparison)])


def encoder_id(examined: Examined) -> str:
    """Hash of backend, model, revision, settings, versions and file digests: the same encoder has it in every check."""
    said = examined.description
    asides = ("label", "timeout", "call_timeout", "retries")  # no vector depends on them
    settings = {key: value for key, value in said.settings.items() if key not in asides}
    digests = [entry["sha256"] for entry in said.files]
    plain = json.dumps(
        [examined.settings.backend, said.model, said.revision, settings, said.versions, digests], sort_keys=True
    )
    return sha256(plain.encode()).hexdigest()[:16]


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


def _encoder(name: str, examined: Examined) -> dict[str, Any]:
    said = examined.description
    return {
        "encoder_id": name,
        "label": examined.settings.display,
        "backend": examined.settings.backend,
        "model": said.model,
        "revision": said.revision,
        "settings": _json(said.settings),
        "versions": _json(said.versions),
        "files": _json(said.files),
    }


def _probes(check: Check) -> Rows:
    return [
        {
            "text_hash": probe.text_hash,
            "probe": probe.probe,
            "text": probe.text if check.plan.keep_text else None,
            "role": probe.role,
            "traits": list(probe.traits),
            "why": probe.why,
            "core": probe.core,
            "characters": len(probe.text),
        }
        for probe in check.plan.probes.probes
    ]


def _vectors(check: Check, name: str, examined: Examined) -> Iterable[dict[str, Any]]:
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
            yield entry | {"output": "sparse", "vector": None, "payload": _json(weights)}
        if vectors.multi is not None and (matrix := vectors.multi[row]) is not None:
            flat = matrix.ravel() if matrix.size <= _LARGEST else None
            yield entry | {"output": "multi", "vector": flat, "payload": _json({"shape": list(matrix.shape)})}


def _answers(check: Check, name: str, examined: Examined) -> Rows:
    """The answers to what was asked again, where they showed anything; those of all texts are kept as vectors."""
    if examined.asked is None or not any(outcome.observed for outcome in examined.protocol):
        return []
    asked = examined.asked
    return [
        {
            "check_id": check.check_id, "encoder_id": name, "call": number, "how": call.how, "load": call.load,
            "place": place, "text_hash": asked.texts[text].text_hash, "vector": call.vectors[place],
        }
        for number, call in enumerate(asked.calls)
        for place, text in enumerate(call.texts)
        if call.how != "all" and text >= 0 and bool(np.isfinite(call.vectors[place]).all())
    ]  # fmt: skip


def _drift(check: Check, examined: Examined, comparison: Comparison) -> Rows:
    columns, name = comparison.columns, encoder_id(examined)
    rows = []
    for row, probe in enumerate(check.plan.probes.probes):
        entry: dict[str, Any] = {column: _at(columns, column, row) for column in _DRIFT}
        dimension = _at(columns, "max_dimension", row)
        rows.append(entry | {
            "check_id": check.check_id,
            "encoder_id": name,
            "text_hash": probe.text_hash,
            "output": comparison.output,
            "max_dimension": None if dimension is None else int(dimension),
            "error": examined.vectors.failed.get(row) or check.reference.vectors.failed.get(row),
        })  # fmt: skip
    return rows


def _summary(check: Check, examined: Examined, comparison: Comparison) -> dict[str, Any]:
    extra = sorted(set(comparison.columns) - {*_DRIFT, "max_dimension"})
    if not check.plan.keep_text:
        comparison.measures.pop("max_token", None)
    per_text = {name: [_number(value) for value in comparison.columns[name]] for name in extra}
    return {column: _number(comparison.summary.get(column)) for column in _SUMMARY} | {
        "check_id": check.check_id,
        "encoder_id": encoder_id(examined),
        "output": comparison.output,
        "verdict": comparison.verdict.verdict,
        "sentence": comparison.verdict.sentence,
        "floor": comparison.floor,
        "texts": len(check.plan.probes.probes),
        "texts_failed": len(examined.vectors.failed),
        "seconds": examined.seconds,
        "measures": _json(comparison.measures | ({"per_text": per_text} if per_text else {})),
    }


def _at(columns: Mapping[str, np.ndarray[Any, Any]], name: str, row: int) -> float | None:
    return _number(float(columns[name][row])) if name in columns else None


def _number(value: float | None) -> float | None:
    """NaN and infinity are no values in the store."""
    return float(value) if value is not None and math.isfinite(value) else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]], *, verb: str = ""
) -> None:
    """Append rows by column name; ``table`` is one of ours, the values are never part of the statement."""
    if not rows:
        return
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    arrow = pa.table({name: _array(name, values) for name, values in columns.items()})
    connection.register("incoming", arrow)
    try:
        connection.execute(
            f"INSERT {verb} INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM incoming"
        )
    finally:
        connection.unregister("incoming")


_TYPES = {"vector": pa.list_(pa.float32()), "token_ids": pa.list_(pa.int32()), "tokens": pa.list_(pa.string())} | {
    "traits": pa.list_(pa.string()), "outputs": pa.list_(pa.string()),
    "error": pa.string(), "revision": pa.string(), "text": pa.string(),
    "role": pa.string(), "payload": pa.string(), "max_dimension": pa.int32(), "code": pa.string(),
    "observed": pa.string(),
}  # fmt: skip


def _array(name: str, values: list[Any]) -> pa.Array:
    if name in _DRIFT or name in _SUMMARY or name == "value":
        return pa.array(values, type=pa.float64())
    return pa.array(values, type=_TYPES.get(name))
