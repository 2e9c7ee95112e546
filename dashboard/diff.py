"""Two things laid beside each other with what differs marked: settings, environments, files, tokens, white space."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import pandas as pd

__all__ = ["Pair", "TokenPair", "aligned", "differences", "file_digests", "flat", "side_by_side", "visible"]

_SHOWN = {"\n": "⏎\n", "\r": "␍", "\t": "⇥", " ": "·", "\u3000": "□", "\u00a0": "⍽"}
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}


class Pair(NamedTuple):
    """One entry of two mappings; None where a side does not have it."""

    name: str
    left: str | None
    right: str | None
    differs: bool


class TokenPair(NamedTuple):
    """One place in two token sequences; None where a side has no token there."""

    left_position: int | None
    left: str | None
    right_position: int | None
    right: str | None
    differs: bool


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested mappings as one level of dotted names with their values in JSON, strings as they are; None is left out."""
    if isinstance(value, Mapping):
        return {k: v for key, inner in value.items() for k, v in flat(inner, f"{name}.{key}" if name else key).items()}
    if value is None:
        return {}
    return {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Pair]:
    """Every entry of both, those that differ first, each group in the order of ``left`` and then ``right``."""
    ours, theirs = flat(left), flat(right)
    names = dict.fromkeys([*ours, *theirs])
    pairs = [Pair(name, ours.get(name), theirs.get(name), ours.get(name) != theirs.get(name)) for name in names]
    return sorted(pairs, key=lambda pair: not pair.differs)


def side_by_side(left: Mapping[str, Any], right: Mapping[str, Any]) -> pd.DataFrame:
    """:func:`differences` as a frame: ``name``, ``left``, ``right``, ``differs``."""
    return pd.DataFrame(differences(left, right), columns=list(Pair._fields))


def file_digests(files: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """``[{path, size, sha256}]`` as path -> size and digest, ready for :func:`differences`."""
    return {str(file["path"]): f"{file.get('size', 0):,} bytes, {str(file.get('sha256') or '')[:16]}" for file in files}


def aligned(left: Sequence[str], right: Sequence[str]) -> list[TokenPair]:
    """Two token sequences in step: what one side has more opens a gap in the other instead of shifting the rest."""
    rows: list[TokenPair] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for step in range(max(i_end - i, j_end - j)):
            at, to = (i + step if i + step < i_end else None), (j + step if j + step < j_end else None)
            ours, theirs = None if at is None else left[at], None if to is None else right[to]
            rows.append(TokenPair(at, ours, to, theirs, kind != "equal"))
    return rows


def visible(text: str) -> str:
    """Text with every character that cannot be seen made visible: ``·`` a space, ``⇥`` a tab, ``⏎`` a new line.

    Other invisible characters (joiners, no-break spaces, controls) are written by their code, as ``⟨U+200B⟩``.
    """
    return "".join(_SHOWN.get(character) or _seen(character) for character in text)


def _seen(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩" if unicodedata.category(character) in _INVISIBLE else character
