"""Where models would stand if what they lack were as predicted: ranks of a board with predicted means mixed in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.filling import Filling
from data.rules.budget.prediction import Predicted
from data.rules.ranking import any_score, borda_points

__all__ = ["filled_ranks"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_DRAWS, _SEED = 200, 20261127
_LEVEL = 0.95
_NORMAL = 1.959963984540054
_SAME = 1e-9  # of points and means that rounding alone sets apart


def filled_ranks(filling: Filling) -> dict[str, Predicted]:
    """Rank of each model the filling looked at, 1 the best, by the benchmark's own rule; low equals high if measured.

    Who cannot be predicted is ranked as ever: on what it lacks it earns nothing, or it has no mean and no rank. A model
    the table does not have gets the rank it would have and moves nobody's. What others would come to is drawn together,
    so the interval of one holds what is open about the rest.
    """
    known = set(filling.predictor.table.models)
    pool = np.array([model in known for model in filling.models], dtype=bool)
    if not pool.any():
        return {}
    filled = _filled(filling)
    around = (_borda if filling.predictor.table.ranked_by == "borda" else _by_mean)(filled, filling, pool)
    value, predicted = around[0], np.array([model in filling.means for model in filling.models], dtype=bool)
    ends = np.quantile(around, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0, method="nearest")
    low, high = np.where(predicted, ends, value)
    return {
        model: Predicted(float(at), float(min(least, at)), float(max(most, at)))
        for model, at, least, most in zip(filling.models, value, low, high, strict=True)
        if not np.isnan(at)
    }


class _Filled(NamedTuple):
    """Scores where what is missing was filled in, NaN where nobody can.

    ``expected`` (models, tasks); ``open`` (tasks,), where anything was; ``drawn`` (draws, models, open), as it may be,
    the first of the draws as expected.
    """

    expected: Floats
    open: Flags
    drawn: Floats


def _filled(filling: Filling) -> _Filled:
    expected = filling.scores.copy()
    some = [~np.isnan(expected[part.rows]).all(axis=0) for part in filling.alike]
    open_ = np.asarray(~np.array(some, dtype=bool).reshape(len(some), expected.shape[1]).all(axis=0))
    column = np.cumsum(open_) - 1
    drawn = np.repeat(expected[None, :, open_], 1 + _DRAWS, axis=0)
    random = np.random.default_rng(_SEED)
    for part in filling.alike:
        gaussian = filling.gaussian(part)
        missing = np.setdiff1d(np.arange(expected.shape[1]), part.at)
        gain = gaussian.gain(part.at, part.noise)[missing]
        cov = gaussian.cov[np.ix_(missing, missing)] - gain @ gaussian.cov[np.ix_(part.at, missing)]
        values, vectors = np.linalg.eigh((cov + cov.T) / 2 * (part.factor / _NORMAL) ** 2)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        means = gaussian.mean[missing] + (expected[np.ix_(part.rows, part.at)] - gaussian.mean[part.at]) @ gain.T
        noise = random.standard_normal((1 + _DRAWS, len(part.rows), len(missing))) @ root.T
        noise[0] = 0.0
        expected[np.ix_(part.rows, missing)] = means
        drawn[np.ix_(np.arange(1 + _DRAWS), part.rows, column[missing])] = means + noise
    return _Filled(expected, open_, drawn)


def _by_mean(filled: _Filled, filling: Filling, pool: Flags) -> Floats:
    """(draws, models): ranks of means, counted among the models that are numbered; NaN for whom lacks a task."""
    table = filling.predictor.table
    settled = filled.expected[:, ~filled.open] @ table.weights[~filled.open]
    means = settled + filled.drawn @ table.weights[filled.open]
    numbered = {model for model, counts in zip(table.models, table.numbered, strict=True) if counts}
    return _ranked(means, np.array([model in numbered for model in filling.models], dtype=bool) & pool)


def _borda(filled: _Filled, filling: Filling, pool: Flags) -> Floats:
    """(draws, models): Borda ranks by ``data.rules.ranking``'s rule, of tasks that are not whole too."""
    table = filling.predictor.table
    row = {model: i for i, model in enumerate(table.models)}
    partly = np.full(filling.scores.shape, np.nan)
    partly[pool] = table.any_scores[[row[model] for model in np.array(filling.models)[pool]]]
    counted = int(any_score(filling.scores[pool]).sum())
    cells = np.where(np.isnan(filled.expected), partly, filled.expected)
    # A task that nobody has a drawn score on is ranked once.
    points = np.repeat(_points(cells[:, ~filled.open], pool, counted)[None], len(filled.drawn), axis=0)
    for draw, drawn in enumerate(filled.drawn):
        points[draw] += _points(np.where(np.isnan(drawn), partly[:, filled.open], drawn), pool, counted)
    points[:, np.isnan(cells).all(axis=1)] = np.nan
    return _ranked(points, pool)


def _ranked(totals: Floats, against: Flags) -> Floats:
    """(draws, models): 1 and how many of those that count have more; NaN stays without a rank."""
    result = np.full(totals.shape, np.nan)
    for draw, total in enumerate(totals):
        others = np.sort(total[against & ~np.isnan(total)])
        result[draw] = 1.0 + len(others) - np.searchsorted(others, total + _SAME, side="right")
    return np.where(np.isnan(totals), np.nan, result)


def _points(cells: Floats, pool: Flags, counted: int) -> Floats:
    """(models,), what each earns on these tasks."""
    points = np.zeros(len(cells))
    there = pool & any_score(cells)
    if there.any():
        points[there] = borda_points(cells[there], counted).sum(axis=1)
    for place in np.flatnonzero(~pool):
        points[place] = _newcomers_points(cells[place], cells[pool], counted)
    return points


def _newcomers_points(own: Floats, others: Floats, counted: int) -> float:
    """What a model earns that stands alone among the others: on each task one for each it beats, half for its like."""
    has = ~np.isnan(own)
    above = (others[:, has] > own[has]).sum(axis=0)
    level = (others[:, has] == own[has]).sum(axis=0)
    return float((counted + 1 - (above + 1 + level / 2)).sum())
