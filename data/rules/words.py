"""Sentences that can be said in another language: the English text, and what was put into its blanks.

Rules and pages write English with named blanks. What a page shows is looked up by that text in the catalogues of
``dashboard/locale``; what stays English, as on the command line, is the text itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

__all__ = [
    "Phrase", "in_a_row", "mark", "phrase",
]  # fmt: skip


class Phrase(str):
    """A sentence in English that still knows its text with blanks, and what stands in them.

    Attributes:
        template: the text with blanks in braces, as in "{n:,} of {total:,} tasks".
        values: what fills them; a phrase among them is said in the other language too.
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, values: dict[str, Any] | None = None) -> Self:
        """The sentence, filled."""
        filled = super().__new__(cls, template.format(**values) if values else template)
        filled.template, filled.values = template, values or {}
        return filled

    def __reduce__(self) -> tuple[type[Phrase], tuple[str, dict[str, Any]]]:
        return type(self), (self.template, self.values)


def phrase(template: str, /, **values: Any) -> Phrase:
    """A sentence of which the dashboard knows how to say it in another language."""
    return Phrase(template, values)


def mark(text: str) -> str:
    """The text itself: one that is said where it is shown, such as a column's head that is written down once."""
    return text


def in_a_row(parts: Sequence[str], between: str = mark("{before}, {after}")) -> Phrase:
    """Parts in a row as one phrase; ``between`` says how two of them are put together."""
    if not parts:
        return Phrase("")
    row = parts[0] if isinstance(parts[0], Phrase) else Phrase(parts[0])
    for part in parts[1:]:
        row = Phrase(between, {"before": row, "after": part})
    return row
