"""What a candidate's numbers were rounded to, read off the numbers themselves: few distinct ones tell their own steps.

Vectors that went through eight bits lie on a lattice: whole numbers, or floats that are a step apart in each vector,
each dimension or all of them. It is the candidate's own property, whatever else is wrong with it; what the reference
gives under other causes is brought onto the same lattice before the two are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.measure import ROUNDING, unit_rows
from evaluators.diagnose.numbers import Ranges, as_numbers, cuts_off, in_ranges, ranges_of
from evaluators.diagnose.reference import Embeddings

__all__ = ["Lattice", "lattice_of"]

_Floats = NDArray[np.float64]

_MOST_LEVELS = 255  # from the lowest to the highest, of eight bits
_OF_FOUR_BITS = 15.5  # steps from the lowest to the highest
_OFF = 0.02  # of a step, that a number may be off the lattice
_OF_ONE = 0.02  # that vectors of length one are off when they were rounded
_OF_BITS = 1.2  # between a vector and its signs
_ROOM = 4.0  # times what rounding leaves in the mean
_FEWEST = 6  # texts below which a dimension's numbers do not tell their step
_FEWEST_RANGED = 12  # the same of a scale and an offset
_LOOKED_AT = 48  # texts that do
_NEARLY_ALL = 0.9  # of rows or dimensions
_ONE_STEP = 1e-4  # spread of the rows' steps, relative, up to which they are one
_WITHIN = 0.998  # of half a step
_DECIMALS = range(1, 6)  # of six no text is further off than counts as the same


@dataclass(frozen=True)
class Lattice:
    """The numbers that a candidate's can be.

    Attributes:
        codes: causes that can have made it; each names what shares a scale. None of
            single bits, which the catalogue has.
        candidate: the candidate's vectors, float [n, d].
        step: between two levels, in float64 [n or 1, d or 1]; None where it is not the same everywhere.
        decimals: that numbers were rounded to, where they were.
        cut: whether whole numbers were cut off towards zero.
        ranges: of whole numbers that share a scale in each dimension, where they are known.
        ends: the least and the greatest number, of all or of each dimension, [1, 1 or d]; what was beyond was cut off.
    """

    codes: tuple[str, ...]
    candidate: Embeddings
    step: _Floats | None = None
    decimals: int = 0
    cut: bool = False
    ranges: Ranges | None = None
    ends: tuple[_Floats, _Floats] | None = None

    @property
    def causes(self) -> list[Cause]:
        """The causes that can have made it."""
        values = {"decimals": self.decimals} if self.decimals else {}
        return [CAUSES[code].filled(values, changes={"rounding": _rounding(code)}) for code in self.codes]

    def only(self, chosen: Sequence[int]) -> Lattice:
        """The lattice of some of the texts."""
        rows = list(chosen)
        step = self.step[rows] if self.step is not None and len(self.step) > 1 else self.step
        return replace(self, candidate=self.candidate[rows], step=step)

    def noise(self, rounding: str) -> _Floats:
        """What rounding to the lattice moves each text by, over its length, float64 [n]; 0 where that is little."""
        whole = rounding.startswith("numbers")
        if not whole and (self.step is None or rounding != "steps"):
            return np.zeros(len(self.candidate))
        step = np.ones((1, 1)) if self.step is None else self.step
        squares = np.broadcast_to(step**2, self.candidate.shape).sum(1) / 12
        lengths = np.linalg.norm(self.candidate.astype(np.float64), axis=1)
        return np.asarray(np.sqrt(squares) / np.maximum(lengths, 1e-12))

    def grain(self, rounding: str) -> _Floats:
        """Distance of each text below which nothing is told: a number or two that fell on the other side, [n]."""
        return np.maximum(self.noise(rounding) / 4, ROUNDING)

    def snapped(self, vectors: Embeddings, rounding: str, rows: Sequence[int] | None = None) -> Embeddings:
        """Vectors on the candidate's lattice; as they are where they have another shape, or are rounded otherwise.

        Args:
            vectors: float32 [n, d], of the texts in ``rows`` (all by default).
            rounding: of a recipe: what shares a scale.
            rows: places of the texts.
        """
        mine = self if rows is None else self.only(rows)
        if mine.candidate.shape != vectors.shape or rounding in ("", "int8", "binary"):
            return vectors
        if rounding == "fp16":
            return vectors.astype(np.float16).astype(np.float32)
        if rounding == "bf16":
            return _as_bf16(vectors)
        if rounding in _EIGHT_BITS:
            return _as_eight_bits(vectors, *_EIGHT_BITS[rounding])
        if rounding.startswith("numbers"):
            return self._whole(mine.candidate, vectors, _SHARED[rounding])
        assert mine.step is not None
        stepped = _on_steps(mine.candidate, vectors, mine.step)
        return stepped if self.ends is None else np.clip(stepped, *self.ends).astype(np.float32)

    def _whole(self, candidate: Embeddings, vectors: Embeddings, axis: int | None) -> Embeddings:
        if axis == 0 and self.ranges is not None:
            return in_ranges(candidate, vectors, self.ranges, cut=self.cut)
        if axis == 0 and len(candidate) < _FEWEST_RANGED:
            return vectors  # two numbers of each dimension are free to be any: a few texts can be given any vectors
        return as_numbers(candidate, vectors, axis, cut=self.cut)

    def fitted_to(self, made: Sequence[Embeddings]) -> Lattice:
        """The lattice with what whole numbers were made by: how they were rounded, and the ranges of dimensions.

        Args:
            made: vectors of the texts in every way that may be the candidate's, each float32 [n, d].
        """
        if self.codes != _OF_NUMBERS:
            return self
        cut = cuts_off(self.candidate, made)
        return replace(self, cut=cut, ranges=ranges_of(self.candidate, made, cut=cut))

    def directed(self, vectors: Embeddings, rows: Sequence[int] | None = None) -> list[Embeddings]:
        """What vectors that have a direction alone may be on the lattice, float32 [n, d] each.

        Args:
            vectors: float32 [n, d or more], of the texts in ``rows`` (all by default).
            rows: places of the texts.
        """
        mine = self if rows is None else self.only(rows)
        vectors = vectors[:, : mine.candidate.shape[1]]
        if vectors.shape != mine.candidate.shape:
            return []
        if not self.codes:
            return [np.where(vectors > 0, np.float32(1), np.float32(-1))]
        units = unit_rows(vectors)
        if self.codes == _OF_NUMBERS:
            ranges = [] if self.ranges is None else [mine.snapped(one, "numbers-dimension") for one in (units, vectors)]
            return [mine.snapped(vectors, "numbers-vector"), *ranges]
        lengths = np.linalg.norm(mine.candidate, axis=1, keepdims=True)
        if bool((np.abs(lengths - 1) < _OF_ONE).all()):
            lengths = np.ones_like(lengths)  # they had it before they were rounded
        return [mine.snapped(units * lengths, _rounding(self.codes[0]))]

    @cached_property
    def near(self) -> _Floats:
        """Distance of each text's direction that rounding to the lattice may leave, float64 [n]."""
        if not self.codes:
            return np.full(len(self.candidate), _OF_BITS)
        rounding = _rounding(self.codes[0])
        return _ROOM * np.maximum(self.noise(rounding), _OF_FLOATS.get(rounding, 0.0))

    @cached_property
    def right(self) -> _Floats:
        """Distance of each text's direction under which it is the same on the lattice, float64 [n]."""
        return self.grain(_rounding(self.codes[0]) if self.codes else "")


_OF_NUMBERS = ("numbers-whole", "numbers-by-vector", "numbers-by-dimension")
_EIGHT_BITS = {"fp8": (3, -6), "fp8-e5m2": (2, -14)}  # digits of a number, and the least power of two that has all
_OF_FLOATS = {"fp16": 2e-4, "bf16": 1.7e-3, "fp8": 0.03, "fp8-e5m2": 0.06}  # what half a digit is of a number, at most
# What a recipe calls the causes whose levels are no steps; of bits and bytes see evaluators/diagnose/reading.py.
_ROUNDINGS = {
    "vectors-fp16": "fp16", "vectors-bf16": "bf16", "vectors-fp8": "fp8", "vectors-fp8-e5m2": "fp8-e5m2",
    "numbers-whole": "numbers", "numbers-by-vector": "numbers-vector",
    "numbers-by-dimension": "numbers-dimension",
}  # fmt: skip
# Along which axis numbers share a scale and an offset: all of them, those of a vector, those of a dimension.
_SHARED: dict[str, int | None] = {"numbers": None, "numbers-vector": 1, "numbers-dimension": 0}


def _rounding(code: str) -> str:
    """What a recipe calls the rounding of a cause."""
    return _ROUNDINGS.get(code, "steps")


def lattice_of(candidate: Embeddings) -> Lattice | None:
    """The lattice that a candidate's numbers lie on; None where they lie on none.

    Args:
        candidate: float32 [n, d], finite.
    """
    sizes = np.abs(candidate)
    if float(sizes.std()) < 1e-3 * float(sizes.mean()):
        return Lattice((), candidate)
    if bool((candidate == np.round(candidate)).all()):
        return Lattice(_OF_NUMBERS, candidate)
    numbers = candidate.astype(np.float64)
    for decimals in _DECIMALS:
        scaled = numbers * 10**decimals
        # A float's own last digits are no decimals.
        room = np.maximum(np.abs(scaled) * 2**-23, 1e-9)
        if bool((np.abs(scaled - np.round(scaled)) <= room).all()):
            step = np.full((1, 1), 10.0**-decimals)
            return Lattice(("vectors-decimals",), candidate, step, decimals)
    # Numbers of eight bits are numbers of bf16 as well.
    for rounding, form in _EIGHT_BITS.items():
        if bool((_as_eight_bits(candidate, *form) == candidate).all()):
            return Lattice((f"vectors-{rounding}",), candidate)
    # Numbers of bf16 that are not tiny are numbers of fp16 as well.
    if bool((_as_bf16(candidate) == candidate).all()):
        return Lattice(("vectors-bf16",), candidate)
    if bool((candidate.astype(np.float16).astype(np.float32) == candidate).all()):
        return Lattice(("vectors-fp16",), candidate)
    return _of_rows(candidate, numbers) or _of_dimensions(candidate, numbers)


def _of_rows(candidate: Embeddings, numbers: _Floats) -> Lattice | None:
    """Numbers that are steps apart within each vector: the least gap between them is the step."""
    ordered = np.sort(numbers, axis=1)
    width = ordered[:, -1] - ordered[:, 0]
    gaps = np.diff(ordered, axis=1)
    least = np.where(gaps > 1e-3 * width[:, None] / _MOST_LEVELS, gaps, np.inf).min(axis=1)
    levels = np.round(width / least)
    step = (width / np.maximum(levels, 1))[:, None]
    places = (numbers - ordered[:, :1]) / step
    fits = (np.abs(places - np.round(places)) < _OFF).all(axis=1) & (levels > 1) & (levels <= _MOST_LEVELS)
    if not fits.all():
        return None
    one = float(step.std()) < _ONE_STEP * float(step.mean())
    # Each vector has used all levels of its own, where each has a scale of its own.
    most = np.round(np.abs(numbers).max(1) / step[:, 0])
    own = float(most.std()) < 0.5 or float(np.median(levels)) == _MOST_LEVELS
    if one:
        ends = numbers.min(keepdims=True), numbers.max(keepdims=True)
        few = float((ends[1] - ends[0]).item()) / float(step.mean()) < _OF_FOUR_BITS
        return Lattice(("vectors-int4-whole" if few else "vectors-int8-whole",), candidate, step, ends=ends)
    return Lattice(("vectors-int8-by-vector",) if own else ("vectors-int8-whole",), candidate, step)


def _of_dimensions(candidate: Embeddings, numbers: _Floats) -> Lattice | None:
    """Numbers that are steps apart within each dimension: the fewest steps from the least to the greatest that fit."""
    few = numbers[:: max(1, len(numbers) // _LOOKED_AT)]
    if len(few) < _FEWEST:
        return None
    low, width = numbers.min(0), np.maximum(numbers.max(0) - numbers.min(0), 1e-12)
    levels = np.zeros(numbers.shape[1], dtype=np.int64)
    for count in range(1, _MOST_LEVELS + 1):
        open_ = np.flatnonzero(levels == 0)
        places = (few[:, open_] - low[open_]) * (count / width[open_])
        levels[open_[(np.abs(places - np.round(places)) < _OFF).all(axis=0)]] = count
    if float((levels > 0).mean()) < _NEARLY_ALL:
        return None
    # In a dimension that all texts share divisors in, the step may be several of its own: rounding does no harm there.
    step = (width / np.where(levels > 0, levels, _MOST_LEVELS))[None]
    # A few texts have no number at the end of a range.
    ends = (numbers.min(0)[None], numbers.max(0)[None]) if len(numbers) >= _FEWEST_RANGED else None
    return Lattice(("vectors-int8-by-dimension",), candidate, step, ends=ends)


def _on_steps(candidate: Embeddings, vectors: Embeddings, step: _Floats) -> Embeddings:
    """Vectors on the levels of the candidate: its number next to each, by as many steps as it is off."""
    off = (vectors.astype(np.float64) - candidate) / step
    # Rounded down, all are half a step above it in the middle; cut off towards zero, half a step further from zero.
    signs = np.sign(vectors).astype(np.float64)
    down, cut = (float(np.clip(np.round(2 * np.median(one)) / 2, -0.5, 0.5)) for one in (off, off * signs))
    middle = _WITHIN * (cut * signs if abs(cut) > abs(down) else down)  # a number on a step stays there
    return np.asarray(candidate + np.round(off - middle) * step, dtype=np.float32)


def _as_eight_bits(vectors: Embeddings, digits: int, least: int) -> Embeddings:
    """Rounded to the nearest number of so many binary digits, to even; tiny ones to steps of the least."""
    _, powers = np.frexp(vectors)
    step = np.ldexp(1.0, np.maximum(powers - 1, least) - digits)
    return np.asarray(np.round(vectors / step) * step, dtype=np.float32)


def _as_bf16(vectors: Embeddings) -> Embeddings:
    """Rounded to the nearest number of which the lower half of the bits is zero, to even."""
    bits = np.ascontiguousarray(vectors, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.asarray(rounded.astype(np.uint32).view(np.float32))
