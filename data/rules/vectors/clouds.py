"""Two encoders' vectors of the same texts as clouds of points, of which directions alone count."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import (
    NEAREST,
    Floats,
    Vectors,
    directions,
    nearest_texts,
    participation_ratio,
    spearman,
    upper,
)

__all__ = ["Clouds", "neighbours_kept", "permutation"]

_FEWEST = 3  # texts of which anything can be said


class Clouds:
    """How the vectors of a candidate lie to each other, and how those of a reference do: [n, d] and [n, e], finite.

    A figure is None where there are fewer than three texts, or where it is not defined.
    """

    def __init__(self, reference: Vectors, candidate: Vectors) -> None:
        self.reference, self.candidate = directions(reference), directions(candidate)
        self.enough = len(self.reference) >= _FEWEST

    @cached_property
    def cosines(self) -> tuple[Floats, Floats]:
        """Of every pair of texts, on either side, [n, n]."""
        return self.reference @ self.reference.T, self.candidate @ self.candidate.T

    def neighbours_kept(self) -> Floats:
        """Share of each text's nearest texts that both sides agree on, [n]."""
        return neighbours_kept(*self.cosines)

    def rank_correlation(self) -> float | None:
        """Spearman's, over the two lists of pairwise cosines."""
        ours, theirs = (upper(cosines) for cosines in self.cosines)
        return spearman(ours, theirs) if self.enough else None

    def cka(self) -> float | None:
        """Linear centred kernel alignment, 0 to 1 (Kornblith et al. 2019).

        By the smaller of features and texts: the squared norm of Y'X is the inner product of the two Gram matrices.
        """
        if not self.enough:
            return None
        ours, theirs = (rows - rows.mean(0) for rows in (self.reference, self.candidate))
        if ours.shape[1] + theirs.shape[1] <= 2 * len(ours):
            cross, left, right = theirs.T @ ours, ours.T @ ours, theirs.T @ theirs
            top = (cross**2).sum()
        else:
            left, right = ours @ ours.T, theirs @ theirs.T
            top = (left * right).sum()
        bottom = np.linalg.norm(left) * np.linalg.norm(right)
        return float(top / bottom) if bottom > 0 else None

    def rotation_residual(self) -> float | None:
        """Mean cosine distance that is left after the best rotation or reflection (Procrustes).

        1 - (nuclear norm of X'Y) / n, unit rows: half the mean squared distance left after the best orthogonal map.
        """
        ours, theirs = self.reference, self.candidate
        if not self.enough or ours.shape != theirs.shape:
            return None
        if len(ours) < ours.shape[1]:  # the same singular values from the texts' side, where there are fewer texts
            ours, theirs = np.transpose(np.linalg.qr(ours.T)[1]), np.transpose(np.linalg.qr(theirs.T)[1])
        nuclear = np.linalg.svd(ours.T @ theirs, compute_uv=False).sum()
        return float(max(1 - nuclear / len(ours), 0.0))

    def effective_dimension(self) -> float | None:
        """Participation ratio of the candidate's covariance, (sum l)^2 / sum l^2."""
        return participation_ratio(self.candidate - self.candidate.mean(0)) if self.enough else None

    def anisotropy(self) -> float | None:
        """Mean pairwise cosine of the candidate."""
        return float(upper(self.cosines[1]).mean()) if self.enough else None


def neighbours_kept(reference: Floats, candidate: Floats, k: int = NEAREST) -> Floats:
    """Share of each text's k nearest texts that stay, from two [n, n] similarity matrices; NaN for fewer than three."""
    k = min(k, len(reference) - 1)
    if len(reference) < _FEWEST:
        return np.full(len(reference), np.nan)
    shared = nearest_texts(reference, k) & nearest_texts(candidate, k)
    return np.asarray(shared.sum(1) / k, dtype=np.float64)


def permutation(reference: Vectors, candidate: Vectors, tolerance: float) -> NDArray[np.int64] | None:
    """Order of the reference's dimensions (sign aside) that gives the candidate's within ``tolerance``, if any."""
    ours, theirs = directions(reference), directions(candidate)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.abs((ours / np.linalg.norm(ours, axis=0)).T @ (theirs / np.linalg.norm(theirs, axis=0)))
    order = np.nan_to_num(alike).argmax(0)
    if len(set(order.tolist())) < len(order):
        return None
    signs = np.sign(np.einsum("ij,ij->j", ours[:, order], theirs))
    left = ((ours[:, order] * signs - theirs) ** 2).sum(1) / 2
    return order if float(left.max()) <= tolerance else None
