"""Causes in the output slot that are solved, not tried: scale, rows shuffled, dimensions permuted, a rotation.

Each has as many unknowns as data unless it is held down: sixteen texts in 384 dimensions can be rotated onto anything.
So a rotation is believed only when all pairwise products agree (which no rotation can bring about), a permutation of
dimensions only on top of that, and a shuffle only when nearly every row is found whole at another place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.causes.places import placed
from evaluators.diagnose.measure import apart, apart_all, unit_rows
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Sent

__all__ = ["Solution", "may_solve", "solve"]

Matrix = NDArray[np.float64]
_PRODUCTS_AGREE = 0.08  # of the spread of the products; bf16 noise leaves .03
_ONE_NUMBER = 0.01  # spread of the lengths, relative; bf16 noise leaves .003
_FAR = 0.5  # relative distance from which another space is worth a thought
_NEARER = 0.8  # of what products are apart without a cause
_FEWEST = 6  # texts below which a solution is not evidence


class Solution(NamedTuple):
    """The reference's vectors after the change that brings them nearest to the candidate's."""

    cause: Cause
    vectors: Matrix


def solve(candidate: Matrix, vectors: Matrix, sent: Sent | None = None) -> list[Solution]:
    """Every solved change that is evidence for itself, given the reference's vectors under the other causes.

    ``sent`` is how the texts went to the candidate.
    """
    if candidate.shape != vectors.shape or len(candidate) < _FEWEST:
        return []
    others = placed(candidate, vectors, sent or Sent())
    # Rows of which each is another text's say more than the assignment that is best on the whole.
    moved = _shuffled(candidate, vectors) if others is None else Solution(*others)
    solutions = [solution for solution in (_scaled(candidate, vectors), moved) if solution is not None]
    # Vectors that are near each other have products that agree, rotated or not.
    if float(apart(candidate, vectors).mean()) > _FAR and _products_apart(candidate, vectors) < _PRODUCTS_AGREE:
        solutions += [_permuted(candidate, vectors), _rotated(candidate, vectors)]
    return solutions


def may_solve(
    candidate: Embeddings, places: Sequence[int], vectors: Embeddings, plain: Embeddings | None = None
) -> bool:
    """Whether a few texts let it be that a change is to be solved: with twice the room that all texts are given.

    Args:
        candidate: float [n, d], all texts.
        places: those looked at.
        vectors: the reference's of those under other causes, float [k, d].
        plain: the same without the causes, which must be nearer to what is to be solved; None where there are none.
    """
    few = candidate[list(places)]
    if few.shape != vectors.shape or len(few) < _FEWEST:
        return False
    own = apart(few, vectors)
    before = own if plain is None else apart(few, plain)
    if float(own.mean()) > _FAR and _products_apart(few, vectors) < 2 * _PRODUCTS_AGREE:
        return plain is None or _products_apart(few, vectors) < _NEARER * _products_apart(few, plain)
    factor = float((few * vectors).sum() / max(float((vectors**2).sum()), 1e-12))
    if abs(factor - 1) > 0.01 and _lengths_even(few, vectors, 2 * _ONE_NUMBER):
        return bool((apart(few, vectors * factor) < 0.5 * before).all())
    nearest = apart_all(vectors, candidate).min(axis=1)
    return int((nearest < 0.5 * own).sum()) * 2 >= len(few)


def _lengths_even(candidate: Matrix | Embeddings, vectors: Matrix | Embeddings, room: float) -> bool:
    """Whether one number tells the lengths of all texts: ones that vary from text to text are another cause's."""
    ratios = np.linalg.norm(candidate, axis=1) / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    return float(ratios.std()) < room * float(ratios.mean())


def _scaled(candidate: Matrix, vectors: Matrix) -> Solution | None:
    factor = float((candidate * vectors).sum() / max((vectors**2).sum(), 1e-12))
    even = _lengths_even(candidate, vectors, _ONE_NUMBER)
    return Solution(CAUSES["scaled"], vectors * factor) if even and factor > 0 and abs(factor - 1) > 0.01 else None


def _shuffled(candidate: Matrix, vectors: Matrix) -> Solution | None:
    rows, places = linear_sum_assignment(-unit_rows(candidate) @ unit_rows(vectors).T)
    moved = vectors[places[np.argsort(rows)]]
    changed = float(np.mean(apart(moved, vectors) > 1e-4))
    return Solution(CAUSES["rows-shuffled"], moved) if changed > 0 else None


def _products_apart(candidate: Matrix | Embeddings, vectors: Matrix | Embeddings) -> float:
    """How far all products of two rows are from the same, over their spread: every rotation leaves them as they are."""
    above = np.triu_indices(len(candidate))
    left, right = (candidate @ candidate.T)[above], (vectors @ vectors.T)[above]
    spread = float(right.std())
    return float(np.sqrt(((left - right) ** 2).mean())) / spread if spread > 1e-6 else float(np.inf)


def _permuted(candidate: Matrix, vectors: Matrix) -> Solution:
    cost = (candidate**2).sum(0)[:, None] + (vectors**2).sum(0)[None] - 2 * candidate.T @ vectors
    columns, places = linear_sum_assignment(cost)
    return Solution(CAUSES["dimensions-permuted"], vectors[:, places[np.argsort(columns)]])


def _rotated(candidate: Matrix, vectors: Matrix) -> Solution:
    rotation, _ = orthogonal_procrustes(vectors, candidate)
    return Solution(CAUSES["rotated"], vectors @ rotation)
