"""Whether an own task says what a public benchmark says already: how much of its scores the public ones foretell.

Of models that have both, each family is left out in turn and its scores on the own task are foretold by its public
ones, as the others let expect: by ridge regression on all public tasks at once or by a line through a single one of
them, whichever foretells the others best when each of those is left out (nested, so that the choice flatters nobody).
The interval is a bootstrap over families.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.gaussian import Gaussian
from data.rules.budget.table import TaskTable

__all__ = ["FEWEST_MODELS", "SAID_BEFORE", "SAYS_MORE", "Novelty", "Redundancy", "redundancy_of"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# Models with both, below which nothing is said. On MTEB(eng, v2), of 100 made tasks each, with 20 models at random: of
# those that public tasks tell by 80% none is called the same and 6 something of their own, of those told by 95%
# none something of their own; of copies all are called the same, of independent ones 92 something of their own.
FEWEST_MODELS = 20
# Shares of the variance that the public tasks tell: from the first on the own one adds little, below the second much.
SAID_BEFORE, SAYS_MORE = 0.8, 0.5
_COVERS = 0.5  # share of the public mean that a model's figures make up, to be asked
_RIDGES = np.geomspace(1e-3, 10, 9)
_DRAWS, _SEED = 2000, 20261129
_TINY = 1e-12


class Novelty(StrEnum):
    """What an own task adds to a public benchmark."""

    SAME = "same"
    OWN = "own"
    OPEN = "open"
    FEW = "few"


class Redundancy(NamedTuple):
    """How much of an own task the public ones tell.

    Attributes:
        novelty: the verdict.
        share: of the variance of the own scores that is foretold, of models whose family was left out; 1 is all of it,
            0 or less no more than the mean of the others does. NaN with too few models.
        low: lower end of its 95% interval.
        high: upper end.
        models: that have both.
        relative: the public task it goes with most; empty with too few models.
        correlation: with that one.
    """

    novelty: Novelty
    share: float
    low: float
    high: float
    models: int
    relative: str
    correlation: float


def redundancy_of(table: TaskTable, gaussian: Gaussian, own: Mapping[str, float]) -> Redundancy:
    """What an own task says beside a public benchmark.

    Args:
        table: of the public benchmark.
        gaussian: fitted to it; fills the public tasks a model lacks.
        own: score on the own task by model, 0-1 scale.
    """
    covered = (~np.isnan(table.scores)) @ table.weights
    rows = [i for i, model in enumerate(table.models) if covered[i] >= _COVERS and not np.isnan(own.get(model, np.nan))]
    scores = np.array([own[table.models[i]] for i in rows], dtype=float)
    families = np.unique([table.families[i] for i in rows], return_inverse=True)[1] if rows else np.zeros(0, int)
    if len(rows) < FEWEST_MODELS or len(set(families)) < FEWEST_MODELS // 2 or scores.std() < _TINY:
        return Redundancy(Novelty.FEW, np.nan, np.nan, np.nan, len(rows), "", np.nan)
    public = _standardised(table.scores[rows], gaussian)
    off, apart = np.empty(len(rows)), np.empty(len(rows))
    for family in np.unique(families):
        out = families == family
        off[out] = scores[out] - _foretold(public[~out], scores[~out], public[out])
        apart[out] = scores[out] - scores[~out].mean()
    share = 1 - (off**2).sum() / (apart**2).sum()
    low, high = _between(off, apart, families)
    novelty = Novelty.SAME if low >= SAID_BEFORE else Novelty.OWN if high < SAYS_MORE else Novelty.OPEN
    with_each = _correlations(public, scores)
    nearest = int(np.argmax(np.abs(with_each)))
    return Redundancy(novelty, float(share), low, high, len(rows), table.tasks[nearest], float(with_each[nearest]))


def _standardised(scores: Floats, gaussian: Gaussian) -> Floats:
    """Public scores in standard deviations from the mean, those that are missing as the others let expect."""
    filled = scores.copy()
    for row in filled:
        at = np.flatnonzero(~np.isnan(row))
        missing = np.isnan(row)
        row[missing] = gaussian.given(at, row[at], np.zeros(len(at))).mean[missing]
    return np.asarray((filled - gaussian.mean) / np.sqrt(np.diag(gaussian.cov)), float)


def _foretold(public: Floats, scores: Floats, asked: Floats) -> Floats:
    """Own scores of those asked, by the way that foretells the others best when each of them is left out."""
    n = len(scores)
    middle, centre = scores.mean(), public.mean(axis=0)
    around, inside, beside = scores - middle, public - centre, asked - centre
    kernel, across = inside @ inside.T / public.shape[1], beside @ inside.T / public.shape[1]
    values, vectors = np.linalg.eigh(kernel)
    turned = vectors.T @ around
    best, answer = np.inf, np.full(len(asked), middle)
    for ridge in _RIDGES * max(float(values.mean()), _TINY):
        hat = (vectors * (np.maximum(values, 0) / (np.maximum(values, 0) + ridge))) @ vectors.T
        wrong = float((((around - hat @ around) / (1 - np.minimum(np.diag(hat) + 1 / n, 1 - 1e-6))) ** 2).mean())
        if wrong < best:
            best = wrong
            answer = middle + across @ (vectors @ (turned / (np.maximum(values, 0) + ridge)))
    square = (inside**2).sum(axis=0) + _TINY
    slope = inside.T @ around / square
    hats = inside**2 / square + 1 / n
    wrongs = (((around[:, None] - inside * slope) / (1 - np.minimum(hats, 1 - 1e-6))) ** 2).mean(axis=0)
    line = int(np.argmin(wrongs))
    return answer if best <= wrongs[line] else np.asarray(middle + beside[:, line] * slope[line], float)


def _between(off: Floats, apart: Floats, families: Places) -> tuple[float, float]:
    """The 95% interval of the share that is foretold, over families drawn again."""
    names = np.unique(families)
    squares = np.array([[(part[families == name] ** 2).sum() for part in (off, apart)] for name in names])
    drawn = np.random.default_rng(_SEED).integers(0, len(names), (_DRAWS, len(names)))
    sums = squares[drawn].sum(axis=1)
    shares = 1 - sums[:, 0] / np.maximum(sums[:, 1], _TINY)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def _correlations(public: Floats, scores: Floats) -> Floats:
    inside, around = public - public.mean(axis=0), scores - scores.mean()
    return np.asarray(inside.T @ around / (np.sqrt((inside**2).sum(axis=0) * (around**2).sum()) + _TINY), float)
