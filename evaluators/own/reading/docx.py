"""DOCX: the body in its order, tables a row a block, what tracked changes inserted and not what they deleted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from evaluators.own.document import TextBlock
from evaluators.own.reading.refused import Bounds, RefusedError

__all__ = ["docx_blocks"]

_UNPACKED = 300_000_000  # bytes of all parts together; the largest of real documents are pictures, and these packed
_PART = 100_000_000  # bytes of one part of XML
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LOST = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText", f"{_W}pPr", f"{_W}rPr",
                   "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"})  # fmt: skip


def docx_blocks(data: bytes, watch: Bounds) -> tuple[list[TextBlock], list[str]]:
    """The blocks of a document, and what was lost of it.

    Raises:
        RefusedError: it unpacks to more than any document, or is damaged.
    """
    _refuse_bomb(data)
    import docx

    try:
        document = docx.Document(io.BytesIO(data))
        headings = {
            style.style_id for style in document.styles if style.name and style.name.startswith(("Heading", "Title"))
        }
        body = document.element.body
    except Exception as error:  # noqa: BLE001 -- whatever it trips over is a fault of the file
        raise RefusedError(f"it is damaged: {type(error).__name__}") from None
    blocks: list[TextBlock] = []
    for block in _blocks(body, headings):
        if stopped := watch.full(block.text):
            return blocks, [f"cut: {stopped}"]
        blocks.append(block)
    return blocks, []


def _refuse_bomb(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise RefusedError("it is cut off or damaged (a ZIP archive that cannot be opened)") from None
    if any(part.flag_bits & 1 for part in parts):
        raise RefusedError("it is locked with a password")
    large = max((part.file_size for part in parts if part.filename.endswith((".xml", ".rels"))), default=0)
    if sum(part.file_size for part in parts) > _UNPACKED or large > _PART:
        raise RefusedError(
            f"it unpacks to more than {_UNPACKED // 1_000_000} MB (or a part to {_PART // 1_000_000} MB)"
        )


def _blocks(body: Any, headings: set[str]) -> Iterator[TextBlock]:
    """Paragraphs wherever they stand (python-docx has those of content controls and insertions not), rows as one."""
    from lxml import etree

    walker = etree.iterwalk(body, events=("start",))
    for _, element in walker:
        if element.tag in _LOST:
            walker.skip_subtree()
        elif element.tag == f"{_W}tr":
            walker.skip_subtree()
            cells = [" ".join(_text(cell).split()) for cell in element.iterchildren(f"{_W}tc")]
            if any(cells):
                yield TextBlock(" | ".join(filter(None, cells)))
        elif element.tag == f"{_W}p":
            text = " ".join(_text(element).split())
            if text:
                style = element.find(f"{_W}pPr/{_W}pStyle")
                yield TextBlock(text, style is not None and style.get(f"{_W}val") in headings)
            if element.find(f".//{_W}txbxContent") is None:
                walker.skip_subtree()


def _text(root: Any) -> str:
    from lxml import etree

    parts: list[str] = []
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        if element.tag in _LOST or (element.tag == f"{_W}txbxContent" and element is not root):
            walker.skip_subtree()
        elif element.tag == f"{_W}t":
            parts.append(element.text or "")
        elif element.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr") or (element.tag == f"{_W}p" and element is not root):
            parts.append(" ")
        elif element.tag == f"{_W}noBreakHyphen":
            parts.append("-")
    return "".join(parts)
