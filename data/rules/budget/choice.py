"""Which tasks to run for a budget: those that take most of the doubt about the mean away, for their time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.gaussian import Gaussian

__all__ = ["Budget", "TaskChoice", "choose_tasks", "quick_choice"]

Floats = npt.NDArray[np.float64]

# How much a second counts beside what it tells. Cheap tasks first is best for a small budget, telling ones for a large:
# each is tried, and the choice that leaves the least doubt is taken.
_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_USUAL = 0.75
_NOTHING = 1e-15


@dataclass(frozen=True)
class Budget:
    """What may be spent: seconds, or a number of tasks, or both; None is no limit."""

    seconds: float | None = None
    tasks: int | None = None


class TaskChoice(NamedTuple):
    """A task that was chosen to be run.

    Attributes:
        place: of the task in the table.
        seconds: what it takes.
        sd: standard deviation of the mean once this and all before it were run, 0-1 scale.
        share: of the variance that stood before it, what it takes away, 0 to 1.
    """

    place: int
    seconds: float
    sd: float
    share: float


def choose_tasks(
    gaussian: Gaussian, weights: Floats, seconds: Floats, noise: Floats, budget: Budget, done: tuple[int, ...] = ()
) -> list[TaskChoice]:
    """The tasks to run, the cheapest and most telling first.

    Args:
        gaussian: how tasks go together.
        weights: (tasks,), what each counts in the mean that is asked for.
        seconds: (tasks,), what each takes.
        noise: (tasks,), how far a measured score may be off, standard deviation, 0-1 scale.
        budget: what may be spent on top of ``done``.
        done: places of tasks already measured.

    Returns:
        In the order to run; empty where no task fits the budget.
    """
    begun = _seen(gaussian.cov, done, noise)
    choices = [_greedy(begun, weights, seconds, noise, budget, power, done) for power in _POWERS]
    left = [_left(begun, weights, noise, choice) for choice in choices]
    best = choices[int(np.argmin(left))]
    return _in_order(begun, weights, seconds, noise, best)


def quick_choice(gaussian: Gaussian, weights: Floats, seconds: Floats, budget: Budget) -> npt.NDArray[np.intp]:
    """Places of about the tasks that :func:`choose_tasks` takes, by one weight of seconds and in no order.

    For where it has to be done often.

    Args:
        gaussian: how tasks go together.
        weights: (tasks,), what each counts in the mean that is asked for.
        seconds: (tasks,), what each takes.
        budget: what may be spent.
    """
    chosen = _greedy(gaussian.cov, weights, seconds, np.zeros(len(weights)), budget, _USUAL, ())
    return np.array(sorted(chosen), dtype=np.intp)


def _greedy(
    cov: Floats, weights: Floats, seconds: Floats, noise: Floats, budget: Budget, power: float, done: tuple[int, ...]
) -> list[int]:
    chosen: list[int] = []
    left = np.inf if budget.seconds is None else budget.seconds * (1 + 1e-9)
    most = len(seconds) if budget.tasks is None else budget.tasks
    free = np.ones(len(seconds), dtype=bool)
    free[list(done)] = False
    while len(chosen) < most:
        gain = (cov @ weights) ** 2 / (np.diag(cov) + noise**2 + _NOTHING)
        fits = free & (seconds <= left) & (gain > _NOTHING)
        if not fits.any():
            break
        best = int(np.argmax(np.where(fits, gain / seconds**power, -1.0)))
        chosen.append(best)
        free[best] = False
        left -= seconds[best]
        cov = _seen(cov, (best,), noise)
    return chosen


def _in_order(cov: Floats, weights: Floats, seconds: Floats, noise: Floats, chosen: list[int]) -> list[TaskChoice]:
    """The same tasks by what each takes away a second, given those before it."""
    steps, waiting = [], list(chosen)
    while waiting:
        before = float(weights @ cov @ weights)
        gains = [(cov[i] @ weights) ** 2 / (cov[i, i] + noise[i] ** 2 + _NOTHING) for i in waiting]
        best = waiting.pop(int(np.argmax(np.array(gains) / seconds[waiting])))
        cov = _seen(cov, (best,), noise)
        after = max(float(weights @ cov @ weights), 0.0)
        steps.append(TaskChoice(best, float(seconds[best]), after**0.5, 1 - after / before if before > 0 else 0.0))
    return steps


def _left(cov: Floats, weights: Floats, noise: Floats, chosen: list[int]) -> float:
    seen = _seen(cov, tuple(chosen), noise)
    return float(weights @ seen @ weights)


def _seen(cov: Floats, places: tuple[int, ...], noise: Floats) -> Floats:
    """The covariance once these tasks were measured."""
    for place in places:
        column = cov[:, place]
        cov = cov - np.outer(column, column) / (cov[place, place] + noise[place] ** 2 + _NOTHING)
    return cov
