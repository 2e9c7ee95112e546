"""Models as draws of one multivariate normal over tasks: how it is fitted, and what a few cells say of the rest.

Expectation maximisation over missing cells (Little and Rubin, Statistical Analysis with Missing Data, ch. 11), with
the covariance drawn towards equal correlation within and between task types (Ledoit and Wolf, 2004, with groups): with
fewer models than tasks it would say more than it knows. What it says of a new model is Gaussian-process regression over
tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.places import places

__all__ = ["SHRINK", "Gaussian", "fit"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

# Models that the drawn covariance counts for.
SHRINK = 30.0
_ROUNDS = 12
# A model with fewer cells, or a smaller share of the tasks, says next to nothing of how tasks go together.
_FEWEST, _LEAST = 3, 0.15
_TINY = 1e-6


class Gaussian(NamedTuple):
    """A normal distribution over tasks.

    ``mean`` (tasks,), ``cov`` (tasks, tasks); on the 0-1 scale of scores.
    """

    mean: Floats
    cov: Floats

    def given(self, at: Places, values: Floats, noise: Floats) -> Gaussian:
        """What is known of all tasks once some were measured.

        Args:
            at: (k,), places of the measured tasks.
            values: (k,), their scores.
            noise: (k,), how far a measured score may be from the published one, standard deviation.
        """
        if not len(at):
            return self
        gain = self.gain(at, noise)
        mean = self.mean + gain @ (values - self.mean[at])
        cov = self.cov - gain @ self.cov[at]
        return Gaussian(mean, (cov + cov.T) / 2)

    def gain(self, at: Places, noise: Floats) -> Floats:
        """(tasks, k), what a unit more on each measured task adds to every task."""
        return np.asarray(np.linalg.solve(self._within(at, noise), self.cov[at]).T, float)

    def slope(self, at: Places, noise: Floats, weights: Floats) -> Floats:
        """(k,) or (k, sums), what a unit more on each measured task adds to weighted sums; as ``gain``, and faster.

        ``weights``: (tasks,) or (tasks, sums).
        """
        return np.asarray(np.linalg.solve(self._within(at, noise), self.cov[at] @ weights), float)

    def distance(self, at: Places, values: Floats, noise: Floats) -> float:
        """Squared Mahalanobis distance of the measured scores over their number: about 1 for one like the others."""
        apart = values - self.mean[at]
        return float(apart @ np.linalg.solve(self._within(at, noise), apart)) / max(len(at), 1)

    def _within(self, at: Places, noise: Floats) -> Floats:
        """(k, k), the covariance of what is measured, its noise with it."""
        return np.asarray(self.cov[np.ix_(at, at)] + np.diag(np.maximum(noise, 0.0) ** 2 + _TINY**2))


def fit(
    scores: Floats, types: Sequence[str], shrink: float = SHRINK, start: Gaussian | None = None, rounds: int = _ROUNDS
) -> Gaussian:
    """Fit the distribution to models by tasks.

    Args:
        scores: (models, tasks), NaN where missing; a model with less than 15% of the tasks, or fewer than three,
            adds nothing.
        types: (tasks,), groups of which tasks correlate more with one another.
        shrink: how many models the drawn covariance counts for; 0 takes the data as they are.
        start: where to start from, as when a few models are left out of what was fitted before.
        rounds: of expectation and maximisation.
    """
    fewest = min(max(_FEWEST, _LEAST * scores.shape[1]), scores.shape[1])
    scores = scores[(~np.isnan(scores)).sum(axis=1) >= fewest]
    centre, spread = _scale(scores)
    table = (scores - centre) / spread
    if start is None:
        mean, cov = np.zeros(table.shape[1]), _first(table)
    else:
        mean, cov = (start.mean - centre) / spread, start.cov / np.outer(spread, spread)
    patterns = places(~np.isnan(table))
    kinds = np.unique(np.array(types), return_inverse=True)[1]
    same = kinds[:, None] == kinds[None, :]
    for _ in range(rounds):
        filled, uncertain = _expected(table, patterns, mean, cov)
        mean = filled.mean(axis=0)
        cov = _drawn((filled - mean).T @ (filled - mean) + uncertain, len(filled), same, shrink)
    return Gaussian(centre + mean * spread, cov * np.outer(spread, spread))


def _scale(scores: Floats) -> tuple[Floats, Floats]:
    """Mean and spread of each task; a task that hardly anybody ran borrows the spread of the others."""
    some = (~np.isnan(scores)).sum(axis=0)
    total = np.nansum(scores, axis=0)
    centre = np.where(some > 0, total / np.maximum(some, 1), 0.0)
    spread = np.sqrt(np.nansum((scores - centre) ** 2, axis=0) / np.maximum(some, 1))
    usual = float(np.median(spread[some > 1])) if (some > 1).any() else 1.0
    weight = some / (some + 3.0)
    return centre, np.maximum(np.sqrt(weight * spread**2 + (1 - weight) * usual**2), _TINY)


def _first(table: Floats) -> Floats:
    """A covariance to start from: cells that are missing are as the rest of their model is."""
    own = np.nanmean(table, axis=1, keepdims=True)
    filled = np.where(np.isnan(table), own, table)
    return np.atleast_2d(np.cov(filled.T, bias=True)) + 0.1 * np.eye(table.shape[1])


def _expected(table: Floats, patterns: list[tuple[Places, Places]], mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Cells as expected from those that are there, and the covariance of what stays uncertain, summed over models."""
    filled, uncertain = np.array(table), np.zeros_like(cov)
    for rows, there in patterns:
        missing = np.flatnonzero(np.isnan(table[rows[0]]))
        if not len(missing):
            continue
        within = cov[np.ix_(there, there)] + _TINY * np.eye(len(there))
        gain = np.linalg.solve(within, cov[np.ix_(there, missing)])
        filled[np.ix_(rows, missing)] = mean[missing] + (table[np.ix_(rows, there)] - mean[there]) @ gain
        uncertain[np.ix_(missing, missing)] += len(rows) * (
            cov[np.ix_(missing, missing)] - cov[np.ix_(missing, there)] @ gain
        )
    return filled, uncertain


def _drawn(squares: Floats, models: int, same: Flags, shrink: float) -> Floats:
    """The covariance of ``squares`` drawn towards two correlations: within task types, and between them.

    Where tasks of a type agree less than tasks of two types do, it is one: two such ones make no covariance.
    """
    spread = np.sqrt(np.maximum(np.diag(squares) / models, _TINY**2))
    outer = np.outer(spread, spread)
    correlation = squares / models / outer
    apart = ~np.eye(len(spread), dtype=bool)
    target = np.eye(len(spread))
    groups = [group for group in (apart & same, apart & ~same) if group.any()]
    if len(groups) == 2 and correlation[groups[0]].mean() < correlation[groups[1]].mean():
        groups = [apart]
    for group in groups:
        target[group] = correlation[group].mean()
    drawn = (squares + shrink * target * outer) / (models + shrink)
    return np.asarray((drawn + drawn.T) / 2)
