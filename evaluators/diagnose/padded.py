"""A length beside padding that counts: a text depends on the longest one of its batch, so that none parts the texts.

Nothing says then where texts were cut. The lengths that people set are few, and the right one brings a short text of
such a batch to the last digits.
"""

from __future__ import annotations

from data.rules.causes import Cause
from evaluators.diagnose.cuts import of_tokens
from evaluators.diagnose.directions import left
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.reference import Embeddings

__all__ = ["length_of_batches"]

_USUAL = (32, 48, 64, 96, 100, 128, 192, 200, 256, 300, 384, 400, 500, 510, 512, 768, 1000, 1024, 2048, 4096, 8192)
_RIGHT = 0.1  # of the distance before
_WITNESSES = 2  # texts besides the shortest


def length_of_batches(bench: Bench, candidate: Embeddings, early: tuple[Cause, ...]) -> list[Cause]:
    """The length that texts were cut at, on top of early causes by which padding counts; nothing where none is.

    Args:
        bench: the reference and all texts.
        candidate: float [n, d].
        early: causes taken for granted.
    """
    if bench.under(early).padding == "masked":
        return []
    others = tuple(cause for cause in early if cause.family != "length")
    base = bench.under(others)
    before = left(bench, candidate, base)
    rows = bench.rows(base)
    wrong = [place for place, off in enumerate(before.best) if off > before.tolerance[place]]
    room = int(bench.reference.positions or bench.reference.tokenizer.model_max_length)
    causes = [of_tokens(base.length)(length) for length in _USUAL if length != base.length and length <= room]
    by_size = sorted(wrong, key=lambda place: bench.characters[place])
    for place in [*by_size[: 1 + _WITNESSES], *by_size[-1:]]:
        recipes = [(cause, bench.under((*others, cause))) for cause in causes]
        changed = [(cause, recipe) for cause, recipe in recipes if bench.rows(recipe)[place] != rows[place]]
        edge = max(float(before.tolerance[place]), _RIGHT * float(before.best[place]))
        offs = [left(bench, candidate, recipe, [place]).ways[before.way, 0] for _, recipe in changed]
        near = sorted((float(off), number) for number, off in enumerate(offs) if off < edge)
        causes = [changed[number][0] for _, number in near]
    return causes[:1] if wrong else []
