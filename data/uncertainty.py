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

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from data.ranking import Matrix, any_score, borda_points, ranks

__all__ = ["DRAWS", "FEWEST_TASKS", "BoardIntervals", "Difference", "board_intervals", "paired_difference", "resample"]

DRAWS = 4000
FEWEST_TASKS = 6
SEED = 20261121
LEVEL = 0.95


class BoardIntervals(NamedTuple):
    """95 % intervals of a leaderboard, each an array over its models; NaN where nothing can be said."""

    rank_low: Matrix
    rank_high: Matrix
    mean_low: Matrix
    mean_high: Matrix
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
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    return counts[:, names]


def board_intervals(
    scores: Matrix,
    means: Matrix,
    *,
    weights: Matrix | None = None,
    rank_by_mean: bool = False,
    clusters: NDArray[np.int_] | None = None,
    pool: NDArray[np.bool_] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> BoardIntervals:
    """Intervals of every rank and mean of a leaderboard, and which models are tied with the first.

    A model is statistically tied with the first when the interval of their paired difference (of Borda points, or of
    means where the board ranks by them) does not leave zero out. The pool stays as it is in every draw.

    Args:
        scores: [models x tasks] that Borda ranks, NaN where missing.
        means: [models x tasks] that means are taken of; a row with a NaN has no mean.
        weights: [tasks], of the mean; equal by default. ``1 / tasks of its type`` gives the mean over task types.
        rank_by_mean: the board's rank is of the mean instead of Borda points.
        clusters: see :func:`resample`.
        pool: [models], those that get a rank; see :func:`data.ranking.borda_points`.
        draws: resamples.
        seed: of the draws.
    """
    models, tasks = scores.shape
    nothing = np.full(models, np.nan)
    weights = np.ones(tasks) if weights is None else weights
    size = _effective_size(np.bincount(_numbered(tasks, clusters), weights).astype(np.float64))
    pool = any_score(scores) if pool is None else pool
    in_pool = pool & ~np.isnan(means[:, weights > 0]).any(axis=1) if rank_by_mean else pool
    if size < FEWEST_TASKS or not in_pool.any():
        return BoardIntervals(nothing, nothing, nothing, nothing, np.zeros(models, dtype=bool))
    counts = resample(tasks, draws, seed, clusters)
    mean_draws = _weighted(counts, weights, means)
    mean_low, mean_high = _interval(mean_draws, size)
    points = borda_points(scores, pool)
    total_draws = mean_draws if rank_by_mean else counts @ points.T
    totals = _weighted(np.ones((1, tasks)), weights, means)[0] if rank_by_mean else points.sum(axis=1)
    rank_low, rank_high = _interval(ranks(total_draws, present=in_pool), size, whole=True)
    first = int(np.argmax(np.where(in_pool, totals, -np.inf)))
    low, high = _interval(total_draws[:, [first]] - total_draws, size)
    tied = in_pool & ~((low > 0) | (high < 0))
    return BoardIntervals(rank_low, rank_high, mean_low, mean_high, tied)


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
    """Expanded percentile interval of each column of [draws x columns]; NaN for a column with a NaN."""
    student = stats.t.ppf(1 - (1 - LEVEL) / 2, size - 1)
    tail = float(stats.norm.cdf(-np.sqrt(size / (size - 1)) * student))
    known = ~np.isnan(draws).any(axis=0)
    ends = np.full((2, draws.shape[1]), np.nan)
    if known.any():
        ends[:, known] = np.quantile(
            draws[:, known], np.array([tail, 1 - tail]), axis=0, method="inverted_cdf" if whole else "linear"
        )
    return ends[0], ends[1]


def _effective_size(weights: Matrix) -> float:
    """Tasks that would weigh as much if all weighed the same (Kish 1965)."""
    weights = weights[weights > 0]
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
