"""Plain text and Markdown: paragraphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from evaluators.own.document import TextBlock

__all__ = ["joined_lines", "markdown_blocks", "text_blocks"]

_LONG_LINE = 160  # letters; a file whose lines are longer has a paragraph a line
_FRONT = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n", re.DOTALL)
_UNDERLINE = re.compile(r"^([=\-~^*#+\"'`])\1{2,}$")
_NO_SPACE = "\u0e01-\u0eff\u1780-\u17ff\u1000-\u109f\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_WITHOUT_SPACE = re.compile(rf"(?<=[{_NO_SPACE}]) (?=[{_NO_SPACE}])")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010] (?=[a-zäöüßà-ÿ])")


def text_blocks(text: str) -> list[TextBlock]:
    """Paragraphs between empty lines; a line each where nothing is between empty lines or the lines are long."""
    lines = [line.strip() for line in text.replace("\f", "\n\n").splitlines()]
    written = [line for line in lines if line]
    if not written:
        return []
    # A file with hardly an empty line has its paragraphs a line each.
    if median(map(len, written)) > _LONG_LINE or len(lines) - len(written) < len(written) / 50:
        return [TextBlock(line) for line in written]
    blocks: list[TextBlock] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line and _UNDERLINE.match(line) and len(paragraph) == 1:
            blocks.append(TextBlock(paragraph.pop(), heading=True))
        elif line:
            paragraph.append(line)
        elif paragraph:
            blocks.append(TextBlock(joined_lines(paragraph)))
            paragraph = []
    return [block for block in blocks if not _UNDERLINE.match(block.text)]


def joined_lines(lines: list[str]) -> str:
    """Lines of one paragraph as one text: words cut at the end of a line are joined, and Chinese has no spaces."""
    text = _WITHOUT_SPACE.sub("", " ".join(lines))
    return _HYPHEN.sub("", text)


def markdown_blocks(text: str) -> list[TextBlock]:
    """Headings, paragraphs, items and rows of tables, without marks, code and HTML."""
    from markdown_it import MarkdownIt

    blocks: list[TextBlock] = []
    row: list[str] | None = None
    heading = False
    for token in MarkdownIt("commonmark").enable("table").parse(_FRONT.sub("", text)):
        if token.type == "heading_open":
            heading = True
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            blocks.append(TextBlock(" | ".join(filter(None, row))))
            row = None
        elif token.type == "inline":
            words = _inline(token.children or [])
            if row is not None:
                row.append(words)
            elif words:
                blocks.append(TextBlock(words, heading))
            heading = False
    return [block for block in blocks if block.text]


def _inline(tokens: Sequence[object]) -> str:
    parts = []
    for token in tokens:
        kind = getattr(token, "type", "")
        if kind in ("text", "code_inline"):
            parts.append(str(getattr(token, "content", "")))
        elif kind in ("softbreak", "hardbreak"):
            parts.append(" ")
    return joined_lines(["".join(parts).strip()])
