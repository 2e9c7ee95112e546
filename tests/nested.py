"""Nested cross-validation of what a budget says: every held-out model is predicted by other families alone.

The choice of tasks, the fit and the calibration are made anew in each outer training part. Beside it, what else one
might run for the same time: random tasks, the cheapest ones, and MMTEB's way of thinning a benchmark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.families import dealt
from data.rules.budget.gaussian import Gaussian
from data.rules.budget.prediction import Predictor, predictor_of
from data.rules.budget.table import TaskTable

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
FOLDS, DRAWS = 10, 5
OTHERS = ("random", "cheapest", "thinned")


def trials(
    table: TaskTable,
    shares: Sequence[float] = SHARES,
    folds: int = FOLDS,
    seed: int = 0,
    by_family: bool = True,
    others: Sequence[str] = OTHERS,
) -> pd.DataFrame:
    """One row per held-out model with every task, share of the time and way of choosing.

    Columns: share, way, draw, model, family, tasks, true, predicted, plain, and for our way low, high, rank,
    rank_value, rank_low, rank_high. ``plain`` is the mean of the tasks run, moved by the gap there is on average in
    the training part between the mean of those and the mean of all: as it stands it would be off by how hard they
    are. Scores 0-1.

    Args:
        table: of a benchmark.
        shares: of the published time, 0 to 1.
        folds: outer ones.
        seed: of the folds and of random tasks.
        by_family: whether a family is held out together; else models are, and relatives stay in the training part.
        others: ways to compare with, of random, cheapest, thinned.
    """
    rows: list[dict[str, Any]] = []
    for inside, held_out in parts(table, folds, seed, by_family):
        predictor = predictor_of(inside)
        orders = list(_orders(inside, others, seed))
        truth = held_out.scores @ table.weights
        ranks = [_whole(predictor, own).rank for own in held_out.scores]
        for share in shares:
            budget = share * float(table.seconds.sum())
            chosen = chosen_tasks(predictor, budget)
            for i, own in enumerate(held_out.scores):
                told = predictor.predict({table.tasks[j]: float(own[j]) for j in chosen})
                plain = _plain(predictor.gaussian, table.weights, chosen, own[None])[0]
                rank, true = told.rank, ranks[i]
                rows.append(
                    _row(held_out, i, share, "ours", 0, len(chosen), truth[i], told.mean.value, plain)
                    | {"low": told.mean.low, "high": told.mean.high}
                    | ({"rank": true.value, "rank_value": rank.value, "rank_low": rank.low, "rank_high": rank.high}
                       if rank and true else {})
                )  # fmt: skip
            for way, draw, order in orders:
                at = filled(order, table.seconds, budget)
                values = _linear(predictor.gaussian, table.weights, at, held_out.scores)
                plain = _plain(predictor.gaussian, table.weights, at, held_out.scores)
                rows += [
                    _row(held_out, i, share, way, draw, len(at), truth[i], values[i], plain[i])
                    for i in range(len(truth))
                ]
    return pd.DataFrame(rows)


def parts(table: TaskTable, folds: int, seed: int, by_family: bool = True) -> Iterator[tuple[TaskTable, TaskTable]]:
    """Each fold's training part, and the models with every task that it holds out."""
    members = table.families if by_family else table.models
    fold_of = dealt(members, folds, seed)
    fold = np.array([fold_of[name] for name in members])
    whole = ~np.isnan(table.scores).any(axis=1)
    for k in range(folds):
        if (whole & (fold == k)).any():
            yield table.of_models(fold != k), table.of_models(whole & (fold == k))


def chosen_tasks(predictor: Predictor, budget: float) -> Places:
    """Places of the tasks our way runs within so many seconds."""
    table = predictor.table
    nothing = np.zeros(len(table.tasks))
    steps = choose_tasks(predictor.gaussian, table.weights, table.seconds, nothing, Budget(seconds=budget))
    return np.array([step.place for step in steps], dtype=np.intp)


def filled(order: Sequence[int] | Places, seconds: Floats, budget: float) -> Places:
    """The tasks of an order that fit a budget, each that still fits."""
    chosen, left = [], budget * (1 + 1e-9)
    for place in order:
        if seconds[place] <= left:
            chosen.append(int(place))
            left -= seconds[place]
    return np.array(chosen, dtype=np.intp)


def kept_longest(scores: Floats, types: Sequence[str]) -> list[int]:
    """Tasks in the order in which MMTEB's thinning would keep them, the one that goes last first.

    Enevoldsen et al. (2025), MMTEB, task selection, and ``mteb/task_selection.py``: each task is predicted from the
    remaining ones by linear regression, a model at a time left out; the one whose predictions have the highest Spearman
    correlation goes, as long as another task of its type remains. Leaving out is by its closed form (ridge of 1e-6).

    Args:
        scores: (models, tasks), 0-1 scale, none missing.
        types: of the tasks.
    """
    left, gone = list(range(scores.shape[1])), []
    while len(left) > 1:
        part = scores[:, left]
        inverse = np.linalg.inv(part @ part.T + 10.0 + 1e-6 * np.eye(len(part)))
        fitted = inverse @ part
        rest = 1 - (part * fitted).sum(axis=0)
        predicted = part - fitted / (np.diag(inverse)[:, None] * rest + fitted**2)
        kinds = [types[i] for i in left]
        told = _correlations(part, predicted)
        spare = np.array([kinds.count(kind) > 1 for kind in kinds])
        gone.append(left.pop(int(np.argmax(np.where(spare, told, told - 3) if spare.any() else told))))
    return left + gone[::-1]


def _orders(inside: TaskTable, ways: Sequence[str], seed: int) -> Iterator[tuple[str, int, Sequence[int] | Places]]:
    """In which order the other ways would run tasks, with the number of the draw."""
    draw = np.random.default_rng(seed)
    if "random" in ways:
        for i in range(DRAWS):
            yield "random", i, draw.permutation(len(inside.tasks))
    if "cheapest" in ways:
        yield "cheapest", 0, np.argsort(inside.seconds)
    if "thinned" in ways:
        whole = ~np.isnan(inside.scores).any(axis=1)
        yield "thinned", 0, kept_longest(inside.scores[whole], inside.types)


def _whole(predictor: Predictor, own: Floats) -> Any:
    """With every task measured: the rank beside the training part is the true one."""
    return predictor.predict(dict(zip(predictor.table.tasks, map(float, own), strict=True)))


def _linear(gaussian: Gaussian, weights: Floats, at: Places, scores: Floats) -> Floats:
    """The predicted mean of each model from its scores on some tasks."""
    if not len(at):
        return np.full(len(scores), gaussian.mean @ weights)
    gain = gaussian.gain(at, np.zeros(len(at)))
    expected = gaussian.mean + (scores[:, at] - gaussian.mean[at]) @ gain.T
    expected[:, at] = scores[:, at]
    return np.asarray(expected @ weights, float)


def _plain(gaussian: Gaussian, weights: Floats, at: Places, scores: Floats) -> Floats:
    """The mean of some tasks, moved by the gap to the mean of all that there is on average."""
    usual = float(gaussian.mean @ weights)
    if not len(at):
        return np.full(len(scores), usual)
    return np.asarray(scores[:, at].mean(axis=1) + usual - gaussian.mean[at].mean(), float)


def _correlations(one: Floats, other: Floats) -> Floats:
    """Spearman's, column by column; -1 where a column is constant."""
    first, second = (stats.rankdata(values, axis=0) for values in (one, other))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    length = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    return np.where(length > 0, (first * second).sum(axis=0) / np.maximum(length, 1e-300), -1.0)


def _row(held_out: TaskTable, i: int, *values: Any) -> dict[str, Any]:
    names = ("share", "way", "draw", "tasks", "true", "predicted", "plain")
    return {"model": held_out.models[i], "family": held_out.families[i]} | dict(zip(names, values, strict=True))
