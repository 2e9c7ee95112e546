"""The text of a PDF that Chromium has printed: enough of the format to read what stands on its pages."""

from __future__ import annotations

import re
import zlib
from unicodedata import normalize

__all__ = ["pages_of", "text_of"]

_OBJECT = re.compile(rb"(?m)^(\d+) 0 obj\b(.*?)\bendobj\b", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9a-fA-F]+)>\s*Tj|\[((?:<[0-9a-fA-F]*>|[-\d.\s]+)*)\]\s*TJ")


def _objects(data: bytes) -> dict[int, bytes]:
    return {int(m[1]): m[2] for m in _OBJECT.finditer(data)}


def _stream(body: bytes) -> bytes:
    start = re.search(rb"stream\r?\n", body)
    if start is None:
        return b""
    content = body[start.end() : body.rindex(b"endstream")]
    return zlib.decompressobj().decompress(content) if b"FlateDecode" in body[: start.start()] else content


def _characters(cmap: bytes) -> dict[int, str]:
    """What the codes of a font stand for."""
    table: dict[int, str] = {}

    def text(hexadecimal: bytes) -> str:
        return bytes.fromhex(hexadecimal.decode()).decode("utf-16-be", "replace")

    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, meaning in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            table[int(code, 16)] = text(meaning)
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for low, high, first in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            for i in range(int(low, 16), int(high, 16) + 1):
                table[i] = chr(ord(text(first)[0]) + i - int(low, 16))
    return table


def pages_of(data: bytes) -> list[str]:
    """The text of each page, white space left out: where a line breaks, no blank is written."""
    objects = _objects(data)
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b(?!s)", body)]
    return ["".join(normalize("NFKC", _page(body, objects)).split()) for body in pages]  # ligatures taken apart


def text_of(data: bytes) -> str:
    """The text of all pages."""
    return "".join(pages_of(data))


def _page(body: bytes, objects: dict[int, bytes]) -> str:
    resources = body
    if own := re.search(rb"/Resources (\d+) 0 R", body):
        resources = objects[int(own[1])]
    fonts = {}
    for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", resources):
        cmap = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        fonts[name] = _characters(_stream(objects[int(cmap[1])])) if cmap else {}
    contents = re.search(rb"/Contents (?:\[([^\]]*)\]|(\d+) 0 R)", body)
    assert contents
    numbers = re.findall(rb"(\d+) 0 R", contents[1]) if contents[1] else [contents[2]]
    text, font = [], {}
    for m in _SHOWN.finditer(b"\n".join(_stream(objects[int(number)]) for number in numbers)):
        if m[1]:
            font = fonts.get(m[1], {})
            continue
        for codes in [m[2]] if m[2] else re.findall(rb"<([0-9a-fA-F]*)>", m[3] or b""):
            text += [font.get(int(codes[i : i + 4], 16), "") for i in range(0, len(codes), 4)]
    return "".join(text)
