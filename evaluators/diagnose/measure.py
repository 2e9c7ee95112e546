"""How far two sets of vectors are apart, text by text, on a scale that sees direction and length alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ROUNDING",
    "Errors",
    "apart",
    "apart_all",
    "apart_each",
    "closeness",
    "cosine",
    "even",
    "squared",
    "unit_rows",
]

Errors = NDArray[np.float64]
_Float = TypeVar("_Float", bound=np.floating[Any])

# Relative distance that a different order of summation in 32 bits leaves between two honest computations.
ROUNDING = 3e-5


def apart(candidate: ArrayLike, vectors: ArrayLike) -> Errors:
    """Distance of each pair of rows over their mean length, float64 [n], 0 to 2.

    Two directions apart by a small angle a give a; one direction at lengths 1 and 1+e gives about e. Rows of different
    width are compared as if the shorter one went on with zeros. A row that is not finite is at distance 2.
    """
    left, right = np.asarray(candidate), np.asarray(vectors)
    shared = min(left.shape[1], right.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        squared = _squares(left[:, :shared] - right[:, :shared])
        if left.shape[1] != right.shape[1]:
            squared = squared + _squares(left[:, shared:]) + _squares(right[:, shared:])
        length = (np.sqrt(_squares(left)) + np.sqrt(_squares(right))) / 2
        distance = np.sqrt(squared) / np.where(length > 0, length, 1)
    return np.where(np.isfinite(distance), distance, 2.0)


def apart_all(
    rows: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]], squares: Errors | None = None
) -> Errors:
    """:func:`apart` of every row, [n, d], and every other one, [m, d], float64 [n, m]; to about 1e-8.

    ``squares`` is what :func:`squared` gives of them, where that is known.
    """
    squares = squared(rows, others) if squares is None else squares
    with np.errstate(invalid="ignore", over="ignore"):
        length = (np.sqrt(_squares(rows))[:, None] + np.sqrt(_squares(others))[None]) / 2
        distance = np.sqrt(squares) / np.where(length > 0, length, 1)
    return np.where(np.isfinite(distance), distance, 2.0)


def squared(rows: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> Errors:
    """Squared distance of every row, [n, d], and every other one, [m, d], float64 [n, m]."""
    left, right = rows.astype(np.float64, copy=False), others.astype(np.float64, copy=False)
    return np.maximum(_squares(left)[:, None] + _squares(right)[None] - 2 * left @ right.T, 0)


def apart_each(candidate: NDArray[np.float32], made: Sequence[NDArray[np.float32]]) -> list[Errors]:
    """:func:`apart` of one candidate and many sets of vectors; those of its own width are done at once."""
    alike = [place for place, vectors in enumerate(made) if vectors.shape == candidate.shape]
    errors: dict[int, Errors] = {}
    if alike:
        stack = np.stack([made[place] for place in alike])
        with np.errstate(invalid="ignore", over="ignore"):
            length = (_lengths(candidate)[None] + _lengths(stack)) / 2
            distance = _lengths(stack - candidate[None]) / np.where(length > 0, length, 1)
        errors = dict(zip(alike, np.where(np.isfinite(distance), distance, 2.0).astype(np.float64), strict=True))
    return [errors[place] if place in errors else apart(candidate, vectors) for place, vectors in enumerate(made)]


def unit_rows(rows: NDArray[_Float]) -> NDArray[_Float]:
    """Rows of length one, of the type they come in; a row of zeros stays as it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 1e-12, norms, 1), dtype=rows.dtype)


def cosine(left: NDArray[np.floating[Any]], right: NDArray[np.floating[Any]]) -> float:
    """Cosine between two arrays of one shape, each taken as one vector; 0 where one of them is nothing."""
    size = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float((left * right).sum()) / size if size > 0 else 0.0


def _lengths(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(np.einsum("...j,...j->...", stack, stack)))


def _squares(matrix: NDArray[np.floating[Any]]) -> Errors:
    """Sum of squares of each row, summed in float64 without a float64 copy of the matrix."""
    return np.asarray(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64, casting="unsafe"))


def closeness(errors: Errors, grain: Errors | float = ROUNDING) -> float:
    """Mean logarithm of the distances, which are no better than ``grain``; lower is closer.

    The logarithm gives each text its say: one text of sixteen that comes right counts as much whether the others are
    far off or near.
    """
    return float(np.log(np.maximum(errors, grain)).mean())


def even(errors: Errors) -> bool:
    """Whether the distances look like rounding: of one size on every text, none of them zero, none standing out."""
    middle = float(np.median(errors))
    return middle > 0 and float(errors.max()) < 6 * middle and float(errors.min()) > middle / 6
