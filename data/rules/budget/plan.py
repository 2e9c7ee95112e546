"""What a budget buys on a benchmark: the tasks to run, how surely they tell the mean, and what they leave untold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.places import places
from data.rules.budget.prediction import Expected, Predictor

__all__ = ["ENOUGH_MODELS", "BudgetPlan", "PlanStep", "Untold", "plan_of", "speed_here"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# Models with most of a benchmark's tasks, below which nothing is said of how sure a prediction is.
ENOUGH_MODELS = 25
_MOST = 0.8  # of the chosen tasks that a model has, to be asked what they tell of another
_FEWEST = 10  # models, below which a share of variance is a guess


class PlanStep(NamedTuple):
    """A task to run.

    Attributes:
        task: its name.
        type: of the task.
        seconds: what it takes a typical model.
        share: what it takes away of the variance that stood before it, 0 to 1.
        half: of the interval of the mean once this and all before it were run, 0-1 scale.
    """

    task: str
    type: str
    seconds: float
    share: float
    half: float


class Untold(NamedTuple):
    """A task that is not run, and what is known of it then.

    Attributes:
        task: its name.
        type: of the task.
        seconds: what it would take a typical model.
        known: share of its variance among models that the tasks run tell, of models whose family was left out; below 0
            where its own mean tells more, NaN with fewer than ten models.
        relative: the task run that it goes with most; empty where none is.
        correlation: with that one, over models.
    """

    task: str
    type: str
    seconds: float
    known: float
    relative: str
    correlation: float


class BudgetPlan(NamedTuple):
    """What a budget buys.

    Attributes:
        steps: tasks in the order to run them.
        rest: tasks that are neither run nor done, the least told first.
        done: tasks that were measured already.
        before: how surely the mean is known with those done alone.
        after: the same with the steps.
        seconds: what the steps take a typical model.
        share: of the time of all tasks, 0 to 1.
        cheapest: what the cheapest task that is not done takes; 0 where all are.
    """

    steps: tuple[PlanStep, ...]
    rest: tuple[Untold, ...]
    done: tuple[str, ...]
    before: Expected
    after: Expected
    seconds: float
    share: float
    cheapest: float


def plan_of(predictor: Predictor, budget: Budget, done: Collection[str] = ()) -> BudgetPlan:
    """The tasks to run for a budget, with how surely the mean is known after each.

    Args:
        predictor: of the benchmark.
        budget: what may be spent on top of what is done.
        done: tasks that were measured already.
    """
    table = predictor.table
    there = tuple(i for i, task in enumerate(table.tasks) if task in done)
    nothing = np.zeros(len(table.tasks))
    chosen = choose_tasks(predictor.gaussian, table.weights, table.seconds, nothing, budget, there)
    measured = [table.tasks[i] for i in there]
    before = after = predictor.expected(measured)
    steps = []
    for choice in chosen:
        measured.append(table.tasks[choice.place])
        after = predictor.expected(measured)
        name, kind = table.tasks[choice.place], table.types[choice.place]
        steps.append(PlanStep(name, kind, choice.seconds, choice.share, after.half))
    at = np.array([*there, *(choice.place for choice in chosen)], dtype=int)
    left = np.setdiff1d(np.arange(len(table.tasks)), np.array(there, dtype=int))
    seconds = float(sum(step.seconds for step in steps))
    return BudgetPlan(
        steps=tuple(steps),
        rest=_rest(predictor, at),
        done=tuple(table.tasks[i] for i in there),
        before=before,
        after=after,
        seconds=seconds,
        share=seconds / float(table.seconds.sum()),
        cheapest=float(table.seconds[left].min()) if len(left) else 0.0,
    )


def speed_here(typical: Mapping[str, float], here: Mapping[str, float]) -> float:
    """How many times as long tasks take here as they take a typical model; NaN without a task that was timed here.

    Args:
        typical: seconds by task.
        here: the same of one model on this machine.
    """
    ratios = [np.log(here[task] / typical[task]) for task in typical if here.get(task, 0.0) > 0 and typical[task] > 0]
    return float(np.exp(np.median(ratios))) if ratios else float("nan")


def _rest(predictor: Predictor, at: Places) -> tuple[Untold, ...]:
    table, cov = predictor.table, predictor.gaussian.cov
    spread = np.sqrt(np.diag(cov))
    known = _known(predictor, at)
    rest = []
    for place in np.setdiff1d(np.arange(len(table.tasks)), at):
        relative, correlation = "", float("nan")
        if len(at):
            with_each = cov[place, at] / (spread[place] * spread[at])
            nearest = int(np.argmax(np.abs(with_each)))
            relative, correlation = table.tasks[at[nearest]], float(with_each[nearest])
        name, kind = table.tasks[place], table.types[place]
        rest.append(Untold(name, kind, float(table.seconds[place]), float(known[place]), relative, correlation))
    return tuple(sorted(rest, key=lambda one: (np.isnan(one.known), one.known, one.task)))


def _known(predictor: Predictor, at: Places) -> Floats:
    """(tasks,), share of each task's variance that those ``at`` tell, over models predicted by other families."""
    scores = predictor.table.scores
    some = ~np.isnan(scores)
    expected = np.full(scores.shape, np.nan)
    usable = some[:, at].sum(axis=1) >= _MOST * len(at)
    for fold, gaussian in enumerate(predictor.without):
        rows = np.flatnonzero(usable & (predictor.fold == fold))
        for mine, there in places(some[np.ix_(rows, at)]):
            seen, who = at[there], rows[mine]
            expected[who] = gaussian.mean
            if len(seen):
                gain = gaussian.gain(seen, np.zeros(len(seen)))
                expected[who] += (scores[np.ix_(who, seen)] - gaussian.mean[seen]) @ gain.T
    off = np.where(np.isnan(scores), np.nan, expected - scores)
    asked = ~np.isnan(off)
    n = asked.sum(axis=0)
    own = np.where(asked, scores, 0.0).sum(axis=0) / np.maximum(n, 1)
    around = np.where(asked, (scores - own) ** 2, 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - np.where(asked, off**2, 0.0).sum(axis=0) / around
    return np.where((n >= _FEWEST) & (around > 0), share, np.nan)
