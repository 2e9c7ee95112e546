"""How far two vectors of one text are from each other, for all texts in one blocked pass.

Everything accumulates in float64. A row of NaN (a text that failed) gives NaN and touches no other row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Floats, Vectors

__all__ = ["PerText", "per_text"]

_BLOCK = 1 << 17  # float64 values of one block: 1 MB, so that a block and its differences stay in the cache


@dataclass(frozen=True)
class PerText:
    """Measures of n texts, each [n]; NaN where a side has no vector.

    Attributes:
        cosine_distance: 1 - cosine, 0 to 2, as half the squared distance of the unit vectors (exact for small ones).
        l2: Euclidean distance as the vectors came.
        l2_normalised: Euclidean distance of the unit vectors, 0 to 2.
        max_difference: signed difference (candidate - reference) of the dimension where it is largest.
        max_dimension: that dimension, -1 where there is none.
        norm_ratio: candidate's length by the reference's.
        norm: the candidate's length.
    """

    cosine_distance: Floats
    l2: Floats
    l2_normalised: Floats
    max_difference: Floats
    max_dimension: NDArray[np.int64]
    norm_ratio: Floats
    norm: Floats


def per_text(reference: Vectors, candidates: Sequence[Vectors], block: int | None = None) -> list[PerText]:
    """Compare each candidate with the reference, row by row.

    Args:
        reference: [n, d].
        candidates: each [n, d].
        block: rows held as float64 at a time; chosen from d if None.

    Returns:
        One :class:`PerText` a candidate.
    """
    count, width = reference.shape
    block = block or max(_BLOCK // max(width, 1), 1)
    measures = [_empty(count) for _ in candidates]
    for start in range(0, count, block):
        rows = slice(start, start + block)
        ours = reference[rows].astype(np.float64)
        our_norm = np.sqrt(np.einsum("ij,ij->i", ours, ours))
        our_unit = ours / np.where(our_norm > 0, our_norm, 1.0)[:, None]
        for into, candidate in zip(measures, candidates, strict=True):
            _compare(into, rows, ours, our_unit, our_norm, candidate[rows].astype(np.float64))
    return measures


def _empty(count: int) -> PerText:
    blank = [np.full(count, np.nan) for _ in range(6)]
    return PerText(blank[0], blank[1], blank[2], blank[3], np.full(count, -1), blank[4], blank[5])


def _compare(into: PerText, rows: slice, ours: Floats, our_unit: Floats, our_norm: Floats, theirs: Floats) -> None:
    """Fill the rows of one block; ``theirs`` is a private copy and is used up."""
    norm = np.sqrt(np.einsum("ij,ij->i", theirs, theirs))
    difference = theirs - ours
    with np.errstate(invalid="ignore", divide="ignore"):
        into.norm[rows] = norm
        into.norm_ratio[rows] = np.where(norm == our_norm, 1.0, norm / our_norm)
        into.l2[rows] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        where = np.abs(difference).argmax(1)
        into.max_difference[rows] = np.take_along_axis(difference, where[:, None], 1)[:, 0]
        into.max_dimension[rows] = np.where(np.isfinite(norm) & np.isfinite(our_norm), where, -1)
        theirs /= np.where(norm > 0, norm, 1.0)[:, None]
        theirs -= our_unit
        squared = np.einsum("ij,ij->i", theirs, theirs)
        # One side of length zero has no direction; two of them are the same vector.
        squared[(norm == 0) != (our_norm == 0)] = np.nan
        into.l2_normalised[rows] = np.sqrt(squared)
        into.cosine_distance[rows] = squared / 2
