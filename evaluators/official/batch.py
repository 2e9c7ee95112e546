"""A batch of result files in, Arrow tables out; this is what the worker processes do.

Figures leave a worker as columns: 1.3 million rows as Python objects would cost more than reading them did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from data.store.errors import UnreadableResultError
from data.store.vocabulary import Origin
from evaluators.official.scan import EXPERIMENTS, META, Source
from evaluators.results.names import EXTERNAL, NO_REVISION, Names
from evaluators.results.parse import Result, interpret, load_json
from evaluators.results.plain import CellRun, read_plain, runs_of

__all__ = ["Batch", "Identity", "identity", "read_batch"]


class Identity(NamedTuple):
    """Whose results a folder holds."""

    model: str
    revision: str | None
    experiment: str
    filed_as: str | None  # the name that was read, where the registry has replaced it
    notes: str | None


class Batch(NamedTuple):
    """What a batch of files holds. ``file`` is the position in the batch; metric sets are numbered within it."""

    results: pa.Table
    scores: pa.Table
    metric_sets: list[tuple[str, ...]]
    rejected: list[tuple[int, str]]  # position in the batch, reason


_TEXTS = ("model", "revision", "experiment", "filed_as", "notes", "origin", "task", "metric", "mteb_version")
_RESULTS = pa.schema(
    {
        "file": pa.int32(),
        **dict.fromkeys((*_TEXTS, "dataset_revision"), pa.string()),
        "evaluation_time": pa.float64(),
        "date": pa.timestamp("us"),
    }
)


def read_batch(source: Source, paths: Sequence[str], names: Names, origin: str | None) -> Batch:
    """Read the result files at ``paths``; those of one folder should follow each other."""
    columns = _Columns()
    rejected = []
    identities: dict[str, Identity] = {}
    source.ahead(paths)
    for position, path in enumerate(paths):
        folder = path.rpartition("/")[0]
        try:
            if folder not in identities:
                identities[folder] = identity(source, folder, names)
            content = load_json(source.read(path))
            result, runs = read_plain(content, names) or _interpreted(content, names)
        except UnreadableResultError as error:
            rejected.append((position, error.what))
            continue
        columns.add(position, identities[folder], result, runs, origin)
    return columns.batch(rejected)


def _interpreted(content: Any, names: Names) -> tuple[Result, list[CellRun]]:
    result = interpret(content, names)
    return result, runs_of(result)


def identity(source: Source, folder: str, names: Names) -> Identity:
    """Whose results ``folder`` holds: what model_meta.json says, else what the path says.

    Raises:
        UnreadableResultError: model_meta.json is there and cannot be read.
    """
    parts = folder.split("/")
    variant = parts[-1] if parts[-2:-1] == [EXPERIMENTS] else ""
    model, revision = (parts[-4:-2] if variant else parts[-2:]) if len(parts) > 1 else (folder, None)
    written, notes = model.replace("__", "/"), "model named by its folder, which has no model_meta.json"
    if source.has(f"{folder}/{META}"):
        try:
            meta = load_json(source.read(f"{folder}/{META}"))
        except UnreadableResultError as error:
            raise UnreadableResultError(f"The {META} beside it cannot be read: {error.what}") from error
        if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
            raise UnreadableResultError(f"The {META} beside it names no model")
        written, notes = meta["name"], ""
        revision = meta["revision"] if isinstance(meta.get("revision"), str) else None
        variant = _experiment(meta.get("experiment_kwargs")) or variant
    model, filed_as = names.model(written), None
    if model != written:
        filed_as, notes = written, "; ".join(filter(None, [notes, f"model was called {written}"]))
    return Identity(model, None if revision == NO_REVISION else revision, variant, filed_as, notes or None)


def _experiment(settings: Any) -> str:
    """Name of a variant, as mteb's ``_serialize_experiment_kwargs_to_name`` writes it."""
    if not isinstance(settings, dict) or not settings:
        return ""
    name = "__".join(f"{key}_{_serialized(value)}" for key, value in sorted(settings.items()))
    if len(name) > 200 or _UNSAFE.intersection(name):
        return f"exp_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name


_UNSAFE = frozenset('<>:"|?*\\/\0')


def _serialized(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_serialized, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_serialized(inner)}" for key, inner in sorted(value.items())) + "}"
    return "".join("_" if character in _UNSAFE else character for character in str(value))


class _Columns:
    """Rows of many files as columns; what all cells of a run share is there once until the end."""

    def __init__(self) -> None:
        self.results: list[tuple[Any, ...]] = []
        self.runs: list[tuple[int, int, int, int, int]] = []  # file, split, metric set or -1, its metrics; cells
        self.splits: dict[str, int] = {}
        self.sets: dict[tuple[str, ...], int] = {}
        self.subsets: list[str] = []
        self.languages: list[str | None] = []
        self.main_scores: list[float | None] = []
        self.values: list[float | None] = []

    def add(self, file: int, whose: Identity, result: Result, runs: list[CellRun], origin: str | None) -> None:
        origin = origin or (Origin.REPORTED if whose.revision == EXTERNAL else Origin.OFFICIAL)
        notes = "; ".join(filter(None, [whose.notes, result.notes])) or None
        about = (origin, result.task, result.metric, result.mteb_version, result.dataset_revision)
        self.results.append((file, *whose[:4], notes, *about, result.evaluation_time, result.date))
        for split, names, subsets, languages, main_scores, values in runs:
            metric_set = self.sets.setdefault(names, len(self.sets)) if names else -1
            split_number = self.splits.setdefault(split, len(self.splits))
            self.runs.append((file, split_number, metric_set, len(names), len(subsets)))
            self.subsets += subsets
            self.languages += languages
            self.main_scores += main_scores
            self.values += values

    def batch(self, rejected: list[tuple[int, str]]) -> Batch:
        runs = np.array(self.runs, np.int32).reshape(-1, 5)
        file, split, metric_set, width = runs[:, :4].repeat(runs[:, 4], axis=0).T
        ends = np.cumsum(width, dtype=np.int32)
        columns = {
            "file": _numbers(file),
            "split": pa.DictionaryArray.from_arrays(_numbers(split), pa.array(list(self.splits), pa.string())),
            "subset": _repeated(self.subsets),
            "languages": _repeated(self.languages),
            "main_score": pa.array(self.main_scores, pa.float64()),
            "metric_set": _numbers(metric_set, metric_set >= 0),
            "metrics": pa.ListArray.from_arrays(_numbers(np.insert(ends, 0, 0)), pa.array(self.values, pa.float64())),
        }
        return Batch(_table(self.results, _RESULTS), pa.table(columns), list(self.sets), rejected)


def _numbers(values: np.ndarray, there: np.ndarray | None = None) -> pa.Array:
    """Arrow's column of 32-bit integers; null where they are not ``there``. ``pa.array`` would import pandas first."""
    mask = None if there is None else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(values), [mask, pa.py_buffer(np.ascontiguousarray(values))])


def _repeated(texts: Sequence[str | None]) -> pa.Array:
    return pa.array(texts, pa.string()).dictionary_encode()


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema)
