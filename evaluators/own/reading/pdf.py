"""PDF: the text of its pages, without what stands at the head or foot of each, its lines joined to paragraphs."""

from __future__ import annotations

import io
import re
from collections import Counter
from statistics import quantiles
from typing import Any

from evaluators.own.document import TextBlock
from evaluators.own.reading.plain import joined_lines
from evaluators.own.reading.refused import Bounds, RefusedError

__all__ = ["pages_to_blocks", "pdf_blocks"]

_PAGES = 5_000
_SCANNED = 20  # letters a page, below which the pages are pictures of text
_EDGE = 3  # lines at the head and foot of a page that may be repeated on every page
_END = re.compile(r"[.!?:;\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964\u104b\u17d4][\"'\u201d\u2019)\u00bb\u300d]*$")
_ITEM = re.compile(r"^(?:[\u2022\u25cf\u25aa\u2013*-]|\(?\d{1,3}[.)]|\(?[a-z]\))\s")
_DIGITS = re.compile(r"\d+")
_STRAY = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]|\(cid:\d+\)|/[gG]\d{1,4}\b")


def pdf_blocks(data: bytes, watch: Bounds) -> tuple[list[TextBlock], list[str]]:
    """The blocks of a document, and what was lost of it.

    Raises:
        RefusedError: it is damaged, locked, or has no text.
    """
    pages, notes = _pages(data, watch)
    text = "".join(pages)
    letters = sum(map(str.isalnum, text))
    if letters < _SCANNED * max(1, len(pages)):
        if not letters and not pages:
            raise RefusedError("it has no page")
        raise RefusedError("its pages are pictures: a scan without text; run it through text recognition (OCR) first")
    if len(_STRAY.findall(text)) > letters / 20:
        raise RefusedError("its fonts do not say which letters they show: the text cannot be taken out of it")
    return pages_to_blocks(pages), notes


def _pages(data: bytes, watch: Bounds) -> tuple[list[str], list[str]]:
    import pypdf
    from pypdf.errors import PyPdfError

    pages: list[str] = []
    lost: list[int] = []
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise RefusedError("it is locked with a password")
        count = len(reader.pages)
        for number in range(min(count, _PAGES)):
            text = _page(reader, number)
            if text is None:
                lost.append(number + 1)
            pages.append(text or "")
            if stopped := watch.full(text or ""):
                return pages, [f"cut after page {number + 1} of {count}: {stopped}"]
    except RefusedError:
        raise
    except (
        PyPdfError,
        RecursionError,
        MemoryError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise RefusedError(f"it is damaged: {type(error).__name__}") from None
    notes = [f"cut after page {_PAGES:,} of {count:,}"] if count > _PAGES else []
    if lost:
        notes.append(f"{len(lost)} of {count} pages cannot be read (the first is page {lost[0]})")
    return pages, notes


def _page(reader: Any, number: int) -> str | None:
    """The text of a page; None if it cannot be read, which costs none of the others."""
    try:
        return str(reader.pages[number].extract_text())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- pypdf raises whatever a damaged page makes it trip over
        return None


def pages_to_blocks(pages: list[str]) -> list[TextBlock]:
    """Paragraphs: a line that ends a sentence and is short, an item of a list or an empty line begins another."""
    lines = [line for page in _without_edges([page.splitlines() for page in pages]) for line in page]
    lengths = [len(line) for line in lines if line]
    if not lengths:
        return []
    full = quantiles(lengths, n=10)[7] if len(lengths) > 1 else lengths[0]  # as long as most lines of running text
    blocks: list[TextBlock] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if paragraph and (not line or _ITEM.match(line) or _ends(paragraph[-1], line, full)):
            blocks.append(TextBlock(joined_lines(paragraph)))
            paragraph = []
        if line:
            paragraph.append(line)
    return blocks


def _ends(line: str, following: str, full: float) -> bool:
    """Whether a paragraph ends with a line: with a sentence before the margin, or as a heading does."""
    if _END.search(line):
        return len(line) < 0.9 * full
    return len(line) < 0.6 * full and not following[0].islower()


def _without_edges(pages: list[list[str]]) -> list[list[str]]:
    """Pages without the lines at their head and foot that most others have as well, whatever their numbers."""
    stripped = [[" ".join(line.split()) for line in page] for page in pages]
    written = [[line for line in page if line] for page in stripped]
    counted = Counter(
        line for page in written for line in {_DIGITS.sub("#", line) for line in [*page[:_EDGE], *page[-_EDGE:]]}
    )
    repeated = {line for line, times in counted.items() if times >= 3 and times > len(pages) / 2}
    return [
        [line for at, line in enumerate(page) if not (_at_edge(at, page) and _DIGITS.sub("#", line) in repeated)]
        for page in stripped
    ]


def _at_edge(at: int, page: list[str]) -> bool:
    before, after = sum(map(bool, page[:at])), sum(map(bool, page[at + 1 :]))
    return before < _EDGE or after < _EDGE
