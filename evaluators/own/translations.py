"""Which files and columns are translations of each other, and which of their paragraphs belong together.

Files are pairs when their names differ in a language alone (``manual.en.pdf`` and ``manual.de.docx``, ``en/manual.md``
and ``de/manual.md``); columns when their heads name languages. Paragraphs are aligned by their lengths alone, by the
dynamic programme of Gale and Church (1993, "A program for aligning sentences in bilingual corpora"), so that no model
judges what models are judged by.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import NamedTuple

from evaluators.own.document import Document, weight
from evaluators.own.duplicates import bare
from evaluators.own.languages import Language, language_named, language_of

__all__ = ["Translated", "translations_of"]

_PRIORS = {(1, 1): 0.89, (1, 0): 0.005, (0, 1): 0.005, (2, 1): 0.045, (1, 2): 0.045, (2, 2): 0.01}  # Gale and Church
_VARIANCE = 6.8  # of a letter's translation in letters; theirs
_SURE = 0.8  # of the paragraphs of the shorter side that have to find exactly one, or the files are no translations
_BAND = 0.05  # of the paragraphs that the two sides may drift apart
_MOST_BLOCKS = 3_000
_SAME = 0.5  # of all pairs that say the same letter by letter: a copy that nobody translated
_SEPARATOR = re.compile(r"[._\-\s()\[\]]+")
_SHORTEST = 15  # weight of a text that is asked for or found


class Translated(NamedTuple):
    """A text in two languages, side by side.

    Attributes:
        languages: of the two sides.
        pairs: the texts.
        source: the files or columns they are of.
        note: what was lost.
    """

    languages: tuple[Language, Language]
    pairs: list[tuple[str, str]]
    source: str
    note: str


def translations_of(documents: Sequence[Document]) -> tuple[list[Translated], list[str]]:
    """Everything that is there in two languages, and a sentence for what looked like it and is not."""
    every: list[Translated] = []
    refused: list[str] = []
    for document in documents:
        every += _columns(document)
    for one, other, languages in _named_alike([document for document in documents if document.blocks]):
        made = _files(one, other, languages)
        if isinstance(made, str):
            refused.append(made)
        else:
            every.append(made)
    return [entry for entry in every if entry.pairs], refused


def _columns(document: Document) -> Iterator[Translated]:
    called = [(at, language) for at, head in enumerate(document.columns) if (language := _in_name(head))]
    for (left, one), (right, other) in combinations(called, 2):
        if one == other:
            continue
        cells = [(row[left], row[right]) for row in document.rows if len(row) > max(left, right)]
        pairs, note = _distinct(cells)
        heads = f"{document.columns[left]} and {document.columns[right]}"
        yield Translated((one, other), pairs, f"{document.name}, {heads}", note)


def _in_name(name: str) -> Language | None:
    """The language that a name is, or has as its last part (``text_en``)."""
    parts = [name, *reversed(_SEPARATOR.split(name))]
    return next((language for part in parts[:2] if (language := language_named(part))), None)


def _named_alike(documents: Sequence[Document]) -> Iterator[tuple[Document, Document, tuple[Language, Language]]]:
    """Pairs of files whose names differ in one language alone, whatever their kind."""
    families: dict[tuple[str, ...], list[tuple[Language, Document]]] = defaultdict(list)
    for document in documents:
        for family, language in _families(document.name):
            families[family].append((language, document))
    seen: set[tuple[str, str]] = set()
    for members in families.values():
        for (one, left), (other, right) in combinations(members, 2):
            if one != other and (left.name, right.name) not in seen:
                seen.add((left.name, right.name))
                yield left, right, (one, other)


def _families(name: str) -> Iterator[tuple[tuple[str, ...], Language]]:
    """What a name is without each part of it that is a language, with that language."""
    path = PurePosixPath(name)
    parts = [*path.parent.parts, *_SEPARATOR.split(path.stem)]
    for at, part in enumerate(parts):
        # "no" and "it" are words as well; a language is a part by itself, the last of a stem or a folder.
        in_stem = at >= len(path.parent.parts)
        if (language := language_named(part)) and (not in_stem or at == len(parts) - 1 or at == len(path.parent.parts)):
            yield (*parts[:at], "*", *parts[at + 1 :]), language


def _files(one: Document, other: Document, languages: tuple[Language, Language]) -> Translated | str:
    left, right = ([block.text for block in document.blocks] for document in (one, other))
    source = f"{one.name} and {other.name}"
    if max(len(left), len(right)) > _MOST_BLOCKS:
        return f"{source} have more than {_MOST_BLOCKS:,} paragraphs and are not aligned"
    seen = [language_of(texts) for texts in (left, right)]
    if seen[0] == seen[1] and seen[0].code != "und":
        return f"{source} are called translations and are in one language ({seen[0].code})"
    pairs = aligned(left, right)
    fewer = min(len(left), len(right))
    if not fewer or len(pairs) < _SURE * fewer:
        return f"{source} do not run in parallel: {len(pairs)} of {fewer} paragraphs find exactly one of the other side"
    distinct, note = _distinct(pairs)
    lost = fewer - len(pairs)
    return Translated(
        languages, distinct, source, "; ".join(filter(None, [f"{lost} paragraphs without one" if lost else "", note]))
    )


def _distinct(cells: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], str]:
    """Pairs of texts that say something and are not each other's copy; nothing if most are."""
    written = [(left, right) for left, right in cells if min(weight(left), weight(right)) >= _SHORTEST]
    pairs = [(left, right) for left, right in written if bare(left) != bare(right)]
    same = len(written) - len(pairs)
    if written and same > _SAME * len(written):
        return [], f"{same} of {len(written)} texts are the same on both sides"
    return list(dict.fromkeys(pairs)), f"{same} that are the same on both sides" if same else ""


def aligned(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, str]]:
    """The paragraphs of which exactly one stands for exactly one, by length."""
    a, b = [weight(text) + 1 for text in left], [weight(text) + 1 for text in right]
    if not a or not b:
        return []
    ratio = sum(b) / sum(a)
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    band = max(20, int(_BAND * max(len(a), len(b))))
    for i in range(len(a) + 1):
        middle = round(i * len(b) / len(a))
        for j in range(max(0, middle - band), min(len(b), middle + band) + 1):
            ways = [
                (
                    best[i - di, j - dj][0] + _cost(sum(a[i - di : i]), sum(b[j - dj : j]), ratio) - math.log(prior),
                    (di, dj),
                )
                for (di, dj), prior in _PRIORS.items()
                if (i - di, j - dj) in best
            ]
            if ways and (i or j):
                best[i, j] = min(ways)
    pairs = []
    at = (len(a), len(b))
    while at != (0, 0) and at in best:
        di, dj = best[at][1]
        if (di, dj) == (1, 1):
            pairs.append((left[at[0] - 1], right[at[1] - 1]))
        at = (at[0] - di, at[1] - dj)
    return pairs[::-1]


def _cost(one: int, other: int, ratio: float) -> float:
    """Minus the logarithm of how likely a translation's length is so far from the expected one."""
    if not one and not other:
        return 0.0
    mean = (one + other / ratio) / 2
    deviation = abs(other - one * ratio) / math.sqrt(_VARIANCE * mean * ratio)
    return -math.log(max(math.erfc(deviation / math.sqrt(2)), 1e-300))
