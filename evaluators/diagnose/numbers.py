"""Vectors as a candidate's whole numbers: under the scale and the offset that fit them best, rounded as it rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.diagnose.reference import Embeddings

__all__ = ["Ranges", "as_numbers", "cuts_off", "in_ranges", "ranges_of"]

_Floats = NDArray[np.float64]

_NEARLY = 0.15  # of a number: an offset so near to a half one is that
_WORTH_FITTING = 0.7  # of a vector's numbers beside: more are not those of a scale that is a little off
_ZEROS, _ONES, _ENOUGH = 1.6, 1.2, 200
_QUARTER = 0.25  # of the texts, that tell
_TURNS = 5  # of leaving out the texts that fit worst
_ALL_THAT_FIT = 1.0  # numbers that a text is off by in the mean
_FIT = 0.4  # numbers that the better half of the texts are off by in the mean; rounding alone leaves a quarter
_FEWEST = 12  # texts that tell a range


class Ranges(NamedTuple):
    """Scale and offset of each dimension, float64 [1, d], and how far off numbers are under them in the mean."""

    scale: _Floats
    offset: _Floats
    fit: float = 0.0


def cuts_off(candidate: Embeddings, made: Sequence[Embeddings]) -> bool:
    """Whether whole numbers were cut off towards zero and not rounded: the texts fit better so.

    Args:
        candidate: whole numbers, float32 [n, d].
        made: vectors of the texts in every way that may be the candidate's, each float32 [n, d].
    """
    beside: dict[bool, float] = {False: _WORTH_FITTING, True: _WORTH_FITTING}
    for vectors in made:
        for cut in beside if vectors.shape == candidate.shape else ():
            off = (as_numbers(candidate, vectors, 1, cut=cut) != candidate).mean(axis=1)
            beside[cut] = min(beside[cut], float(np.quantile(off, _QUARTER)))
    if min(beside.values()) < _WORTH_FITTING:
        return beside[True] < beside[False]
    ranges = {cut: ranges_of(candidate, made, cut=cut) for cut in (False, True)}
    if any(ranges.values()):
        fits = {cut: one.fit if one else _FIT for cut, one in ranges.items()}
        return fits[True] < fits[False]
    # Where every text is another, by the numbers alone: twice as many zeros as ones, and no more ones than twos.
    zeros, ones, twos = ((np.abs(candidate) == size).sum() / (1 if size == 0 else 2) for size in range(3))
    return bool(zeros > _ZEROS * ones and ones < _ONES * twos and zeros > _ENOUGH)


def as_numbers(candidate: Embeddings, vectors: Embeddings, axis: int | None, *, cut: bool) -> Embeddings:
    """Vectors under the scale and the offset that bring them nearest to whole numbers, as such.

    Args:
        candidate: whole numbers, float32 [n, d].
        vectors: float32 [n, d].
        axis: along which numbers share a scale: 1 for those of a vector, 0 for those of a dimension, None for all.
        cut: whether numbers are cut off towards zero.
    """
    numbers, given = vectors.astype(np.float64), candidate.astype(np.float64)
    scale, offset = _fitted(numbers, given, _inside(given), axis, cut=cut)
    if axis == 0:
        return _rounded(scale * numbers + offset, given, cut=cut)
    # So many numbers tell that an offset is a whole or a half one: none, 128, half of what is rounded down.
    halves = np.round(2 * offset) / 2
    offset = np.where(np.abs(offset - halves) < _NEARLY, halves, offset)
    return _finely(numbers, given, scale, offset, axis, cut=cut)


def in_ranges(candidate: Embeddings, vectors: Embeddings, ranges: Ranges, *, cut: bool) -> Embeddings:
    """Vectors as whole numbers over known ranges."""
    return _rounded(ranges.scale * vectors + ranges.offset, candidate.astype(np.float64), cut=cut)


def ranges_of(candidate: Embeddings, made: Iterable[Embeddings], *, cut: bool) -> Ranges | None:
    """The ranges of the dimensions that at least half of the texts agree on; None where there are none.

    They are the candidate's, whatever was done to the other texts.

    Args:
        candidate: whole numbers, float32 [n, d].
        made: vectors of the texts in every way that may be the candidate's, each float32 [n, d].
        cut: whether numbers are cut off towards zero.
    """
    given = candidate.astype(np.float64)
    best: Ranges | None = None
    for vectors in made:
        if vectors.shape != candidate.shape or len(candidate) < _FEWEST:
            continue
        numbers, texts = vectors.astype(np.float64), np.ones((len(given), 1))
        for turn in range(_TURNS):
            scale, offset = _fitted(numbers, given, _inside(given) * texts, 0, cut=cut)
            off = np.abs(scale * numbers + offset - _middle(given, cut=cut)).mean(axis=1)
            # At last with all that fit: the fewer texts, the less do they tell one way of rounding from another.
            most = float(np.median(off)) if turn < _TURNS - 2 else max(_ALL_THAT_FIT, float(np.median(off)))
            texts = (off <= most).astype(np.float64)[:, None]
        fit = float(off[texts[:, 0] > 0].mean())
        if fit < (best.fit if best else _FIT):
            best = Ranges(scale, offset, fit)
    return best


def _inside(given: _Floats) -> _Floats:
    """Numbers at either end may have been cut off there, and tell no scale."""
    return np.asarray((given > given.min()) & (given < given.max()), dtype=np.float64)


def _middle(given: _Floats, *, cut: bool) -> _Floats:
    """The middle of what becomes each of the numbers."""
    return given + 0.5 * np.sign(given) if cut else given


def _fitted(
    numbers: _Floats, given: _Floats, weights: _Floats, axis: int | None, *, cut: bool
) -> tuple[_Floats, _Floats]:
    """Scale (0 or more) and offset by least squares."""
    aim = _middle(given, cut=cut)
    count = np.maximum(weights.sum(axis=axis, keepdims=True), 1)
    middle, wanted = ((one * weights).sum(axis=axis, keepdims=True) / count for one in (numbers, aim))
    around = numbers - middle
    spread = (weights * around**2).sum(axis=axis, keepdims=True)
    scale = (weights * around * (aim - wanted)).sum(axis=axis, keepdims=True) / np.maximum(spread, 1e-300)
    scale = np.maximum(scale, 0)
    return np.asarray(scale), np.asarray(wanted - scale * middle)


def _rounded(numbers: _Floats, given: _Floats, *, cut: bool) -> Embeddings:
    whole = np.trunc(numbers) if cut else np.round(numbers)
    return np.asarray(np.clip(whole, given.min(), given.max()), dtype=np.float32)


def _finely(
    numbers: _Floats, given: _Floats, scale: _Floats, offset: _Floats, axis: int | None, *, cut: bool
) -> Embeddings:
    """Rounded under the scale near the fitted one that the most numbers agree on, where most of them are near."""
    made = _rounded(scale * numbers + offset, given, cut=cut)
    beside = (made != given).mean(axis=axis, keepdims=True)
    if axis is None:
        if 0 < float(beside.item()) < _WORTH_FITTING:
            best = _agreed(numbers.reshape(1, -1), given.reshape(1, -1), offset, cut=cut)
            made = _rounded(best * numbers + offset, given, cut=cut)
        return made
    rows = np.flatnonzero((beside[:, 0] > 0) & (beside[:, 0] < _WORTH_FITTING))
    if len(rows):
        best = _agreed(numbers[rows], given[rows], offset[rows], cut=cut)
        finer = _rounded(best * numbers[rows] + offset[rows], given, cut=cut)
        better = (finer != given[rows]).mean(axis=1) < beside[rows, 0]
        made[rows[better]] = finer[better]
    return made


def _agreed(numbers: _Floats, given: _Floats, offset: _Floats, *, cut: bool) -> _Floats:
    """The scale of each row that the most of its numbers agree on, float64 [n, 1].

    A number that became 7 says that the scale is between 6.5 and 7.5 of it: of all these intervals the place where most
    of them overlap.
    """
    low = np.where(given > 0, given, given - 1) if cut else given - 0.5
    high = np.where(given < 0, given, given + 1) if cut else given + 0.5
    tells = (numbers != 0) & (given > given.min()) & (given < given.max())
    safe = np.where(tells, numbers, 1)
    ends = np.stack([(low - offset) / safe, (high - offset) / safe])
    first, last = np.where(tells, ends.min(0), -np.inf), np.where(tells, ends.max(0), np.inf)
    places = np.concatenate([first, last], axis=1)
    order = np.argsort(places, axis=1, kind="stable")
    steps = np.concatenate([np.ones_like(first), -np.ones_like(last)], axis=1)
    inside = np.take_along_axis(steps, order, axis=1).cumsum(axis=1)
    places = np.take_along_axis(places, order, axis=1)
    most = inside[:, :-1].argmax(axis=1)[:, None]
    left, right = (np.take_along_axis(places, most + by, axis=1) for by in (0, 1))
    return np.asarray(np.where(np.isfinite(left) & np.isfinite(right), (left + right) / 2, 1.0))
