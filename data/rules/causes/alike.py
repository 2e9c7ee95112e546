"""Causes that give the same vectors, in a sentence: the first of them by name, and how many there are besides."""

from __future__ import annotations

from collections.abc import Sequence

from data.rules.words import Phrase, in_a_row, mark, phrase

__all__ = ["either", "first_alike"]

_NAMED = 3  # of more than one more than these the rest is counted


def first_alike(same_as: Sequence[str]) -> tuple[list[str], int]:
    """Those of the causes that a sentence names, and the number of the others: 0, or at least 2."""
    named = list(same_as) if len(same_as) <= _NAMED + 1 else list(same_as[:_NAMED])
    return named, len(same_as) - len(named)


def either(cause: str, same_as: Sequence[str], *, whole: bool = False) -> str:
    """A cause with those that cannot be told from it: "a (or b, or c)", "a (or b, or c, or d, or one of 9 others)".

    Args:
        cause: what it is called, such as a :class:`Phrase`.
        same_as: what the others are called.
        whole: all of them by name, as sentences of older stores have them.
    """
    named, more = (list(same_as), 0) if whole else first_alike(same_as)
    if not named:
        return cause
    others: Phrase = in_a_row(named, mark("{before}, or {after}"))
    if more:
        return phrase("{cause} (or {others}, or one of {n} others)", cause=cause, others=others, n=more)
    return phrase("{cause} (or {others})", cause=cause, others=others)
