"""How sure a rank, a mean or a difference is: bootstrap over tasks, in vectorised numpy.

The question an interval answers: had the benchmark been made of other tasks like these, where would the model stand?
So tasks are drawn again with replacement; the noise of rerunning one task is another matter (``noise_floors``).

Percentile intervals of few tasks are too narrow (90 % instead of 95 % at ten tasks). The percentiles are therefore
moved outwards so that for normal data the interval is Student's (Hesterberg, "What Teachers Should Know About the
Bootstrap", 2015, section 4.1.1: alpha' = Phi(-sqrt(n / (n - 1)) t(alpha / 2, n - 1))). In simulation that covers 93 to
96 % from seven tasks on for normal and heavy-tailed differences, and for skewed ones from about twenty; bootstrap-t is
better under strong skew, but has no counterpart for ranks and explodes for few tasks, and BCa undercovers below twenty.
Below :data:`FEWEST_TASKS` nothing is said.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from data.ranking import Matrix, any_score, borda_points, ranks

__all__ = [
    "DRAWS",
    "FEWEST_TASKS",
    "Difference",
    "Standing",
    "borda_intervals",
    "mean_intervals",
    "paired_difference",
    "resample",
]

DRAWS = 4000
FEWEST_TASKS = 6
SEED = 20261121
LEVEL = 0.95


class Standing(NamedTuple):
    """95 % intervals of a leaderboard's totals and ranks, each an array over its models; NaN: nothing can be said.

    ``tied_with_first``: the interval of the paired difference to the leader does not leave zero out.
    """

    low: Matrix
    high: Matrix
    rank_low: Matrix
    rank_high: Matrix
    tied_with_first: NDArray[np.bool_]


class Difference(NamedTuple):
    """A mean paired difference over tasks, with its 95 % interval (NaN below :data:`FEWEST_TASKS` tasks)."""

    mean: float
    low: float
    high: float
    tasks: int

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def resample(tasks: int, draws: int = DRAWS, seed: int = SEED, clusters: NDArray[np.int_] | None = None) -> Matrix:
    """How often each task is drawn: [draws x tasks], each row summing to the number of tasks.

    Args:
        tasks: columns of the matrix to resample.
        draws: resamples.
        seed: the same seed gives the same draws, so that a page shows the same interval at every visit.
        clusters: [tasks], columns with the same number are drawn together (the subsets of one task).
    """
    names = _numbered(tasks, clusters)
    n = int(names.max(initial=-1)) + 1
    if n == 0:
        return np.zeros((draws, 0))
    return _drawn(n, draws, seed)[:, names]


def borda_intervals(
    scores: Matrix,
    *,
    pool: int | None = None,
    clusters: NDArray[np.int_] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Standing:
    """Intervals of Borda points and ranks. The pool stays as it is in every draw.

    Args:
        scores: [models x tasks], NaN where missing.
        pool: see :func:`data.ranking.borda_points`.
        clusters: see :func:`resample`.
        draws: resamples.
        seed: of the draws.
    """
    tasks = scores.shape[1]
    points = borda_points(scores, pool)
    counts = resample(tasks, draws, seed, clusters)
    size = _effective_size(np.bincount(_numbered(tasks, clusters)).astype(np.float64))
    there = any_score(scores)
    return _standing(points.sum(axis=1), counts @ points.T, there, there, size)


def mean_intervals(
    scores: Matrix,
    *,
    weights: Matrix | None = None,
    pool: NDArray[np.bool_] | None = None,
    clusters: NDArray[np.int_] | None = None,
    ranked: bool = True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Standing:
    """Intervals of weighted means and of the ranks by them; a model that lacks a task that counts has neither.

    Args:
        scores: [models x tasks], NaN where missing.
        weights: [tasks]; equal by default. ``1 / tasks of its type`` gives the mean over task types.
        pool: [models], those that get a rank; all by default. The others still have an interval of their mean.
        clusters: see :func:`resample`.
        ranked: false leaves the intervals of ranks out (NaN), which take most of the time.
        draws: resamples.
        seed: of the draws.
    """
    tasks = scores.shape[1]
    weights = np.ones(tasks) if weights is None else weights
    means = _weighted(np.ones((1, tasks)), weights, scores)
    known = ~np.isnan(means[0])
    drawn = _weighted(resample(tasks, draws, seed, clusters), weights, scores)
    size = _effective_size(np.bincount(_numbered(tasks, clusters), weights).astype(np.float64))
    return _standing(means[0], drawn, known, known if pool is None else pool, size, ranked=ranked)


def paired_difference(
    a: Matrix, b: Matrix, *, weights: Matrix | None = None, draws: int = DRAWS, seed: int = SEED
) -> Difference:
    """Mean of ``a - b`` over the tasks both have, with its interval from the paired bootstrap over tasks.

    Args:
        a: [tasks], NaN where missing.
        b: [tasks], likewise.
        weights: [tasks]; equal by default.
        draws: resamples.
        seed: of the draws.
    """
    both = ~np.isnan(a - b)
    difference = (a - b)[both]
    weights = np.ones(len(difference)) if weights is None else weights[both]
    n = len(difference)
    if n == 0 or weights.sum() == 0:
        return Difference(np.nan, np.nan, np.nan, n)
    mean = float(difference @ weights / weights.sum())
    size = _effective_size(weights)
    if size < FEWEST_TASKS:
        return Difference(mean, np.nan, np.nan, n)
    low, high = _interval(_weighted(resample(n, draws, seed), weights, difference[None, :]), size)
    return Difference(mean, float(low[0]), float(high[0]), n)


@lru_cache(maxsize=16)
def _drawn(n: int, draws: int, seed: int) -> Matrix:
    """Draws are the same for every question about as many tasks, and take longer to make than to use."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    counts.flags.writeable = False
    return counts


def _standing(
    totals: Matrix,
    drawn: Matrix,
    known: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    size: float,
    *,
    ranked: bool = True,
) -> Standing:
    """Intervals of totals from [draws x models] for those known, and of ranks for those of them in the pool."""
    ends = np.full((4, len(totals)), np.nan)
    tied = np.zeros(len(totals), dtype=bool)
    pool = pool & known
    if size >= FEWEST_TASKS and pool.any():
        ends[0, known], ends[1, known] = _interval(drawn[:, known], size)
        mine, first = drawn[:, pool], int(np.argmax(totals[pool]))
        if ranked:
            low, high = _interval(ranks(mine), size, whole=True)
            # Where scores are missing a draw can be kinder than the record; the rank itself is always possible.
            rank = ranks(totals[pool])
            ends[2, pool], ends[3, pool] = np.minimum(low, rank), np.maximum(high, rank)
        low, high = _interval(mine[:, [first]] - mine, size)
        tied[pool] = ~((low > 0) | (high < 0))
    return Standing(ends[0], ends[1], ends[2], ends[3], tied)


def _numbered(tasks: int, clusters: NDArray[np.int_] | None) -> NDArray[np.int_]:
    """Columns numbered so that those drawn together share a number, from 0 without gaps."""
    numbers: NDArray[np.int_] = np.unique(np.arange(tasks) if clusters is None else clusters, return_inverse=True)[1]
    return numbers


def _weighted(counts: Matrix, weights: Matrix, values: Matrix) -> Matrix:
    """Weighted mean of each row of ``values`` in each draw: [draws x rows]; NaN for a row with a NaN that counts."""
    drawn = counts * weights
    mass = drawn.sum(axis=1, keepdims=True)
    drawn, mass = drawn[mass[:, 0] > 0], mass[mass[:, 0] > 0]  # a draw of tasks that weigh nothing has no mean
    result = np.full((len(drawn), len(values)), np.nan)
    counting = weights > 0
    complete = ~np.isnan(values[:, counting]).any(axis=1)
    result[:, complete] = (drawn[:, counting] / mass) @ values[np.ix_(complete, counting)].T
    return result


def _interval(draws: Matrix, size: float, *, whole: bool = False) -> tuple[Matrix, Matrix]:
    """Expanded percentile interval of each column of [draws x columns]."""
    student = stats.t.ppf(1 - (1 - LEVEL) / 2, size - 1)
    tail = float(stats.norm.cdf(-np.sqrt(size / (size - 1)) * student))
    low, high = np.quantile(draws, np.array([tail, 1 - tail]), axis=0, method="inverted_cdf" if whole else "linear")
    return low, high


def _effective_size(weights: Matrix) -> float:
    """Tasks that would weigh as much if all weighed the same (Kish 1965)."""
    weights = weights[weights > 0]
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
