"""Which passages hold a sentence: word for word, and as good as.

Boilerplate stands in every file, and a document's next version beside it. A sentence that several passages hold has all
of them for its answer; one that others hold nearly has no answer that is sure, and is not asked.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from evaluators.own.document import weight

__all__ = ["Holders", "bare", "holders_of"]

_PIECE = 10  # letters of an alphabet; two unrelated texts share hardly any piece of so many
_WIDE_PIECE = 4  # ideographs
NEARLY = 0.5  # the share of a sentence's pieces in another passage from which on that one might answer as well


class Holders(NamedTuple):
    """The passages that hold a sentence word for word, and how many others nearly do."""

    exact: tuple[int, ...]
    near: int


def bare(text: str) -> str:
    """A text by its letters and digits alone, so that neither line ends nor punctuation make a difference."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or unicodedata.category(letter)[0] == "M")


def holders_of(sentences: Sequence[str], passages: Sequence[str]) -> list[Holders]:
    """For each sentence, which of the passages hold it.

    Args:
        sentences: in any order.
        passages: all texts that could answer.
    """
    bares = [bare(sentence) for sentence in sentences]
    wanted: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    counts: list[int] = []
    for number, text in enumerate(bares):
        size = _WIDE_PIECE if weight(text) > 2 * len(text) else _PIECE
        pieces = {text[at : at + size] for at in range(max(1, len(text) - size + 1))}
        counts.append(len(pieces))
        for piece in pieces:
            wanted[size][piece].append(number)
    exact: list[list[int]] = [[] for _ in bares]
    near = [0] * len(bares)
    for place, passage in enumerate(passages):
        text = bare(passage)
        for number, shared in _shared(text, wanted).items():
            if shared >= NEARLY * counts[number]:
                if bares[number] in text:
                    exact[number].append(place)
                else:
                    near[number] += 1
    return [Holders(tuple(places), others) for places, others in zip(exact, near, strict=True)]


def _shared(text: str, wanted: dict[int, dict[str, list[int]]]) -> dict[int, int]:
    """How many of its pieces each sentence shares with a text, of those that share any."""
    shared: dict[int, int] = defaultdict(int)
    for size, pieces in wanted.items():
        for piece in {text[at : at + size] for at in range(len(text) - size + 1)} & pieces.keys():
            for number in pieces[piece]:
                shared[number] += 1
    return shared
