"""Sentences of a paragraph in any script: by their end marks, and by spaces where a script has none (Thai, Lao).

Where it is doubtful whether a mark ends a sentence it does not: two sentences taken for one are asked for as well as
one, half a sentence is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from evaluators.own.document import weight

__all__ = ["cut_to", "is_question_worthy", "sentences_of"]

_CLOSING = "\"'\u201d\u2019\u00bb)\\]\u300d\u300f\uff09\u3011"
# Marks that end a sentence with no space after them, and those that need one.
_FULL = "\u3002\uff01\uff1f\uff0e\u0964\u0965\u06d4\u061f\u104b\u17d4\u17d5\u1362\u1367\u0589\u0f0d"
_END = re.compile(rf"[{_FULL}]+[{_CLOSING}]*\s*|[.!?\u2026]+[{_CLOSING}]*(?:\s+|$)")
_SPACED_END = re.compile(r"[ \u00a0]+")
_THAI = re.compile("[\u0e01-\u0eff]")
_THAI_SENTENCE = 60  # letters between spaces that are put together to a stretch, since a space ends a clause there
_BEFORE = re.compile(r"(?:^|[\s(\"'\u201e\u201c\u00ab])([^\s(\"'\u201e\u201c\u00ab]*)$")
# English, German, French, Spanish, Italian, Dutch, Polish, Russian: what stands before more words.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "sr",
        "jr",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "cf",
        "figs",
        "eqs",
        "nos",
        "pp",
        "eds",
        "al",
        "inc",
        "ltd",
        "corp",
        "dept",
        "est",
        "approx",
        "jan",
        "feb",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "u.s",
        "u.k",
        "a.m",
        "p.m",
        "fig",
        "eq",
        "z.b",
        "d.h",
        "u.a",
        "usw",
        "bzw",
        "vgl",
        "abb",
        "bd",
        "bzgl",
        "evtl",
        "ggf",
        "inkl",
        "sog",
        "str",
        "tel",
        "v.a",
        "z.t",
        "hr",
        "fr",
        "dipl",
        "ing",
        "mme",
        "mlle",
        "env",
        "p.ex",
        "c.-à-d",
        "sra",
        "srta",
        "dra",
        "ud",
        "uds",
        "pág",
        "núm",
        "p.ej",
        "sig",
        "sigg",
        "dott",
        "ecc",
        "p.es",
        "bijv",
        "o.a",
        "enz",
        "d.w.z",
        "blz",
        "tzn",
        "ul",
        "itd",
        "itp",
        "г",
        "гг",
        "ул",
        "ст",
        "рис",
        "т.е",
        "т.д",
        "т.п",
        "и.о",
        "см",
        "напр",
    ]
)
_BEFORE_A_NUMBER = frozenset(
    {"no", "nr", "art", "abs", "vol", "p", "s", "sec", "ch", "ed", "max", "min", "ca", "av", "dec", "mar"}
)
_BEFORE_ORDINALS = frozenset(
    {"am", "der", "die", "das", "dem", "den", "des", "im", "vom", "zum", "zur", "bis", "ab", "seit", "jede", "jeder"}
)
_MONTH = re.compile("(?:Jan|Feb|März|Mar|Apr|Mai|Maj|Jun|Jul|Aug|Sep|Okt|Oct|Nov|Dez|Dec|stycz|lut)", re.IGNORECASE)
_URL = re.compile(r"https?://|www\.|@\w+\.|[/\\]\w+[/\\]")
_LEAST, _MOST = 40, 400  # weight of a sentence that is asked back


def sentences_of(text: str) -> list[str]:
    """The sentences of a paragraph in their order; joined with or without a space they are the paragraph."""
    parts = _at_marks(text)
    return [piece for part in parts for piece in (_at_spaces(part) if _mostly_thai(part) else [part])]


def _at_marks(text: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if match.end() >= len(text) or not _goes_on(text, match):
            parts.append(text[start : match.end()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence goes on behind a mark: an abbreviation, an initial, an ordinal, a small letter."""
    mark, following = match.group(), text[match.end()]
    if mark[0] in _FULL:
        return False
    if following.islower() or following in ",;:":
        return True
    if mark.strip() != ".":
        return False
    before = _BEFORE.search(text[max(0, match.start() - 30) : match.start()])
    word = before[1] if before else ""
    if re.fullmatch(r"\d{1,2}|[IVX]{1,5}", word):
        return _is_ordinal(text[: match.start()].removesuffix(word), text[match.end() :])
    letters = word.lower().strip("([")
    if letters in _BEFORE_A_NUMBER:
        return following.isdigit()
    return letters in _ABBREVIATIONS or bool(re.fullmatch(r"(?:[^\W\d_]\.)*[^\W\d_]", word))


def _is_ordinal(before: str, behind: str) -> bool:
    """Whether a number with a mark counts ("am 3. Mai", "der 2. Teil", "1. What comes first") and ends nothing."""
    words = before.split()
    return not words or words[-1].lower() in _BEFORE_ORDINALS or bool(_MONTH.match(behind))


def _mostly_thai(text: str) -> bool:
    return len(text) > 2 * _THAI_SENTENCE and len(_THAI.findall(text)) > len(text) / 2


def _at_spaces(text: str) -> list[str]:
    """Stretches of clauses, each long enough to say something."""
    parts: list[str] = []
    for clause in _SPACED_END.split(text):
        if parts and len(parts[-1]) < _THAI_SENTENCE:
            parts[-1] = f"{parts[-1]} {clause}"
        else:
            parts.append(clause)
    if len(parts) > 1 and len(parts[-1]) < _THAI_SENTENCE / 2:
        last = parts.pop()
        parts[-1] = f"{parts[-1]} {last}"
    return parts


def cut_to(text: str, most: int) -> Iterator[str]:
    """Pieces of at most this weight, cut at spaces where there are some and never inside a letter with its marks."""
    start = 0
    while start < len(text):
        end = _reach(text, start, most)
        if end < len(text):
            space = text.rfind(" ", start + (end - start) // 2, end)
            end = space + 1 if space > 0 else end
            while end < len(text) and end > start + 1 and unicodedata.combining(text[end]):
                end -= 1
        yield text[start:end].strip()
        start = end


def _reach(text: str, start: int, most: int) -> int:
    """The end of the longest piece from ``start`` on that weighs no more than ``most``."""
    end = min(len(text), start + most)
    while end > start + 1 and (over := weight(text[start:end]) - most) > 0:
        end -= max(1, over // 3)
    return max(end, start + 1)


def is_question_worthy(text: str) -> bool:
    """Whether a sentence says enough to be asked for: no heading, address, list of figures or piece of a table."""
    if not _LEAST <= weight(text) <= _MOST or _URL.search(text) or " | " in text:
        return False
    letters = sum(letter.isalpha() or unicodedata.category(letter) in ("Mn", "Mc") for letter in text)
    if letters < 0.65 * len(text.replace(" ", "")):
        return False
    spaced = weight(text) == len(text) and not _THAI.search(text)
    if spaced and len(text.split()) < 6:
        return False
    return bool(re.search(rf"[.!?\u2026{_FULL}][{_CLOSING}]*$", text)) or bool(_THAI.search(text))
