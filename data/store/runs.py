"""What a run leaves behind: one row of ``runs`` with four records in JSON, whichever command made it.

The records are typed, so that a page cannot ask for a key that no command writes. Runs kept by earlier versions are
read as if they had been written today.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, cast

import duckdb

from data.store.rows import append, in_json
from data.store.vocabulary import RunKind, Status

__all__ = [
    "BudgetRecord", "DiagnoseSettings", "Environment", "File", "InUse", "ParitySettings", "PreflightSettings",
    "Recorded", "ReproduceSettings", "RunRow", "RunWarning", "Settings", "in_one_line", "put_run", "recorded",
    "warnings_of",
]  # fmt: skip


# Earlier, what preflight found was kept among the warnings as well as among the findings.
_FINDINGS = "preflight"


class Environment(TypedDict):
    """What a run ran on; None or empty where that is not known, as of torch where nothing loaded it."""

    python: str
    platform: str
    cpu: str
    cpus: int | None
    memory_mb: int | None
    gpus: list[str]
    torch_threads: int | None
    matmul_precision: str | None
    seeds: dict[str, int]
    variables: dict[str, str]
    libraries: dict[str, str]


class File(TypedDict):
    """One file of a model."""

    path: str
    size: int
    sha256: str | None


class RunWarning(TypedDict):
    """One warning: who gave it (a logger, a category, an encoder), its text, and how many times."""

    source: str
    text: str
    times: int


class InUse(TypedDict, total=False):
    """What a loaded model does, as mteb's loaders and as the encoders of a parity check tell it."""

    encoder: str
    architecture: str | None
    dtype: str | None
    device: str | None
    attention: str | None
    max_seq_length: int | None
    dimensions: int | None
    truncate_dim: int | None
    similarity: str
    modules: list[str] | None
    prompts: dict[str, str] | None
    # of an encoder: whether it was asked for its vectors outside of this process, and the words of EncoderSettings
    outside: bool
    backend: str
    source: str
    options: dict[str, str]
    pooling: str | None
    normalise: bool | None
    max_length: int | None
    strip: bool
    versions: dict[str, str]


class BudgetRecord(TypedDict, total=False):
    """What a run of a part of a benchmark came to, in codes and numbers; scores and shares are 0 to 1.

    ``asked``: the budget as typed. ``claim``: the mean held against (None: nothing is claimed), ``claim_origin``:
    official, reported or given, ``claim_tasks``: figures it is made of (0: a mean alone). ``state``: holds, does not
    hold or cannot tell yet, wrong in at most ``alpha``; ``sure``: probability of being within ``limit``.
    ``difference`` (of the mean from the claim), ``mean`` and ``rank`` are predictions: value, low, high at 95 %.
    ``chosen``, ``ran``, ``failed``: tasks; ``share``: of the benchmark's published time, what was run. Of a smoke run
    ``smoke``: its code, ``p``: how often right runs are as far off, ``missed``: codes of faults it would not show.
    """

    asked: str
    claim: float | None
    claim_origin: str
    claim_tasks: int
    state: str | None
    sure: float | None
    difference: list[float] | None
    alpha: float
    limit: float
    mean: list[float]
    rank: list[float] | None
    chosen: list[str]
    ran: list[str]
    failed: list[str]
    share: float
    smoke: str
    p: float
    missed: list[str]


class ReproduceSettings(TypedDict, total=False):
    """As asked on the command line, and as in use; ``budgets``: by benchmark, where a part of it was run."""

    asked: dict[str, Any]
    in_use: InUse
    loader: str
    batch_size: int
    budgets: dict[str, BudgetRecord]


class ParitySettings(TypedDict):
    """Of the reference and of each candidate, as in use."""

    reference: dict[str, Any]
    candidates: list[dict[str, Any]]


class PreflightSettings(TypedDict):
    """As asked."""

    revision: str | None
    trust: list[str]
    pin: str | None
    hub: str | None


class DiagnoseSettings(TypedDict):
    """The reference's recipe."""

    recipe: dict[str, Any]


Settings = ReproduceSettings | ParitySettings | PreflightSettings | DiagnoseSettings


class RunRow(TypedDict):
    """A row of ``runs``."""

    run_id: str
    kind: RunKind
    model: str
    revision: str | None
    private: bool
    command: str
    settings: Settings
    environment: Environment
    files: list[File]
    warnings: list[RunWarning]
    started_at: datetime | str  # UTC, without a zone
    finished_at: datetime | str | None
    status: Status


class Recorded(NamedTuple):
    """The records of one run."""

    settings: dict[str, Any]
    environment: Environment
    files: list[File]
    warnings: list[RunWarning]


def put_run(connection: duckdb.DuckDBPyConnection, run: RunRow) -> None:
    """Write a run into an open store, in the place of what it had of it."""
    # A journal of old may lack the last of the columns.
    append(connection, "runs", [in_json({name: run.get(name) for name in RunRow.__annotations__})], known="OR REPLACE")


def recorded(settings: str | None, environment: str | None, files: str | None, warnings: str | None) -> Recorded:
    """The records of a run from the JSON of its row, in today's shape whichever version wrote it."""
    return Recorded(
        json.loads(settings or "{}") or {},
        _environment(json.loads(environment or "{}") or {}),
        json.loads(files or "[]") or [],
        [
            warning
            for entry in json.loads(warnings or "[]") or []
            if (warning := _warning(entry))["source"] != _FINDINGS
        ],
    )


def in_one_line(warning: RunWarning) -> str:
    """A warning as one text: who gave it where that is known, what, and how often."""
    times = f" ({warning['times']} times)" if warning["times"] > 1 else ""
    return f"{warning['source']}: {warning['text']}{times}" if warning["source"] else f"{warning['text']}{times}"


def warnings_of(text: str | None) -> list[RunWarning]:
    """The warnings of a run or of one of its tasks, from the JSON of its row."""
    return recorded(None, None, None, text).warnings


def _environment(given: dict[str, Any]) -> Environment:
    """Earlier, each command had keys of its own for the same facts."""
    memory = given.get("memory_mb")
    if memory is None and given.get("memory_gb") is not None:
        memory = round(given["memory_gb"] * 1e9 / 2**20)
    variables = dict(given.get("variables") or {})
    if given.get("threads") is not None:
        variables.setdefault("OMP_NUM_THREADS", str(given["threads"]))
    return Environment(
        python=str(given.get("python") or ""),
        platform=str(given.get("platform") or ""),
        cpu=str(given.get("cpu") or given.get("machine") or ""),
        cpus=given.get("cpus", given.get("cores")),
        memory_mb=memory,
        gpus=list(given.get("gpus") or []),
        torch_threads=given.get("torch_threads"),
        matmul_precision=given.get("matmul_precision"),
        seeds=dict(given.get("seeds") or {}),
        variables=variables,
        libraries=dict(given.get("libraries") or given.get("versions") or {}),
    )


def _warning(entry: Any) -> RunWarning:
    """Earlier, a parity check kept its warnings as plain texts."""
    if isinstance(entry, dict):
        times = entry.get("times")
        return RunWarning(
            source=str(entry.get("source") or ""), text=str(entry.get("text") or ""), times=cast(int, times or 1)
        )
    return RunWarning(source="", text=str(entry), times=1)
