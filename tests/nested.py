"""Nested cross-validation of what a budget says: every held-out model is predicted by other families alone.

The choice of tasks, the fit and the calibration are made anew in each outer training part. Beside it, what else one
might run for the same time: random tasks, the cheapest ones, and MMTEB's way of thinning a benchmark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.families import dealt
from data.rules.budget.gaussian import Gaussian, fit
from data.rules.budget.prediction import Predicted, Predictor, predictor_of
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
        folds: outer ones; a family is in one.
        seed: of the folds and of random tasks.
        others: ways to compare with, of random, cheapest, thinned.
    """
    frames = []
    for inside, held_out in parts(table, folds, seed):
        predictor = predictor_of(inside)
        orders, ranks = list(_orders(inside, others, seed)), _ranks(predictor, held_out)
        for share in shares:
            chosen = chosen_tasks(predictor.gaussian, inside, share)
            ours = _points(predictor.gaussian, inside, held_out, chosen).assign(share=share, way="ours", draw=0)
            frames.append(ours.join(_intervals(predictor, held_out, chosen, ranks)))
            for way, draw, order in orders:
                at = filled(order, table.seconds, share * float(table.seconds.sum()))
                frames.append(_points(predictor.gaussian, inside, held_out, at).assign(share=share, way=way, draw=draw))
    return pd.concat(frames, ignore_index=True)


def with_relatives(
    table: TaskTable, shares: Sequence[float] = SHARES, folds: int = FOLDS, seed: int = 0
) -> pd.DataFrame:
    """The same for our way, without intervals and ranks, where relatives of a model stay in the training part."""
    frames = []
    for inside, held_out in parts(table, folds, seed, by_family=False):
        gaussian = fit(inside.scores, inside.types)
        for share in shares:
            chosen = chosen_tasks(gaussian, inside, share)
            frames.append(_points(gaussian, inside, held_out, chosen).assign(share=share, way="ours", draw=0))
    return pd.concat(frames, ignore_index=True)


def parts(table: TaskTable, folds: int, seed: int, by_family: bool = True) -> Iterator[tuple[TaskTable, TaskTable]]:
    """Each fold's training part, and the models with every task that it holds out."""
    members = table.families if by_family else table.models
    fold_of = dealt(members, folds, seed)
    fold = np.array([fold_of[name] for name in members])
    whole = ~np.isnan(table.scores).any(axis=1)
    for k in range(folds):
        if (whole & (fold == k)).any():
            yield table.of_models(fold != k), table.of_models(whole & (fold == k))


def chosen_tasks(gaussian: Gaussian, table: TaskTable, share: float) -> Places:
    """Places of the tasks our way runs in a share of the published time."""
    budget = Budget(seconds=share * float(table.seconds.sum()))
    steps = choose_tasks(gaussian, table.weights, table.seconds, np.zeros(len(table.tasks)), budget)
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


def _points(gaussian: Gaussian, inside: TaskTable, held_out: TaskTable, at: Places) -> pd.DataFrame:
    """A row for each held-out model: the true mean, the predicted one, and the moved mean of the tasks run."""
    scores, weights = held_out.scores, inside.weights
    usual = float(gaussian.mean @ weights)
    expected = np.tile(gaussian.mean, (len(scores), 1))
    plain = np.full(len(scores), usual)
    if len(at):
        expected += (scores[:, at] - gaussian.mean[at]) @ gaussian.gain(at, np.zeros(len(at))).T
        expected[:, at] = scores[:, at]
        plain = scores[:, at].mean(axis=1) + usual - gaussian.mean[at].mean()
    columns = {"true": scores @ weights, "predicted": expected @ weights, "plain": plain, "tasks": len(at)}
    return pd.DataFrame({"model": held_out.models, "family": held_out.families} | columns)


def _ranks(predictor: Predictor, held_out: TaskTable) -> list[Predicted | None]:
    """The rank of each held-out model beside the training part: the true one, as every task is measured."""
    every = [dict(zip(held_out.tasks, map(float, own), strict=True)) for own in held_out.scores]
    return [predictor.predict(measured).rank for measured in every]


def _intervals(
    predictor: Predictor, held_out: TaskTable, at: Places, ranks: Sequence[Predicted | None]
) -> pd.DataFrame:
    """A row for each held-out model: the interval of its mean, its true rank, and what is predicted of that."""
    rows = []
    for own, true in zip(held_out.scores, ranks, strict=True):
        told = predictor.predict({held_out.tasks[i]: float(own[i]) for i in at})
        row = {"low": told.mean.low, "high": told.mean.high}
        if told.rank and true:
            row |= {"rank": true.value, "rank_value": told.rank.value}
            row |= {"rank_low": told.rank.low, "rank_high": told.rank.high}
        rows.append(row)
    return pd.DataFrame(rows)


def _correlations(one: Floats, other: Floats) -> Floats:
    """Spearman's, column by column; -1 where a column is constant."""
    first, second = (stats.rankdata(values, axis=0) for values in (one, other))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    length = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    return np.where(length > 0, (first * second).sum(axis=0) / np.maximum(length, 1e-300), -1.0)
