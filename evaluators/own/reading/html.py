"""HTML: the text a reader sees of the page itself, without what is around it and what is hidden."""

from __future__ import annotations

from typing import Any

from evaluators.own.document import TextBlock
from evaluators.own.reading.refused import Bounds

__all__ = ["html_blocks"]

_DROPPED = frozenset({
    "script", "style", "noscript", "template", "nav", "footer", "aside", "form", "button", "select", "iframe", "svg",
    "object", "embed", "head", "canvas", "audio", "video", "textarea", "dialog", "menu",
})  # fmt: skip
_INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr", "img", "nobr",
})  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CELLS = frozenset({"td", "th"})


def html_blocks(text: str, watch: Bounds) -> tuple[list[TextBlock], list[str]]:
    """The blocks of a page, and what was lost of it."""
    from lxml import etree

    # The bytes are ours, so what the page declares of its own encoding does not count; nothing is fetched.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    if root is None:
        return [], []
    notes = [
        f"from line {fault.line} on it is lost: {fault.message}"
        for fault in parser.error_log
        if "depth" in fault.message.lower()
    ]
    reader = _Reader(watch)
    reader.walk(_main_part(root))
    if reader.stopped:
        notes.append(f"cut: {reader.stopped}")
    return reader.blocks, notes[:1]


def _main_part(root: Any) -> Any:
    """The one element that the page calls its main part; all of it if it calls none or several so."""
    for name in ("main", "article"):
        parts = list(root.iter(name))
        if len(parts) == 1 and len("".join(parts[0].itertext())) > 200:
            return parts[0]
    return root


class _Reader:
    """Collects text between the edges of blocks, without recursion: a page may nest as deep as it likes."""

    def __init__(self, watch: Bounds) -> None:
        self.blocks: list[TextBlock] = []
        self.stopped: str | None = None
        self._watch = watch
        self._parts: list[str] = []
        self._row: list[str] | None = None

    def walk(self, root: Any) -> None:
        from lxml import etree

        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if self.stopped:
                return
            name = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                if _dropped(name, element):
                    walker.skip_subtree()
                    continue
                self._edge(name, heading=False)
                if name == "tr":
                    self._row = []
                self._parts.append(element.text or "")
                if name == "br":
                    self._parts.append(" ")
            else:
                if not _dropped(name, element):
                    self._edge(name, heading=name in _HEADINGS)
                    if name == "tr":
                        self._end_row()
                if element is not root:
                    self._parts.append(element.tail or "")
        self._flush(heading=False)

    def _edge(self, name: str, *, heading: bool) -> None:
        if name not in _INLINE and name != "br":
            self._flush(heading=heading)

    def _flush(self, *, heading: bool) -> None:
        text = " ".join("".join(self._parts).split())
        self._parts = []
        if not text:
            return
        self.stopped = self._watch.full(text)
        if self._row is not None:
            self._row.append(text)
        else:
            self.blocks.append(TextBlock(text, heading))

    def _end_row(self) -> None:
        row, self._row = self._row, None
        if row:
            self.blocks.append(TextBlock(" | ".join(row)))


def _dropped(name: str, element: Any) -> bool:
    """Whether an element is no text of the page: around it, code, or not seen."""
    return name in _DROPPED or (name == "pre" and element.find("code") is not None) or _hidden(element)


def _hidden(element: Any) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or "display:none" in style
        or "visibility:hidden" in style
    )
