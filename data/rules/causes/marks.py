"""Marks that a program may take out of texts before they are encoded, of Markdown and HTML: one kind at a time."""

from __future__ import annotations

import re
from typing import NamedTuple

from data.rules.words import mark

__all__ = ["MARKS", "Mark", "marks_in", "marks_removed"]


class Mark(NamedTuple):
    """One kind of mark.

    Attributes:
        words: what a person calls it.
        pattern: what it looks like, with ``re.MULTILINE``.
        instead: what stands in its place, as for ``re.sub``.
    """

    words: str
    pattern: str
    instead: str = ""


# In the order in which they are taken out: what holds other marks goes before them.
MARKS = {
    "fenced": Mark(mark("blocks of code"), r"^```[\s\S]*?^```[^\n]*\n?"),
    "fences": Mark(mark("the lines round blocks of code"), r"^\s*```[^\n]*\n?"),
    "comments": Mark(mark("all comments"), r"<!--[\s\S]*?-->"),
    "pictures": Mark(mark("all pictures"), r"!\[[^\]]*\]\([^)]*\)"),
    "picture-links": Mark(mark("the addresses of pictures"), r"!\[([^\]]*)\]\([^)]*\)", r"\1"),
    "links": Mark(mark("the addresses of links"), r"(?<!!)\[([^\]]*)\]\([^)]*\)", r"\1"),
    "tags": Mark(mark("tags of HTML"), r"<[^>\n]+>"),
    "tags-spaced": Mark(mark("tags of HTML turned to spaces"), r"<[^>\n]+>", " "),
    "rules": Mark(mark("lines of signs"), r"^[ \t]*([-*_=])(?:[ \t]*\1){2,}[ \t]*$"),
    "table-rules": Mark(
        mark("the lines below table heads"), r"^[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?::?-+:?)?[ \t]*$",
    ),
    "headings": Mark(mark("the signs of headings"), r"^[ \t]{0,3}#{1,6}[ \t]+"),
    "quotes": Mark(mark("the signs of quotations"), r"^[ \t]{0,3}>[ \t]?"),
    "bullets": Mark(mark("the signs of lists"), r"^[ \t]*[-*+][ \t]+"),
    "numbers": Mark(mark("the numbers of lists"), r"^[ \t]*\d+[.)][ \t]+"),
    "bold": Mark(mark("the signs of bold text"), r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2"),
    "italic": Mark(mark("the signs of italic text"), r"(?<![\w*])([*_])(?=[^\s*_])(.+?)(?<=[^\s*_])\1(?![\w*])", r"\2"),
    "struck": Mark(mark("the signs of struck text"), r"~~"),
    "code": Mark(mark("the signs of code"), r"`+"),
    "stars": Mark(mark("all stars"), r"\*+"),
    "underlines": Mark(mark("all underlines"), r"_+"),
    "underlines-spaced": Mark(mark("underlines turned to spaces"), r"_+", " "),
    "hashes": Mark(mark("number signs"), r"#+"),
    "bars": Mark(mark("all bars"), r"\|+"),
    "bars-spaced": Mark(mark("bars turned to spaces"), r"\|+", " "),
    "angles": Mark(mark("greater-than signs"), r">+"),
    "brackets": Mark(mark("square brackets"), r"[\[\]]"),
    "tildes": Mark(mark("all tildes"), r"~+"),
    "formulas": Mark(mark("dollar signs"), r"\$+"),
    "backslashes": Mark(mark("all backslashes"), r"\\+"),
}  # fmt: skip


def marks_in(text: str) -> list[str]:
    """The names of the kinds that a text has."""
    return [name for name, kind in MARKS.items() if re.search(kind.pattern, text, re.MULTILINE)]


def marks_removed(text: str, listed: str) -> str:
    """Without kinds of marks (names between spaces); white space is left as it comes but for that at the ends."""
    names = frozenset(listed.split())
    for name, kind in MARKS.items():
        if name in names:
            text = re.sub(kind.pattern, kind.instead, text, flags=re.MULTILINE)
    return text.strip()
