"""Open a file of a model: regular files only, and none larger than its kind has reason to be."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePath
from typing import Any

from data.store.errors import ModelError
from evaluators.model_files.fault import REFUSALS

__all__ = [
    "HEADER_LIMIT", "UnfitFileError", "as_list", "as_object", "open_regular", "parse_json", "printable", "read_bytes",
    "read_json", "read_object", "read_text", "settings_within", "unfit",
]  # fmt: skip

_MB = 1_000_000
HEADER_LIMIT = 100 * _MB  # what the safetensors format itself allows a header
# Several times what the largest of each kind on the hub has: a vocabulary of a million pieces takes 40 MB.
_VOCABULARIES = frozenset({
    "added_tokens.json", "merges.txt", "tekken.json", "tokenizer.json", "vocab.json", "vocab.txt",
})  # fmt: skip
_LIMITS = {
    ".json": 64 * _MB, ".model": 128 * _MB, ".tiktoken": 128 * _MB, ".md": 16 * _MB, ".txt": 64 * _MB,
    ".jinja": 1 * _MB, ".py": 16 * _MB, ".yaml": 16 * _MB, ".yml": 16 * _MB, ".xml": 256 * _MB,
}  # fmt: skip
_VOCABULARY_LIMIT = 128 * _MB
_SYSTEM = ("/proc", "/sys", "/dev")  # regular files there can be endless, or wait for somebody to write
_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)  # fmt: skip


class UnfitFileError(ModelError):
    """A file of a model that is not opened: not a regular file, too large for its kind, or not readable."""

    def __init__(self, code: str, what: str, path: Path) -> None:
        self.code = code
        super().__init__(what, where=printable(path), remedy=REFUSALS[code][1])


def printable(path: PurePath | str) -> str:
    """A path as text that any terminal, store and page can hold: control characters and stray bytes as escapes."""
    text = os.fsencode(str(path)).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def limit_of(path: PurePath) -> int | None:
    """The most bytes that a file of this name may have; None for weights, which may be of any size."""
    if path.name in _VOCABULARIES:
        return _VOCABULARY_LIMIT
    return _LIMITS.get(path.suffix.lower())


def unfit(path: Path) -> UnfitFileError | None:
    """Why the file may not be opened; None for one that may, and where there is none.

    Asks the file system alone: nothing is opened that is not a regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a loop of links, no leave, a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        return UnfitFileError("file-unreadable", f"{printable(path.name)} cannot be read: {why}", path)
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for holds, words in _KINDS if holds(status.st_mode)), "no regular file")
        return UnfitFileError("file-special", f"{printable(path.name)} is {kind}, not a file", path)
    if path.is_symlink() and (real := os.path.realpath(path)).startswith(tuple(f"{root}/" for root in _SYSTEM)):
        return UnfitFileError(
            "file-special", f"{printable(path.name)} is a link to {printable(real)}, which is no file", path
        )
    limit = limit_of(path)
    if limit is not None and status.st_size > limit:
        what = f"{printable(path.name)} has {status.st_size:,} bytes, more than any file of its kind ({limit:,})"
        return UnfitFileError("file-too-large", what, path)
    return _sparse(path, status.st_size)


_SPARSE_FROM = 64 * _MB  # below that, reading zeros costs nobody anything


def _sparse(path: Path, size: int) -> UnfitFileError | None:
    """A large file of which hardly anything was ever written takes as long to read as a real one, at no cost to send.

    Where the file system cannot tell, all of it counts as written.
    """
    if size < _SPARSE_FROM or not hasattr(os, "SEEK_DATA"):
        return None
    with open_regular(path, checked=True) as handle:
        written = position = 0
        try:
            for _ in range(1000):
                begin = os.lseek(handle.fileno(), position, os.SEEK_DATA)
                position = os.lseek(handle.fileno(), begin, os.SEEK_HOLE)
                written += position - begin
                if position >= size or written > size // 10:
                    return None if written > size // 10 else _hollow(path, size, written)
        except OSError as error:
            # ENXIO: no data beyond this place; anything else: the file system does not know about holes.
            return _hollow(path, size, written) if error.errno == 6 and written <= size // 10 else None
    return None


def _hollow(path: Path, size: int, written: int) -> UnfitFileError:
    what = f"{printable(path.name)} says it has {size:,} bytes, and {written:,} were ever written"
    return UnfitFileError("file-sparse", what, path)


def open_regular(path: Path, *, checked: bool = False) -> BufferedReader:
    """A regular file, open for reading in bytes; never waits for another process.

    Args:
        path: the file.
        checked: its size and place were looked at by the caller.

    Raises:
        UnfitFileError: it is not a regular file, is too large, or may not be read.
        FileNotFoundError: there is none.
    """
    if not checked and (fault := unfit(path)):
        raise fault
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnfitFileError(
            "file-unreadable", f"{printable(path.name)} cannot be read: {error.strerror}", path
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # exchanged since it was looked at
        os.close(descriptor)
        raise UnfitFileError("file-special", f"{printable(path.name)} is not a file", path)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        UnfitFileError: as :func:`open_regular`.
        FileNotFoundError: there is none.
    """
    limit = limit_of(path)
    with open_regular(path) as handle:
        content = handle.read(-1 if limit is None else limit + 1)
    if limit is not None and len(content) > limit:
        raise UnfitFileError("file-too-large", f"{printable(path.name)} grew while it was read", path)
    return content


def read_text(path: Path) -> str:
    """A text file's content, with what is not UTF-8 replaced; empty where it is not there or is not opened."""
    try:
        return read_bytes(path).decode("utf-8", errors="replace")
    except (OSError, UnfitFileError):
        return ""


def parse_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        UnfitFileError: as :func:`open_regular`.
        OSError: it is not there.
        ValueError: it is not JSON, or is nested without end.
    """
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested without end") from error


def read_json(path: Path) -> Any:
    """Content of a JSON file; None where it is not there, not opened or not JSON (preflight's files tier says so)."""
    try:
        return parse_json(path)
    except (OSError, ValueError, UnfitFileError):
        return None


def read_object(path: Path) -> dict[str, Any]:
    """Content of a JSON file that holds an object; an empty one where it does not, as :func:`read_json`."""
    return as_object(read_json(path))


def as_object(value: Any) -> dict[str, Any]:
    """A value of a JSON file where an object is meant; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A value of a JSON file where a list is meant; an empty one where it is something else."""
    return value if isinstance(value, list) else []


def settings_within(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every setting of a configuration under its own name, to a depth that no configuration has.

    Of a list first the list, then each of its entries under the list's name.
    """
    if depth > 20:
        return
    inside = value.items() if isinstance(value, dict) else ((key, entry) for entry in value)
    for name, entry in inside:
        yield str(name), entry
        if isinstance(entry, dict | list):
            yield from settings_within(entry, str(name), depth + 1)
