"""How sure a rank, a mean or a difference is: bootstrap over tasks, in vectorised numpy.

The question an interval answers: had the benchmark been made of other tasks like these, where would the model stand?
So tasks are drawn again with replacement; the noise of rerunning one task is another matter (``noise_floors``).

Percentile intervals of few tasks are too narrow (90% instead of 95% at ten tasks). The percentiles are therefore
moved outwards so that for normal data the interval is Student's (Hesterberg, "What Teachers Should Know About the
Bootstrap", 2015, section 4.1.1: alpha' = Phi(-sqrt(n / (n - 1)) t(alpha / 2, n - 1))). In simulation that covers 93 to
96% from seven tasks on for normal and heavy-tailed differences, and for skewed ones from about twenty; bootstrap-t is
better under strong skew, but has no counterpart for ranks and explodes for few tasks, and BCa undercovers below twenty.
Below :data:`FEWEST_TASKS` nothing is said.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from data.rules.ranking import Matrix, any_score, borda_points, ranks

__all__ = [
    "AHEAD",
    "BEHIND",
    "DRAWS",
    "FEW",
    "FEWEST_TASKS",
    "TIED",
    "PairedDifference",
    "RankIntervals",
    "borda_intervals",
    "mean_intervals",
    "paired_differences",
    "resample",
]

DRAWS = 4000
FEWEST_TASKS = 6
SEED = 20261121
LEVEL = 0.95
_AT_A_TIME = 1000  # models whose draws are held at once, where no model's answer hangs on another's
_RANKED_AT_A_TIME = 1_000_000  # totals of one draw or several that are ranked at once
# How one model stands to another on the tasks both have; FEW: too few of them to say.
AHEAD, TIED, BEHIND, FEW = "ahead", "tied", "behind", "few"


class RankIntervals(NamedTuple):
    """95% intervals of a leaderboard's totals and ranks, each an array over its models; NaN: nothing can be said."""

    low: Matrix
    high: Matrix
    rank_low: Matrix
    rank_high: Matrix


class PairedDifference(NamedTuple):
    """A mean paired difference over tasks, with its 95% interval (NaN below :data:`FEWEST_TASKS` tasks)."""

    mean: float
    low: float
    high: float
    tasks: int

    @property
    def standing(self) -> str:
        """Code: :data:`AHEAD` or :data:`BEHIND` if the interval leaves zero out, else :data:`TIED`; or :data:`FEW`."""
        if np.isnan(self.low):
            return FEW
        return AHEAD if self.low > 0 else BEHIND if self.high < 0 else TIED


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
    return _drawn(n, draws, seed)[:, names].astype(np.float64)


def borda_intervals(
    scores: Matrix,
    *,
    models: int | None = None,
    clusters: NDArray[np.int_] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> RankIntervals:
    """Intervals of Borda points and ranks. ``models`` stays as it is in every draw.

    Args:
        scores: [models x tasks], NaN where missing.
        models: see :func:`data.rules.ranking.borda_points`.
        clusters: see :func:`resample`.
        draws: resamples.
        seed: of the draws.
    """
    tasks = scores.shape[1]
    points = borda_points(scores, models)
    counts = resample(tasks, draws, seed, clusters)
    size = _effective_size(np.bincount(_numbered(tasks, clusters)).astype(np.float64))
    there = any_score(scores)
    return _rank_intervals(points.sum(axis=1), counts @ points.T, there, there, size)


def mean_intervals(
    scores: Matrix,
    *,
    weights: Matrix | None = None,
    numbered: NDArray[np.bool_] | None = None,
    clusters: NDArray[np.int_] | None = None,
    ranked: bool = True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> RankIntervals:
    """Intervals of weighted means and of the ranks by them; a model that lacks a task that counts has neither.

    Args:
        scores: [models x tasks], NaN where missing.
        weights: [tasks]; equal by default. ``1 / tasks of its type`` gives the mean over task types.
        numbered: [models], those that get a rank; all by default. The others still have an interval of their mean.
        clusters: see :func:`resample`.
        ranked: false leaves the intervals of ranks out (NaN), which take most of the time.
        draws: resamples.
        seed: of the draws.
    """
    if not ranked and numbered is None and len(scores) > _AT_A_TIME:  # then no model's interval hangs on another's
        parts = [
            mean_intervals(some, weights=weights, clusters=clusters, ranked=False, draws=draws, seed=seed)
            for some in (scores[at : at + _AT_A_TIME] for at in range(0, len(scores), _AT_A_TIME))
        ]
        return RankIntervals(*(np.concatenate(ends) for ends in zip(*parts, strict=True)))
    tasks = scores.shape[1]
    weights = np.ones(tasks) if weights is None else weights
    means = _weighted(np.ones((1, tasks)), weights, scores)
    known = ~np.isnan(means[0])
    drawn = _weighted(resample(tasks, draws, seed, clusters), weights, scores)
    size = _effective_size(np.bincount(_numbered(tasks, clusters), weights).astype(np.float64))
    return _rank_intervals(means[0], drawn, known, known if numbered is None else numbered, size, ranked=ranked)


def paired_differences(
    scores: Matrix,
    baseline: int,
    *,
    weights: Matrix | None = None,
    clusters: NDArray[np.int_] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[PairedDifference]:
    """Every model against one of them, each pair on the tasks both have: the one rule of "cannot be told apart".

    The answer for a pair does not hang on who else is asked about, nor on the order of the tasks: the differences are
    drawn in the order of their size.

    Args:
        scores: [models x tasks], NaN where missing.
        baseline: row the others are held against.
        weights: [tasks]; equal by default.
        clusters: see :func:`resample`.
        draws: resamples.
        seed: of the draws.
    """
    weights = np.ones(scores.shape[1]) if weights is None else weights
    gaps = scores - scores[baseline]
    mass = np.where(np.isnan(gaps), 0.0, weights)
    of_task = _grouped(np.arange(scores.shape[1]) if clusters is None else clusters)
    # What is drawn is a task: the sum of its weighted differences, and their weight.
    sums, masses = (np.where(mass > 0, gaps, 0.0) * mass) @ of_task, mass @ of_task
    differences = [PairedDifference(np.nan, np.nan, np.nan, 0)] * len(scores)
    counting = (masses > 0).sum(axis=1)
    for n in np.unique(counting[counting > 0]):
        alike = np.flatnonzero(counting == n)
        for at in range(0, len(alike), _AT_A_TIME):
            rows = alike[at : at + _AT_A_TIME]
            drawn = _drawn_differences(sums[rows], masses[rows], int(n), draws, seed)
            for row, difference in zip(rows, drawn, strict=True):
                differences[row] = difference
    return differences


def _drawn_differences(sums: Matrix, masses: Matrix, n: int, draws: int, seed: int) -> list[PairedDifference]:
    """Differences of pairs that share ``n`` tasks each; the first ``n`` columns by size are theirs."""
    with np.errstate(invalid="ignore", divide="ignore"):
        order = np.argsort(np.where(masses > 0, sums / masses, np.inf), axis=1, kind="stable")[:, :n]
    sums, masses = np.take_along_axis(sums, order, 1), np.take_along_axis(masses, order, 1)
    means = sums.sum(axis=1) / masses.sum(axis=1)
    sizes = np.round(masses.sum(axis=1) ** 2 / (masses**2).sum(axis=1), 9)
    low, high = np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    if (sizes >= FEWEST_TASKS).any():
        counts = resample(n, draws, seed)
        even = np.ptp(masses) == 0  # then every draw weighs the same
        drawn = (counts @ sums.T) / (n * masses[0, 0] if even else counts @ masses.T)
        for size in np.unique(sizes[sizes >= FEWEST_TASKS]):
            alike = sizes == size
            ends = _interval(drawn[:, alike], float(size))
            low[alike], high[alike] = (np.round(end, 12) for end in ends)  # differences that cancel are none
    rows = zip(means, low, high, strict=True)
    return [PairedDifference(float(mean), float(start), float(end), n) for mean, start, end in rows]


def _grouped(clusters: NDArray[np.int_]) -> Matrix:
    """[columns x clusters], 1 where a column is of a cluster."""
    numbers = _numbered(len(clusters), clusters)
    return np.eye(int(numbers.max(initial=-1)) + 1)[numbers]


@lru_cache(maxsize=64)
def _drawn(n: int, draws: int, seed: int) -> NDArray[np.int16]:
    """Draws are the same for every question about as many tasks, and take longer to make than to use.

    In two bytes each: of a hundred tasks a megabyte. A page that compares a model with all others, each on what the two
    share, asks about dozens of numbers of tasks.
    """
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.int16)
    counts.flags.writeable = False
    return counts


def _rank_intervals(
    totals: Matrix,
    drawn: Matrix,
    known: NDArray[np.bool_],
    numbered: NDArray[np.bool_],
    size: float,
    *,
    ranked: bool = True,
) -> RankIntervals:
    """Intervals of totals from [draws x models] for those known, and of ranks for those of them that are numbered."""
    ends = np.full((4, len(totals)), np.nan)
    numbered = numbered & known
    if size >= FEWEST_TASKS and numbered.any():
        every = known.all()
        ends[0, known], ends[1, known] = _interval(drawn if every else drawn[:, known], size)
        if ranked:
            low, high = _interval(_ranked(drawn[:, numbered]), size, whole=True)
            # Where scores are missing a draw can be kinder than the record; the rank itself is always possible.
            rank = ranks(totals[numbered])
            ends[2, numbered], ends[3, numbered] = np.minimum(low, rank), np.maximum(high, rank)
    return RankIntervals(*ends)


def _ranked(drawn: Matrix) -> Matrix | NDArray[np.float32]:
    """Ranks in each draw, [draws x models]; of very many models a few draws at a time, in half the room."""
    draws, models = drawn.shape
    if models <= _AT_A_TIME:
        return ranks(drawn)
    placed: NDArray[np.float32] = np.empty(drawn.shape, dtype=np.float32)  # whole numbers, and exact
    step = max(1, _RANKED_AT_A_TIME // models)
    for at in range(0, draws, step):
        placed[at : at + step] = ranks(drawn[at : at + step])
    return placed


def _numbered(tasks: int, clusters: NDArray[np.int_] | None) -> NDArray[np.int_]:
    """Columns numbered so that those drawn together share a number, from 0 without gaps."""
    return np.asarray(np.unique(np.arange(tasks) if clusters is None else clusters, return_inverse=True)[1])


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


def _interval(draws: NDArray[Any], size: float, *, whole: bool = False) -> tuple[Matrix, Matrix]:
    """Expanded percentile interval of each column of [draws x columns]; of very many columns some at a time."""
    if draws.shape[1] > _AT_A_TIME:
        parts = [
            _interval(draws[:, at : at + _AT_A_TIME], size, whole=whole) for at in range(0, draws.shape[1], _AT_A_TIME)
        ]
        return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])
    student = stats.t.ppf(1 - (1 - LEVEL) / 2, size - 1)
    tail = float(stats.norm.cdf(-np.sqrt(size / (size - 1)) * student))
    # A column is sorted faster where it lies in one piece.
    columns = np.ascontiguousarray(draws.T)
    low, high = np.quantile(columns, np.array([tail, 1 - tail]), axis=1, method="inverted_cdf" if whole else "linear")
    return low, high


def _effective_size(weights: Matrix) -> float:
    """Tasks that would weigh as much if all weighed the same (Kish 1965)."""
    weights = weights[weights > 0]
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
