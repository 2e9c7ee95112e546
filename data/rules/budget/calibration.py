"""How wide an interval has to be: by models that were predicted from other families alone.

Each fold of families is predicted by what was fitted without it, once on the tasks that were measured, and once on as
many that would have been chosen without it for the same time: tasks chosen on some models look better on these than on
any other. The interval is as wide as the worse of the two asks for. Conformal prediction with families as the groups of
which a new one comes (Vovk et al., 2005; Lee, Barber and Willett, 2023, Distribution-free inference with hierarchical
data), on residuals in units of the predicted standard deviation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from data.rules.budget.choice import Budget, quick_choice
from data.rules.budget.gaussian import Gaussian
from data.rules.budget.table import TaskTable

__all__ = ["LEVEL", "half_widths", "widened"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

LEVEL = 0.95
# Who has every task is held against what was predicted for him. Where those are fewer than this, the fullest others
# that have at least this share of the mean and of the measured tasks help out; they tend to lack what is hard.
_WANTED, _MOST_OF_IT = 30, 0.8
_ENOUGH = 20  # held-out models, below which the interval is at least that of a heavy-tailed distribution
_TAILS = 5.0  # degrees of freedom by which other levels are taken from one
_T = float(stats.t.ppf(0.5 + LEVEL / 2, _TAILS))
_FALLBACK = 1.25
_SURE = 1e-9


def half_widths(
    table: TaskTable, patterns: Places, fold: Places, without: Sequence[Gaussian], asked: Floats, at: Places
) -> list[tuple[float, int]]:
    """Of each mean: how many predicted standard deviations hold 95% of those left out, and how many models those are.

    Args:
        table: models and tasks.
        patterns: (models,), a number for each set of tasks that a model has.
        fold: (models,), the fold each is left out in.
        without: for each fold, what was fitted to the others.
        asked: (means, tasks), weights of the means.
        at: places of the tasks that were measured.
    """
    usable = _usable(table, asked, at)
    budget = Budget(float(table.seconds[at].sum()), len(at))
    chosen = [quick_choice(gaussian, table.weights, table.seconds, budget) for gaussian in without]
    measured, rechosen = (
        _residuals(table, patterns, fold, without, asked, sets, usable) for sets in ([at] * len(without), chosen)
    )
    return [
        (max(_quantile(direct), _quantile(nested)), len(direct))
        for direct, nested in zip(measured, rechosen, strict=True)
    ]


@cache
def widened(level: float, base: float = LEVEL) -> float:
    """How many times as wide as at ``base`` an interval at another level is; heavy tails."""
    return float(stats.t.ppf(0.5 + level / 2, _TAILS) / stats.t.ppf(0.5 + base / 2, _TAILS))


def _usable(table: TaskTable, asked: Floats, at: Places) -> Flags:
    """(models, means), who is held against his own figures."""
    some = ~np.isnan(table.scores)
    share = some @ (asked / asked.sum(axis=1, keepdims=True)).T
    share[some[:, at].sum(axis=1) < _MOST_OF_IT * len(at)] = 0.0
    wanted = min(_WANTED, len(share))
    least = np.clip(np.sort(share, axis=0)[-wanted], _MOST_OF_IT, 1.0)
    return np.asarray(share >= least - _SURE)


def _residuals(
    table: TaskTable,
    patterns: Places,
    fold: Places,
    without: Sequence[Gaussian],
    asked: Floats,
    sets: Sequence[Places],
    usable: Flags,
) -> list[list[tuple[float, str]]]:
    """For each mean, of each model left out: by how many predicted standard deviations it was off, and its family."""
    residuals: list[list[tuple[float, str]]] = [[] for _ in asked]
    for k, (gaussian, at) in enumerate(zip(without, sets, strict=True)):
        rows = np.flatnonzero(usable.any(axis=1) & (fold == k))
        for pattern in np.unique(patterns[rows]):
            these = rows[patterns[rows] == pattern]
            there = np.flatnonzero(~np.isnan(table.scores[these[0]]))
            off, sd = _missed(gaussian, asked, np.intersect1d(at, there), there, table.scores[these])
            for j in np.flatnonzero(sd > _SURE):
                counted = np.flatnonzero(usable[these, j])
                residuals[j] += [(abs(float(off[i, j] / sd[j])), table.families[these[i]]) for i in counted]
    return residuals


def _missed(gaussian: Gaussian, asked: Floats, seen: Places, there: Places, scores: Floats) -> tuple[Floats, Floats]:
    """By how much weighted means of the cells there are missed from those seen, and by how much was to be expected.

    Returns:
        (models, means), and (means,) standard deviations: 0 where nothing was left to predict.
    """
    lacks = np.setdiff1d(there, seen)
    part = np.zeros_like(asked)
    part[:, lacks] = asked[:, lacks] / np.maximum(asked[:, there].sum(axis=1, keepdims=True), _SURE)
    slope = gaussian.slope(seen, np.zeros(len(seen)), part.T)
    off = (scores[:, lacks] - gaussian.mean[lacks]) @ part[:, lacks].T
    off -= (scores[:, seen] - gaussian.mean[seen]) @ slope
    variance = ((part @ gaussian.cov) * part).sum(axis=1) - (slope * (gaussian.cov[seen] @ part.T)).sum(axis=0)
    return off, np.where(part.any(axis=1), np.sqrt(np.maximum(variance, 0.0)), 0.0)


def _quantile(residuals: Sequence[tuple[float, str]]) -> float:
    """What holds 95% of the models of a family to come; every family counts alike, and the one to come as one more.

    The quantile of some tens of families jumps with the furthest one. It is evened by the one that a heavy-tailed
    distribution of the same mean square has: their geometric mean.
    """
    usual = _FALLBACK * _T
    if len(residuals) < 2:
        return usual
    size = Counter(family for _, family in residuals)
    every = sorted(residuals)
    off = np.array([width for width, _ in every])
    share = np.array([1 / size[family] / len(size) for _, family in every])
    level = len(size) / (len(size) + 1)
    # With fewer than 19 families none is far enough out: the largest is widened from the level they reach.
    place = min(int(np.searchsorted(level * np.cumsum(share), LEVEL - _SURE)), len(every) - 1)
    counted = float(off[place]) * widened(LEVEL, min(level, LEVEL))
    spread = float(np.sqrt(share @ off**2)) * _T * math.sqrt((_TAILS - 2) / _TAILS) * (1 + 1 / len(size))
    width = math.sqrt(counted * spread)
    return max(width, usual) if len(residuals) < _ENOUGH else width
