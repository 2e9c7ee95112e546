"""Probe texts: what they are, where they come from, and which traits a text shows by itself.

The bundled set is ``probes.jsonl`` beside this file; each of its texts was written to make one kind of difference show,
and its core of 16 is enough to tell the known causes apart.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.store.errors import InputError

__all__ = ["BUNDLED", "Probe", "ProbeSet", "derived_traits", "load_probes", "read_texts", "text_hash"]

BUNDLED = Path(__file__).resolve().parent / "probes.jsonl"
ROLES = ("query", "document")
_MOST = 1_000_000  # characters of one text: more is a file given by mistake


def text_hash(text: str) -> str:
    """SHA-256 of the UTF-8 text, by which the store knows it."""
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Probe:
    """A text, what it shows and why it is there; ``role`` is query, document or None."""

    probe: str
    text: str
    role: str | None = None
    traits: tuple[str, ...] = ()
    why: str = ""
    core: bool = False

    @property
    def text_hash(self) -> str:
        """SHA-256 of the UTF-8 text."""
        return text_hash(self.text)


@dataclass(frozen=True)
class ProbeSet:
    """Probes in their order, the set's name, and what was left out of the file and why."""

    name: str
    probes: tuple[Probe, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def core(self) -> tuple[Probe, ...]:
        """The probes marked core; the first 16 where a set of one's own marks none."""
        return tuple(probe for probe in self.probes if probe.core) or self.probes[:16]


# Traits a text shows by itself, so that texts of one's own can be told apart too.
_TESTS: dict[str, Callable[[str], bool]] = {
    "blank": lambda text: not text.strip(),
    "outer-space": lambda text: text != text.strip(),
    "inner-newline": lambda text: "\n" in text.strip(),
    "capitals": lambda text: sum(c.isupper() for c in text) > 0.6 * max(sum(c.isalpha() for c in text), 4),
    "cjk": lambda text: re.search(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text) is not None,
    "accents": lambda text: any(
        unicodedata.combining(c) for c in unicodedata.normalize("NFD", text) if ord(c) < 0x2000
    ),
    "decomposed": lambda text: unicodedata.normalize("NFC", text) != text,
    "full-width": lambda text: re.search(r"[\uff01-\uff5e]", text) is not None,
    "markup": lambda text: re.search(r"</?[a-z]+[^>]*>|\\[a-z]+\{", text) is not None,
    "special-tokens": lambda text: re.search(r"\[(CLS|SEP|PAD|MASK|UNK)\]|</?s>|<\|[a-z_]+\|>", text) is not None,
    "numbers": lambda text: sum(c.isdigit() for c in text) > 0.3 * max(len(text), 4),
    "very-short": lambda text: 0 < len(text.strip()) <= 12,
    "long": lambda text: len(text) > 1000,
}


def derived_traits(text: str) -> tuple[str, ...]:
    """Traits that can be seen in a text without knowing why it is there, e.g. ``outer-space`` or ``long``."""
    return tuple(trait for trait, test in _TESTS.items() if test(text))


def load_probes(path: Path | None = None) -> ProbeSet:
    """Read a probe set: JSON lines with ``text`` (``probe``, ``role``, ``traits``, ``why``, ``core``), or plain lines.

    Args:
        path: a ``.jsonl`` file, or any other file with a text a line; the bundled set if None.

    Raises:
        InputError: the file cannot be read, a line cannot be used, or there is no text in it.
    """
    return _bundled() if path in (None, BUNDLED) else _read(path)


@cache
def _bundled() -> ProbeSet:
    return _read(BUNDLED)


def _read(path: Path) -> ProbeSet:
    probes: dict[str, Probe] = {}
    notes = []
    for number, entry in _entries(path):
        probe = _probe(entry, f"{path}, line {number}", f"{path.stem}-{number}")
        if probe.text_hash in probes:
            notes.append(f"Line {number} repeats the text of {probes[probe.text_hash].probe} and is left out.")
        probes.setdefault(probe.text_hash, probe)
    if not probes:
        raise InputError("There is no text in the file", where=str(path))
    name = "bundled" if path == BUNDLED else path.stem
    return ProbeSet(name, tuple(probes.values()), tuple(notes))


def read_texts(path: Path) -> list[str]:
    """The texts of a probe file in its order, repeated ones included."""
    return [_probe(entry, f"{path}, line {number}", "").text for number, entry in _entries(path)]


def _entries(path: Path) -> Iterable[tuple[int, Any]]:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The texts cannot be read", where=str(path), remedy=f"{error}.") from None
    for number, line in enumerate(content.split("\n"), start=1):
        if path.suffix != ".jsonl":
            if line or number == 1:
                yield number, {"text": line}
        elif line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise InputError("A line is no JSON", where=f"{path}, line {number}", remedy=f"{error}.") from None


def _probe(entry: Any, where: str, name: str) -> Probe:
    text = entry.get("text") if isinstance(entry, Mapping) else entry
    if not isinstance(text, str):
        raise InputError("A line has no text", where=where, remedy='Write {"text": "..."} or a string.')
    if len(text) > _MOST:
        raise InputError(f"A text has more than {_MOST:,} characters", where=where)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("A text holds half a character (a lone surrogate)", where=where) from None
    fields = entry if isinstance(entry, Mapping) else {}
    role = fields.get("role")
    if role not in (None, *ROLES):
        raise InputError(f"A text has the role {role!r}", where=where, remedy="Use query, document or null.")
    traits = dict.fromkeys((*map(str, fields.get("traits") or ()), *derived_traits(text)))
    return Probe(
        probe=str(fields.get("probe") or name),
        text=text,
        role=role,
        traits=tuple(traits),
        why=str(fields.get("why") or ""),
        core=bool(fields.get("core", False)),
    )
