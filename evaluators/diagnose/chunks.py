"""Long texts cut in chunks whose vectors were averaged: of what size, how much shared, averaged how.

In a text of two chunks the vector is a sum of the vectors of a beginning and of an end. All beginnings and all ends
(every so many tokens, then finely) are encoded once, and each pair of them is fitted; the pair that fits says the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import gcd
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.rules.causes import CAUSES, Cause
from data.rules.causes.tokens import CHUNKS_HOW, EACH_PROMPTED
from evaluators.diagnose.cuts import is_round, roundest
from evaluators.diagnose.directions import of_rows
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.recipe import Chunking
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Row

__all__ = ["FITS", "nearest_of", "chunked", "estimated_chunks", "nearest_pairs"]

_Floats = NDArray[np.float64]
Whole = TypeVar("Whole", str, tuple[int, ...])
# Of chunks in tokens, by unit; those of other units are called after them.
_CODES = {"tokens": "chunks-averaged", "tokens-rest": "chunks-averaged-to-the-end"}

_GRID = 120  # beginnings and ends first looked at
_GRID_OF_ENDS = 40  # the same where a rest stands by itself: it is nearer the nearer it starts
_BEST = 3  # pairs looked at more finely, and tried
_TEXTS = 3  # that tell where last chunks begin
_HOPELESS = 2  # texts that are no end of theirs, of which others are none either
FITS = 0.5  # of the distance before, a sum of two that fits


def chunked(chunking: Chunking, declared: int) -> Cause:
    """Texts in chunks."""
    size, shared, how, unit, prompted = chunking
    code = _CODES.get(unit, f"pieces-{unit}")
    spoken = [CHUNKS_HOW[how], EACH_PROMPTED] if prompted else CHUNKS_HOW[how]
    values = {"length": size, "shared": shared, "how": spoken, "declared": declared}
    return CAUSES[code].filled(values, changes={"chunks": chunking})


def estimated_chunks(lengths: Lengths) -> list[Cause]:
    """Causes that explain the longer texts, where those are the ones that differ; at most two."""
    differing = lengths.longer()
    if not differing:
        return []
    place = differing[0]
    ids, around = _own_ids(lengths, place)
    if len(ids) < 2:
        return []  # what has no two parts
    shorter = [count for count in lengths.spared(lengths.tokens, differing) if count <= len(ids)]
    least = max(1, max(shorter, default=8) - around)
    made = partial(_vectors, lengths)
    pairs = nearest_pairs(ids, made, unit_rows(lengths.candidate[[place]])[0], least)
    sizes = [(end + around, end - start) for off, end, start in pairs if off < FITS * lengths.before[place]]
    declared = lengths.base.length
    causes = [
        chunked(Chunking(size, shared, how, unit), declared)
        for size, shared in sizes
        for how in CHUNKS_HOW
        if how != "last"  # of which any end is as good
        for unit in (_CODES if shared else ("tokens",))  # beside a loop over all starts
    ]
    causes += _last_alone(lengths, differing, least + around)
    return nearest_of(lengths, causes, [place, differing[-1]])


def nearest_of(lengths: Lengths, causes: Sequence[Cause], places: Sequence[int]) -> list[Cause]:
    """Of causes those nearest on the first place that all places bear out; at most two."""
    lengths.ahead(causes, places[0])
    good = sorted((lengths.off(cause, places[0]), number) for number, cause in enumerate(causes))[:_BEST]
    return [causes[number] for _, number in good if lengths.bears_out(causes[number], places)][:2]


def nearest_pairs(
    whole: Whole, made: Callable[[Sequence[Whole]], Embeddings], wanted: Embeddings, least: int
) -> list[tuple[float, int, int]]:
    """The beginnings and the rests of a text whose sum comes nearest: distance, where one ends, where one starts.

    Args:
        whole: the text, or its tokens.
        made: the unit vectors of parts of it.
        wanted: float [d], a unit vector.
        least: of it that the beginning holds.
    """
    first = max(1, len(whole) // _GRID)
    pairs = _pairs(whole, made, wanted, range(least, len(whole), first), range(1, len(whole), first))
    for step in range(first - 1, 0, -1):
        firsts = {end + by for _, end, _ in pairs for by in (-step, 0, step)}
        lasts = {start + by for _, _, start in pairs for by in (-step, 0, step)}
        within = sorted(end for end in firsts if least <= end < len(whole))
        pairs = _pairs(whole, made, wanted, within, sorted(start for start in lasts if 0 < start < len(whole)))
    return pairs


def _own_ids(lengths: Lengths, place: int) -> tuple[tuple[int, ...], int]:
    """A text's ids without special tokens, as many as there is room for with them, and how many of those there are."""
    around = sum(map(len, _special(lengths)))
    recipe = replace(lengths.base, length=lengths.room - around, special="none")
    return lengths.bench.rows(recipe)[place].ids, around


def _last_alone(lengths: Lengths, differing: Sequence[int], least: int) -> list[Cause]:
    """The chunks of which the last one alone was kept, where the longer texts have the vectors of their ends.

    All last chunks begin at a multiple of one number, each before its text is over and behind where one less would do.

    Args:
        lengths: what is known of the lengths.
        differing: places of the texts that differ, the shortest first.
        least: tokens that a chunk has at least, special ones included.
    """
    begun: list[tuple[int, int]] = []  # where the last chunk begins, of how many tokens
    around = 0
    for number, place in enumerate(dict.fromkeys([*differing[:_TEXTS], differing[-1]])):
        if number == _HOPELESS and not begun:
            return []
        ids, around = _own_ids(lengths, place)
        off, start = _nearest_end(lengths, ids, place)
        if off < FITS * lengths.before[place]:
            begun.append((start, len(ids)))
    every = gcd(*(start for start, _ in begun))
    for stride in sorted((one for one in range(1, every + 1) if every % one == 0), reverse=True):
        fewest = max(0, least - around - stride, *(count - start - stride for start, count in begun))
        most = min(stride, *(count - start - 1 for start, count in begun))
        if fewest <= most:
            sizes = range(stride + around + fewest, stride + around + most + 1)
            whole = sizes[0] if fewest == 0 and is_round(sizes[0]) else roundest(sizes)
            return [chunked(Chunking(whole, whole - stride - around, "last"), lengths.base.length)]
    return []


def _nearest_end(lengths: Lengths, ids: Sequence[int], place: int) -> tuple[float, int]:
    """How near a rest of a text comes by itself, and where it starts; looked for coarsely, then finely."""
    wanted = unit_rows(lengths.candidate[[place]])
    step = max(1, len(ids) // _GRID_OF_ENDS)
    starts = list(range(1, len(ids), step))
    while True:
        off = np.linalg.norm(_vectors(lengths, [ids[start:] for start in starts]) - wanted, axis=1)
        best = starts[int(off.argmin())]
        if step == 1:
            return float(off.min()), best
        step = max(1, step // 2)
        starts = sorted({one for by in range(-3, 4) if 0 < (one := best + by * step) < len(ids)})


def _pairs(
    whole: Whole,
    made: Callable[[Sequence[Whole]], Embeddings],
    wanted: Embeddings,
    ends: Sequence[int],
    starts: Sequence[int],
) -> list[tuple[float, int, int]]:
    if not ends or not starts:
        return []
    firsts = made([whole[:end] for end in ends]).astype(np.float64)
    lasts = made([whole[start:] for start in starts]).astype(np.float64)
    off = _off(wanted.astype(np.float64), firsts, lasts)
    off[np.asarray(starts)[None] > np.asarray(ends)[:, None]] = 2.0
    best = np.argsort(off, axis=None, kind="stable")[:_BEST]
    return [(float(off.flat[one]), ends[one // len(starts)], starts[one % len(starts)]) for one in best]


def _off(wanted: _Floats, firsts: _Floats, lasts: _Floats) -> _Floats:
    """How far a unit vector is from the plane of two others, by least squares, float64 [firsts, lasts].

    2 where one of them would be taken off.
    """
    one, other, both = (firsts @ wanted)[:, None], (lasts @ wanted)[None], firsts @ lasts.T
    rest = np.maximum(1 - both**2, 1e-9)
    weights = (one - other * both) / rest, (other - one * both) / rest
    squared = 1 - weights[0] * one - weights[1] * other
    return np.where((weights[0] < 0) | (weights[1] < 0), 2.0, np.sqrt(np.maximum(squared, 0)))


def _vectors(lengths: Lengths, parts: Sequence[Sequence[int]]) -> Embeddings:
    """Unit vectors of parts of a text, each with the special tokens of its own."""
    first, last = _special(lengths)
    attention = lengths.base.attention.partition(" beyond ")[0]
    rows = [Row((*first, *part, *last), 0, 0, "", attention, False) for part in parts]
    made = unit_rows(of_rows(lengths.bench, lengths.base, rows, lengths.way))
    return made[:, : lengths.candidate.shape[1]]


def _special(lengths: Lengths) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens before and behind a text, as its shortest one that is not blank shows them."""
    place = min(
        (count, place) for place, count in enumerate(lengths.tokens) if lengths.bench.texts.texts[place].strip()
    )[1]
    whole, bare = (lengths.bench.rows(replace(lengths.base, special=special))[place].ids for special in ("all", "none"))
    before = next(start for start in range(len(whole)) if whole[start : start + len(bare)] == bare)
    return whole[:before], whole[before + len(bare) :]
