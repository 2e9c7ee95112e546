"""What the mean of a model that lacks tasks would come to, by what it was measured on; never stored, never a score.

A model is predicted by what was fitted without its family, as those are whom the interval is calibrated on: models with
the tasks that it lacks, masked to the tasks it has (split conformal prediction, see ``prediction.py``). One equation
serves all models with the same cells.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.gaussian import Gaussian
from data.rules.budget.places import places
from data.rules.budget.prediction import Predicted, Predictor
from data.rules.budget.table import TaskTable

__all__ = [
    "FAMILIES_NEEDED", "FEWEST_MEASURED", "LEAST_MEASURED", "LOOSEST", "Alike", "Filled", "Filling", "can_fill",
    "filled_means",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# Where less is known nothing is predicted.
LEAST_MEASURED = 0.2  # share of the mean that was measured
FEWEST_MEASURED = 3  # tasks that were measured
# Predicted standard deviation, 0-1 scale: with more it says little of who is better. The interval itself is not asked:
# that would choose those whose calibration was lucky, and of these fewer than 95% hold.
LOOSEST = 0.0125

FAMILIES_NEEDED = 19  # that an interval is calibrated on: of fewer, none is sure to hold 95%

_LEVEL = 0.95
_PLENTY = 60  # calibrating models with every task, from which on no others are asked
_MOST = 0.8  # share of what the model lacks that a calibrating model has
_TINY = 1e-6


class Filled(NamedTuple):
    """What the headline mean of a model with missing tasks would come to.

    Attributes:
        mean: predicted, 0-1 scale.
        measured: share of the mean that was measured, 0 to 1.
        missing: tasks it lacks, or has not whole.
        held_out: models the interval was calibrated on.
    """

    mean: Predicted
    measured: float
    missing: int
    held_out: int


class Alike(NamedTuple):
    """Models with the same cells that one distribution speaks of.

    ``rows`` of the scores, ``at`` (the tasks they have), ``noise`` (of these, 0-1 scale), ``fold`` (-1: fitted to all),
    ``factor`` (standard deviations that make half an interval).
    """

    rows: Places
    at: Places
    noise: Floats
    fold: int
    factor: float


@dataclass(frozen=True)
class Filling:
    """Who can be filled in.

    Attributes:
        predictor: that says so.
        models: those that were looked at.
        scores: (models, tasks) as measured, 0-1 scale, NaN where missing or not whole.
        means: of those that enough is known of, by name.
        alike: the same models, by what is known of them.
    """

    predictor: Predictor
    models: tuple[str, ...]
    scores: Floats
    means: dict[str, Filled]
    alike: tuple[Alike, ...]

    def gaussian(self, part: Alike) -> Gaussian:
        """What speaks of these models."""
        return _gaussian(self.predictor, part.fold)


def can_fill(table: TaskTable) -> bool:
    """Whether enough families have most of the tasks for anything to be predicted; with fewer nothing can be fitted."""
    most = (~np.isnan(table.scores)) @ table.weights >= _MOST
    return len(set(np.array(table.families)[most])) >= FAMILIES_NEEDED


def filled_means(
    predictor: Predictor, only: Collection[str] | None = None, own: Mapping[str, Mapping[str, float]] | None = None
) -> Filling:
    """Predict the headline mean of every model that lacks tasks and of which enough is known.

    Args:
        predictor: of the benchmark, on the tasks that count.
        only: models to look at; all by default.
        own: scores by task (0-1) of models that were run here, of the table or not: they may be as far from published
            ones as honest reruns are. Tasks the table does not have are passed over.
    """
    table = predictor.table
    models, scores, noise = _measured(predictor, only, own or {})
    place = {model: i for i, model in enumerate(table.models)}
    folds = np.array([int(predictor.fold[place[m]]) if m in place else -1 for m in models], dtype=int)
    means: dict[str, Filled] = {}
    alike = []
    for rows, at in places(~np.isnan(scores)):
        if _too_little(predictor, at):
            continue
        factor, held_out = _calibrated(predictor, at)
        if math.isinf(factor):
            continue
        for part in _of_one_fold(rows, at, noise, folds, factor):
            values, sd = _told(_gaussian(predictor, part.fold), table.weights, at, scores[part.rows], part.noise)
            if sd > LOOSEST:
                continue
            alike.append(part)
            measured, missing = float(table.weights[at].sum()), len(table.tasks) - len(at)
            for row, value in zip(part.rows, values, strict=True):
                mean = Predicted(float(value), float(value - factor * sd), float(value + factor * sd))
                means[models[row]] = Filled(mean, measured, missing, held_out)
    return Filling(predictor, models, scores, means, tuple(alike))


def _measured(
    predictor: Predictor, only: Collection[str] | None, own: Mapping[str, Mapping[str, float]]
) -> tuple[tuple[str, ...], Floats, Floats]:
    """The models that are looked at, their scores, and how far a published figure may be from each."""
    table = predictor.table
    models = tuple(model for model in dict.fromkeys((*table.models, *own)) if only is None or model in only)
    published = dict(zip(table.models, table.scores, strict=True))
    nothing = np.full(len(table.tasks), np.nan)
    scores = np.array([published.get(model, nothing) for model in models], float).reshape(len(models), len(table.tasks))
    column = {task: i for i, task in enumerate(table.tasks)}
    noise = np.zeros_like(scores)
    for row, model in enumerate(models):
        for task, value in own.get(model, {}).items():
            if task in column and not math.isnan(value):
                noise[row, column[task]] = table.noise[column[task]]
                scores[row, column[task]] = value
    return models, scores, noise


def _gaussian(predictor: Predictor, fold: int) -> Gaussian:
    return predictor.gaussian if fold < 0 else predictor.without[fold]


def _too_little(predictor: Predictor, at: Places) -> bool:
    """Whether nothing is to be said by these tasks, or nothing is left to be said."""
    return (
        len(at) < FEWEST_MEASURED
        or len(at) == len(predictor.table.tasks)
        or predictor.table.weights[at].sum() < LEAST_MEASURED
    )


def _of_one_fold(rows: Places, at: Places, noise: Floats, folds: Places, factor: float) -> Iterator[Alike]:
    """The models of one pattern by who may speak of them, and by what is not quite sure of theirs."""
    kinds, which = np.unique(np.column_stack([folds[rows], noise[np.ix_(rows, at)]]), axis=0, return_inverse=True)
    for k, kind in enumerate(kinds):
        yield Alike(rows[which.ravel() == k], at, np.asarray(kind[1:], float), int(kind[0]), factor)


def _told(gaussian: Gaussian, weights: Floats, at: Places, scores: Floats, noise: Floats) -> tuple[Floats, float]:
    """A weighted mean of each row of ``scores`` by what stands in the columns ``at``, and its standard deviation."""
    left = weights.copy()
    left[at] = 0.0
    missing = np.flatnonzero(left)
    within = gaussian.cov[np.ix_(at, at)] + np.diag(noise**2 + _TINY**2)
    beside = gaussian.cov[at] @ left
    gain = np.linalg.solve(within, beside) if len(at) else np.zeros(0)
    values = scores[:, at] @ weights[at] + gaussian.mean[missing] @ weights[missing]
    values = values + (scores[:, at] - gaussian.mean[at]) @ gain
    variance = weights[missing] @ gaussian.cov[np.ix_(missing, missing)] @ weights[missing] - beside @ gain
    return np.asarray(values, float), math.sqrt(max(float(variance), 0.0))


def _calibrated(predictor: Predictor, at: Places) -> tuple[float, int]:
    """How many standard deviations hold 95% of those who have what these tasks leave open, and how many they are.

    Families count alike, and one more that may be anything, so that a large one does not speak for the rest (Lee,
    Barber and Willett, Distribution-free inference with hierarchical data, 2023); infinite where too few are there.
    """
    table = predictor.table
    some = ~np.isnan(table.scores)
    lacks = np.setdiff1d(np.arange(len(table.tasks)), at)
    usable = np.asarray(some.all(axis=1))
    if np.count_nonzero(usable) < _PLENTY:
        has = some[:, lacks] @ table.weights[lacks] >= _MOST * table.weights[lacks].sum()
        usable = np.asarray(has & (some[:, at] @ table.weights[at] >= _MOST * table.weights[at].sum()))
    off = np.full(len(usable), np.nan)
    for fold, gaussian in enumerate(predictor.without):
        rows = np.flatnonzero(usable & (predictor.fold == fold))
        off[rows] = _residuals(gaussian, table.weights, at, table.scores[rows])
    rows = np.flatnonzero(~np.isnan(off))
    if not len(rows):
        return math.inf, 0
    _, family, size = np.unique(np.array(table.families)[rows], return_inverse=True, return_counts=True)
    order = np.argsort(off[rows])
    below = np.cumsum(1 / size[family[order]]) / (len(size) + 1)
    place = int(np.searchsorted(below, _LEVEL - _TINY))
    return (float(off[rows][order[place]]) if place < len(rows) else math.inf), len(rows)


def _residuals(gaussian: Gaussian, weights: Floats, at: Places, scores: Floats) -> Floats:
    """How far off each model's mean is foretold by these tasks, in standard deviations, on the tasks that it has."""
    off = np.full(len(scores), np.nan)
    for rows, there in places(~np.isnan(scores)):
        part = np.zeros(len(weights))
        part[there] = weights[there]
        own = np.where(np.isnan(scores[rows]), 0.0, scores[rows])
        seen = np.intersect1d(at, there)
        values, sd = _told(gaussian, part, seen, own, np.zeros(len(seen)))
        if sd > _TINY:
            off[rows] = np.abs(own @ part - values) / sd
    return off
