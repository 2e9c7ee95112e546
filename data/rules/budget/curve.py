"""How surely a mean is known for what is spent: by the method, by the cheapest tasks, and by tasks drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.prediction import Predictor

__all__ = ["SHARES", "CurvePoint", "Picking", "budget_curve"]

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_DRAWS, _SEED = 5, 20261128


class Picking(StrEnum):
    """How tasks are picked."""

    TELLING = "telling"
    CHEAPEST = "cheapest"
    RANDOM = "random"


class CurvePoint(NamedTuple):
    """What a budget comes to.

    Attributes:
        picking: how its tasks were picked.
        budget: share of the published time that may be spent, 0 to 1.
        spent: share that is spent; of random tasks the median draw's.
        tasks: how many; of random tasks the median draw's.
        half: of the 95% interval of the mean, calibrated, 0-1 scale; of random tasks the median over draws.
    """

    picking: Picking
    budget: float
    spent: float
    tasks: float
    half: float


def budget_curve(
    predictor: Predictor, pickings: Iterable[Picking] = tuple(Picking), shares: Sequence[float] = SHARES
) -> tuple[CurvePoint, ...]:
    """How surely each budget tells the mean; one that no task fits has no point."""
    table, points = predictor.table, []
    nothing = np.zeros(len(table.tasks))
    whole = float(table.seconds.sum())
    draw = np.random.default_rng(_SEED)
    orders = {
        Picking.CHEAPEST: [np.argsort(table.seconds, kind="stable")],
        Picking.RANDOM: [draw.permutation(len(table.tasks)) for _ in range(_DRAWS)],
    }
    for picking in pickings:
        for share in shares:
            budget = share * whole
            if picking is Picking.TELLING:
                steps = choose_tasks(predictor.gaussian, table.weights, table.seconds, nothing, Budget(seconds=budget))
                picks = [[step.place for step in steps]]
            else:
                picks = [_fitting(order.tolist(), table.seconds.tolist(), budget) for order in orders[picking]]
            picks = [pick for pick in picks if pick]
            if picks:
                halves = [predictor.expected([table.tasks[i] for i in pick]).half for pick in picks]
                spent = [float(table.seconds[pick].sum()) / whole for pick in picks]
                median = [float(np.median(values)) for values in (spent, [len(pick) for pick in picks], halves)]
                points.append(CurvePoint(picking, share, *median))
    return tuple(points)


def _fitting(order: list[int], seconds: list[float], budget: float) -> list[int]:
    """The tasks in this order, each that still fits what is left."""
    fitting, left = [], budget * (1 + 1e-9)
    for place in order:
        if seconds[place] <= left:
            fitting.append(place)
            left -= seconds[place]
    return fitting
