"""A length beside padding that counts: a text depends on the longest one of its batch, so that none parts the texts.

Nothing says then where texts were cut. The lengths that people set are few, and the right one brings a short text of
such a batch to the last digits.
"""

from __future__ import annotations

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.cuts import USUAL_LENGTHS, of_tokens
from evaluators.diagnose.directions import left
from evaluators.diagnose.lengths import Lengths

__all__ = ["length_of_batches"]

_RIGHT = 0.1  # of the distance before
_WITNESSES = 2  # texts besides the shortest


def length_of_batches(lengths: Lengths) -> list[Cause]:
    """The length that texts were cut at, on top of causes by which padding counts; nothing where none is."""
    if lengths.base.padding == "masked":
        return []
    bench, before, tolerance = lengths.bench, lengths.before, lengths.tolerance
    rows = bench.rows(lengths.base)
    by_size = sorted(np.flatnonzero(before > tolerance).tolist(), key=bench.characters.__getitem__)
    usual = [length for length in USUAL_LENGTHS if length != lengths.base.length and length <= lengths.room]
    causes = [of_tokens(lengths.base.length)(length) for length in usual] if by_size else []
    for place in [*by_size[: 1 + _WITNESSES], *by_size[-1:]]:
        recipes = [(cause, bench.under((*lengths.early, cause))) for cause in causes]
        changed = [(cause, recipe) for cause, recipe in recipes if bench.rows(recipe)[place] != rows[place]]
        edge = max(float(tolerance[place]), _RIGHT * float(before[place]))
        offs = [left(bench, lengths.candidate, recipe, [place]).ways[lengths.way, 0] for _, recipe in changed]
        near = sorted((float(off), number) for number, off in enumerate(offs) if off < edge)
        causes = [changed[number][0] for _, number in near]
    return causes[:1]
