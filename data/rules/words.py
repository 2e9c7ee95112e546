"""Sentences that can be said in another language: the English text, and what was put into its blanks.

Rules and pages write English with named blanks. What a page shows is looked up by that text in the catalogues of
``dashboard/locale``; what stays English, as on the command line, is the text itself.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any, Self

__all__ = [
    "Phrase", "in_a_row", "in_english", "mark", "phrase", "with_ones", "with_values",
    "written",
]  # fmt: skip

# What is counted in our sentences, and what is said of it, which one of them does otherwise than several.
_NOUNS = (
    "answer|call|candidate|cell|character|check|difference|digit|dimension|encoder|figure|file|finding|language|letter|"
    "model|number|other|pair|parameter|piece|probe|row|run|score|setting|task|tensor|text|token|vector|"
    "view|word"
)
_SINGULAR = {
    "agree": "agrees", "are": "is", "differ": "differs", "do": "does", "fail": "fails", "give": "gives", "have": "has",
    "hold": "holds", "lack": "lacks", "match": "matches", "stay": "stays",
}  # fmt: skip
_COUNTED = re.compile(
    r"\{(?P<name>\w+)(?::(?P<form>[^{}]*))?\}(?P<kind> (?:comparable|complete|further|more|other|shared))?"
    rf" (?P<noun>{_NOUNS})s(?: (?P<verb>{'|'.join(_SINGULAR)}))?\b"
)


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
        whole = super().__new__(cls, in_english(template, values) if values else template)
        whole.template, whole.values = template, values or {}
        return whole

    def __reduce__(self) -> tuple[type[Phrase], tuple[str, dict[str, Any]]]:
        return type(self), (self.template, self.values)


def phrase(template: str, /, **values: Any) -> Phrase:
    """A sentence of which the dashboard knows how to say it in another language."""
    return Phrase(template, values)


def in_english(template: str, values: dict[str, Any]) -> str:
    """An English text with its blanks filled: "{n} tasks are" of one task is "1 task is"."""
    if _counts(template):
        template = _COUNTED.sub(lambda counted: _of_one(counted, values), template)
    return with_values(template, values)


def with_values(template: str, values: dict[str, Any]) -> str:
    """A text with its blanks filled, fractions among them :func:`written` as everywhere."""
    if any(map(_is_fraction, values.values())):
        return _FRACTIONS.vformat(template, (), values)
    return template.format(**values)


def written(number: str) -> str:
    """What Python writes for a number, as everywhere: with a minus for a hyphen, 1e-6 for 1e-06, 120 for 1.2e+02."""
    number = _THOUSANDS.sub(lambda large: f"{float(large[0]):.0f}", number)
    return _PADDED.sub(r"e\1", "−" + number[1:] if number.startswith("-") else number)


_THOUSANDS = re.compile(r"\d(?:[.]\d+)?e[+]0\d$")
_PADDED = re.compile(r"(?<=\d)e([+-])0(?=\d)")


class _Fractions(string.Formatter):
    """As ``str.format``, but for fractions."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = format(value, format_spec)
        return written(text) if _is_fraction(value) else text


_FRACTIONS = _Fractions()


def _is_fraction(value: object) -> bool:
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


def with_ones(template: str) -> Iterator[tuple[str, frozenset[str]]]:
    """A text as :func:`in_english` begins it, for each choice of what there is exactly one of, with these blanks.

    Of "{n} texts of {runs} runs" that is the text itself, "1 text of {runs} runs", "{n} texts of 1 run" and both; the
    ones are filled in already.
    """
    counted = list(dict.fromkeys(match["name"] for match in _COUNTED.finditer(template)))
    for choice in product((False, True), repeat=len(counted)):
        ones = {name: 1 for name, one in zip(counted, choice, strict=True) if one}
        yield _COUNTED.sub(lambda match, ones=ones: _of_one(match, ones), template), frozenset(ones)  # type: ignore[misc]


@cache
def _counts(template: str) -> bool:
    return _COUNTED.search(template) is not None


def _of_one(counted: re.Match[str], values: dict[str, Any]) -> str:
    """What is counted, as it stood, or in the singular where there is one of it."""
    blank, form = values.get(counted["name"]), counted["form"] or ""
    if blank is None or format(blank, form) != "1":
        return counted[0]
    verb = f" {_SINGULAR[counted['verb']]}" if counted["verb"] else ""
    return f"1{counted['kind'] or ''} {counted['noun']}{verb}"


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
