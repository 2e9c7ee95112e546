"""How far right runs are off, now and then: the tail of honest reruns, and one verdict of several tasks.

The record's history holds reruns of one model on the same data; in units of a task's noise floor their differences have
the tail of a power law. Simes' test (1986) makes one p of several tasks, so that the rate of false alarms is that of
the whole run; the tasks that carry it are those of Benjamini and Hochberg (1995).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ALARM", "RERUN_TAIL", "RerunTail", "carriers", "far_off", "rerun_p", "runs_p"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ALARM = 0.01  # of right runs, those called broken


class RerunTail(NamedTuple):
    """A power law: the share ``beyond`` is ``start`` noise floors off or more, and falls with ``power``."""

    beyond: float
    start: float
    power: float


# Of 449 reruns of a task that moved at all, by 29 models. The power is Hill's estimate (1975) from two floors on; the
# share is the least with which nowhere more of them are as far off (2.7% are two floors off).
# `python -m tests.bench --only smoke` takes both again from the reruns.
RERUN_TAIL = RerunTail(0.046, 2.0, 2.07)


def rerun_p(floors_off: Floats) -> Floats:
    """Share of honest reruns that are at least so many noise floors off, 0 to 1, elementwise."""
    off = np.maximum(np.abs(floors_off), 1e-12)
    return np.minimum(1.0, RERUN_TAIL.beyond * (off / RERUN_TAIL.start) ** -RERUN_TAIL.power)


def runs_p(deltas: Floats, floors: Floats) -> Floats:
    """How often honest reruns of as many tasks are as far off, by Simes' test, 0 to 1.

    Args:
        deltas: (..., tasks), score minus published figure, 0-1 scale; one task at least.
        floors: (tasks,), noise floors.

    Returns:
        (...,).
    """
    p = np.sort(rerun_p(deltas / floors), axis=-1)
    k = p.shape[-1]
    return np.asarray(np.minimum(1.0, (p * k / np.arange(1, k + 1)).min(axis=-1)))


def carriers(deltas: Floats, floors: Floats) -> Flags:
    """(tasks,), which of them make a run one that honest reruns are not; none where :func:`runs_p` is above 1%."""
    each = rerun_p(deltas / floors)
    ordered, k = np.sort(each), len(each)
    reached = np.flatnonzero(ordered * k / np.arange(1, k + 1) <= ALARM)
    return np.asarray(each <= (ordered[reached[-1]] if len(reached) else -1.0))


def far_off(floor: float, tasks: int) -> float:
    """How far one of so many tasks may be off before it alone makes the run broken, 0-1 scale."""
    return floor * RERUN_TAIL.start * float((RERUN_TAIL.beyond * tasks / ALARM) ** (1 / RERUN_TAIL.power))
