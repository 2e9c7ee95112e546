"""Does what a model claims on a benchmark hold, as far as a few tasks can tell: a test that may be stopped at any time.

Where figures are published task by task, the question is how far the whole benchmark's mean would be from the claimed
one if every task was run. A model may be off everywhere, each task by something of its own, and some tasks (another
metric, a fault that only they show) by a lot: how often each happens is taken from the record's claims that somebody
ran later. Until the weight of what was seen is 1/alpha for one answer against the other, nothing is said: that weight
is a martingale under the other answer, so by Ville's inequality (1939) it gets there wrongly in at most alpha of the
cases, however often one looks and whenever one stops (Robbins, 1970; Ramdas et al., Game-theoretic statistics and safe
anytime-valid inference, 2023). Where only a mean is claimed, it is held against what the record expects from the tasks
seen, with alpha shared out over the looks (Bonferroni), half of it for the last.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from data.rules.budget.prediction import Predicted
from data.rules.budget.table import FLOOR_IN_SDS

__all__ = ["ALPHA", "ClaimState", "ClaimVerdict", "by_mean", "by_tasks", "level_of_a_look"]

Floats = npt.NDArray[np.float64]

ALPHA = 0.05

# How claims and later runs of them differ in the record (deltas of kind reported on the same data, the 85 models with
# five tasks or more), by expectation maximisation: `python -m tests.maintain claims` prints it. The sizes of
# what a model is off by as a whole and task by task, half of the variance each, with how often each size happens; and
# the share of tasks that are off by a lot, with how often that share does.
_SIZES = np.array([0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
_SIZES_WEIGH = np.array([0.719, 0.011, 0.002, 0.020, 0.108, 0.039, 0.054, 0.022, 0.025])
_COMMON = 0.5
_OFF_SHARES = np.array([0.03, 0.3])
_OFF_SHARES_WEIGH = np.array([0.694, 0.306])
_OFF_BY = 0.1

# On fewer, the answer would rest on how the sizes above are spread, and not on what was seen.
_FEWEST = 4
_NODES = 41  # of the normal distribution of what a model is off by as a whole
_NOTHING = 1e-12


class ClaimState(StrEnum):
    """What the tasks seen so far say of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot tell yet"

    @property
    def settled(self) -> bool:
        """Whether more tasks would change nothing that counts."""
        return self is not ClaimState.OPEN


class ClaimVerdict(NamedTuple):
    """A claim as a few tasks show it.

    Attributes:
        state: holds, does not hold, or cannot tell yet.
        difference: of the whole mean from the claimed one (measured minus claimed, 0-1 scale), with 95%.
        sure: probability that the whole mean is within the limit, 0 to 1; None where only a mean is claimed.
        tasks: how many it rests on.
    """

    state: ClaimState
    difference: Predicted
    sure: float | None
    tasks: int


class _Worlds(NamedTuple):
    """Every way a claim can be off that is thought of, (worlds,) each.

    ``shift``: of every task; ``spread``: of each task around it, standard deviation; ``share``: of the tasks that are
    off by a lot; ``weight``: how likely before anything is seen.
    """

    shift: Floats
    spread: Floats
    share: Floats
    weight: Floats


@cache
def _worlds() -> _Worlds:
    """The grid of sizes, shifts and shares with its prior weights."""
    nodes = np.linspace(-4, 4, _NODES)
    bell = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    size, node, share = (axis.ravel() for axis in np.meshgrid(_SIZES, nodes, _OFF_SHARES, indexing="ij"))
    weight = np.einsum("i,j,k->ijk", _SIZES_WEIGH / _SIZES_WEIGH.sum(), bell, _OFF_SHARES_WEIGH).ravel()
    return _Worlds(node * size * _COMMON**0.5, size * (1 - _COMMON) ** 0.5, share, weight)


def by_tasks(deltas: Floats, floors: Floats, weights: Floats, limit: float, alpha: float = ALPHA) -> ClaimVerdict:
    """Judge a claim that is published task by task.

    Args:
        deltas: (tasks,), measured minus claimed, 0-1 scale; NaN for a task that was not run yet.
        floors: (tasks,), how far honest reruns differ, 0-1 scale.
        weights: (tasks,), what each counts in the mean.
        limit: how far the mean may be off, 0-1 scale.
        alpha: how often either answer may be wrong.
    """
    weights = weights / weights.sum()
    seen = ~np.isnan(deltas)
    worlds = _worlds()
    if not seen.any():
        low, high = _between(worlds, worlds.weight, 0.0, floors, weights)
        return ClaimVerdict(ClaimState.OPEN, Predicted(0.0, low, high), None, 0)
    after = worlds.weight * _likelihood(worlds, deltas[seen], floors[seen])
    after /= after.sum()
    so_far = float(weights[seen] @ deltas[seen])
    left, left_floors = weights[~seen], floors[~seen]
    before = float(worlds.weight @ _within(worlds, 0.0, floors, weights, limit))
    sure = float(np.clip(after @ _within(worlds, so_far, left_floors, left, limit), 0.0, 1.0))
    value = so_far + float(after @ worlds.shift) * float(left.sum())
    low, high = _between(worlds, after, so_far, left_floors, left)
    state = ClaimState.OPEN
    if not len(left) or seen.sum() >= _FEWEST:
        state = _state(sure, before, alpha, everything=not len(left))
    return ClaimVerdict(state, Predicted(value, low, high), sure, int(seen.sum()))


def by_mean(claimed: float, predicted: Predicted, limit: float, tasks: int, at_look: Predicted) -> ClaimVerdict:
    """Judge a claim of which only the mean is given.

    Args:
        claimed: 0-1 scale.
        predicted: the mean as the record expects it from the tasks seen, with 95%.
        limit: how far the mean may be off, 0-1 scale.
        tasks: how many were run.
        at_look: the same with the level of :func:`level_of_a_look`.
    """
    low, high = at_look.low - claimed, at_look.high - claimed
    state = ClaimState.OPEN
    if tasks and -limit <= low and high <= limit:
        state = ClaimState.HOLDS
    elif tasks and (low > limit or high < -limit):
        state = ClaimState.FAILS
    return ClaimVerdict(state, Predicted(*(value - claimed for value in predicted)), None, tasks)


def level_of_a_look(looks: int, last: bool, alpha: float = ALPHA) -> float:
    """The level of the interval of one of so many looks, which all together miss in at most alpha of the cases.

    Half of alpha is for the last look, where most is known; the other looks share the rest.
    """
    return 1 - alpha / 2 if last else 1 - alpha / 2 / max(looks - 1, 1)


def _state(sure: float, before: float, alpha: float, everything: bool) -> ClaimState:
    """Both what is likely and what was seen have to say so: the record's claims alone are no evidence on this one."""
    if everything:
        return ClaimState.HOLDS if sure >= 0.5 else ClaimState.FAILS
    prior = before / max(1 - before, _NOTHING)
    evidence = sure / max(1 - sure, _NOTHING) / prior
    if sure >= 1 - alpha and evidence >= 1 / alpha:
        return ClaimState.HOLDS
    if sure <= alpha and evidence <= alpha:
        return ClaimState.FAILS
    return ClaimState.OPEN


def _likelihood(worlds: _Worlds, deltas: Floats, floors: Floats) -> Floats:
    """(worlds,), how well each explains the differences seen, against the best of them."""
    usual = worlds.spread[:, None] ** 2 + (floors / FLOOR_IN_SDS) ** 2
    apart = (deltas - worlds.shift[:, None]) ** 2
    plain = np.exp(-apart / usual / 2) / np.sqrt(usual)
    off = np.exp(-apart / (usual + _OFF_BY**2) / 2) / np.sqrt(usual + _OFF_BY**2)
    share = worlds.share[:, None]
    logs = np.log((1 - share) * plain + share * off + 1e-300).sum(axis=1)
    return np.asarray(np.exp(logs - logs.max()), float)


def _rest(worlds: _Worlds, floors: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """What the tasks that were not run add to the mean.

    Returns:
        (worlds,) middle; (worlds, n + 1) standard deviation by how many of them are off by a lot; the same shape, how
        likely each number is.
    """
    many = np.arange(len(weights) + 1)
    usual = weights**2 @ (floors / FLOOR_IN_SDS) ** 2 + worlds.spread**2 * (weights**2).sum()
    off = (weights**2).sum() / max(len(weights), 1) * _OFF_BY**2
    by_share = stats.binom.pmf(many, len(weights), _OFF_SHARES[:, None])
    likely = by_share[np.searchsorted(_OFF_SHARES, worlds.share)]
    return worlds.shift * weights.sum(), np.sqrt(usual[:, None] + many * off), likely


def _within(worlds: _Worlds, so_far: float, floors: Floats, weights: Floats, limit: float) -> Floats:
    """(worlds,), how likely the whole mean is within the limit either way."""
    if not len(weights):
        return np.full(len(worlds.shift), float(abs(so_far) <= limit))
    middle, sd, likely = _rest(worlds, floors, weights)
    middle = middle[:, None] + so_far
    inside = special.ndtr((limit - middle) / sd) - special.ndtr((-limit - middle) / sd)
    return np.asarray((likely * inside).sum(axis=1), float)


def _between(worlds: _Worlds, after: Floats, so_far: float, floors: Floats, weights: Floats) -> tuple[float, float]:
    """Where the difference of the whole mean lies with 95%."""
    if not len(weights):
        return so_far, so_far
    some = after > 1e-7 * after.max()
    worlds, after = _Worlds(*(axis[some] for axis in worlds)), after[some] / after[some].sum()
    middle, sd, likely = _rest(worlds, floors, weights)

    def below(value: float) -> float:
        chance = special.ndtr((value - so_far - middle[:, None]) / sd)
        return float(after @ (likely * chance).sum(axis=1))

    return _quantile(below, 0.025), _quantile(below, 0.975)


def _quantile(below: Callable[[float], float], share: float) -> float:
    """Where a distribution on -2 to 2 reaches a share, to a hundredth of a point."""
    low, high = -2.0, 2.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return (low + high) / 2
