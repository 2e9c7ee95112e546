"""What an encoder shows that gives two texts one vector: those that begin alike, and variants of one text."""

from __future__ import annotations

from data.rules.vectors.arrays import Vectors
from evaluators.parity.asking import SAME, CallLog, alike_for
from evaluators.parity.observations import Observation
from evaluators.parity.scatter import gap

__all__ = ["beginnings_shared", "variants_shared"]

_APART = 1e-4  # gap from which the reference has two vectors


def _one(left: Vectors, right: Vectors, tolerance: float) -> bool:
    return left.shape == right.shape and float(gap(left, right)[0]) <= tolerance


def beginnings_shared(log: CallLog, reference: CallLog | None) -> list[Observation]:
    """Texts that share their first characters and get one vector, where the reference gives them two."""
    if log.first is None or reference is None or reference.first is None:
        return []
    first, known = log.first, reference.first
    apart = {shared for shared, row in reference.beginnings.items() if not _one(known, row, _APART)}
    same = {shared for shared, row in log.beginnings.items() if _one(first, row, SAME)}
    # The reference is not asked of every number of characters: what it tells apart at more, it does at fewer.
    least = min((shared for shared in same if shared <= max(apart, default=0)), default=None)
    if least is None or any(shared in apart and shared not in same for shared in log.beginnings if shared > least):
        return []
    numbers = {"characters": least, "first_kept": _one(first, known, _APART)}
    return [Observation("beginning-shared", numbers)]


def variants_shared(log: CallLog, reference: CallLog | None, shared: int | None) -> list[Observation]:
    """Variants of a text that get its vector, the reference's of the text, where the reference tells them apart.

    Those that begin alike for as many characters as already make two texts one (``shared``) say nothing more.
    """
    if log.first is None or reference is None or reference.first is None:
        return []
    if not _one(log.first, reference.first, _APART):
        return []
    apart = [
        name
        for name, row in reference.variants.items()
        if float(gap(reference.first, row)[0]) > _APART and (shared is None or alike_for(name) < shared)
    ]
    same = [name for name in apart if name in log.variants and float(gap(log.first, log.variants[name])[0]) <= SAME]
    return [Observation("variants-shared", {"variants": same})] if same else []
