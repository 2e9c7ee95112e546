"""Which model fits one's own use: weights, the short list they give, whether it is robust, what an index costs.

A use is said in weights. Each task type has a share of the score; inside its type each task counts by its own weight
times those of its domain and language. So with nothing said but types alike, the score is MTEB's Mean (TaskType).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.rules.ranking import Matrix
from data.rules.words import mark, phrase
from data.store.errors import InputError

__all__ = [
    "BYTES_PER_DIMENSION",
    "PRESETS",
    "SAME_SIZE",
    "Preset",
    "Robustness",
    "entry_weights",
    "factors",
    "index_bytes",
    "monthly_cost",
    "ordinal",
    "pareto",
    "ratio_in_words",
    "robustness",
    "weighted_scores",
]

# float32, float16 and int8 take whole bytes; a binary index keeps one bit a dimension, in whole bytes a vector.
BYTES_PER_DIMENSION = {"float32": 4.0, "float16": 2.0, "int8": 1.0, "binary": 0.125}

CONCENTRATION = 50.0
_HELD = 2_000_000  # totals of draws by models that are held at once
SEED = 20261121


class Preset(NamedTuple):
    """A use with the weights that say it: shares of task types, weights of domains, and the benchmark that has them."""

    name: str
    label: str
    benchmark: str
    types: Mapping[str, float]
    domains: Mapping[str, float]


PRESETS = (
    Preset("equal", mark("All task types alike"), "MTEB(eng, v2)", {}, {}),
    Preset("rag", mark("Retrieval for RAG"), "MTEB(eng, v2)", {"Retrieval": 80, "Reranking": 20}, {}),
    Preset(
        "support",
        mark("Multilingual support search"),
        "MTEB(Multilingual, v2)",
        {"Retrieval": 60, "Reranking": 20, "BitextMining": 20},
        {},
    ),  # fmt: skip
    Preset("code", mark("Code search"), "MTEB(Code, v1)", {"Retrieval": 100}, {"Programming": 2}),
    Preset("clustering", mark("Clustering"), "MTEB(eng, v2)", {"Clustering": 100}, {}),
    Preset("classification", mark("Classification"), "MTEB(eng, v2)", {"Classification": 100}, {}),
    Preset("deduplication", mark("Deduplication"), "MTEB(eng, v2)", {"PairClassification": 50, "STS": 50}, {}),
)


class Robustness(NamedTuple):
    """How a short list stands small changes of the weights: shares of draws in 0-1, NaN for a model without a score."""

    first: Matrix
    among_top: Matrix


def factors(traits: Sequence[Collection[str]], weights: Mapping[str, float]) -> Matrix:
    """Weight of each entry by its traits (domains, say): the largest of those named, 1 where none is named."""
    return np.array([max((weights[t] for t in of if t in weights), default=1.0) for of in traits], dtype=np.float64)


def entry_weights(types: Sequence[str], shares: Mapping[str, float], own: Matrix) -> Matrix:
    """Weight of each entry in the score: [entries], summing to one.

    Args:
        types: task type of each entry.
        shares: share of each type, any scale; empty means every type alike, a type not named counts nothing.
        own: [entries], how an entry counts inside its type (task x domain x language weight), 0 leaves it out.

    Raises:
        InputError: a weight is negative, or nothing is left to weigh.
    """
    if (own < 0).any() or any(share < 0 for share in shares.values()):
        raise InputError("A weight is below zero", remedy="Weights start at 0, which leaves a task out.")
    of_type = np.asarray(types)
    weights = np.zeros(len(of_type))
    for name in dict.fromkeys(types):
        mine = of_type == name
        if (total := own[mine].sum()) > 0:
            weights[mine] = (shares.get(name, 0.0) if shares else 1.0) * own[mine] / total
    if weights.sum() <= 0:
        raise InputError(
            "Nothing is left to weigh",
            where=", ".join(sorted(set(types))) or "no tasks",
            remedy="Give at least one task type of this benchmark a weight above 0.",
        )
    return np.asarray(weights / weights.sum())


def weighted_scores(scores: Matrix, weights: Matrix) -> Matrix:
    """Weighted mean of each model: [models], on the scores' scale; NaN where an entry that counts is missing.

    Args:
        scores: [models x entries], NaN where missing.
        weights: [entries], summing to one.
    """
    counts = weights > 0
    return np.asarray(scores[:, counts] @ weights[counts])


def robustness(
    scores: Matrix,
    weights: Matrix,
    types: Sequence[str],
    *,
    top: int = 5,
    draws: int = 2000,
    concentration: float = CONCENTRATION,
    seed: int = SEED,
) -> Robustness:
    """Whether the order survives small changes of the weights.

    The types' shares are drawn from a Dirichlet distribution around those given (a share p moves by about
    sqrt(p (1 - p) / (concentration + 1)): .5 by .07); with a single type, the tasks' weights are drawn instead, each
    moving by about a third of itself.

    Args:
        scores: [models x entries].
        weights: [entries], summing to one.
        types: task type of each entry.
        top: length of the list a model should stay on.
        draws: sets of weights tried.
        concentration: how close they stay.
        seed: the same seed gives the same answer.
    """
    counts = weights > 0
    complete = ~np.isnan(scores[:, counts]).any(axis=1)
    names, group = np.unique(np.asarray(types)[counts], return_inverse=True)
    if len(names) == 1:
        group, concentration = np.arange(counts.sum()), 10.0 * counts.sum()
    shares = np.bincount(group, weights[counts])
    inside = np.zeros((counts.sum(), len(shares)))
    inside[np.arange(counts.sum()), group] = weights[counts] / shares[group]
    by_group = scores[np.ix_(complete, counts)] @ inside
    drawn = np.random.default_rng(seed).dirichlet(concentration * shares, size=draws)
    first, among = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    if complete.any():
        last = min(top, len(by_group))
        times = np.zeros((2, len(by_group)))
        at_a_time = max(1, _HELD // len(by_group))
        for at in range(0, draws, at_a_time):
            totals = np.round(drawn[at : at + at_a_time] @ by_group.T, 12)  # what differs in the last bits is level
            times[0] += (totals >= totals.max(axis=1, keepdims=True)).sum(axis=0)
            times[1] += (totals >= -np.partition(-totals, last - 1, axis=1)[:, [last - 1]]).sum(axis=0)
        first[complete], among[complete] = times / draws
    return Robustness(first, among)


def index_bytes(documents: float, dimensions: NDArray[np.float64] | float, precision: str) -> Matrix:
    """Bytes of the vectors alone, without the index structure around them; NaN where dimensions are unknown.

    Raises:
        InputError: a precision that is none of :data:`BYTES_PER_DIMENSION`.
    """
    if precision not in BYTES_PER_DIMENSION:
        raise InputError(
            f"There is no precision {precision!r}", remedy=f"Take one of {', '.join(BYTES_PER_DIMENSION)}."
        )
    return documents * np.ceil(np.asarray(dimensions, dtype=np.float64) * BYTES_PER_DIMENSION[precision])


def monthly_cost(size: Matrix, price_per_gb: float) -> Matrix:
    """Cost of keeping ``size`` bytes at a price per GB (10^9 bytes) and month, in the price's currency."""
    return size / 1e9 * price_per_gb


def pareto(quality: Matrix, size: Matrix) -> NDArray[np.bool_]:
    """Which models no other beats on quality without being larger: [models]; NaN in either is never on the front."""
    front = np.zeros(len(quality), dtype=bool)
    order = np.lexsort((-quality, size))  # NaN last
    order = order[~(np.isnan(quality) | np.isnan(size))[order]]
    before = np.maximum.accumulate(np.r_[-np.inf, quality[order]])
    front[order] = quality[order] > before[:-1]
    return front


_ORDINALS = {"th": mark("{n}th"), "st": mark("{n}st"), "nd": mark("{n}nd"), "rd": mark("{n}rd")}


def ordinal(n: int) -> str:
    """``first`` to ``third``, then ``4th``."""
    words = {1: mark("first"), 2: mark("second"), 3: mark("third")}
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return words[n] if n in words else phrase(_ORDINALS[suffix], n=n)


# How sizes compare in words.
SAME_SIZE = mark("the same")
_SHARES = (
    (1 / 2, mark("half")),
    (1 / 3, mark("a third of")),
    (1 / 4, mark("a quarter of")),
    (1 / 10, mark("a tenth of")),
)


def ratio_in_words(mine: float, others: float) -> str:
    """How a size compares: ``half``, ``a third of``, ``2.3 times``; ``the same`` within 5%, empty if unknown."""
    if not (mine > 0 and others > 0) or math.isinf(mine) or math.isinf(others):
        return ""
    ratio = mine / others
    if abs(ratio - 1) <= 0.05:
        return SAME_SIZE
    for value, words in _SHARES:
        if abs(ratio / value - 1) <= 0.1:
            return words
    if ratio < 1:
        return phrase("{share:.0%} of", share=ratio)
    return phrase("{n} times", n=f"{ratio:.1f}".removesuffix(".0"))
