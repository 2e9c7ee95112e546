"""Sentences that evaluators wrote into the store, in the language of who reads them.

The store keeps them in English. What they say is kept beside them as codes and numbers, and every rule, verdict and
count rests on those: here a sentence is held against templates only to be shown, so that one that is not recognised
costs nothing but its translation. That way old stores and the bundled record are said too, which no code written today
could have marked. Templates are in ``dashboard/locale/<code>/stored_*.toml``, in the format of all catalogues.

What stands in a blank may be anybody's text: it is looked up among our own words and else stays as it is, so that who
shows a sentence escapes all of it with :func:`dashboard.formatting.plain`.
"""

from __future__ import annotations

import re
import string
from functools import cache, lru_cache
from typing import NamedTuple

from dashboard import words
from data.rules.causes import CAUSES
from data.rules.words import with_ones

__all__ = ["tr_stored"]

_LONGEST = 4_000  # characters; ours are shorter, and a longer one is shown as it is
_MOST_PARTS = 16  # sentences, or things of a list, in a row
_DEPTH = 3  # of sentences within sentences
_SEAM = re.compile(r"\. |; ")
# Between things of ours in a row that one blank holds, and what other languages have there.
_BETWEEN = {" + ": " + ", " and ": "和", ", or ": "或", " or ": "或", "; ": "；", ", ": "、"}
_PADDED = re.compile(r"(?<=[ (]\d)(?P<digits>[.]\d+)?e([+-])0(?=\d)")  # of a number of its own
_ENDS = tuple("。；，、：！？）”")
_HAN = re.compile(r"[\u4e00-\u9fff]")


class _Template(NamedTuple):
    """A text with blanks: what stands before, between and behind them, their names, and the other language's pieces."""

    literals: tuple[str, ...]
    blanks: tuple[str, ...]
    other: tuple[tuple[str, str | None], ...]

    @classmethod
    def of(cls, text: str, other: str, ones: frozenset[str] = frozenset()) -> _Template:
        """Of a text and the other language's; blanks of ``ones`` are 1 in the text already."""
        literals, blanks = [""], []
        for literal, name, _, _ in string.Formatter().parse(text):  # what has no name ends at a brace of its own
            literals[-1] += literal
            if name is not None:
                blanks.append(name)
                literals.append("")
        parsed = string.Formatter().parse(other)
        pieces = [((literal + "1", None) if name in ones else (literal, name)) for literal, name, _, _ in parsed]
        return cls(tuple(literals), tuple(blanks), tuple(pieces))

    def values(self, text: str) -> dict[str, str] | None:
        """What stands in the blanks of a text, as little as may be in each; None where it is no such text.

        What stands between blanks is looked for from left to right and never again: as long as the text, not more.
        """
        if not self.blanks:
            return {} if text == self.literals[0] else None
        first, *middle, last = self.literals
        if not (text.startswith(first) and text.endswith(last)):
            return None
        at, end, held = len(first), len(text) - len(last), []
        for literal in middle:
            place = text.find(literal, at + 1, end - 1)
            if place < 0:
                return None
            held.append(text[at:place])
            at = place + len(literal)
        if at >= end:
            return None
        held.append(text[at:end])
        values: dict[str, str] = {}
        same = all(values.setdefault(name, value) == value for name, value in zip(self.blanks, held, strict=True))
        return values if same else None

    def filled(self, values: dict[str, str]) -> str:
        """The other language's text."""
        text = ""
        for literal, name in self.other:
            text = _spaced(_spaced(text, literal), values[name] if name else "")
        return text


def tr_stored(sentence: str) -> str:
    """A sentence of the store in the viewer's language; as it is in English, and where no template has all of it.

    Raises nothing: text that is no sentence of ours comes back unchanged, whatever it holds and however long it is.
    """
    sentence, code = _PADDED.sub(r"\g<digits>e\2", sentence), words.language()
    if code == "en" or not 0 < len(sentence) <= _LONGEST:
        return sentence
    exact = words.catalogue_of(code).get(sentence)
    return exact or _row(code, sentence, " + ", _DEPTH) or _known(code, sentence, _DEPTH, loosely=True) or sentence


def _value(code: str, value: str, depth: int, *, loosely: bool = False) -> str | None:
    """What a blank holds, where it is a text of ours or several in a row; None for anything else."""
    begun = value[:1].lower() + value[1:]  # a cause begins many a sentence
    rows = (_row(code, begun, between, depth) for between in _BETWEEN)
    row = next(filter(None, rows), None)
    return row or _known(code, value, depth, loosely=loosely) or _known(code, begun, depth, loosely=loosely)


def _row(code: str, text: str, between: str, depth: int) -> str | None:
    """Texts of ours in a row; None where one of them is not."""
    if not 0 < text.count(between) < _MOST_PARTS:
        return None
    parts = [_known(code, part, depth) for part in text.split(between)]
    return _BETWEEN[between].join(filter(None, parts)) if all(parts) else None


@lru_cache(maxsize=4096)
def _known(code: str, text: str, depth: int, *, loosely: bool = False) -> str | None:
    """A text as one template or several in a row have it; None where they do not."""
    # One word alone may be a name that is spelt as a word of ours is, such as that of a metric.
    exact = words.catalogue_of(code, "*" if " " in text else "stored_*").get(text)
    if exact or not depth:
        return exact
    whole = _whole(code, text, depth) or _in_parts(code, text, depth)
    return whole or (_whole(code, text, depth, loosely=True) if loosely else None)


@lru_cache(maxsize=4096)
def _whole(code: str, text: str, depth: int, *, loosely: bool = False) -> str | None:
    """The text by the template with most words of its own.

    A blank that runs over the end of a sentence has swallowed one unless it is ours itself: only ``loosely`` it may.
    """
    for template in _templates(code):
        values = template.values(text)
        if values is None:
            continue
        spoken = {name: _value(code, value, depth - 1, loosely=loosely) for name, value in values.items()}
        if loosely or not any(value is None and _SEAM.search(values[name]) for name, value in spoken.items()):
            return template.filled({name: values[name] if value is None else value for name, value in spoken.items()})
    return None


def _in_parts(code: str, text: str, depth: int) -> str | None:
    """Sentences in a row, where each of them is known; the longest that fit first."""
    edges = [0, *(seam.end() for seam in _SEAM.finditer(text)), len(text)]
    last = len(edges) - 1
    if not 1 < last <= _MOST_PARTS:
        return None
    rests = {last: ""}
    for start in reversed(range(last)):
        for stop in sorted((stop for stop in rests if start < stop and (start, stop) != (0, last)), reverse=True):
            part = text[edges[start] : edges[stop]]
            own = part.removesuffix(" ").removesuffix(";") if stop != last else part
            other = words.catalogue_of(code).get(own) or _whole(code, own, depth)
            if other is not None:
                gap = "；" if part.endswith("; ") else "" if other.endswith(_ENDS) or stop == last else " "
                rests[start] = other + gap + rests[stop]
                break
    return rests.get(0)


def _spaced(left: str, right: str) -> str:
    """Two pieces after each other: a space between Chinese and letters or digits, none between Chinese and Chinese."""
    if left.endswith(" ") and _HAN.match(left[-2:-1]) and _HAN.match(right):
        return left[:-1] + right
    if right.startswith(" ") and _HAN.match(left[-1:]) and _HAN.match(right[1:2]):
        return left + right[1:]
    sides = left[-1:], right[:1]
    latin, han = ([bool(test(side)) for side in sides] for test in (_is_latin, _HAN.match))
    return left + (" " if (latin[0] and han[1]) or (han[0] and latin[1]) else "") + right


def _is_latin(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


@cache
def _templates(code: str) -> list[_Template]:
    """Texts with blanks, those with most words of their own first: of the stored catalogues, and of the causes."""
    catalogue = words.catalogue_of(code)
    texts = dict(words.catalogue_of(code, "stored_*"))
    for cause in CAUSES.values():
        texts |= {each: catalogue[each] for each in (cause.words, cause.remedy) if each in catalogue}
    templates = [_Template.of(one, other, ones) for text, other in texts.items() for one, ones in with_ones(text)]
    return sorted(
        (template for template in templates if template.blanks or template.other[0][1] is None),
        key=lambda template: -sum(map(len, template.literals)),
    )
