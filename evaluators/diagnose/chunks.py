"""Long texts cut in chunks whose vectors were averaged: of what size, how much shared, averaged how.

In a text of two chunks the vector is a sum of the vectors of a beginning and of an end. All beginnings and all ends
(every so many tokens, then finely) are encoded once, and each pair of them is fitted; the pair that fits says the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.rules.causes import CAUSES, Cause
from data.rules.causes.tokens import CHUNKS_HOW
from evaluators.diagnose.directions import of_rows
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Row

__all__ = ["chunked", "estimated_chunks"]

_GRID = 120  # beginnings and ends first looked at
_BEST = 3  # pairs looked at more finely, and tried
_FITS = 0.5  # of the distance before, a sum of two that fits


def chunked(size: int, shared: int, how: str, declared: int) -> Cause:
    """Texts in chunks of so many tokens."""
    values = {"length": size, "shared": shared, "how": CHUNKS_HOW[how], "declared": declared}
    return CAUSES["chunks-averaged"].filled(values, changes={"chunks": (size, shared, how)})


def estimated_chunks(lengths: Lengths) -> list[Cause]:
    """Causes that explain the longer texts, where those are the ones that differ; at most two."""
    differing = lengths.longer()
    if not differing:
        return []
    place = differing[0]
    recipe = replace(lengths.base, length=lengths.room, special="none")
    ids = lengths.bench.rows(recipe)[place].ids
    around = lengths.tokens[place] - len(ids)
    shorter = [
        count
        for other, count in enumerate(lengths.tokens)
        if other not in {*differing, *lengths.settled} and count <= len(ids)
    ]
    least = max(1, max(shorter, default=8) - around)
    wanted = unit_rows(lengths.candidate[[place]])[0]
    first = max(1, len(ids) // _GRID)
    pairs = _pairs(lengths, ids, wanted, range(least, len(ids), first), range(1, len(ids), first))
    for step in range(first - 1, 0, -1):
        firsts = {end + by for _, end, _ in pairs for by in (-step, 0, step)}
        lasts = {start + by for _, _, start in pairs for by in (-step, 0, step)}
        within = sorted(end for end in firsts if least <= end < len(ids))
        pairs = _pairs(lengths, ids, wanted, within, sorted(start for start in lasts if 0 < start < len(ids)))
    sizes = [(end + around, end - start) for off, end, start in pairs if off < _FITS * lengths.before[place]]
    causes = [chunked(size, shared, how, lengths.base.length) for size, shared in sizes for how in CHUNKS_HOW]
    good = sorted((lengths.off(cause, place), number) for number, cause in enumerate(causes))[:_BEST]
    return [causes[number] for _, number in good if lengths.bears_out(causes[number], [place, differing[-1]])][:2]


def _pairs(
    lengths: Lengths, ids: Sequence[int], wanted: Embeddings, ends: Sequence[int], starts: Sequence[int]
) -> list[tuple[float, int, int]]:
    """The beginnings (up to an end) and the rests (from a start) whose sum comes nearest: distance, end, start."""
    if not ends or not starts:
        return []
    firsts = _vectors(lengths, [ids[:end] for end in ends])
    lasts = _vectors(lengths, [ids[start:] for start in starts])
    tried = []
    for end, first in zip(ends, firsts, strict=True):
        for start, last in zip(starts, lasts, strict=True):
            if start <= end:
                tried.append((_off(wanted, first, last), end, start))
    return sorted(tried)[:_BEST]


def _off(wanted: Embeddings, first: Embeddings, last: Embeddings) -> float:
    """How far a unit vector is from the plane of two others."""
    both = np.stack([first, last], axis=1).astype(np.float64)
    weights, *_ = np.linalg.lstsq(both, wanted.astype(np.float64), rcond=None)
    return 2.0 if (weights < 0).any() else float(np.linalg.norm(wanted - both @ weights))


def _vectors(lengths: Lengths, parts: Sequence[Sequence[int]]) -> Embeddings:
    """Unit vectors of parts of a text, each with the special tokens of its own."""
    first, last = _special(lengths)
    rows = [Row((*first, *part, *last), 0, 0, "", lengths.base.attention, False) for part in parts]
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
