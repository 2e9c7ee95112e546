"""What a file is once it was read: blocks of text in their order, or rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["TextBlock", "Document", "Skipped", "weight"]

_WIDE = (0x1100, 0x2E80, 0xAC00, 0xF900, 0xFE30, 0xFF00, 0x20000)
_WIDE_END = (0x11FF, 0xA4CF, 0xD7FF, 0xFAFF, 0xFE6F, 0xFFEF, 0x3FFFF)
_A_WIDE_ONE = 3  # letters that an ideograph or a syllable of Hangul says as much as, and costs as many tokens as


@dataclass(frozen=True)
class TextBlock:
    """A paragraph, a heading, an item of a list or a row of a table."""

    text: str
    heading: bool = False


@dataclass(frozen=True)
class Document:
    """A file that was read.

    Attributes:
        name: its path in the folder, printable.
        blocks: its text in reading order; of a table, a block a row that has text.
        columns: heads of a table's columns; empty for anything else.
        rows: the cells of a table.
        notes: what a reader of the tasks should know of how it was read.
    """

    name: str
    blocks: list[TextBlock]
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_answer(cls, name: str, answer: dict[str, Any]) -> Document:
        """The document that a reading process described."""
        blocks = [TextBlock(text, bool(heading)) for heading, text in answer["blocks"]]
        return cls(name, blocks, answer["columns"], answer["rows"], answer["notes"])


@dataclass(frozen=True)
class Skipped:
    """A file of which nothing was taken, and why."""

    name: str
    why: str


def weight(text: str) -> int:
    """How much a text says, in letters of an alphabet: an ideograph counts as three."""
    if text.isascii():
        return len(text)
    return len(text) + (_A_WIDE_ONE - 1) * sum(map(_is_wide, text))


def _is_wide(letter: str) -> bool:
    code = ord(letter)
    return code >= 0x1100 and any(low <= code <= high for low, high in zip(_WIDE, _WIDE_END, strict=True))
