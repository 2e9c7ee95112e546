"""Documents cut into passages: whole sentences, about as long as what retrieval puts into one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from evaluators.own.document import Document, TextBlock, weight
from evaluators.own.sentences import cut_to, is_question_worthy, sentences_of

__all__ = ["Passage", "SentencePlace", "Unit", "passages_of", "text_of"]


class Unit(NamedTuple):
    """A sentence, a heading or a piece of what has no sentences; ``after`` is what stands behind it."""

    text: str
    after: str
    heading: bool
    asked: bool  # whether it may be asked back


@dataclass(frozen=True)
class Passage:
    """A piece of a document.

    Attributes:
        id: its name in a corpus.
        document: which of the documents it is of.
        begin: the weight of the document before it.
    """

    id: str
    document: int
    begin: int
    units: tuple[Unit, ...]

    @property
    def text(self) -> str:
        """As it stands in a corpus."""
        return text_of(self.units)

    @property
    def weight(self) -> int:
        """How much it says, as :func:`weight` counts."""
        return sum(weight(unit.text) for unit in self.units)


class SentencePlace(NamedTuple):
    """A sentence by where it stands: the passage's place in the list of all, and its own in the passage."""

    passage: int
    unit: int


def text_of(units: Iterable[Unit]) -> str:
    """Units as running text."""
    return "".join(unit.text + unit.after for unit in units).strip()


def passages_of(document: Document, number: int, size: int) -> list[Passage]:
    """The passages of a document, in order.

    Args:
        document: what was read.
        number: its place among the documents.
        size: the weight that a passage may have; one may end sooner, at a heading.
    """
    passages: list[Passage] = []
    current: list[Unit] = []
    filled = begin = 0

    def close() -> None:
        nonlocal current, filled, begin
        if current:
            passages.append(Passage(f"d{number}-{len(passages)}", number, begin, tuple(current)))
        begin, current, filled = begin + filled, [], 0

    for unit in _units(document.blocks, size):
        if filled and (filled + weight(unit.text) > size or (unit.heading and filled > size / 3)):
            # A heading at the end of a passage belongs to what follows it.
            headings = [current.pop()] if len(current) > 1 and current[-1].heading and not unit.heading else []
            filled -= sum(weight(heading.text) for heading in headings)
            close()
            current, filled = headings, sum(weight(heading.text) for heading in headings)
        current.append(unit)
        filled += weight(unit.text)
    close()
    return passages


def _units(blocks: Iterable[TextBlock], size: int) -> Iterator[Unit]:
    for block in blocks:
        sentences = [block.text] if block.heading else sentences_of(block.text)
        pieces = [
            (piece, whole and not block.heading)
            for sentence in sentences
            for whole in [weight(sentence) <= size]
            for piece in ([sentence] if whole else cut_to(sentence, size))
        ]
        for at, (piece, whole) in enumerate(pieces):
            last = at == len(pieces) - 1
            after = "\n" if last else "" if _without_spaces(piece) else " "
            yield Unit(piece, after, block.heading, whole and is_question_worthy(piece))


def _without_spaces(piece: str) -> bool:
    """Whether a sentence is of a script that writes the next one straight behind it (Chinese, Japanese)."""
    return len(piece) > 1 and weight(piece[-1]) > 1 and weight(piece) > 2 * len(piece)
