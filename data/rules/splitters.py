"""How long texts are cut into pieces before they are encoded, as RAG frameworks do it; each piece is then a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

__all__ = ["SPLITTERS", "Splitter", "window_starts"]

_BREAKS = ("\n\n", "\n", " ")  # of LangChain's RecursiveCharacterTextSplitter, the first that a text has; then anywhere
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])|\n+")


def window_starts(count: int, size: int, shared: int, *, rest: bool = False) -> range:
    """Where windows of a size over so many units begin, each sharing units with the next.

    Args:
        count: units there are.
        size: of a window.
        shared: units that two windows share.
        rest: whether one more begins where all that is left was in the one before it, as in a loop over all starts.
    """
    return range(0, max(1, count if rest else count - shared), max(1, size - shared))


def _characters(text: str, size: int, shared: int, *, rest: bool = False) -> list[str]:
    """Windows of so many characters."""
    return [text[start : start + size] for start in window_starts(len(text), size, shared, rest=rest)]


def _words(text: str, size: int, shared: int, *, rest: bool = False) -> list[str]:
    """Windows of so many words."""
    words = text.split()
    return [" ".join(words[start : start + size]) for start in window_starts(len(words), size, shared, rest=rest)]


def _sentences(text: str, size: int, shared: int) -> list[str]:
    """Windows of so many sentences; a line is one at least."""
    sentences = _parted(text)
    return [" ".join(sentences[start : start + size]) for start in window_starts(len(sentences), size, shared)]


def _at_breaks(text: str, size: int, shared: int) -> list[str]:
    """As LangChain's RecursiveCharacterTextSplitter: up to so many characters, cut at breaks, white space stripped."""
    return _recursively(text, size, shared, _BREAKS)


def _parted(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def _recursively(text: str, size: int, shared: int, breaks: tuple[str, ...]) -> list[str]:
    place = next((place for place, one in enumerate(breaks) if one in text), len(breaks))
    pieces: list[str] = []
    short: list[str] = []
    for part in _before_breaks(text, breaks[place]) if place < len(breaks) else list(text):
        if len(part) < size:
            short.append(part)
            continue
        pieces += _merged(short, size, shared)
        short = []
        deeper = breaks[place + 1 :]
        pieces += _recursively(part, size, shared, deeper) if place < len(breaks) else [part]
    return pieces + _merged(short, size, shared)


def _before_breaks(text: str, at: str) -> list[str]:
    """The parts of a text, each but the first with its break before it."""
    first, *others = text.split(at)
    return [part for part in (first, *(at + other for other in others)) if part]


def _merged(parts: list[str], size: int, shared: int) -> list[str]:
    """As many parts in a row as there is room for; the last ones of a piece, up to the overlap, begin the next."""
    pieces: list[str] = []
    current: list[str] = []
    total = 0
    for part in parts:
        if total + len(part) > size:
            pieces.append("".join(current).strip())
            while total > shared or (total + len(part) > size and total > 0):
                total -= len(current.pop(0))
        current.append(part)
        total += len(part)
    pieces.append("".join(current).strip())
    return [piece for piece in pieces if piece]


class Splitter(NamedTuple):
    """One way to cut a text.

    Attributes:
        split: the pieces of a text, by their size and what each shares with the next, in units.
        count: how many units a text has.
        sizes: of a piece, that people set.
        overlaps: that people set, beside none and shares of a size.
    """

    split: Callable[[str, int, int], list[str]]
    count: Callable[[str], int]
    sizes: tuple[int, ...]
    overlaps: tuple[int, ...]


_SIZES = tuple(sorted({*range(50, 2000, 50), *range(2000, 8001, 100), *(1 << power for power in range(6, 13))}))
_OVERLAPS = (10, 20, 30, 40, 50, 64, 100, 128, 150, 200, 256, 300, 400)
_SIZES_IN_WORDS = tuple(sorted({*range(10, 400, 10), *range(25, 1001, 25), 32, 64, 128, 256, 512}))
_OVERLAPS_IN_WORDS = (5, 10, 20, 25, 30, 50, 100)
SPLITTERS = {
    "characters": Splitter(_characters, len, _SIZES, _OVERLAPS),
    "breaks": Splitter(_at_breaks, len, _SIZES, _OVERLAPS),
    "words": Splitter(_words, lambda text: len(text.split()), _SIZES_IN_WORDS, _OVERLAPS_IN_WORDS),
    "sentences": Splitter(_sentences, lambda text: len(_parted(text)), tuple(range(1, 21)), (1, 2, 3)),
}
# Windows to the end, though what is left may have been in the one before.
SPLITTERS["characters-rest"] = SPLITTERS["characters"]._replace(split=partial(_characters, rest=True))
SPLITTERS["words-rest"] = SPLITTERS["words"]._replace(split=partial(_words, rest=True))
