"""Causes from scores alone: which known fault lowers these tasks, by about so much, and leaves those alone.

A suggestion and no more: scores say little about vectors. It ends with the command that would settle it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["COSTS", "Delta", "Suggestion", "suggest"]

Scores = NDArray[np.float64]

# What each fault cost all-MiniLM-L6-v2, in real mteb runs (score minus the right score): on short pairs of sentences
# (STSBenchmark .820), on short queries to classify (Banking77 .800), on long documents to retrieve (LegalQuAD .118).
# It has no prompt to lose: what that costs is the share the small decoder of tests/cases loses, a third of retrieval.
COSTS: dict[str, tuple[float, float, float]] = {
    "weights random": (-0.379, -0.466, -0.022),
    "the last layer random": (-0.254, -0.228, -0.081),
    "CLS pooling": (-0.085, -0.176, -0.033),
    "max pooling": (-0.032, -0.067, -0.046),
    "normalisation missing": (0.0, 0.029, -0.016),
    "texts cut at 32 tokens": (-0.002, -0.004, -0.047),
    "a prompt put before every text": (0.001, -0.006, np.nan),
    "an instruction put before every text": (-0.125, -0.058, np.nan),
    "the queries' prompt missing": (0.0, np.nan, -0.040),
    "a third of the dimensions": (-0.014, -0.072, -0.031),
    "int8 arithmetic": (-0.014, -0.017, -0.006),
    "int4 weights": (0.006, -0.013, -0.015),
    "lower-casing lost": (-0.104, -0.095, -0.071),
    "mask ignored in pooling": (-0.010, -0.011, -0.016),
    "dropout on": (-0.014, -0.012, -0.018),
}
_RIGHT = (0.820, 0.800, 0.118)
# Which of the three measured tasks a task is most like, by its type; long texts make it a long one.
_KIND = {
    "STS": 0, "BitextMining": 0, "Summarization": 0, "PairClassification": 0,
    "Classification": 1, "MultilabelClassification": 1, "Clustering": 1,
    "Retrieval": 2, "Reranking": 2, "InstructionRetrieval": 2, "InstructionReranking": 2,
}  # fmt: skip
_LONG = 600  # mean characters from which a text passes the lengths at which faults of length begin
_CLOSE = 0.004  # a delta that says nothing: honest reruns differ by as much
_FEWEST = 2  # tasks: any cause fits a single delta
_KEPT = 5
_SETTLE = (
    "python -m evaluators parity --reference sentence-transformers:{model} --candidate YOUR_ENCODER"
    " && python -m evaluators diagnose last"
)


@dataclass(frozen=True)
class Delta:
    """Reproduced minus official on one task; both on the 0 to 1 scale.

    Attributes:
        characters: mean length of the texts, where known.
        official: the score compared with, where known: a fault costs a share of what there is to lose.
    """

    task: str
    task_type: str
    delta: float
    official: float | None = None
    characters: float | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """A cause that fits the pattern of the deltas.

    Attributes:
        fit: share of the deltas' squares that the cause's own pattern accounts for, 0 to 1.
        why: what in the pattern speaks for it.
        settle: the command that would settle it.
    """

    cause: str
    fit: float
    why: str
    settle: str


def suggest(deltas: Sequence[Delta], model: str = "MODEL") -> list[Suggestion]:
    """Causes ranked by how well their known cost fits the deltas; empty for one task, or deltas no larger than noise.

    Each cause has a pattern over the three kinds of task that were measured; a fit is the share of the deltas' sum of
    squares that is left out when the pattern, in the size that fits best between half and twice what was measured,
    is taken away.
    """
    usable = [delta for delta in deltas if np.isfinite(delta.delta) and delta.task_type in _KIND]
    if len(usable) < _FEWEST or max(abs(delta.delta) for delta in usable) <= _CLOSE:
        return []
    seen = np.array([delta.delta for delta in usable])
    kinds = [_kind(delta) for delta in usable]
    found = [_fitted(cause, seen, usable, kinds, model) for cause in COSTS]
    ranked = sorted((one for one in found if one.fit > 0), key=lambda one: -one.fit)
    return [*_of_the_data(usable), *ranked][:_KEPT]


def _kind(delta: Delta) -> int:
    if delta.characters is not None and delta.characters >= _LONG:
        return 2
    return _KIND[delta.task_type]


def _fitted(cause: str, seen: Scores, deltas: Sequence[Delta], kinds: Sequence[int], model: str) -> Suggestion:
    pattern = np.array([_expected(cause, delta, kind) for delta, kind in zip(deltas, kinds, strict=True)])
    known = np.isfinite(pattern)
    seen, pattern = seen[known], pattern[known]
    size = float(np.clip((seen @ pattern) / max(float(pattern @ pattern), 1e-9), 0.5, 2.0)) if len(seen) else 1.0
    left, whole = float(((seen - size * pattern) ** 2).sum()), float((seen**2).sum())
    fit = max(0.0, 1 - left / whole) * float(known.mean()) if whole else 0.0
    return Suggestion(
        cause,
        fit,
        _why(cause, deltas, kinds),
        _SETTLE.format(model=shlex.quote(model)),
    )


def _expected(cause: str, delta: Delta, kind: int) -> float:
    """The cause's cost on such a task; where the official score is known, in proportion to what there is to lose."""
    cost = COSTS[cause][kind]
    return cost if delta.official is None else cost * max(delta.official, 0.05) / _RIGHT[kind]


def _why(cause: str, deltas: Sequence[Delta], kinds: Sequence[int]) -> str:
    names = ("sentence pairs", "classification and clustering", "retrieval or long texts")
    parts = []
    for kind, name in enumerate(names):
        here = [delta.delta for delta, one in zip(deltas, kinds, strict=True) if one == kind]
        if here and np.isfinite(COSTS[cause][kind]):
            parts.append(f"{name}: {np.mean(here):+.3f}, measured for this cause {COSTS[cause][kind]:+.3f}")
    return "; ".join(parts)


def _of_the_data(deltas: Sequence[Delta]) -> list[Suggestion]:
    """One task far off among many that agree: the data set, not the model."""
    off = [delta for delta in deltas if abs(delta.delta) > _CLOSE * 5]
    near = [delta for delta in deltas if abs(delta.delta) <= _CLOSE]
    if len(off) != 1 or len(near) < 3:
        return []
    why = f"{off[0].task} differs by {off[0].delta:+.3f} while {len(near)} other tasks agree"
    settle = f"compare the dataset revision and the texts of {off[0].task}; then run it again"
    return [Suggestion("another revision of the data set", len(near) / len(deltas), why, settle)]
