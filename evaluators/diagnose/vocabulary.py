"""A vocabulary with a line too few or too many: from some id on every token has the id of the one beside it.

Texts all of whose ids lie below it are right, so that it lies between the highest id of those and the lowest that texts
which differ have beyond. SentencePiece's own ids in the place of a model's are the same from the first one on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.lengths import Lengths

__all__ = ["shifted_ids"]

_FEWEST = 4  # texts that differ
_SHORT = 40  # tokens of the text that ids are tried on, if there is one
_TRIED = 48  # ids
_WITNESSES = 3
_LOWER, _TURNS = 8, 5  # texts that hold ids between, at a time
_KINDS = (("ids-too-low", -1), ("ids-too-high", 1))


def shifted_ids(lengths: Lengths) -> list[Cause]:
    """The id from which on all are shifted, where the texts that differ are those that hold one beyond it.

    Args:
        lengths: what is known of the texts that differ, on top of early causes.
    """
    if any(cause.family == "tokenizer" for cause in lengths.early):
        return []
    special = set(lengths.bench.reference.tokenizer.all_special_ids)
    held = [{one for one in row.ids if one not in special} for row in lengths.bench.rows(lengths.base)]
    wrong = [place for place in range(len(held)) if lengths.differs(place)]
    below = max((max(ids) for place, ids in enumerate(held) if ids and place not in wrong), default=-1)
    if len(wrong) < _FEWEST or any(max(held[place], default=-1) <= below for place in wrong):
        return []
    # The text with the most ids in question tells the most.
    beyond = {place: sorted(one for one in held[place] if one > below) for place in wrong}
    short = [place for place in wrong if len(held[place]) <= _SHORT] or wrong
    place = max(short, key=lambda one: len(beyond[one]))
    tried = [_shifted(code, by, first) for first in _some(beyond[place]) for code, by in _KINDS]
    nearest = min(tried, key=lambda cause: lengths.off(cause, place))
    witnesses = [place, *(other for other in reversed(short) if other != place)][: _WITNESSES + 1]
    finer = [nearest, *(_with_first(nearest, first) for other in witnesses for first in _near(nearest, beyond[other]))]
    best = min(finer, key=lambda cause: sum(lengths.off(cause, other) for other in witnesses))
    for _ in range(_TURNS):
        before, best = best, _among_lower(lengths, best, beyond)
        if best == before:
            break
    return [best] if lengths.bears_out(best, witnesses) else []


def _among_lower(lengths: Lengths, best: Cause, beyond: Mapping[int, Sequence[int]]) -> Cause:
    """The same from a lower id on, where texts that hold lower ones come right so; those that are furthest off tell."""
    first = int(str(best.blanks["first"]))
    lower = {place: [one for one in ids if one < first] for place, ids in beyond.items()}
    off = {place: lengths.off(best, place) for place in lower if lower[place]}
    telling = sorted(off, key=lambda place: (-off[place], len(beyond[place])))[:_LOWER]
    ids = sorted({one for place in telling for one in lower[place]})
    tried = [best, *(_with_first(best, one) for one in _some(ids))]
    return min(tried, key=lambda cause: sum(lengths.off(cause, place) for place in telling))


def _shifted(code: str, by: int, first: int) -> Cause:
    return CAUSES[code].filled({"first": first}, changes={"tokenizer": f"ids:{by}:{first}"})


def _with_first(cause: Cause, first: int) -> Cause:
    return _shifted(cause.code, dict(_KINDS)[cause.code], first)


def _some(ids: Sequence[int]) -> Sequence[int]:
    """So many of the ids, the lowest among them."""
    return ids[:: max(1, -(-len(ids) // _TRIED))]


def _near(cause: Cause, ids: Sequence[int]) -> list[int]:
    """The ids next to a cause's on either side."""
    first = int(str(cause.blanks["first"]))
    lower, upper = [one for one in ids if one < first], [one for one in ids if one > first]
    return [*lower[-1:], *upper[:1]]
