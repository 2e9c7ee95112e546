"""What all measures of vectors rest on: directions, the texts that are related, nearest texts, ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NEAREST", "Floats", "Vectors", "cosines_of", "directions", "nearest_texts", "participation_ratio", "sampled",
    "spearman", "upper",
]  # fmt: skip

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

NEAREST = 10  # texts that are a text's neighbourhood
_MOST_RELATED = 2_000  # texts: beyond that a sample says the same, and the square of all would outgrow memory


def directions(vectors: NDArray[np.floating]) -> Floats:
    """Rows in float64 at length 1; rows of zeros stay zeros."""
    rows = vectors.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))


def cosines_of(vectors: NDArray[np.floating]) -> Floats:
    """Cosine of every pair of rows, [n, n]."""
    rows = directions(vectors)
    return np.asarray(rows @ rows.T)


def upper(matrix: Floats) -> Floats:
    """The cells above the diagonal of a square matrix, one each pair."""
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def sampled(hashes: Sequence[str], most: int = _MOST_RELATED) -> NDArray[np.int64]:
    """Places of the texts that are related to each other, in the order of their SHA-256: the ``most`` that come first.

    So they are the same ones in the same order however the texts are given, and as good as drawn by lot.
    """
    return np.argsort(np.asarray(hashes), kind="stable")[:most]


def nearest_texts(similarities: Floats, k: int = NEAREST) -> NDArray[np.bool_]:
    """Who is among whose k nearest, [n, n], from similarities with NaN for texts that failed.

    Of texts that are equally near those count that come first; k is at most one less than the texts that have any.
    """
    far = np.where(np.isnan(similarities), np.inf, -similarities)
    np.fill_diagonal(far, np.inf)
    failed = np.asarray(np.isinf(far).all(1))
    k = min(k, int((~failed).sum()) - 1)
    if k < 1:
        return np.zeros(far.shape, dtype=bool)
    last = np.partition(far, k - 1, axis=1)[:, k - 1 : k]
    nearer, level = far < last, far == last
    room = k - nearer.sum(1, keepdims=True)
    return np.asarray((nearer | (level & (level.cumsum(1) <= room))) & ~failed[:, None])


def spearman(left: Floats, right: Floats) -> float | None:
    """Correlation of the ranks of two lists, those that tie at their mean rank; None where one side does not vary."""
    # By hand: pages need it, and importing scipy.stats takes longer than drawing one.
    ours, theirs = _ranks(left), _ranks(right)
    return float(np.corrcoef(ours, theirs)[0, 1]) if min(float(ours.std()), float(theirs.std())) > 0 else None


def participation_ratio(rows: Floats) -> float | None:
    """How many directions rows spread over, (sum l)^2 / sum l^2 of their second moments; None where all are zero."""
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    bottom = float((gram**2).sum())
    return float(np.trace(gram) ** 2 / bottom) if bottom > 0 else None


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((count.cumsum() - (count - 1) / 2)[place], dtype=np.float64)
