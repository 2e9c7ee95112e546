"""How answers to one question lie: how many there are, how large their scatter is and what shape it has.

Rows are vectors as they came. Two vectors' gap is half their squared distance over their mean length squared, which is
the cosine distance where both have length one and sees a change of length as well. NaN where a side is not finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from data.rules.vectors.arrays import Floats, participation_ratio

__all__ = ["Shape", "Noise", "gap", "gaps", "groups", "noise_of", "same_products", "together"]

Shape = Literal["even", "proportional", "length", "uneven"]

_ALONG = 0.9  # share of the scatter along the vector itself from which only lengths vary
_EVEN = 0.7  # participation ratio of the scatter over that of noise alike in all directions
_PROPORTIONAL = 0.3  # correlation of the size of a deviation with the size of the value; .5 for Gaussian factors
_FAR = 0.1  # mean gap from which a rotation can be told
_PRODUCTS = 0.02  # of the spread of the products, up to which they are the same


@dataclass(frozen=True)
class Noise:
    """The scatter of repeated answers about their means.

    Attributes:
        size: distance of an answer from the mean of its text over the length of that, mean of all answers.
        shape: alike in all directions, in proportion to each value, of the length alone, or none of these.
        directions: participation ratio of the scatter over that of noise alike in all directions, 0 to about 1.
        kurtosis: of the deviations, each scaled by its text's spread (and value, if proportional); 3 for Gaussian.
        spread: largest size of a text over the smallest.
    """

    size: float
    shape: Shape
    directions: float
    kurtosis: float
    spread: float


def gap(left: ArrayLike, right: ArrayLike) -> Floats:
    """Gap of each pair of rows, [n]; broadcasts."""
    one, other = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        size = (np.linalg.norm(one, axis=-1) + np.linalg.norm(other, axis=-1)) / 2
        squared = ((one - other) ** 2).sum(-1)
        return np.asarray(squared / np.where(size > 0, size, 1.0) ** 2 / 2)


def gaps(left: ArrayLike, right: ArrayLike) -> Floats:
    """Gap of every row of one to every row of the other, [n, m]."""
    one, other = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    return np.stack([gap(row[None], other) for row in one]) if len(one) else np.zeros((0, len(other)))


def groups(rows: ArrayLike, tolerance: float) -> NDArray[np.int64]:
    """Group of each row, [n]: rows within the tolerance of one another are one; the largest is 0."""
    _, label = connected_components(gaps(rows, rows) <= tolerance, directed=False)
    by_size = np.argsort(-np.bincount(label), kind="stable")
    return np.asarray(np.argsort(by_size)[label], dtype=np.int64)


def noise_of(answers: Sequence[ArrayLike]) -> Noise | None:
    """Size and shape of the scatter, from several answers a text ([k, d] each); None where too few were given."""
    rows = [np.asarray(one, dtype=np.float64) for one in answers if len(np.asarray(one)) > 1]
    if not rows or sum(len(one) - 1 for one in rows) < 4:
        return None
    means = [one.mean(0) for one in rows]
    parts = [(one - mean) * np.sqrt(len(one) / (len(one) - 1)) for one, mean in zip(rows, means, strict=True)]
    lengths = [max(float(np.linalg.norm(mean)), 1e-12) for mean in means]
    relative = [part / length for part, length in zip(parts, lengths, strict=True)]
    sizes = [float(np.linalg.norm(part, axis=1).mean()) for part in relative]
    every = np.concatenate(relative)
    if not (total := float((every**2).sum())):
        return None
    along = sum(
        float(((part @ (mean / length)) ** 2).sum())
        for part, mean, length in zip(relative, means, lengths, strict=True)
    )
    degrees = sum(len(one) - 1 for one in rows)
    ratio = (participation_ratio(every) or 0.0) / (degrees * every.shape[1] / (degrees + every.shape[1]))
    steep = _steep(relative, means)
    shape: Shape = "uneven"
    if along > _ALONG * total:
        shape = "length"
    elif steep > _PROPORTIONAL:
        shape = "proportional"
    elif ratio > _EVEN:
        shape = "even"
    spread = max(sizes) / max(min(sizes), 1e-12)
    return Noise(float(np.mean(sizes)), shape, ratio, _kurtosis(relative, means, shape), spread)


def together(deviations: Sequence[ArrayLike]) -> float:
    """Mean cosine of the deviations of different texts in one call, over the calls ([n, d] each); 1 for one offset."""
    cosines = []
    for one in deviations:
        rows = np.asarray(one, dtype=np.float64)
        sizes = np.linalg.norm(rows, axis=1)
        unit = rows[sizes > 0] / sizes[sizes > 0][:, None]
        if len(unit) > 1:
            cosines.append(float((unit @ unit.T)[np.triu_indices(len(unit), 1)].mean()))
    return float(np.mean(cosines)) if cosines else 0.0


def same_products(left: ArrayLike, right: ArrayLike) -> bool:
    """Whether two sets of vectors lie far apart and all products of two rows agree, as only a rotation leaves them."""
    one, other = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    above = np.triu_indices(len(one))
    ours, theirs = (one @ one.T)[above], (other @ other.T)[above]
    spread = float(ours.std())
    far = float(gap(one, other).mean()) > _FAR  # products of vectors that are near each other agree, turned or not
    return len(one) > 3 and far and spread > 1e-9 and float(np.sqrt(((ours - theirs) ** 2).mean())) < _PRODUCTS * spread


def _steep(relative: Sequence[Floats], means: Sequence[Floats]) -> float:
    """Correlation of the size of a deviation with the size of the value it is of."""
    sizes = np.concatenate([np.abs(part).ravel() for part in relative])
    values = np.concatenate(
        [
            np.broadcast_to(np.abs(mean) / max(float(np.linalg.norm(mean)), 1e-12), part.shape).ravel()
            for part, mean in zip(relative, means, strict=True)
        ]
    )
    if sizes.std() == 0 or values.std() == 0:
        return 0.0
    return float(np.corrcoef(sizes, values)[0, 1])


def _kurtosis(relative: Sequence[Floats], means: Sequence[Floats], shape: Shape) -> float:
    scaled = []
    for part, mean in zip(relative, means, strict=True):
        values = part / np.where(np.abs(mean) > 1e-9, mean, 1.0) if shape == "proportional" else part
        size = float(values.std())
        scaled.append(values.ravel() / size if size > 0 else values.ravel())
    every = np.concatenate(scaled)
    return float((every**4).mean() / max(float((every**2).mean()) ** 2, 1e-300))
