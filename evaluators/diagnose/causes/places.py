"""Vectors of other texts: in which order rows came back, or which texts were given the vector of another one.

A text's own vector and another's are told apart to the last digits, so that single rows are believed where the other
text's vector is ten times nearer than the own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.measure import Errors, apart
from evaluators.diagnose.rows import Sent

__all__ = ["ORDERS", "SINGLE", "out_of_order", "placed"]

# Codes of the causes that move all rows, and of those that move single ones.
ORDERS = frozenset(
    {
        "rows-shifted",
        "rows-reversed",
        "rows-by-length",
        "rows-reversed-by-batch",
        "rows-by-length-by-batch",
        "rows-shuffled",
    }
)
SINGLE = frozenset({"rows-exchanged", "rows-of-others"})
_NOTHING = 1e-3  # relative distance of a row that is its own text's
_TIMES_NEARER = 10
_NOISE = 4  # times the middle: the worst of rows that only round
_MOST = 0.6  # of the rows moved, from which it is the whole order that is another
_BATCHES = (2, 4, 8, 16, 32, 64, 128)

_MOSTLY = 0.5  # of the rows that an order moves, where the others have another cause as well
_FEWEST = 8  # of them
_DRAWN = 1.0  # in the mean logarithm of the distances, that a mere shuffle must be nearer
# Where all rows were changed besides: of those that an order moves, the ones nearest to the text it gives them; and
# of all rows, those nearest to their own, at most.
_NEAREST, _NEAREST_DRAWN, _AT_HOME = 0.6, 0.8, 0.3
_CLEARLY = 0.75  # of the distance to the other texts, in the middle

Places = NDArray[np.int64]


_ALONE = Sent()


def out_of_order(
    candidate: NDArray[np.float64], ways: Sequence[NDArray[np.float64]], sent: Sent
) -> tuple[Cause, Places] | None:
    """The order that most rows came back in, where others of them differ besides; None where none is, or all rows fit.

    Args:
        candidate: float [n, d], of length one.
        ways: the reference's vectors pooled in every way, float [n, d] of length one each.
        sent: how the texts went to the candidate.

    Returns:
        The cause, and the text that each row is of, int [n].
    """
    best: tuple[float, Cause, Places] | None = None
    for vectors in ways:
        own = apart(candidate, vectors)
        wrong = int((own > _NOTHING).sum())
        if wrong < _FEWEST:
            return None  # most rows are in their places
        cost = _squared(candidate, vectors)
        _, among = linear_sum_assignment(cost)
        nearest, clear = cost.argmin(1), _CLEARLY * np.sqrt(np.maximum(np.median(cost, axis=1), 0))
        away = float((nearest == np.arange(len(own))).mean()) < _AT_HOME
        orders = [*_orders(nearest, sent), (CAUSES["rows-shuffled"], np.asarray(among))]
        for cause, places in orders:
            moved = apart(vectors[places], vectors) > _NOTHING
            after = apart(candidate, vectors[places])
            fits = _fits(after, own)[moved]
            if len(fits) < max(_FEWEST, _MOST * len(own)):
                continue
            home = float(((nearest == places) & (after < clear))[moved].mean()) if away else 0.0
            drawn = cause.code == "rows-shuffled"
            if float(fits.mean()) < _MOSTLY and home < (_NEAREST_DRAWN if drawn else _NEAREST):
                continue
            left = float(np.log(np.maximum(after, _NOTHING)).mean())
            # Each row's nearest is always as near as any order: that it is no other is no reason for it.
            left += _DRAWN if drawn else 0.0
            if best is None or left < best[0]:
                best = left, cause, places
            if bool(fits.all()):
                return None  # and nothing else: that is found with the other causes
    return None if best is None else best[1:]


def placed(
    candidate: NDArray[np.float64], vectors: NDArray[np.float64], sent: Sent = _ALONE
) -> tuple[Cause, NDArray[np.float64]] | None:
    """The cause for which rows are other texts' vectors, and the reference's vectors so placed; None where none is.

    Args:
        candidate: float [n, d].
        vectors: the reference's under the other causes, float [n, d].
        sent: how the texts went to the candidate.
    """
    own = apart(candidate, vectors)
    wrong = np.flatnonzero(own > _NOTHING)
    if not len(wrong):
        return None
    for cause, places in _orders(_squared(candidate, vectors).argmin(1), sent):
        if _all_fit(candidate, vectors, own, places):
            return cause, vectors[places]
    cost = _squared(candidate[wrong], vectors)
    _, among = linear_sum_assignment(cost[:, wrong])
    places = np.arange(len(own))
    places[wrong] = wrong[among]
    if _all_fit(candidate, vectors, own, places):
        moved = int((places != np.arange(len(own))).sum())
        few = moved < _MOST * len(own)
        exchanged = CAUSES["rows-exchanged"].filled({"count": moved})
        return exchanged if few else CAUSES["rows-shuffled"], vectors[places]
    return _of_others(candidate, vectors, own, wrong, cost)


def _of_others(
    candidate: NDArray[np.float64], vectors: NDArray[np.float64], own: Errors, wrong: Places, cost: NDArray[np.float64]
) -> tuple[Cause, NDArray[np.float64]] | None:
    places = np.arange(len(own))
    places[wrong] = cost.argmin(1)
    others = _fits(apart(candidate, vectors[places]), own) & (places != np.arange(len(own)))
    if not others.any():
        return None
    places[~others] = np.flatnonzero(~others)
    return CAUSES["rows-of-others"].filled({"count": int(others.sum())}), vectors[places]


def _all_fit(candidate: NDArray[np.float64], vectors: NDArray[np.float64], own: Errors, places: Places) -> bool:
    """Whether rows moved so are near, those that move ten times nearer, and the others no further off than those."""
    after, moves = apart(candidate, vectors[places]), apart(vectors[places], vectors) > _NOTHING
    level = max(_NOTHING, _NOISE * float(np.median(after)))
    return bool(moves.any()) and bool(_fits(after, own)[moves].all()) and float(after.max()) < level


def _fits(after: Errors, before: Errors) -> NDArray[np.bool_]:
    return np.asarray((after < _NOTHING) | (after * _TIMES_NEARER < before))


def _squared(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((rows**2).sum(1)[:, None] + (others**2).sum(1)[None] - 2 * rows @ others.T)


def _orders(nearest: Places, sent: Sent) -> Iterator[tuple[Cause, Places]]:
    """Orders that rows come back in, each with its cause: of all texts in one call, or of each of several."""
    yield from _within(nearest, sent, [np.arange(len(nearest))])
    if len(sent.calls) > 1:
        yield from _within(nearest, sent, [np.asarray(call) for call in sent.calls])


def _within(nearest: Places, sent: Sent, calls: Sequence[Places]) -> Iterator[tuple[Cause, Places]]:
    def ordered(order: Callable[[Places], Places]) -> Places:
        places = every.copy()
        for call in calls:
            places[call] = call[order(call)]
        return places

    largest, every = max(calls, key=len), np.arange(len(nearest))
    count, at = len(largest), np.full(len(nearest), -1)
    at[largest] = np.arange(count)
    steps = (at[nearest[largest]] - np.arange(count))[at[nearest[largest]] >= 0] % count
    if len(steps) and (by := int(np.bincount(steps, minlength=count).argmax())):
        by = by if by <= count // 2 else by - count
        yield CAUSES["rows-shifted"].filled({"by": by}), ordered(lambda call: (np.arange(len(call)) + by) % len(call))
    yield CAUSES["rows-reversed"], ordered(partial(_by_batch, size=count, keys=-every))
    lengths = [np.asarray(each) for each in sent.lengths]
    for keys in lengths:
        # Of equal ones the first first, and the last first where the shortest first were turned round.
        for one in (keys, -keys, -(keys * len(every) + every)):
            yield CAUSES["rows-by-length"], ordered(partial(_by_batch, size=count, keys=one))
    for size in _BATCHES:
        if size < count:
            cause = CAUSES["rows-reversed-by-batch"].filled({"size": size})
            yield cause, ordered(partial(_by_batch, size=size, keys=-every))
            cause = CAUSES["rows-by-length-by-batch"].filled({"size": size})
            for one in (sign * keys for keys in lengths for sign in (-1, 1)):
                yield cause, ordered(partial(_by_batch, size=size, keys=one))


def _by_batch(call: Places, size: int, keys: Places) -> Places:
    """The places of a call in the order of keys within each batch."""
    starts = range(0, len(call), size)
    return np.concatenate([start + np.argsort(keys[call[start : start + size]], kind="stable") for start in starts])
