"""The tables and texts of a report as HTML, read back without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

__all__ = ["Read", "read"]

_EMPTY = {"meta", "link", "br", "hr", "img", "input"}


class Read(NamedTuple):
    """Tables (each a list of rows of texts, the heads first), tags with their attributes, and all text."""

    tables: list[list[list[str]]]
    tags: list[tuple[str, dict[str, str | None]]]
    text: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.text.append(data)
        if "table" in self.open and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def read(html: bytes) -> Read:
    """What a report says; its tags must be well nested."""
    reader = _Reader()
    reader.feed(html.decode("utf-8"))
    assert not reader.open
    return Read(reader.tables, reader.tags, " ".join("".join(reader.text).split()))
