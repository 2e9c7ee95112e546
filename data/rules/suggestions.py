"""Causes from scores alone: which known fault lowers these tasks, by about so much, and leaves those alone.

A suggestion and no more: scores say little about vectors. It ends with the command that would settle it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.rules.causes import CAUSES, Cost, words_of
from data.rules.words import Phrase, in_a_row, mark, phrase

__all__ = ["FEWEST", "Delta", "Suggestion", "measured_costs", "suggest"]

# Which of the three measured tasks a task is most like, by its type; for faults of length, by its texts' length.
_KIND = {
    "STS": 0, "BitextMining": 0, "Summarization": 0, "PairClassification": 0,
    "Classification": 1, "MultilabelClassification": 1, "Clustering": 1,
    "Retrieval": 2, "Reranking": 2, "InstructionRetrieval": 2, "InstructionReranking": 2,
}  # fmt: skip
_LONG = 600  # mean characters from which nearly all of a text is beyond 32 tokens, as on the long task measured
# Metrics that the length of a vector cannot change, and those it does.
_DIRECTION, _LENGTH = ("cosine_", "cos_sim_"), ("dot_", "euclidean_", "manhattan_")
_CLOSE = 0.004  # a delta that says nothing: honest reruns differ by as much
FEWEST = 2  # tasks: any cause fits a single delta
_MOST = 5
_SETTLE = (
    "python -m evaluators parity --reference {reference} --candidate YOUR_ENCODER && python -m evaluators diagnose last"
)


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
        code: of a cause, or of a family, in :mod:`data.rules.causes`.
        words: what it is called.
        fit: share of the deltas' squares that the cause's own pattern accounts for, 0 to 1.
        why: what in the pattern speaks for it.
        settle: the command that would settle it.
    """

    code: str
    words: str
    fit: float
    why: str
    settle: str


def measured_costs() -> list[tuple[str, str, Cost]]:
    """Every cost that was measured: the cause's code, its words as it was measured, and the cost."""
    return [(cause.code, cause.filled(cost.of).words, cost) for cause in CAUSES.values() for cost in cause.costs]


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
    excluded = "normalisation-missing" if _tells_length(usable) else ""
    fits = [(code, words, cost, _fit(cost, usable)) for code, words, cost in measured_costs() if code != excluded]
    ranked = [
        Suggestion(code, words, fit, _why(cost, usable), settle)
        for code, words, cost, fit in sorted(fits, key=lambda one: -one[3])
        if fit > 0
    ]
    return [*by_metric, *_of_the_data(usable), *ranked][:_MOST]


def _fit(cost: Cost, deltas: Sequence[Delta]) -> float:
    actual = np.array([delta.delta for delta in deltas])
    pattern = np.array([_expected(cost, delta) for delta in deltas])
    known = np.isfinite(pattern)
    actual, pattern = actual[known], pattern[known]
    whole = float((actual**2).sum())
    if not whole:
        return 0.0
    size = float(np.clip((actual @ pattern) / max(float(pattern @ pattern), 1e-9), 0.5, 2.0))
    return max(0.0, 1 - float(((actual - size * pattern) ** 2).sum()) / whole) * float(known.mean())


def _expected(cost: Cost, delta: Delta) -> float:
    """The cost on such a task; where the official score is known, in proportion to what there is to lose.

    A fault of length costs a task of another kind than the measured one that cost as it is.
    """
    if cost.scripts and not delta.scripts:
        return float("nan")
    if delta.scripts and (delta.scripts <= cost.spared or not delta.scripts & (cost.scripts or delta.scripts)):
        return 0.0
    kind = _kind(cost, delta)
    points = cost.by_kind[kind]
    if delta.official is None or kind != _KIND[delta.task_type]:
        return points
    return points * max(delta.official, 0.05) / cost.right[kind]


def _kind(cost: Cost, delta: Delta) -> int:
    """Which measured task's cost applies: of a fault of length, that of the long one only where texts are long."""
    own = _KIND[delta.task_type]
    if not cost.long or delta.characters is None:
        return own
    return 2 if delta.characters >= _LONG else min(own, 1)


def _why(cost: Cost, deltas: Sequence[Delta]) -> str:
    templates = (
        mark("sentence pairs: {actual:+.3f}, of this cause expected {expected:+.3f}"),
        mark("classification and clustering: {actual:+.3f}, of this cause expected {expected:+.3f}"),
        mark("retrieval and reranking: {actual:+.3f}, of this cause expected {expected:+.3f}"),
    )
    parts = []
    for kind, template in enumerate(templates):
        here = [delta for delta in deltas if _KIND[delta.task_type] == kind]
        expected = [_expected(cost, delta) for delta in here]
        if here and np.isfinite(expected).all():
            actual = np.mean([delta.delta for delta in here])
            parts.append(phrase(template, actual=float(actual), expected=float(np.mean(expected))))
    if not parts:
        return ""
    kinds = in_a_row(parts, mark("{before}; {after}"))
    return phrase("{kinds} (its cost was measured {where})", kinds=kinds, where=Phrase(cost.where))


def _tells_length(deltas: Sequence[Delta]) -> bool:
    """Whether a task stores both metrics that the length of vectors changes and metrics that it cannot change."""
    return any(_moved(delta, _DIRECTION) is not None and _moved(delta, _LENGTH) is not None for delta in deltas)


def _moved(delta: Delta, prefixes: tuple[str, ...]) -> float | None:
    """The largest change among a task's metrics of these kinds; None where it stores none."""
    return max((abs(value) for name, value in delta.metrics.items() if name.startswith(prefixes)), default=None)


def _of_the_metrics(deltas: Sequence[Delta], settle: str) -> list[Suggestion]:
    """Causes that only some metrics of a task feel."""
    both = [(_moved(delta, _DIRECTION), _moved(delta, _LENGTH)) for delta in deltas]
    known = [(angle, length) for angle, length in both if angle is not None and length is not None]
    lost = [length for angle, length in known if angle <= _CLOSE < length]
    suggestions = []
    if lost and len(lost) == len(known):
        one = mark("cosine metrics stay on 1 task while dot product or distances move by up to {most:.3f}")
        many = mark("cosine metrics stay on {n} tasks while dot product or distances move by up to {most:.3f}")
        why = phrase(one if len(lost) == 1 else many, n=len(lost), most=max(lost))
        suggestions.append(Suggestion("normalisation", words_of("normalisation"), 1.0, why, settle))
    moved = [delta for delta in deltas if abs(delta.delta) > _CLOSE * 5]
    mixed = [d for d in moved if len(d.metrics) > 1 and max(map(abs, d.metrics.values())) <= _CLOSE]
    if mixed:
        some = mark("on {tasks} the main scores differ while every metric that both sides store agrees")
        more = mark("on {tasks} and more the main scores differ while every metric that both sides store agrees")
        why = phrase(more if len(mixed) > 3 else some, tasks=in_a_row([delta.task for delta in mixed[:3]]))
        way = mark("read both metrics by name: open the cell on the page Reproduction")
        suggestions.append(Suggestion("metric-other", words_of("metric-other"), len(mixed) / len(moved), why, way))
    return suggestions


def _of_the_data(deltas: Sequence[Delta]) -> list[Suggestion]:
    """One task far off among many that agree: the data set, not the model."""
    off = [delta for delta in deltas if abs(delta.delta) > _CLOSE * 5]
    near = [delta for delta in deltas if abs(delta.delta) <= _CLOSE]
    if len(off) != 1 or len(near) < 3:
        return []
    task = off[0].task
    why = phrase(
        "{task} differs by {delta:+.3f} while {n} other tasks agree", task=task, delta=off[0].delta, n=len(near)
    )
    settle = phrase("compare the dataset revision and the texts of {task}; then run it again", task=task)
    return [Suggestion("data-other", words_of("data-other"), len(near) / len(deltas), why, settle)]
