"""Tables of a TOML file read by key, with errors that say line, key, what is wrong and what would do."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

from data.store.errors import InputError

__all__ = ["TomlTable", "document"]


def document(path: Path) -> tuple[str, TomlTable]:
    """The text of a TOML file, and its table.

    Raises:
        InputError: it cannot be read, or a line of it is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The plan cannot be read", where=str(path), remedy="docs/fleet.md shows one.") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"The plan is no TOML: {error}", where=str(path), remedy="Texts stand in quotes; docs/fleet.md shows one."
        ) from error
    return text, TomlTable(content, "", str(path), text)


class TomlTable:
    """One table; what is asked of it is what it may hold."""

    def __init__(self, content: Mapping[str, Any], at: str, file: str, text: str, line: int = 1) -> None:
        self._content, self._at, self._file, self._text, self._line = content, at, file, text, line
        self._known: set[str] = set()

    def over(self, other: TomlTable) -> TomlTable:
        """This table, and another's values for what it does not say."""
        merged = TomlTable({**other._content, **self._content}, self._at, self._file, self._text, self._line)
        merged._known = self._known = other._known  # asked once, it is known to both
        return merged

    def error(self, key: str, what: str, remedy: str) -> InputError:
        """An error at a key: its line where it is there, else the table's."""
        name = f"{self._at}.{key}" if self._at else key
        return InputError(what, where=f"{self._file}, line {self._line_of(key)}: {name}", remedy=remedy)

    def raw(self, key: str) -> Any:
        """Whatever is there, or None."""
        self._known.add(key)
        return self._content.get(key)

    @overload
    def text(self, key: str) -> str | None: ...
    @overload
    def text(self, key: str, otherwise: str) -> str: ...
    def text(self, key: str, otherwise: str | None = None) -> str | None:
        """A text."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"This is no text: {value!r}", f'Write it in quotes: {key} = "..."')
        return value if value is not None else otherwise

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text is a list of it."""
        value = self.raw(key)
        entries = [value] if isinstance(value, str) else value if value is not None else []
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise self.error(key, f"This is no list of texts: {value!r}", f'Write it as {key} = ["...", "..."]')
        return tuple(entries)

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of some words; the first if nothing is said."""
        value = self.text(key, allowed[0])
        if value not in allowed:
            raise self.error(key, f"There is no {key} {value!r}", f"It is one of {', '.join(allowed)}.")
        return value

    def number(self, key: str) -> float | None:
        """A number that is not negative."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise self.error(key, f"This is no number, or below nought: {value!r}", f"Write it as {key} = 1")
        return float(value)

    def whole(self, key: str) -> int | None:
        """A whole number that is not negative."""
        value = self.number(key)
        if value is not None and not value.is_integer():
            raise self.error(key, f"This is no whole number: {value!r}", f"Write it as {key} = 1")
        return None if value is None else int(value)

    def count(self, key: str) -> int | None:
        """A whole number from one on."""
        value = self.whole(key)
        if value == 0:
            raise self.error(key, "Nought makes no sense here", "Leave it out, or give 1 or more.")
        return value

    def switch(self, key: str) -> bool:
        """True or false; false if nothing is said."""
        value = self.raw(key)
        if value not in (None, True, False) or isinstance(value, int) and not isinstance(value, bool):
            raise self.error(key, f"This is neither true nor false: {value!r}", f"Write {key} = true")
        return bool(value)

    def table(self, key: str) -> TomlTable:
        """A table within; an empty one where there is none."""
        value = self.raw(key)
        if value is not None and not isinstance(value, dict):
            raise self.error(key, f"This is no table: {value!r}", f"Write it as [{key}] with a line a key.")
        return TomlTable(value or {}, self._name(key), self._file, self._text, self._line_of(key))

    def tables(self, key: str) -> list[TomlTable]:
        """A list of tables within."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(key, f"This is no list of tables: {value!r}", f"Begin each with [[{self._name(key)}]]")
        lines = self._headers(self._name(key))
        return [
            TomlTable(entry, f"{self._name(key)}[{place + 1}]", self._file, self._text, lines[place])
            if place < len(lines)
            else TomlTable(entry, f"{self._name(key)}[{place + 1}]", self._file, self._text, self._line)
            for place, entry in enumerate(value)
        ]

    def refuse_unknown(self) -> None:
        """Refuse what was never asked for: a key that is ignored would be a setting that is not."""
        for key in self._content:
            if key not in self._known:
                near = difflib.get_close_matches(key, sorted(self._known), 1)
                remedy = f"Is it {near[0]}?" if near else f"There are {', '.join(sorted(self._known))}."
                raise self.error(key, "The plan has a key that nothing reads", remedy)

    def _name(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key

    def _headers(self, name: str) -> list[int]:
        """Lines that begin the tables of a list within this table."""
        bare = re.sub(r"\[\d+\]", "", name)
        lines = self._text.splitlines()
        return [n + 1 for n, line in enumerate(lines) if n + 1 >= self._line and line.strip().startswith(f"[[{bare}]]")]

    def _line_of(self, key: str) -> int:
        """The first line from the table's on that begins with a key, or the header of its table."""
        bare = re.escape(re.sub(r"\[\d+\]", "", self._name(key)))
        pattern = re.compile(rf"\s*({re.escape(key)}\s*=|\[\[?{bare}\]?\])")
        lines = self._text.splitlines()
        return next((n + 1 for n, line in enumerate(lines) if n + 1 >= self._line and pattern.match(line)), self._line)
