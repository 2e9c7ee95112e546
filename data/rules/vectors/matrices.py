"""What vectors say beyond one candidate against one reference: every pair of encoders, every block of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import NEAREST, Floats, Vectors, cosines_of, directions, nearest_texts, spearman, upper

__all__ = ["clustered", "differences_by_block", "distances_between", "nearest_to", "pairwise_cosines"]


def distances_between(encoders: Sequence[Vectors], measure: str) -> Floats:
    """How far every encoder is from every other, [e, e], symmetric; NaN where two cannot be compared.

    Args:
        encoders: each [n, d]; widths may differ.
        measure: ``cosine_distance`` (mean over the texts both have, 0 to 2; blank between different widths),
            ``neighbours_lost`` (mean share of a text's nearest that the other does not have, 0 to 1) or
            ``similarities`` (1 - Spearman's correlation of the pairwise cosines, 0 to 2). The last two need no common
            axes, and as much memory as the square of the texts: give them the texts of :func:`arrays.sampled`.
    """
    count = len(encoders)
    distances = np.full((count, count), np.nan)
    prepare, compare = _BETWEEN[measure]
    prepared = [prepare(vectors) for vectors in encoders]
    for i in range(count):
        for j in range(i, count):
            distances[i, j] = distances[j, i] = compare(prepared[i], prepared[j])
    return distances


def differences_by_block(
    reference: Vectors, candidate: Vectors, most: int = 32
) -> tuple[Floats, list[tuple[int, int]]]:
    """Where in the vector two encoders differ: the signed difference that is largest in each block of dimensions.

    Candidate - reference, as the vectors came; over the dimensions both have.

    Returns:
        [n, b] with b at most ``most``, and each block's first and last dimension.
    """
    width = min(reference.shape[1], candidate.shape[1])
    ours, theirs = (side[:, :width].astype(np.float64) for side in (reference, candidate))
    size = -(-width // most)
    edges = [(start, min(start + size, width)) for start in range(0, width, size)]
    difference = theirs - ours
    values = np.empty((len(difference), len(edges)))
    for column, (start, stop) in enumerate(edges):
        part = difference[:, start:stop]
        where = np.nan_to_num(np.abs(part)).argmax(1)
        values[:, column] = np.take_along_axis(part, where[:, None], 1)[:, 0]
    return values, [(start, stop - 1) for start, stop in edges]


def nearest_to(vectors: Vectors, text: int, k: int = NEAREST) -> tuple[NDArray[np.int64], Floats]:
    """The k texts whose vectors are nearest to one text's, nearest first, and all n cosines to it."""
    rows = directions(vectors)
    cosines = rows @ rows[text]
    ranked = np.where(np.isnan(cosines), -np.inf, cosines)
    ranked[text] = -np.inf
    order = np.argsort(-ranked, kind="stable")[:k]
    return order[np.isfinite(ranked[order])], cosines


def pairwise_cosines(vectors: Vectors) -> Floats:
    """Cosines of every pair of different texts, of the texts of :func:`arrays.sampled`."""
    cosines = upper(cosines_of(vectors))
    return np.asarray(cosines[np.isfinite(cosines)])


def clustered(matrix: NDArray[np.floating]) -> tuple[list[int], list[int]]:
    """Orders of rows and columns that put alike ones side by side (average linkage, optimal leaf order).

    Blank cells take their column's mean, so that a gap pulls a row nowhere.
    """
    filled = np.asarray(matrix, dtype=np.float64).copy()
    known = np.isfinite(filled)
    sums = np.where(known, filled, 0.0).sum(0)
    means = sums / np.maximum(known.sum(0), 1)
    filled = np.where(known, filled, means)
    return _leaves(filled), _leaves(filled.T)


def _leaves(rows: Floats) -> list[int]:
    if len(rows) < 3 or rows.shape[1] == 0:
        return list(range(len(rows)))
    # Only the clustered order needs scipy, and importing it takes longer than drawing the page.
    from scipy.cluster.hierarchy import leaves_list, linkage

    return [int(i) for i in leaves_list(linkage(rows, "average", optimal_ordering=len(rows) <= 256))]


def _mean_distance(left: Floats, right: Floats) -> float:
    if left.shape[1] != right.shape[1]:
        return float("nan")
    # Half the squared distance of unit vectors: 1 - cosine would lose every digit below 1e-16 / its own size.
    distances = ((left - right) ** 2).sum(1) / 2
    known = distances[np.isfinite(distances)]
    return float(known.mean()) if len(known) else float("nan")


def _neighbours_lost(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    known = left.any(1) & right.any(1)
    size = left[known].sum()
    return float(1 - (left[known] & right[known]).sum() / size) if size else float("nan")


def _disorder(left: Floats, right: Floats) -> float:
    known = np.isfinite(left) & np.isfinite(right)
    correlation = spearman(left[known], right[known]) if known.sum() > 2 else None
    return float("nan") if correlation is None else 1 - correlation


# How each measure is prepared for one encoder, and compared for two.
_BETWEEN: dict[str, tuple[Callable[[Vectors], Any], Callable[[Any, Any], float]]] = {
    "cosine_distance": (directions, _mean_distance),
    "neighbours_lost": (lambda vectors: nearest_texts(cosines_of(vectors)), _neighbours_lost),
    "similarities": (lambda vectors: upper(cosines_of(vectors)), _disorder),
}
