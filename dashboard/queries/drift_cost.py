"""Drift beside score: the encoders that have both a parity check and a reproduction under the same settings."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pandas as pd

from dashboard.queries.rows import Cursor
from data.rules import deltas
from data.rules.setups import one_name
from data.store.vocabulary import Comparison, RunKind

__all__ = [
    "StoredSetUp",
    "against_reference",
    "both_encoders",
    "drift_and_delta",
    "same_setup",
    "stored_set_up",
    "weight_digests",
]

# What a run through an encoder of the parity check records in the same words as the check.
_ENCODER = (
    "backend", "source", "options", "pooling", "normalise", "dimensions", "dtype", "max_length", "strip", "prompts",
)  # fmt: skip
_STORED = ["settings", "files", "model", "revision", "own_weights"]


class StoredSetUp(NamedTuple):
    """An encoder or a run as the store has it: settings, files as [{path, size, sha256}], and what it claims to be.

    ``own_weights``: an encoder that ran the model's own weights in PyTorch, as mteb's loaders do; a server under the
    same name may serve anything.
    """

    settings: dict[str, Any]
    files: list[dict[str, Any]]
    model: str = ""
    revision: str | None = None
    own_weights: bool = False


def stored_set_up(
    settings: str | None,
    files: str | None,
    model: str = "",
    revision: str | None = None,
    own_weights: bool | None = None,
) -> StoredSetUp:
    """An encoder or a run from the JSON that the store keeps of it."""
    return StoredSetUp(json.loads(settings or "{}"), json.loads(files or "[]"), model, revision, own_weights is True)


def drift_and_delta(cursor: Cursor) -> pd.DataFrame:
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
        SELECT e.encoder_id, e.label AS encoder, e.model, e.revision, e.settings, e.files, e.own_weights, s.drift
        FROM checked s JOIN encoders e USING (encoder_id) JOIN checks c USING (check_id)
        QUALIFY row_number() OVER (PARTITION BY e.model, e.label ORDER BY c.started_at DESC) = 1
    """).df()
    set_ups = [stored_set_up(*row) for row in encoders[_STORED].itertuples(index=False, name=None)]
    encoders["run_id"] = _runs_of(cursor, set_ups)
    encoders = encoders.explode("run_id").dropna(subset="run_id")
    columns = ["encoder_id", "encoder", "task", "drift", "delta", "floor", "verdict", "run_id"]
    if encoders.empty:
        return pd.DataFrame(columns=columns)
    judged = deltas.deltas(cursor, Comparison.REPRODUCED).rename(columns={"check_run": "run_id"})
    tasks = _by_task(judged[judged["run_id"].isin(encoders["run_id"])], ["run_id", "task"])
    return encoders.merge(tasks, on="run_id")[columns].sort_values(["encoder", "task"], ignore_index=True)


def against_reference(cursor: Cursor, check: str, candidate: str) -> pd.DataFrame:
    """``task``, ``delta`` and ``verdict`` of the candidate's newest run against the reference's, both as in the check.

    Empty where one of the two was not run, or where they share no task that can be compared.
    """
    newest = [runs[0] for runs in _runs_of(cursor, both_encoders(cursor, check, candidate)) if runs]
    tasks = pd.DataFrame(columns=["task", "delta", "verdict"])
    if len(newest) == 2:
        claim, ran = newest
        forth = deltas.deltas(cursor, Comparison.RUNS, run_id=ran, against=claim)
        # The reference may have been run later: it is what is claimed all the same.
        back = deltas.deltas(cursor, Comparison.RUNS, run_id=claim, against=ran, mirrored=True)
        judged = _by_task(pd.concat([forth, back]), ["task"])
        tasks = tasks if judged.empty else judged[["task", "delta", "verdict"]]
    return tasks.sort_values("task", ignore_index=True)


def both_encoders(cursor: Cursor, check: str, candidate: str) -> list[StoredSetUp]:
    """The reference of a check and a candidate; the reference alone where it is its own candidate."""
    rows = cursor.execute(
        "SELECT e.settings, e.files, e.model, e.revision, e.own_weights FROM encoders e, checks c"
        " WHERE c.check_id = ? AND e.encoder_id IN (c.reference, ?) ORDER BY e.encoder_id = c.reference DESC",
        [check, candidate],
    ).fetchall()
    return [stored_set_up(*row) for row in rows]


def _runs_of(cursor: Cursor, encoders: list[StoredSetUp]) -> list[list[str]]:
    """For each encoder the reproductions of its model under its set-up, the newest first."""
    rows = cursor.execute(
        "SELECT run_id, settings, files, model FROM runs WHERE kind = ? AND model IN (SELECT model FROM encoders)"
        " ORDER BY started_at DESC",
        [RunKind.REPRODUCE],
    ).fetchall()
    runs = {run: stored_set_up(*row) for run, *row in rows}
    return [
        [run for run, ran in runs.items() if ran.model == encoder.model and same_setup(encoder, ran)]
        for encoder in encoders
    ]


def _by_task(judged: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """What the cells of each task come to, by the mean of those that can be compared, as a task's score is one."""
    tasks = deltas.summed_up(judged, by)
    return tasks[tasks["comparable"] > 0].drop(columns="delta").rename(columns={"mean": "delta"})


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
    return encoder.own_weights and bool(held) and held == weight_digests(encoder.files) and _alike(encoder, used)


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


def weight_digests(files: list[dict[str, Any]]) -> set[str]:
    """Digests of the weights that a library loads: the safetensors where there are any, for they come first."""
    known = [(str(file["path"]), str(file["sha256"])) for file in files if file.get("sha256")]
    safe = {digest for path, digest in known if path.endswith(".safetensors")}
    return safe or {digest for path, digest in known if path.endswith((".bin", ".pt"))}


def _agree_where_shared(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
    ours = {file["path"]: file.get("sha256") for file in left}
    return all(ours.get(file["path"], file.get("sha256")) == file.get("sha256") for file in right)
