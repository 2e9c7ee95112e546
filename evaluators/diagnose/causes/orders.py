"""Orders that rows come back in: of all texts in one call, or of each of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.rows import Sent

__all__ = ["Orders", "Places", "orders"]

Places = NDArray[np.int64]
_Whole = tuple[int, ...]
_BATCHES = (2, 4, 8, 16, 32, 64, 128)


class Orders(NamedTuple):
    """Each order's cause, and the text that each row is of under it, int [orders, n]."""

    causes: tuple[Cause, ...]
    places: Places


def orders(nearest: Places, sent: Sent) -> Orders:
    """The orders worth trying, those of all texts before those of each call.

    Args:
        nearest: the text whose vector is nearest to each row, int [n], which says by how many rows they are shifted.
        sent: how the texts went to the candidate.
    """
    count = len(nearest)
    lengths = tuple(tuple(map(int, each)) for each in sent.lengths)
    causes: list[Cause] = []
    places: list[Places] = []
    together = (tuple(range(count)),)
    each = tuple(tuple(map(int, call)) for call in sent.calls)
    for calls in (together, each) if len(each) > 1 else (together,):
        shifted, known = _shifted(nearest, calls), _known(count, calls, lengths)
        causes += [*shifted.causes, *known.causes]
        places += [shifted.places, known.places]
    return Orders(tuple(causes), np.concatenate(places))


def _stacked(pairs: Iterable[tuple[Cause, Places]], count: int) -> Orders:
    each = list(pairs)
    places = np.stack([one for _, one in each]) if each else np.empty((0, count), np.int64)
    return Orders(tuple(cause for cause, _ in each), places)


def _shifted(nearest: Places, calls: Sequence[_Whole]) -> Orders:
    largest, count = max(calls, key=len), len(nearest)
    size, at = len(largest), np.full(count, -1)
    at[list(largest)] = np.arange(size)
    there = at[nearest[list(largest)]]
    steps = (there - np.arange(size))[there >= 0] % size
    by = int(np.bincount(steps, minlength=size).argmax()) if len(steps) else 0
    if not by:
        return _stacked([], count)
    by = by if by <= size // 2 else by - size
    places = _ordered(count, calls, lambda call: np.roll(call, -by))
    return _stacked([(CAUSES["rows-shifted"].filled({"by": by}), places)], count)


@lru_cache(maxsize=8)
def _known(count: int, calls: tuple[_Whole, ...], lengths: tuple[_Whole, ...]) -> Orders:
    """Those that do not depend on the vectors."""
    return _stacked(_by_keys(count, calls, lengths), count)


def _by_keys(count: int, calls: tuple[_Whole, ...], lengths: tuple[_Whole, ...]) -> Iterator[tuple[Cause, Places]]:
    def by(keys: Places, size: int) -> Places:
        return _ordered(count, calls, partial(_by_batch, size=size, keys=keys))

    largest, every = max(map(len, calls)), np.arange(count)
    yield CAUSES["rows-reversed"], by(-every, largest)
    for keys in map(np.asarray, lengths):
        # Of equal ones the first first, and the last first where the shortest first were turned round.
        for one in (keys, -keys, -(keys * count + every)):
            yield CAUSES["rows-by-length"], by(one, largest)
    for size in _BATCHES:
        if size < largest:
            yield CAUSES["rows-reversed-by-batch"].filled({"size": size}), by(-every, size)
            cause = CAUSES["rows-by-length-by-batch"].filled({"size": size})
            for one in (sign * np.asarray(keys) for keys in lengths for sign in (-1, 1)):
                yield cause, by(one, size)


def _ordered(count: int, calls: Sequence[_Whole], order: Callable[[Places], Places]) -> Places:
    """The text each row is of where every call gave its own back in an order."""
    places = np.arange(count)
    for call in calls:
        places[list(call)] = order(np.asarray(call))
    return places


def _by_batch(call: Places, size: int, keys: Places) -> Places:
    """A call in the order of keys within each batch."""
    starts = range(0, len(call), size)
    batches = [call[start : start + size] for start in starts]
    return np.concatenate([batch[np.argsort(keys[batch], kind="stable")] for batch in batches])
