"""MTEB's Borda rank as a function of a matrix: the rule of the SQL macro ``ranking``, for what SQL cannot resample.

The store ranks whole benchmarks; this ranks what a page makes up on the spot (hand-picked tasks, bootstrap draws).
Both follow mteb: per task the models present are ranked (ties share the average), a model earns the number of models
minus its rank, nothing where it has no score; points are summed and ranked again (ties share the lowest).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["Matrix", "any_score", "borda", "borda_points", "ranks"]

Matrix = NDArray[np.float64]


def borda(scores: Matrix, models: int | None = None) -> Matrix:
    """Borda rank of each model, 1 the best, NaN for a model without any score.

    Args:
        scores: [models x tasks], higher is better, NaN where missing.
        models: see :func:`borda_points`.

    Returns:
        [models], whole numbers.
    """
    return ranks(borda_points(scores, models).sum(axis=1), present=any_score(scores))


def borda_points(scores: Matrix, models: int | None = None) -> Matrix:
    """Points of each model on each task: [models x tasks], multiples of .5.

    Args:
        scores: as for :func:`borda`.
        models: how many models a rank is subtracted from; by default those with any score. The store's rule (mteb's)
            counts those with a complete score on any task.
    """
    missing = np.isnan(scores)
    counted = np.count_nonzero(any_score(scores)) if models is None else models
    # A missing score as the worst of all leaves the ranks of those present as they are.
    rank = rankdata(np.where(missing, np.inf, -scores), axis=0, method="average")
    return np.where(missing, 0.0, counted - rank)


def any_score(scores: Matrix) -> NDArray[np.bool_]:
    """[models], which have a score at all."""
    return np.asarray(~np.isnan(scores).all(axis=1))


def ranks(totals: Matrix, *, present: NDArray[np.bool_] | None = None) -> Matrix:
    """Rank along the last axis, the highest total first, ties sharing the lowest rank.

    Args:
        totals: [models] or [draws x models]; NaN is not ranked.
        present: [models], those to rank; the default is all that are not NaN.
    """
    absent = np.isnan(totals) if present is None else np.isnan(totals) | ~present
    return np.where(absent, np.nan, rankdata(np.where(absent, np.inf, -totals), axis=-1, method="min"))
