"""What models can be compared on when figures are left out: as many of both, models and tasks, as go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["most_shared"]


def most_shared(present: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Models that share tasks, and those tasks: the block without a gap that keeps the most figures.

    Tasks are taken in the order of how many models have them; of the blocks that come of the first one, two, three ...
    tasks, the one with the most figures is kept, of equal ones the one with more tasks. So nobody is ranked below
    another for a figure that was left out, and neither one rare task nor one model with few figures decides alone.

    Args:
        present: [models x tasks], whether there is a figure.

    Returns:
        [models] and [tasks]; both all false where there is no figure at all.
    """
    models, tasks = np.zeros(present.shape[0], dtype=bool), np.zeros(present.shape[1], dtype=bool)
    if not present.any():
        return models, tasks
    order = np.argsort(-present.sum(axis=0), kind="stable")
    whole = np.cumprod(present[:, order], axis=1).astype(bool)  # [models x k]: has all of the first k + 1 tasks
    figures = whole.sum(axis=0) * np.arange(1, present.shape[1] + 1)
    k = int(np.flatnonzero(figures == figures.max())[-1])
    tasks[order[: k + 1]] = True
    return whole[:, k], tasks
