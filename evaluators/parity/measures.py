"""How far two sets of vectors are from each other: per text in one blocked pass, and as two point clouds.

Everything accumulates in float64. A row of NaN (a text that failed) gives NaN and touches no other row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["PerText", "Relation", "neighbours_kept", "per_text", "permutation", "relation"]

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

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
    found = [_empty(count) for _ in candidates]
    for start in range(0, count, block):
        rows = slice(start, start + block)
        ours = reference[rows].astype(np.float64)
        our_norm = np.sqrt(np.einsum("ij,ij->i", ours, ours))
        our_unit = _scaled(ours, our_norm)
        for result, candidate in zip(found, candidates, strict=True):
            _compare(result, rows, ours, our_unit, our_norm, candidate[rows].astype(np.float64))
    return found


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


def _scaled(rows: Floats, norm: Floats) -> Floats:
    return np.asarray(rows / np.where(norm > 0, norm, 1.0)[:, None])


@dataclass(frozen=True)
class Relation:
    """How two clouds of the same texts relate; None where there are too few texts.

    Attributes:
        neighbour_overlap: mean share of a text's 10 nearest texts that both sides agree on, 0 to 1.
        rank_correlation: Spearman's over the two lists of pairwise cosines.
        cka: linear centred kernel alignment, 0 to 1 (Kornblith et al. 2019).
        rotation_residual: mean cosine distance that is left after the best rotation or reflection (Procrustes).
        effective_dimension: participation ratio of the candidate's covariance, (sum l)^2 / sum l^2.
        anisotropy: mean pairwise cosine of the candidate.
        kept: the neighbour overlap of each text, [n].
    """

    neighbour_overlap: float | None
    rank_correlation: float | None
    cka: float | None
    rotation_residual: float | None
    effective_dimension: float | None
    anisotropy: float | None
    kept: Floats


def relation(reference: Vectors, candidate: Vectors) -> Relation:
    """Relate two clouds, [n, d] and [n, e], of finite rows in the same order; directions only."""
    count = len(reference)
    if count < 3:
        return Relation(None, None, None, None, None, None, np.full(count, np.nan))
    ours, theirs = _unit(reference), _unit(candidate)
    our_cosines, their_cosines = ours @ ours.T, theirs @ theirs.T
    upper = np.triu_indices(count, 1)
    left, right = our_cosines[upper], their_cosines[upper]
    kept = neighbours_kept(our_cosines, their_cosines)
    return Relation(
        neighbour_overlap=float(kept.mean()),
        rank_correlation=_spearman(left, right),
        cka=_cka(ours, theirs),
        rotation_residual=_rotation_residual(ours, theirs) if ours.shape == theirs.shape else None,
        effective_dimension=_effective_dimension(theirs),
        anisotropy=float(right.mean()),
        kept=kept,
    )


def neighbours_kept(reference: Floats, candidate: Floats, k: int = 10) -> Floats:
    """Share of each text's k nearest texts that stay, from two [n, n] similarity matrices; k is at most n - 1."""
    k = min(k, len(reference) - 1)
    if k < 1:
        return np.full(len(reference), np.nan)
    kept = _nearest(reference, k) & _nearest(candidate, k)
    return np.asarray(kept.sum(1) / k, dtype=np.float64)


def _nearest(cosines: Floats, k: int) -> NDArray[np.bool_]:
    others = -cosines
    np.fill_diagonal(others, np.inf)
    chosen = np.zeros(others.shape, dtype=bool)
    np.put_along_axis(chosen, np.argpartition(others, k - 1, axis=1)[:, :k], True, axis=1)
    return chosen


def permutation(reference: Vectors, candidate: Vectors, tolerance: float) -> NDArray[np.int64] | None:
    """Order of the reference's dimensions (sign aside) that gives the candidate's within ``tolerance``, if any."""
    ours, theirs = _unit(reference), _unit(candidate)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.abs((ours / np.linalg.norm(ours, axis=0)).T @ (theirs / np.linalg.norm(theirs, axis=0)))
    order = np.nan_to_num(alike).argmax(0)
    if len(set(order.tolist())) < len(order):
        return None
    signs = np.sign(np.einsum("ij,ij->j", ours[:, order], theirs))
    left = ((ours[:, order] * signs - theirs) ** 2).sum(1) / 2
    return order if float(left.max()) <= tolerance else None


def _unit(vectors: Vectors) -> Floats:
    rows = vectors.astype(np.float64)
    return _scaled(rows, np.linalg.norm(rows, axis=1))


def _spearman(left: Floats, right: Floats) -> float | None:
    ranks = [rankdata(values) for values in (left, right)]
    spread = [float(values.std()) for values in ranks]
    return float(np.corrcoef(*ranks)[0, 1]) if min(spread) > 0 else None


def _cka(ours: Floats, theirs: Floats) -> float | None:
    """By the smaller of features and texts: the squared norm of Y'X is the inner product of the two Gram matrices."""
    ours, theirs = ours - ours.mean(0), theirs - theirs.mean(0)
    if ours.shape[1] + theirs.shape[1] <= 2 * len(ours):
        cross, left, right = theirs.T @ ours, ours.T @ ours, theirs.T @ theirs
        top = (cross**2).sum()
    else:
        left, right = ours @ ours.T, theirs @ theirs.T
        top = (left * right).sum()
    bottom = np.linalg.norm(left) * np.linalg.norm(right)
    return float(top / bottom) if bottom > 0 else None


def _rotation_residual(ours: Floats, theirs: Floats) -> float:
    """1 - (nuclear norm of X'Y) / n, unit rows: half the mean squared distance left after the best orthogonal map."""
    if len(ours) < ours.shape[1]:  # the same singular values from the texts' side, where there are fewer texts
        ours, theirs = np.transpose(np.linalg.qr(ours.T)[1]), np.transpose(np.linalg.qr(theirs.T)[1])
    nuclear = np.linalg.svd(ours.T @ theirs, compute_uv=False).sum()
    return float(max(1 - nuclear / len(ours), 0.0))


def _effective_dimension(rows: Floats) -> float | None:
    centred = rows - rows.mean(0)
    gram = centred @ centred.T if len(rows) < rows.shape[1] else centred.T @ centred
    bottom = float((gram**2).sum())
    return float(np.trace(gram) ** 2 / bottom) if bottom > 0 else None
