"""Parity checks as a store holds them, made from vectors at hand: for tests of the pages that read them.

The vectors are synthetic unless a caller brings real ones. The real command is tested where it lives; here the point is
rows whose right picture can be worked out on paper.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.rules.drift import floor_of
from data.store.database import writing
from data.store.derive import derive_compared
from evaluators.encoders.registry import backend_of
from evaluators.encoders.settings import EncoderSettings
from evaluators.probes import Probe

Vectors = NDArray[np.float32]
MODEL = "org/small-model"
NEWEST = datetime(2026, 11, 20, 9, 30)  # noqa: DTZ001 - the store keeps UTC without saying so
SETTINGS: dict[str, Any] = {
    "backend": "sentence-transformers", "source": MODEL, "model": MODEL, "revision": "a" * 40, "prompts": {},
    "pooling": "mean", "normalise": True, "dimensions": None, "dtype": "fp32", "max_length": 256, "batch_size": 32,
    "strip": False, "outputs": ["dense"], "options": {},
}  # fmt: skip
PROOF = {
    "reference": {"prompts": [], "weights": []}, "agrees": {"prompts": [[None, "query:"]], "weights": ["bf16"]},
    "before": [0.3, 0.2, 0.4], "after": [0.003, 0.002, 0.001], "vectors": [[0.0]] * 3,
}  # fmt: skip
VERSIONS = {"sentence-transformers": "6.2.0", "transformers": "5.23.0", "torch": "2.13.0"}
FILES = [
    {"path": "config.json", "size": 612, "sha256": "c" * 64},
    {"path": "model.safetensors", "size": 90_868_376, "sha256": "5" * 64},
]


@dataclass
class Made:
    """One encoder and what it gave for the probes, in their order; a row of NaN is a text that failed."""

    label: str
    vectors: Vectors
    verdict: str = ""
    sentence: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=lambda: list(FILES))
    tokens: list[list[str]] | None = None
    output: str = "dense"
    payload: list[Any] | None = None

    @property
    def all_settings(self) -> dict[str, Any]:
        return {**SETTINGS, "label": self.label, **self.settings}

    @property
    def encoder_id(self) -> str:
        facts = json.dumps([self.all_settings, self.versions, self.files], sort_keys=True)
        return sha256(facts.encode()).hexdigest()[:16]


def synthetic(count: int, width: int = 48, seed: int = 7) -> Vectors:
    """Unit vectors whose first three axes are clusters, so that neighbours mean something."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, width)) + 2.5 * np.eye(3, width)[np.arange(count) % 3]
    return unit(rows)


def unit(rows: NDArray[Any]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def made_texts(count: int) -> list[Probe]:
    """Short texts with a trait of their own kind each: every fourth has spaces at its ends."""
    kinds = [
        ("plain", "A plain sentence, number {}."),
        ("outer-space", "  Spaces at both ends, number {}.  "),
        ("long", "A rather long text, number {}. " * 40),
        ("numbers", "{} 3.14 1e-9 \t 42"),
    ]
    numbered = [(i, *kinds[i % 4]) for i in range(count)]
    return [
        Probe(f"{trait}-{i}", text.replace("{}", str(i)), None, (trait,), "Made.", i < 16)
        for i, trait, text in numbered
    ]


def twelve(probes: list[Probe]) -> list[Made]:
    """A reference and twelve candidates, each off in a way of its own."""
    base = synthetic(len(probes))
    noise = np.random.default_rng(11)

    def blurred(size: float) -> Vectors:
        return unit(base + noise.normal(scale=size, size=base.shape))

    spaced = base.copy()
    at_ends = [i for i, probe in enumerate(probes) if "outer-space" in probe.traits]
    spaced[at_ends] = unit(base[at_ends] + noise.normal(scale=0.05, size=(len(at_ends), base.shape[1])))
    failed = blurred(0.02)
    failed[3 % len(probes)] = np.nan
    rotation = np.linalg.qr(noise.normal(size=(base.shape[1], base.shape[1])))[0]
    tokens = [["<s>", *probe.text.split()[:255], "</s>"] for probe in probes]
    prompted = [["<s>", "query", ":", *row[1:]] for row in tokens]
    made = [
        Made("reference fp32", base, tokens=tokens),
        Made("same again", base.copy(), "identical", "The same vectors.", {"batch_size": 8}, tokens=tokens),
        Made("bf16", blurred(3e-3), "precision only", "As close as bf16 allows.", {"dtype": "bf16"}, tokens=tokens),
        Made("fp16", blurred(3e-4), "precision only", "As close as fp16 allows.", {"dtype": "fp16"}, tokens=tokens),
        Made(
            "not normalised",
            base * 4.98,
            "scale only",
            "The same directions, 4.98 times as long.",
            {"normalise": False},
        ),
        Made("strips", spaced, "differs on some texts", "A quarter of the texts differ: outer-space.", {"strip": True}),
        Made(
            "prompt",
            blurred(0.06),
            "differs everywhere",
            "Every text differs.",
            {"prompts": {"": "query:"}},
            tokens=prompted,
        ),
        Made("cls", blurred(0.2), "differs everywhere", "Every text differs.", {"pooling": "cls"}),
        Made(
            "rotated",
            unit(base @ rotation),
            "different space",
            "The same geometry in other axes.",
            {"backend": "ready"},
        ),
        Made("24 dimensions", unit(base[:, :24]), "differs everywhere", "24 of 48 dimensions.", {"dimensions": 24}),
        Made("one text fails", failed, "differs everywhere", "One text has no vector.", {"backend": "tei"}),
        Made("<img src=x onerror=alert(1)> **bold** $x$", blurred(0.1), "unstable", "Two loads <b>disagree</b>.", {}),
        Made(
            "random", synthetic(len(probes), seed=8), "differs everywhere", "Nothing in common.", {"revision": "b" * 40}
        ),
    ]
    return made


def add_check(
    connection: duckdb.DuckDBPyConnection,
    probes: list[Probe],
    encoders: list[Made],
    *,
    started: datetime,
    check_id: str = "check-1",
    keep_texts: bool = True,
) -> None:
    """Write one check, the first encoder being its reference, and the run that made it."""
    reference, *candidates = encoders
    tables = {
        "encoders": [_encoder_row(made) for made in encoders],
        "probes": [_probe_row(probe, keep_texts) for probe in probes],
        "checks": [
            {
                "check_id": check_id,
                "run_id": f"run-{check_id}",
                "reference": reference.encoder_id,
                "probe_set": "bundled",
                "n_texts": len(probes),
                "started_at": started,
            }
        ],
        "runs": [_run_row(f"run-{check_id}", reference, started)],
        "protocol": [_protocol_row(check_id, made) for made in encoders],
        "vectors": [row for made in encoders for row in _vector_rows(check_id, made, probes)],
        "drift": [row for made in candidates for row in _drift_rows(check_id, reference, made, probes)],
        "drift_summary": [_summary_row(check_id, reference, made) for made in candidates],
    }
    for table, rows in tables.items():
        _insert(connection, table, rows)


def parity_store(path: Path) -> Path:
    """A store with three checks, a diagnosis with findings, and a reproduction of one encoder.

    ``check-1``: 64 texts, 12 candidates, the newest. ``check-many``: 1,000 texts, 12 candidates. ``check-0``: bf16
    alone, made with older libraries.
    """
    few, many = made_texts(64), made_texts(1000)
    with writing(path, fresh=True) as connection:
        encoders = twelve(few)
        add_check(connection, few, encoders, started=NEWEST)
        add_check(connection, many, twelve(many), started=NEWEST - timedelta(days=1), check_id="check-many")
        older = [Made(**{**vars(made), "versions": {"transformers": "4.57.0"}}) for made in (encoders[0], encoders[2])]
        add_check(connection, few, older, started=NEWEST - timedelta(days=30), check_id="check-0")
        _add_diagnosis(connection, next(made for made in encoders if made.label == "prompt"))
        _add_reproduction(connection)
        derive_compared(connection)
    return path


def _add_diagnosis(connection: duckdb.DuckDBPyConnection, made: Made) -> None:
    """Two causes proved, one that was not, and one fault of the files."""
    proved = {
        "diagnosis_id": "d-1",
        "run_id": "run-check-1",
        "check_id": "check-1",
        "candidate": made.encoder_id,
        "verdict": "explained",
        "sentence": "The prompt and bf16 explain 99.0 % of the drift.",
        "unexplained": 0.01,
        "floor": 0.002,
        "runner_up": "other prompt",
        "snippet": 'model.encode(["query:" + text for text in texts])',
        "proof": json.dumps(PROOF),
    }
    cause = {"diagnosis_id": "d-1", "same_as": [], "remedy": "Leave the prompt out.", "slot": "text"}
    _insert(connection, "diagnoses", [proved])
    _insert(
        connection,
        "diagnosis_causes",
        [
            {**cause, "position": 1, "cause": "prompt “query:”", "accepted": True, "explained": 0.9, "remaining": 0.03},
            {
                **cause,
                "position": 2,
                "cause": "bf16",
                "accepted": True,
                "explained": 0.09,
                "remaining": 0.003,
                "slot": "model",
            },
            {
                **cause,
                "position": 3,
                "cause": "prompt “passage:”",
                "accepted": False,
                "explained": 0.4,
                "remaining": 0.18,
            },
        ],
    )
    _insert(
        connection,
        "findings",
        [
            {
                "finding_id": "f-1",
                "run_id": "run-check-1",
                "model": MODEL,
                "subject": made.encoder_id,
                "tier": "tokenizer",
                "code": "prompt-undeclared",
                "severity": "serious",
                "seen": "A prompt is put before each text: <b>query:</b>",
                "why": "The model was not trained with it.",
                "remedy": "Leave prompts empty.",
                "evidence": json.dumps({"prompt": "query:"}),
            }
        ],
    )


def _add_reproduction(connection: duckdb.DuckDBPyConnection) -> None:
    """One task, published at .80 and reproduced in bf16 at .79."""
    used = {"dtype": "bfloat16", "max_seq_length": 256, "modules": ["Transformer", "Pooling(mean)", "Normalize"]}
    run = _run_row("run-bf16", Made("bf16", synthetic(1)), NEWEST)
    heard = "Some weights were <b>not</b> initialised"
    warned = [{"source": "transformers.modeling_utils", "text": heard, "times": 1}]
    _insert(
        connection,
        "runs",
        [
            {
                **run,
                "kind": "reproduce",
                "settings": json.dumps({"in_use": used}),
                "environment": json.dumps({"python": "3.12.1", "libraries": VERSIONS, "cpus": 2}),
                "warnings": json.dumps(warned),
            }
        ],
    )
    _insert(connection, "run_tasks", [{"run_id": "run-bf16", "task": "TinySTS", "status": "done", "result_id": 1,
                                       "texts": 1000, "seconds": 3.5}])  # fmt: skip
    _insert(connection, "tasks", [{"task": "TinySTS", "registered": True, "private": False, "type": "STS",
                                   "metric": "main_score", "is_aggregate": False}])  # fmt: skip
    for result_id, origin, score in ((0, "official", 0.80), (1, "reproduced", 0.79)):
        _insert(
            connection,
            "results",
            [
                {
                    "result_id": result_id,
                    "model": MODEL,
                    "revision": "a" * 40,
                    "experiment": "",
                    "origin": origin,
                    "task": "TinySTS",
                    "dataset_revision": "d" * 40,
                    "file": f"{origin}.json",
                    "withdrawn": False,
                    "added_in": 1,
                    "run_id": "run-bf16" if origin == "reproduced" else None,
                    "date": NEWEST,
                }
            ],
        )
        _insert(
            connection, "scores", [{"result_id": result_id, "split": "test", "subset": "default", "main_score": score}]
        )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    connection.register("rows_in", pd.DataFrame(rows))
    known = "OR IGNORE" if table in ("encoders", "probes") else ""
    connection.execute(f"INSERT {known} INTO {table} BY NAME FROM rows_in")
    connection.unregister("rows_in")


def _encoder_row(made: Made) -> dict[str, Any]:
    settings = made.all_settings
    backend, options = backend_of(settings["backend"]), settings.get("options") or {}
    own_weights = backend.runs_own_weights(EncoderSettings(settings["backend"], "m", options=options))
    return {
        "encoder_id": made.encoder_id, "label": made.label, "backend": settings["backend"], "model": settings["model"],
        "outside": backend.outside, "own_weights": own_weights,
        "revision": settings["revision"], "settings": json.dumps(settings),
        "versions": json.dumps({**VERSIONS, **made.versions}), "files": json.dumps(made.files),
    }  # fmt: skip


def _probe_row(probe: Probe, keep_text: bool) -> dict[str, Any]:
    return {
        "text_hash": probe.text_hash,
        "probe": probe.probe,
        "text": probe.text if keep_text else None,
        "role": probe.role,
        "traits": list(probe.traits),
        "why": probe.why,
        "core": probe.core,
        "characters": len(probe.text),
    }


def _run_row(run_id: str, reference: Made, started: datetime) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "kind": "parity",
        "model": reference.all_settings["model"],
        "revision": reference.all_settings["revision"],
        "private": False,
        "command": "python -m evaluators parity sentence-transformers:org/small-model",
        "settings": json.dumps(SETTINGS),
        "environment": json.dumps({"python": "3.11.9", "libraries": VERSIONS, "cpus": 2}),
        "files": json.dumps(reference.files),
        "warnings": json.dumps([]),
        "started_at": started,
        "finished_at": started,
        "status": "done",
    }


def _protocol_row(check_id: str, made: Made) -> dict[str, Any]:
    bad = made.verdict == "unstable"
    return {
        "check_id": check_id, "encoder_id": made.encoder_id, "test": "two loads agree",
        "outcome": "fail" if bad else "pass", "value": 0.12 if bad else 0.0,
        "detail": "The vectors of two loads differ." if bad else "The vectors of two loads are the same.",
    }  # fmt: skip


def _vector_rows(check_id: str, made: Made, probes: list[Probe]) -> list[dict[str, Any]]:
    tokens = made.tokens or [None] * len(probes)
    return [
        {
            "check_id": check_id, "encoder_id": made.encoder_id, "text_hash": probe.text_hash, "output": made.output,
            "vector": None if np.isnan(row).any() else row, "tokens": pieces,
            "token_ids": None if pieces is None else [len(piece) for piece in pieces],
            "payload": None if made.payload is None else json.dumps(made.payload[i]),
        }
        for i, (probe, row, pieces) in enumerate(zip(probes, made.vectors, tokens, strict=True))
    ]  # fmt: skip


def _drift_rows(check_id: str, reference: Made, made: Made, probes: list[Probe]) -> list[dict[str, Any]]:
    ours, theirs = reference.vectors.astype(float), made.vectors.astype(float)
    ours = ours[:, : theirs.shape[1]]
    lengths = np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1)
    apart = unit_64(theirs) - unit_64(ours)
    kept = _kept(ours, theirs)
    return [
        {
            "check_id": check_id, "encoder_id": made.encoder_id, "text_hash": probe.text_hash, "output": made.output,
            "cosine_distance": (apart[i] ** 2).sum() / 2, "l2": np.linalg.norm(theirs[i] - ours[i]),
            "l2_normalised": np.linalg.norm(apart[i]),
            "max_difference": (theirs[i] - ours[i])[j := _widest(theirs[i] - ours[i])],
            "max_dimension": j, "norm_ratio": lengths[1][i] / lengths[0][i], "norm": lengths[1][i],
            "neighbours_kept": kept[i], "error": "the server answered 500" if np.isnan(theirs[i]).any() else None,
        }
        for i, probe in enumerate(probes)
    ]  # fmt: skip


def _widest(difference: NDArray[Any]) -> int:
    return int(np.nan_to_num(np.abs(difference)).argmax())


def unit_64(rows: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float64)


def _kept(ours: NDArray[Any], theirs: NDArray[Any], k: int = 10) -> NDArray[np.float64]:
    def nearest(rows: NDArray[Any]) -> list[set[int]]:
        cosines = np.nan_to_num(unit_64(rows) @ unit_64(rows).T, nan=-2.0)
        np.fill_diagonal(cosines, -3.0)
        return [set(np.argsort(-row)[:k]) for row in cosines]

    shared = [len(a & b) / k for a, b in zip(nearest(ours), nearest(theirs), strict=True)]
    return np.where(np.isnan(theirs).any(1), np.nan, shared)


def _summary_row(check_id: str, reference: Made, made: Made) -> dict[str, Any]:
    stand_ins = [Probe(str(i), str(i)) for i in range(len(made.vectors))]
    drift = pd.DataFrame(_drift_rows(check_id, reference, made, stand_ins))
    distance = drift["cosine_distance"]
    return {
        "check_id": check_id, "encoder_id": made.encoder_id, "output": made.output, "verdict": made.verdict,
        "sentence": made.sentence, "floor": floor_of(reference.all_settings["dtype"], made.all_settings["dtype"]),
        "mean": distance.mean(), "median": distance.median(), "p95": distance.quantile(0.95), "worst": distance.max(),
        "neighbour_overlap": drift["neighbours_kept"].mean(), "texts": len(made.vectors),
        "texts_failed": int(distance.isna().sum()), "seconds": 1.5,
    }  # fmt: skip
