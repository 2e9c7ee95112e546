"""Rows of a table that have the same cells, so that what depends on the cells alone is computed once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["places"]

Places = npt.NDArray[np.intp]


def places(some: npt.NDArray[np.bool_]) -> list[tuple[Places, Places]]:
    """Rows with the same cells, with the columns they have.

    Args:
        some: (rows, columns), whether there is a cell.
    """
    if not len(some):
        return []
    kinds, which = np.unique(some, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == k), np.flatnonzero(kind)) for k, kind in enumerate(kinds)]
