"""Causes from scores alone: which known fault lowers these tasks, by about so much, and leaves those alone.

A suggestion and no more: scores say little about vectors. It ends with the command that would settle it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["COSTS", "FEWEST", "Delta", "Suggestion", "suggest"]

Scores = NDArray[np.float64]

# What each fault cost all-MiniLM-L6-v2, in real mteb runs (score minus the right score): on short pairs of sentences
# (STSBenchmark .820), on short queries to classify (Banking77 .800), on long documents to retrieve (LegalQuAD .118).
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
    "CJK characters not split": (-0.604, np.nan, np.nan),
}
# Where a cost was not measured as above.
_MEASURED_ELSEWHERE = {
    # MiniLM has no prompt to lose: a third of retrieval, the share that the decoder of the tests loses.
    "the queries' prompt missing": "on the decoder of the tests",
    "CJK characters not split": "on all-MiniLM-L6-v2 and JSTS",  # .627 to .023: every run of characters is one [UNK]
}
_MEASURED = "on all-MiniLM-L6-v2"
# Costs that were not measured on the three tasks are in proportion to these scores.
_RIGHT_ELSEWHERE = {"CJK characters not split": 0.627}
_RIGHT = (0.820, 0.800, 0.118)
# Which of the three measured tasks a task is most like, by its type; for faults of length, by its texts' length.
_KIND = {
    "STS": 0, "BitextMining": 0, "Summarization": 0, "PairClassification": 0,
    "Classification": 1, "MultilabelClassification": 1, "Clustering": 1,
    "Retrieval": 2, "Reranking": 2, "InstructionRetrieval": 2, "InstructionReranking": 2,
}  # fmt: skip
_OF_LENGTH = ("texts cut at 32 tokens",)
_LONG = 600  # mean characters from which nearly all of a text is beyond 32 tokens, as on the long task measured
# A fault of the tokenizer shows in some scripts alone. Lower-casing is lost with the stripping of accents, so that it
# costs Japanese, too (JSTS .627 to .539), but Chinese nothing (LCQMC .259 to .258, Spearman of the cosines).
_CHINESE = frozenset({"Hans", "Hant", "Hani"})
_ONLY_IN = {"CJK characters not split": _CHINESE | {"Jpan"}}
_NOT_IN = {"lower-casing lost": _CHINESE}
_LENGTH_LOST = "normalisation missing"
# Metrics that the length of a vector cannot change, and those it does.
_DIRECTION, _LENGTH = ("cosine_", "cos_sim_"), ("dot_", "euclidean_", "manhattan_")
_CLOSE = 0.004  # a delta that says nothing: honest reruns differ by as much
FEWEST = 2  # tasks: any cause fits a single delta
_KEPT = 5
_SETTLE = (
    "python -m evaluators parity --reference {reference} --candidate YOUR_ENCODER && python -m evaluators diagnose last"
)
_NOT_THE_METRIC = "another metric under the name of the main score"


@dataclass(frozen=True)
class Delta:
    """Reproduced minus official on one task; both on the 0 to 1 scale.

    Attributes:
        official: the score compared with, where known: a fault costs a share of what there is to lose.
        characters: mean length of the longer side's texts, where known.
        languages: of the cells, with their scripts ('jpn-Jpan'), where known.
        metrics: delta of each metric that both sides store.
    """

    task: str
    task_type: str
    delta: float
    official: float | None = None
    characters: float | None = None
    languages: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def scripts(self) -> frozenset[str]:
        """Scripts of its texts; empty where nobody says."""
        return frozenset(language.partition("-")[2] for language in self.languages) - {""}


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
    is taken away. Lengths decide where a fault of length can show, scripts where one of the tokenizer can. What single
    metrics say (other metrics than the main one stay, or move alone) comes first: a cost only fits, these exclude.

    Args:
        deltas: one a task.
        model: name or folder that the reference of a parity check can be loaded from, for the command that settles it.
    """
    usable = [delta for delta in deltas if np.isfinite(delta.delta) and delta.task_type in _KIND]
    settle = _SETTLE.format(reference=shlex.quote(f"sentence-transformers:{model}"))
    by_metric = _of_the_metrics(usable, settle)
    if len(usable) < FEWEST or max(abs(delta.delta) for delta in usable) <= _CLOSE:
        return by_metric
    causes = [cause for cause in COSTS if cause != _LENGTH_LOST or not _tells_length(usable)]
    found = [_fitted(cause, usable, settle) for cause in causes]
    ranked = sorted((one for one in found if one.fit > 0), key=lambda one: -one.fit)
    return [*by_metric, *_of_the_data(usable), *ranked][:_KEPT]


def _fitted(cause: str, deltas: Sequence[Delta], settle: str) -> Suggestion:
    seen = np.array([delta.delta for delta in deltas])
    pattern = np.array([_expected(cause, delta) for delta in deltas])
    known = np.isfinite(pattern)
    seen, pattern = seen[known], pattern[known]
    size = float(np.clip((seen @ pattern) / max(float(pattern @ pattern), 1e-9), 0.5, 2.0)) if len(seen) else 1.0
    left, whole = float(((seen - size * pattern) ** 2).sum()), float((seen**2).sum())
    fit = max(0.0, 1 - left / whole) * float(known.mean()) if whole else 0.0
    return Suggestion(cause, fit, _why(cause, deltas), settle)


def _expected(cause: str, delta: Delta) -> float:
    """The cause's cost on such a task; where the official score is known, in proportion to what there is to lose.

    A fault of length costs a task of another kind than the measured one that cost as it is.
    """
    spared = delta.scripts <= _NOT_IN.get(cause, frozenset()) or not delta.scripts & _ONLY_IN.get(cause, delta.scripts)
    if delta.scripts and spared:
        return 0.0
    if cause in _RIGHT_ELSEWHERE and not delta.scripts:
        return float("nan")
    kind = _kind(cause, delta)
    cost = COSTS[cause][kind]
    if delta.official is None or kind != _KIND[delta.task_type]:
        return cost
    return cost * max(delta.official, 0.05) / _RIGHT_ELSEWHERE.get(cause, _RIGHT[kind])


def _kind(cause: str, delta: Delta) -> int:
    """Which measured task's cost applies: of a fault of length, that of the long one only where texts are long."""
    own = _KIND[delta.task_type]
    if cause not in _OF_LENGTH or delta.characters is None:
        return own
    return 2 if delta.characters >= _LONG else min(own, 1)


def _why(cause: str, deltas: Sequence[Delta]) -> str:
    names = ("sentence pairs", "classification and clustering", "retrieval and reranking")
    where = _MEASURED_ELSEWHERE.get(cause, _MEASURED)
    parts = []
    for kind, name in enumerate(names):
        here = [delta for delta in deltas if _KIND[delta.task_type] == kind]
        expected = [_expected(cause, delta) for delta in here]
        if here and np.isfinite(expected).all():
            seen = np.mean([delta.delta for delta in here])
            parts.append(f"{name}: {seen:+.3f}, of this cause expected {np.mean(expected):+.3f}")
    return "; ".join(parts) + f" (its cost was measured {where})" if parts else ""


def _tells_length(deltas: Sequence[Delta]) -> bool:
    """Whether a task stores both metrics that the length of vectors changes and metrics that it cannot change."""
    return any(_moved(delta, _DIRECTION) is not None and _moved(delta, _LENGTH) is not None for delta in deltas)


def _moved(delta: Delta, prefixes: tuple[str, ...]) -> float | None:
    """The largest change among a task's metrics of these kinds; None where it stores none."""
    found = [abs(value) for name, value in delta.metrics.items() if name.startswith(prefixes)]
    return max(found) if found else None


def _of_the_metrics(deltas: Sequence[Delta], settle: str) -> list[Suggestion]:
    """Causes that only some metrics of a task feel."""
    both = [(_moved(delta, _DIRECTION), _moved(delta, _LENGTH)) for delta in deltas]
    told = [(angle, length) for angle, length in both if angle is not None and length is not None]
    lost = [length for angle, length in told if angle <= _CLOSE < length]
    found = []
    if lost and len(lost) == len(told):
        tasks = f"{len(lost)} task{'s' if len(lost) > 1 else ''}"
        why = f"cosine metrics stay on {tasks} while dot product or distances move by up to {max(lost):.3f}"
        found.append(Suggestion(f"{_LENGTH_LOST} or added", 1.0, why, settle))
    named = [delta for delta in deltas if abs(delta.delta) > _CLOSE * 5]
    mixed = [d for d in named if len(d.metrics) > 1 and max(map(abs, d.metrics.values())) <= _CLOSE]
    if mixed:
        tasks = ", ".join(delta.task for delta in mixed[:3]) + (" and more" if len(mixed) > 3 else "")
        why = f"on {tasks} the main scores differ while every metric that both sides store agrees"
        way = "read both metrics by name: open the cell on the page Reproduction"
        found.append(Suggestion(_NOT_THE_METRIC, len(mixed) / len(named), why, way))
    return found


def _of_the_data(deltas: Sequence[Delta]) -> list[Suggestion]:
    """One task far off among many that agree: the data set, not the model."""
    off = [delta for delta in deltas if abs(delta.delta) > _CLOSE * 5]
    near = [delta for delta in deltas if abs(delta.delta) <= _CLOSE]
    if len(off) != 1 or len(near) < 3:
        return []
    why = f"{off[0].task} differs by {off[0].delta:+.3f} while {len(near)} other tasks agree"
    settle = f"compare the dataset revision and the texts of {off[0].task}; then run it again"
    return [Suggestion("another revision of the data set", len(near) / len(deltas), why, settle)]
