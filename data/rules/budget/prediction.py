"""What a model comes to on a whole benchmark, by what a few tasks (or all but a few) say of it.

Intervals are calibrated by models that were left out with their families (:mod:`data.rules.budget.calibration`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from data.rules.budget.calibration import LEVEL, half_widths, widened
from data.rules.budget.families import dealt, stem
from data.rules.budget.gaussian import Gaussian, fit
from data.rules.budget.table import TaskTable

__all__ = ["Expected", "Predicted", "Prediction", "Predictor", "Strangeness", "predictor_of"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_FOLDS = 5
_REFIT_ROUNDS = 4  # from what all models say, a fold fewer takes few
_DRAWS, _SEED = 400, 20261127
_SURE = 1e-9


class Predicted(NamedTuple):
    """A value with the interval it lies in, at the level that was asked for; low equals high where nothing is open."""

    value: float
    low: float
    high: float


class Prediction(NamedTuple):
    """What a model comes to on a benchmark.

    Attributes:
        mean: the benchmark's headline mean, 0-1 scale.
        types: mean by task type, 0-1 scale.
        rank: 1 the best, among the models of the table and this one; None where the benchmark ranks by subsets.
        tasks: score of each task, measured ones as they are (no interval of theirs is open).
        measured: share of the headline mean that is measured, 0 to 1.
        sd: predicted standard deviation of the mean before calibration, 0-1 scale.
        held_out: models the interval was calibrated on.
    """

    mean: Predicted
    types: dict[str, Predicted]
    rank: Predicted | None
    tasks: dict[str, Predicted]
    measured: float
    sd: float
    held_out: int


class Strangeness(NamedTuple):
    """How unlike the record's models a pattern of scores is.

    ``distance``: Mahalanobis, squared, per task; ``p``: share of the models left out that are as far, 0 to 1; ``of``:
    how many those are.
    """

    distance: float
    p: float
    of: int


class Expected(NamedTuple):
    """How well some tasks will tell a mean, before they are run.

    ``half``: half the width of the interval, calibrated, 0-1 scale; ``sd``: predicted standard deviation before
    calibration; ``models``: how many left-out models it was calibrated on.
    """

    half: float
    sd: float
    models: int


@dataclass(frozen=True)
class Predictor:
    """What the record says of a model that was measured on some tasks; make it with :func:`predictor_of`.

    Attributes:
        table: the record's models and tasks.
        gaussian: fitted to all of them.
        fold: (models,), the fold each model is left out in; a family is in one fold.
        without: for each fold, fitted to the others.
    """

    table: TaskTable
    gaussian: Gaussian
    fold: Places
    without: tuple[Gaussian, ...]
    _factors: dict[bytes, dict[bytes, tuple[float, int]]] = field(default_factory=dict, repr=False, compare=False)

    def predict(
        self,
        measured: Mapping[str, float],
        noise: Floats | None = None,
        level: float = LEVEL,
        leave_out: str | None = None,
    ) -> Prediction:
        """What a model comes to, from its scores on some of the tasks.

        Args:
            measured: score by task, 0-1 scale; tasks the table does not have are passed over.
            noise: (tasks,), how far a measured score may be from the one that counts, standard deviation; none by
                default, as for published figures.
            level: of the intervals, 0.5 to 0.999.
            leave_out: a model of the table that this is the same as, so that it is not ranked against itself.
        """
        at, values = self._at(measured)
        noise = np.zeros(len(self.table.tasks)) if noise is None else noise
        after = self.gaussian.given(at, values, noise[at])
        after = _as_measured(after, at, values)
        types = {kind: self.table.of_type(kind) for kind in dict.fromkeys(self.table.types)}
        mean, factor, held_out = self._interval(after, self.table.weights, at, level)
        known = np.zeros(len(self.table.tasks))
        known[at] = 1.0
        sd = np.sqrt(np.maximum(np.diag(after.cov), 0.0)) * factor
        return Prediction(
            mean=mean,
            types={kind: self._interval(after, weights, at, level)[0] for kind, weights in types.items()},
            rank=self._rank(
                after, factor / _normal(LEVEL) if level == LEVEL else factor / _normal(level), level, leave_out
            ),
            tasks={
                task: Predicted(float(value), float(value - half), float(value + half))
                for task, value, half in zip(self.table.tasks, after.mean, sd, strict=True)
            },
            measured=float(self.table.weights @ known),
            sd=_sd(after.cov, self.table.weights),
            held_out=held_out,
        )

    def expected(self, tasks: Collection[str], level: float = LEVEL) -> Expected:
        """How surely the headline mean is known once these tasks were measured, whatever their scores.

        Args:
            tasks: names; those the table does not have are passed over.
            level: of the interval.
        """
        at, _ = self._at(dict.fromkeys(tasks, 0.0))
        after = self.gaussian.given(at, self.gaussian.mean[at], np.zeros(len(at)))
        after = _as_measured(after, at, self.gaussian.mean[at])
        mean, _, held_out = self._interval(after, self.table.weights, at, level, self.table.weights[None])
        return Expected(mean.high - mean.value, _sd(after.cov, self.table.weights), held_out)

    def as_stranger(self, model: str) -> Predictor:
        """The same for a model as if nobody had seen it or its family, as those are whom intervals are calibrated on.

        Ranks are still among all models of the table: name the model as ``leave_out`` when predicting it.
        """
        folds = {
            int(fold)
            for name, fold in zip(self.table.models, self.fold, strict=True)
            if name == model or (model not in self.table.models and stem(name) == stem(model))
        }
        if len(folds) > 1:
            return replace(self, gaussian=fit(self.table.without_family_of(model).scores, self.table.types))
        return replace(self, gaussian=self.without[folds.pop()]) if folds else self

    def strangeness(self, measured: Mapping[str, float]) -> Strangeness:
        """How unlike the record's models these scores are, taken together; p is 1 where nothing was measured."""
        at, values = self._at(measured)
        nothing = np.zeros(len(at))
        distance = self.gaussian.distance(at, values, nothing)
        others = [
            self.without[self.fold[i]].distance(at, self.table.scores[i, at], nothing)
            for i in range(len(self.table.models))
            if not np.isnan(self.table.scores[i, at]).any()
        ]
        as_far = sum(other >= distance for other in others)
        return Strangeness(distance, (1 + as_far) / (1 + len(others)), len(others))

    def _at(self, measured: Mapping[str, float]) -> tuple[Places, Floats]:
        at = np.array(
            [i for i, task in enumerate(self.table.tasks) if not np.isnan(measured.get(task, np.nan))], dtype=int
        )
        return at, np.array([measured[self.table.tasks[i]] for i in at], dtype=float)

    def _interval(
        self, after: Gaussian, weights: Floats, at: Places, level: float, asked: Floats | None = None
    ) -> tuple[Predicted, float, int]:
        """A weighted mean with its interval, by how many standard deviations either way, and from how many models.

        ``asked``: (means, tasks), those that are calibrated at once where this one is not yet; all by default.
        """
        value, sd = float(weights @ after.mean), _sd(after.cov, weights)
        factors = self._factors.setdefault(at.tobytes(), {})
        if weights.tobytes() not in factors:
            asked = self._asked if asked is None else asked
            widths = half_widths(self.table, self._patterns, self.fold, self.without, asked, at)
            factors |= {mean.tobytes(): width for mean, width in zip(asked, widths, strict=True)}
        factor, held_out = factors[weights.tobytes()]
        factor *= widened(level)
        half = factor * sd if sd > _SURE else 0.0
        return Predicted(value, value - half, value + half), factor, held_out

    @cached_property
    def _asked(self) -> Floats:
        """(1 + types, tasks), the weights of the headline mean and of each type's."""
        return np.array([self.table.weights, *(self.table.of_type(kind) for kind in dict.fromkeys(self.table.types))])

    @cached_property
    def _patterns(self) -> Places:
        """(models,), a number for each set of tasks that a model has."""
        return np.asarray(np.unique(~np.isnan(self.table.scores), axis=0, return_inverse=True)[1].ravel())

    def _rank(self, after: Gaussian, factor: float, level: float, leave_out: str | None) -> Predicted | None:
        if self.table.by_subset:
            return None
        others = np.array([model != leave_out for model in self.table.models])
        draws = _draws(after.mean, after.cov * factor**2)
        if self.table.ranked_by == "borda":
            rows = np.vstack([after.mean, draws])
            value, *ranks = _borda_ranks(self.table.scores[others], self.table.any_scores[others], rows)
        else:
            # NaN for who lacks a task: not ranked.
            means = np.asarray(self.table.scores[others & self.table.numbered] @ self.table.weights, float)
            ranks = list(1.0 + (means[None] > (draws @ self.table.weights)[:, None]).sum(axis=1))
            value = 1.0 + np.count_nonzero(means > after.mean @ self.table.weights)
        low, high = (float(np.quantile(ranks, q, method="nearest")) for q in ((1 - level) / 2, (1 + level) / 2))
        return Predicted(float(value), min(low, float(value)), max(high, float(value)))

    @cached_property
    def complete(self) -> int:
        """Models with every task."""
        return int((~np.isnan(self.table.scores)).all(axis=1).sum())


def predictor_of(table: TaskTable, seed: int = _SEED) -> Predictor:
    """Fit the record's models, and once more without each fifth of their families.

    Args:
        table: of :func:`data.rules.budget.table.task_table`.
        seed: of dealing families into folds.
    """
    gaussian = fit(table.scores, table.types)
    fold_of = dealt(table.families, _FOLDS, seed)
    fold = np.array([fold_of[family] for family in table.families], dtype=int)
    without = tuple(
        fit(table.scores[fold != k], table.types, start=gaussian, rounds=_REFIT_ROUNDS) for k in range(_FOLDS)
    )
    return Predictor(table, gaussian, fold, without)


def _as_measured(after: Gaussian, at: Places, values: Floats) -> Gaussian:
    """What was measured counts as it was measured, whatever noise it has."""
    mean, cov = after.mean.copy(), after.cov.copy()
    mean[at] = values
    cov[at] = 0.0
    cov[:, at] = 0.0
    return Gaussian(mean, cov)


def _sd(cov: Floats, weights: Floats) -> float:
    return math.sqrt(max(float(weights @ cov @ weights), 0.0))


def _normal(level: float) -> float:
    return float(stats.norm.ppf(0.5 + level / 2))


def _draws(mean: Floats, cov: Floats) -> Floats:
    """(draws, tasks) of a normal distribution, the same ones at every visit."""
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(mean + np.random.default_rng(_SEED).standard_normal((_DRAWS, len(mean))) @ root.T)


def _borda_ranks(scores: Floats, any_scores: Floats, draws: Floats) -> Floats:
    """(draws,), the Borda rank a model with these scores has beside the others, by ``data.rules.ranking.borda``'s rule.

    The newcomer changes the others' points too: who is above it earns one more.
    """
    counted = int((~np.isnan(scores)).any(axis=1).sum())
    among = np.zeros(len(scores))  # the others' points, were all of them above the newcomer
    ahead = np.zeros(
        (len(draws), len(scores)), dtype=np.int16
    )  # halves: 2 on each task where another is above, 1 beside
    for task in range(scores.shape[1]):
        theirs = any_scores[:, task]
        rows = np.flatnonzero(~np.isnan(theirs))
        ordered = np.sort(theirs[rows])
        left, right = (np.searchsorted(ordered, theirs[rows], side) for side in ("left", "right"))
        among[rows] += counted - (len(rows) - (left + right - 1) / 2)
        mine = draws[:, task, None]
        if (mine == mine[0]).all():  # measured: one comparison serves all draws, and may be a tie
            ahead += (np.int16(1) * (theirs > mine[0]) + (theirs >= mine[0])).astype(np.int16)
        else:
            ahead += (theirs > mine) * np.int16(2)
    own = counted * scores.shape[1] - ahead.sum(axis=1, dtype=float) / 2
    return np.asarray(1.0 + (among + ahead / 2 > own[:, None] + 1e-9).sum(axis=1), float)
