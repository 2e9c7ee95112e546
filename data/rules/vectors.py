"""What the vectors of one check say beyond one candidate against one reference: every pair, every block of dimensions.

Rows are texts and stand in the same order everywhere; a row of NaN is a text that failed and counts nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["between", "blocks", "clustered", "nearest", "pairwise_cosines", "shared_axes"]

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
_MOST_FOR_PAIRS = 2_000  # texts: the square of it is what the neighbours of all of them take


def between(encoders: Sequence[Vectors], measure: str, k: int = 10) -> Floats:
    """How far every encoder is from every other, [e, e], symmetric; NaN where two cannot be compared.

    Args:
        encoders: each [n, d]; widths may differ.
        measure: ``cosine_distance`` (mean over the texts both have, 0 to 2; blank between different widths),
            ``neighbours_lost`` (mean share of a text's k nearest that the other does not have, 0 to 1) or
            ``similarities`` (1 - Spearman's correlation of the pairwise cosines, 0 to 2). The last two need no common
            axes, and look at the first 2,000 texts at most.
        k: how many neighbours count.
    """
    count = len(encoders)
    result = np.full((count, count), np.nan)
    prepared = _prepared(encoders, measure, k)
    compare = {"cosine_distance": _apart, "neighbours_lost": _lost, "similarities": _disordered}[measure]
    for i in range(count):
        for j in range(i, count):
            result[i, j] = result[j, i] = compare(prepared[i], prepared[j])
    return result


def blocks(reference: Vectors, candidate: Vectors, most: int = 32) -> tuple[Floats, list[tuple[int, int]]]:
    """Where in the vector two encoders differ: the signed difference that is largest in each block of dimensions.

    Candidate - reference, as the vectors came; over the dimensions both have.

    Returns:
        [n, b] with b at most ``most``, and each block's first and last dimension.
    """
    ours, theirs = shared_axes(reference, candidate)
    width = ours.shape[1]
    size = -(-width // most)
    edges = [(start, min(start + size, width)) for start in range(0, width, size)]
    difference = theirs - ours
    values = np.empty((len(difference), len(edges)))
    for column, (start, stop) in enumerate(edges):
        part = difference[:, start:stop]
        where = np.nan_to_num(np.abs(part)).argmax(1)
        values[:, column] = np.take_along_axis(part, where[:, None], 1)[:, 0]
    return values, [(start, stop - 1) for start, stop in edges]


def shared_axes(left: Vectors, right: Vectors) -> tuple[Floats, Floats]:
    """Both in float64 over the leading dimensions that the shorter one has."""
    width = min(left.shape[1], right.shape[1])
    return left[:, :width].astype(np.float64), right[:, :width].astype(np.float64)


def nearest(vectors: Vectors, text: int, k: int = 10) -> tuple[NDArray[np.int64], Floats]:
    """The k texts whose vectors are nearest to one text's, nearest first, and all n cosines to it."""
    unit = _unit(vectors)
    cosines = unit @ unit[text]
    ranked = np.where(np.isnan(cosines), -np.inf, cosines)
    ranked[text] = -np.inf
    order = np.argsort(-ranked, kind="stable")[:k]
    return order[np.isfinite(ranked[order])], cosines


def pairwise_cosines(vectors: Vectors) -> Floats:
    """Cosines of every pair of different texts; the first 2,000 texts at most."""
    cosines = _cosines(vectors)
    found = cosines[np.triu_indices(len(cosines), 1)]
    return np.asarray(found[np.isfinite(found)])


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


def _prepared(encoders: Sequence[Vectors], measure: str, k: int) -> list[Floats]:
    if measure == "cosine_distance":
        return [_unit(vectors) for vectors in encoders]
    cosines = [_cosines(vectors) for vectors in encoders]
    return [_neighbourhoods(each, k) for each in cosines] if measure == "neighbours_lost" else cosines


def _apart(left: Floats, right: Floats) -> float:
    if left.shape[1] != right.shape[1]:
        return float("nan")
    # Half the squared distance of unit vectors: 1 - cosine would lose every digit below 1e-16 / its own size.
    distances = ((left - right) ** 2).sum(1) / 2
    return _mean(distances)


def _lost(left: Floats, right: Floats) -> float:
    known = ~(np.isnan(left).any(1) | np.isnan(right).any(1))
    size = left[known].sum()
    return float(1 - (left[known] * right[known]).sum() / size) if size else float("nan")


def _disordered(left: Floats, right: Floats) -> float:
    upper = np.triu_indices(len(left), 1)
    pairs = np.stack([left[upper], right[upper]])
    pairs = pairs[:, np.isfinite(pairs).all(0)]
    if pairs.shape[1] < 3 or float(np.ptp(pairs, axis=1).min()) == 0:
        return float("nan")
    # Ties are as good as absent among cosines in float64, so the plain order is the rank.
    left_rank, right_rank = pairs.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return float(1 - np.corrcoef(left_rank, right_rank)[0, 1])


def _neighbourhoods(cosines: Floats, k: int) -> Floats:
    """[n, n] of 0 and 1: who is among whose k nearest; NaN rows for texts that failed."""
    failed = np.isnan(cosines).all(1)
    others = np.where(np.isnan(cosines), np.inf, -cosines)
    np.fill_diagonal(others, np.inf)
    k = min(k, int((~failed).sum()) - 1)
    chosen = np.zeros(others.shape)
    if k > 0:
        np.put_along_axis(chosen, np.argpartition(others, k - 1, axis=1)[:, :k], 1.0, axis=1)
    chosen[failed] = np.nan
    return chosen


def _cosines(vectors: Vectors) -> Floats:
    unit = _unit(vectors[:_MOST_FOR_PAIRS])
    return np.asarray(unit @ unit.T)


def _unit(vectors: Vectors) -> Floats:
    rows = vectors.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
