"""Vectors of other texts: in which order rows came back, or which texts were given the vector of another one.

A text's own vector and another's are told apart to the last digits, so that single rows are believed where the other
text's vector is ten times nearer than the own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.causes.orders import Places, orders
from evaluators.diagnose.measure import Errors, apart_all, squared
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

_MOSTLY = 0.5  # of the rows that an order moves, where the others have another cause as well
_FEWEST = 8  # of them
_DRAWN = 1.0  # in the mean logarithm of the distances, that a mere shuffle must be nearer
# Where all rows were changed besides: of those that an order moves, the ones nearest to the text it gives them; and
# of all rows, those nearest to their own, at most.
_NEAREST, _NEAREST_DRAWN, _AT_HOME = 0.6, 0.8, 0.3
_CLEARLY = 0.75  # of the distance to the other texts, in the middle

_ALONE = Sent()


class _Table(NamedTuple):
    """How far every row is from every other's vector, float [n, n] each: squared, and over their mean length."""

    squared: NDArray[np.float64]
    relative: Errors

    @classmethod
    def of(cls, rows: NDArray[np.float64], others: NDArray[np.float64]) -> _Table:
        squares = squared(rows, others)
        return cls(squares, apart_all(rows, others, squares))


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
        table, every = _Table.of(candidate, vectors), np.arange(len(vectors))
        own = table.relative[every, every]
        wrong = int((own > _NOTHING).sum())
        if wrong < _FEWEST:
            return None  # most rows are in their places
        between = apart_all(vectors, vectors)
        _, among = linear_sum_assignment(table.squared)
        nearest, clear = table.squared.argmin(1), _CLEARLY * np.sqrt(np.median(table.squared, axis=1))
        away = float((nearest == every).mean()) < _AT_HOME
        tried = orders(nearest, sent)
        for cause, places in [*zip(*tried, strict=True), (CAUSES["rows-shuffled"], np.asarray(among))]:
            moved = between[places, every] > _NOTHING
            after = table.relative[every, places]
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
    table, every = _Table.of(candidate, vectors), np.arange(len(vectors))
    own = table.relative[every, every]
    wrong = np.flatnonzero(own > _NOTHING)
    if not len(wrong):
        return None
    between = apart_all(vectors, vectors)
    tried = orders(table.squared.argmin(1), sent)
    fitting = _all_fit(table.relative, between, tried.places)
    if fitting.any():
        first = int(fitting.argmax())
        return tried.causes[first], vectors[tried.places[first]]
    cost = table.squared[wrong]
    _, among = linear_sum_assignment(cost[:, wrong])
    places = every.copy()
    places[wrong] = wrong[among]
    if _all_fit(table.relative, between, places[None])[0]:
        moved = int((places != every).sum())
        few = moved < _MOST * len(own)
        exchanged = CAUSES["rows-exchanged"].filled({"count": moved})
        return exchanged if few else CAUSES["rows-shuffled"], vectors[places]
    return _of_others(vectors, table.relative, wrong, cost.argmin(1))


def _of_others(
    vectors: NDArray[np.float64], relative: Errors, wrong: Places, nearest: Places
) -> tuple[Cause, NDArray[np.float64]] | None:
    """The rows that are clearly another text's, of those that are wrong and what is nearest to each."""
    places, every = np.arange(len(vectors)), np.arange(len(vectors))
    places[wrong] = nearest
    others = _fits(relative[every, places], relative[every, every]) & (places != every)
    if not others.any():
        return None
    places[~others] = np.flatnonzero(~others)
    return CAUSES["rows-of-others"].filled({"count": int(others.sum())}), vectors[places]


def _all_fit(relative: Errors, between: Errors, places: Places) -> NDArray[np.bool_]:
    """Of which orders rows moved so are near, those that move ten times nearer, and the others no further off.

    Args:
        relative: how far every row is from every text's vector, float [n, n].
        between: how far those are from each other, float [n, n].
        places: the text that each row is of, int [orders, n].
    """
    every = np.arange(len(relative))
    after, moves = relative[every, places], between[places, every] > _NOTHING
    level = np.maximum(_NOTHING, _NOISE * np.median(after, axis=1))
    fits = (_fits(after, relative[every, every]) | ~moves).all(axis=1)
    return np.asarray(moves.any(axis=1) & fits & (after.max(axis=1) < level))


def _fits(after: Errors, before: Errors) -> NDArray[np.bool_]:
    return np.asarray((after < _NOTHING) | (after * _TIMES_NEARER < before))
