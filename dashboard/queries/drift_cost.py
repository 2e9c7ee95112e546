"""Drift beside score: the encoders that have both a parity check and a reproduction under the same settings."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pandas as pd

from data import verdict

__all__ = ["against_reference", "points", "same_setup"]

# What a run through an encoder of the parity check records in the same words as the check.
_ENCODER = (
    "backend", "source", "options", "pooling", "normalise", "dimensions", "dtype", "max_length", "strip", "prompts",
)  # fmt: skip
_DTYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def points(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row an encoder and reproduced task: ``drift`` (mean cosine distance) and ``delta`` (reproduced - published).

    A reference has a drift of 0, so that its own delta is what others are held against.
    The newest check of a label counts. Also ``encoder_id`` and ``encoder`` (its label), ``task``, ``floor`` (of the
    score, 0-1), ``verdict`` of the delta and ``run_id``. Cells that cannot be compared are left out.
    """
    encoders = cursor.execute("""
        WITH checked AS (
            SELECT check_id, encoder_id, mean AS drift FROM drift_summary WHERE output = 'dense' AND mean IS NOT NULL
            UNION ALL SELECT check_id, reference, 0 FROM checks
        )
        SELECT e.encoder_id, e.label AS encoder, e.model, e.settings, s.drift
        FROM checked s JOIN encoders e USING (encoder_id) JOIN checks c USING (check_id)
        QUALIFY row_number() OVER (PARTITION BY e.model, e.label ORDER BY c.started_at DESC) = 1
    """).df()
    runs = cursor.execute(
        "SELECT run_id, model, settings FROM runs WHERE kind = 'reproduce' AND model IN (SELECT model FROM encoders)"
    ).df()
    pairs = [
        {name: encoder[name] for name in ("encoder_id", "encoder", "drift")} | {"run_id": run["run_id"]}
        for encoder in encoders.to_dict("records")
        for run in runs.to_dict("records")
        if run["model"] == encoder["model"] and same_setup(json.loads(encoder["settings"]), json.loads(run["settings"]))
    ]
    columns = ["encoder_id", "encoder", "task", "drift", "delta", "floor", "verdict", "run_id"]
    if not pairs:
        return pd.DataFrame(columns=columns)
    deltas = cursor.execute(
        "SELECT right_run AS run_id, task, avg(delta) AS delta, max(floor) AS floor, any_value(verdict) AS verdict"
        " FROM deltas WHERE kind = 'reproduced' AND comparable AND list_contains(?, right_run)"
        " GROUP BY right_run, task",
        [sorted({pair["run_id"] for pair in pairs})],
    ).df()
    return pd.DataFrame(pairs).merge(deltas, on="run_id")[columns].sort_values(["encoder", "task"], ignore_index=True)


def against_reference(cursor: duckdb.DuckDBPyConnection, check: str, candidate: str) -> pd.DataFrame:
    """``task``, ``delta`` and ``verdict`` of the candidate's newest run against the reference's, both as in the check.

    Empty where one of the two was not run, or where they share no task that can be compared.
    """
    sides = cursor.execute(
        "SELECT e.model, e.settings FROM encoders e, checks c WHERE c.check_id = ? AND e.encoder_id IN (c.reference, ?)"
        " ORDER BY e.encoder_id = c.reference DESC",
        [check, candidate],
    ).fetchall()
    runs = cursor.execute(
        "SELECT run_id, model, settings FROM runs WHERE kind = 'reproduce' ORDER BY started_at DESC"
    ).fetchall()
    newest = [
        next(
            (run for run, of, used in runs if of == model and same_setup(json.loads(settings), json.loads(used))), None
        )
        for model, settings in sides
    ]
    found = pd.DataFrame()
    if len(newest) == 2 and None not in newest:
        forth = verdict.deltas(cursor, "runs", run_id=newest[1], against=newest[0])
        back = verdict.deltas(cursor, "runs", run_id=newest[0], against=newest[1])  # the reference was run later
        found = pd.concat([forth, back.assign(delta=-back["delta"])])
        found = found[found["comparable"].astype(bool)]
    if found.empty:
        return pd.DataFrame(columns=["task", "delta", "verdict"])
    return found.groupby("task", as_index=False).agg({"delta": "mean", "verdict": "first"})


def same_setup(encoder: dict[str, Any], run: dict[str, Any]) -> bool:
    """Whether a reproduction ran under the settings of an encoder: precision, length, dimensions, pooling, prompts.

    What a run does not record (its loader hides it) is no difference; what both record must agree.
    """
    used = run.get("in_use") or {}
    if "backend" in used:
        return all(encoder.get(name) == used.get(name) for name in _ENCODER)
    modules = used.get("modules") or []
    pooling = next((m.split("(")[1].rstrip(")") for m in modules if m.startswith("Pooling(")), None)
    pairs = [
        (encoder.get("dtype"), _DTYPES.get(str(used.get("dtype")), used.get("dtype"))),
        (encoder.get("max_length"), used.get("max_seq_length")),
        (encoder.get("pooling"), pooling),
        (encoder.get("normalise"), ("Normalize" in modules) if modules else None),
    ]
    agreed = all(ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None)
    prompted = {key: text for key, text in (encoder.get("prompts") or {}).items() if text}
    run_prompted = {key: text for key, text in (used.get("prompts") or {}).items() if text}
    return (
        agreed
        and encoder.get("dimensions") == used.get("truncate_dim")
        and not encoder.get("strip")
        and set(prompted.values()) == set(run_prompted.values())
    )
