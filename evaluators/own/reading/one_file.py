"""One file, read: the kind it is decides who reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from evaluators.model_files.reading import UnfitFileError, open_regular
from evaluators.own.document import TextBlock
from evaluators.own.reading.docx import docx_blocks
from evaluators.own.reading.encodings import decoded
from evaluators.own.reading.html import html_blocks
from evaluators.own.reading.kinds import file_kind
from evaluators.own.reading.pdf import pdf_blocks
from evaluators.own.reading.plain import markdown_blocks, text_blocks
from evaluators.own.reading.refused import FILE_BYTES, Bounds, RefusedError
from evaluators.own.reading.tables import table_rows

__all__ = ["read_file"]

# Invisible in print, and no two programs that make a text of a page agree on them; the marks of direction among them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udfff]")


def read_file(path: Path) -> dict[str, Any]:
    """What a file holds, as JSON can carry it: ``blocks`` (heading or not, text), ``columns``, ``rows``, ``notes``.

    Raises:
        RefusedError: it is not read, and why.
    """
    data = _bytes(path)
    kind, watch = file_kind(path.name, data), Bounds()
    columns: list[str] = []
    rows: list[list[str]] = []
    if kind == "pdf":
        blocks, notes = pdf_blocks(data, watch)
    elif kind == "docx":
        blocks, notes = docx_blocks(data, watch)
    else:
        text, encoding = decoded(data, declares=kind == "html")
        notes = [] if encoding.startswith(("utf-8", "ascii")) else [f"read as {encoding}"]
        if kind == "table":
            columns, rows, lost = table_rows(text, path.name, watch)
            blocks = []
        else:
            blocks, lost = _text(text, kind, watch)
        notes += lost
    blocks = [TextBlock(_clean(block.text), block.heading) for block in blocks]
    rows = [[_clean(cell) for cell in row] for row in rows]
    if not any(block.text for block in blocks) and not rows:
        raise RefusedError("it has no text")
    return {
        "blocks": [(block.heading, block.text) for block in blocks if block.text],
        **{"columns": [_clean(column) for column in columns], "rows": rows, "notes": notes},
    }


def _bytes(path: Path) -> bytes:
    try:
        with open_regular(path, checked=True) as handle:
            data = handle.read(FILE_BYTES + 1)
    except (UnfitFileError, OSError) as error:
        raise RefusedError(
            getattr(error, "what", None) or getattr(error, "strerror", None) or "it cannot be read"
        ) from None
    if len(data) > FILE_BYTES:
        raise RefusedError(f"it has more than {FILE_BYTES // 1_000_000} MB")
    return data


def _text(text: str, kind: str, watch: Bounds) -> tuple[list[TextBlock], list[str]]:
    if stopped := watch.full() or (None if kind == "html" else watch.full(text)):
        raise RefusedError(stopped)
    if kind == "html":
        return html_blocks(text, watch)
    return (markdown_blocks(text) if kind == "markdown" else text_blocks(text)), []


def _clean(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", _INVISIBLE.sub("", text)).split())
