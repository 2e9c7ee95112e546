"""Drift beside score: the encoders that have both a parity check and a reproduction under the same settings."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from data.rules import deltas
from data.rules.setups import one_name
from data.store.vocabulary import Comparison, RunKind

__all__ = ["StoredSetUp", "against_reference", "drift_and_delta", "same_setup", "stored_set_up", "weight_digests"]

# What a run through an encoder of the parity check records in the same words as the check.
_ENCODER = (
    "backend", "source", "options", "pooling", "normalise", "dimensions", "dtype", "max_length", "strip", "prompts",
)  # fmt: skip
# Encoders that run the model's own weights in PyTorch in this process, as mteb's loaders do. A server under the same
# name may serve anything.
_HERE = ("sentence-transformers", "transformers", "flag-embedding", "bce")


class StoredSetUp(NamedTuple):
    """An encoder or a run as the store has it: its settings, and its files as [{path, size, sha256}]."""

    settings: dict[str, Any]
    files: list[dict[str, Any]]


def drift_and_delta(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row an encoder and reproduced task: ``drift`` (mean cosine distance) and ``delta`` (reproduced - published).

    A reference has a drift of 0, so that its own delta is what others are held against.
    The newest check of a label counts. Also ``encoder_id`` and ``encoder`` (its label), ``task``, ``floor`` (of the
    score, 0-1), ``verdict`` (the worst of the task's cells) and ``run_id``. What cannot be compared is left out.
    """
    encoders = cursor.execute("""
        WITH checked AS (
            SELECT check_id, encoder_id, mean AS drift FROM drift_summary WHERE output = 'dense' AND mean IS NOT NULL
            UNION ALL SELECT check_id, reference, 0 FROM checks
        )
        SELECT e.encoder_id, e.label AS encoder, e.model, e.settings, e.files, s.drift
        FROM checked s JOIN encoders e USING (encoder_id) JOIN checks c USING (check_id)
        QUALIFY row_number() OVER (PARTITION BY e.model, e.label ORDER BY c.started_at DESC) = 1
    """).df()
    runs = cursor.execute(
        "SELECT run_id, model, settings, files FROM runs WHERE kind = ? AND model IN (SELECT model FROM encoders)",
        [RunKind.REPRODUCE],
    ).df()
    ran = _with_sides(runs)
    pairs = [
        {name: encoder[name] for name in ("encoder_id", "encoder", "drift")} | {"run_id": run["run_id"]}
        for encoder, its in _with_sides(encoders)
        for run, theirs in ran
        if run["model"] == encoder["model"] and same_setup(its, theirs)
    ]
    columns = ["encoder_id", "encoder", "task", "drift", "delta", "floor", "verdict", "run_id"]
    if not pairs:
        return pd.DataFrame(columns=columns)
    judged = deltas.deltas(cursor, Comparison.REPRODUCED)
    judged = judged[judged["check_run"].isin({pair["run_id"] for pair in pairs})].rename(
        columns={"check_run": "run_id"}
    )
    frame = pd.DataFrame(pairs).merge(_by_task(judged, ["run_id", "task"]), on="run_id")
    return frame[columns].sort_values(["encoder", "task"], ignore_index=True)


def _by_task(judged: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """What the cells of each task come to, by the mean of those that can be compared, as a task's score is one."""
    tasks = deltas.summed_up(judged, by)
    return tasks[tasks["comparable"] > 0].drop(columns="delta").rename(columns={"mean": "delta"})


def against_reference(cursor: duckdb.DuckDBPyConnection, check: str, candidate: str) -> pd.DataFrame:
    """``task``, ``delta`` and ``verdict`` of the candidate's newest run against the reference's, both as in the check.

    Empty where one of the two was not run, or where they share no task that can be compared.
    """
    sides = cursor.execute(
        "SELECT e.model, e.settings, e.files FROM encoders e, checks c"
        " WHERE c.check_id = ? AND e.encoder_id IN (c.reference, ?)"
        " ORDER BY e.encoder_id = c.reference DESC",
        [check, candidate],
    ).df()
    runs = cursor.execute(
        "SELECT run_id, model, settings, files FROM runs"
        " WHERE kind = ? AND model IN (SELECT model FROM encoders) ORDER BY started_at DESC",
        [RunKind.REPRODUCE],
    ).df()
    ran = _with_sides(runs)
    newest = [
        next((run["run_id"] for run, theirs in ran if run["model"] == one["model"] and same_setup(its, theirs)), None)
        for one, its in _with_sides(sides)
    ]
    tasks = pd.DataFrame()
    if len(newest) == 2 and None not in newest:
        forth = deltas.deltas(cursor, Comparison.RUNS, run_id=newest[1], against=newest[0])
        # The reference may have been run later: it is what is claimed all the same.
        back = deltas.deltas(cursor, Comparison.RUNS, run_id=newest[0], against=newest[1], mirrored=True)
        tasks = _by_task(pd.concat([forth, back]), ["task"])
    if tasks.empty:
        return pd.DataFrame(columns=["task", "delta", "verdict"])
    return tasks[["task", "delta", "verdict"]].sort_values("task", ignore_index=True)


def same_setup(encoder: StoredSetUp, run: StoredSetUp) -> bool:
    """Whether a reproduction is of an encoder's set-up: precision, length, dimensions, pooling, prompts, weights.

    A run through an encoder of the parity check must have been through this very one. A run on mteb's own loader is
    that of an encoder which loads the model in this process, from weight files that are known to be the same; what one
    of the two then does not record (a loader hides it) is no difference.
    """
    used = run.settings.get("in_use") or {}
    if "backend" in used:
        return _agree_where_shared(encoder.files, run.files) and all(
            encoder.settings.get(name) == used.get(name) for name in _ENCODER
        )
    held = weight_digests(run.files)
    return _here(encoder.settings) and bool(held) and held == weight_digests(encoder.files) and _alike(encoder, used)


def _alike(encoder: StoredSetUp, used: dict[str, Any]) -> bool:
    """Whether what an encoder declares and what the loaded model of a run does agree, where both say."""
    declared, modules = encoder.settings, used.get("modules") or []
    pooling = next((m.split("(")[1].rstrip(")") for m in modules if m.startswith("Pooling(")), None)
    pairs = [
        (one_name(declared.get("dtype")), one_name(used.get("dtype"))),
        (declared.get("max_length"), used.get("max_seq_length")),
        (declared.get("pooling"), pooling),
        (declared.get("normalise"), ("Normalize" in modules) if modules else None),
    ]
    agreed = all(ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None)
    prompted = {text for text in (declared.get("prompts") or {}).values() if text}
    return (
        agreed
        and declared.get("dimensions") == used.get("truncate_dim")
        and not declared.get("strip")
        and prompted == {text for text in (used.get("prompts") or {}).values() if text}
    )


def _here(settings: dict[str, Any]) -> bool:
    return settings.get("backend") in _HERE and (settings.get("options") or {}).get("runtime", "torch") == "torch"


def _with_sides(rows: pd.DataFrame) -> list[tuple[dict[Any, Any], StoredSetUp]]:
    return [(row, stored_set_up(row["settings"], row["files"])) for row in rows.to_dict("records")]


def stored_set_up(settings: str | None, files: str | None) -> StoredSetUp:
    """An encoder or a run from the JSON that the store keeps of it."""
    return StoredSetUp(json.loads(settings or "{}"), json.loads(files or "[]"))


def weight_digests(files: list[dict[str, Any]]) -> set[str]:
    """Digests of the weights that a library loads: the safetensors where there are any, for they come first."""
    known = [(str(file["path"]), str(file["sha256"])) for file in files if file.get("sha256")]
    safe = {digest for path, digest in known if path.endswith(".safetensors")}
    return safe or {digest for path, digest in known if path.endswith((".bin", ".pt"))}


def _agree_where_shared(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    ours = {file["path"]: file.get("sha256") for file in left}
    return all(ours.get(file["path"], file.get("sha256")) == file.get("sha256") for file in right)
