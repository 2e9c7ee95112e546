"""Find result files: in a checkout of the results repository, mteb's cache folder, a results folder or a zip of one.

Only looks: names, sizes and times. Nothing is opened, so that a look at 104,000 files takes about a second.
"""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from data.store.errors import InputError, UnreadableResultError

__all__ = ["EXPERIMENTS", "LARGEST", "META", "FoundFile", "Source", "result_sources", "above_limit"]

META = "model_meta.json"
EXPERIMENTS = "experiments"
# The largest file of the record is under 4 MB; the results repository takes none above 100.
LARGEST = 64 * 2**20
# What reading a member of a damaged archive raises: the checksum, each way of packing, an end too soon, a password
# or an unknown packing (RuntimeError), a member that the directory alone knows (KeyError).
_DAMAGED = (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, KeyError)


class FoundFile(NamedTuple):
    """A file that is, or claims to be, a result: path below the root, and ``problem`` if it must not be opened.

    ``mtime_ns`` is another where the file is: the time of its last change, in a zip its checksum, on shared storage 63
    bits of a hash of its etag. ``unlisted`` is a folder of which nobody knows what is in it.
    """

    path: str
    size: int
    mtime_ns: int
    problem: str | None = None
    unlisted: bool = False


class Source(Protocol):
    """A place with result files; small enough to be sent to a worker."""

    root: str  # what tells this place from others in the store
    own_runs: bool  # made on this machine rather than published

    def files(self) -> Iterator[FoundFile]:
        """Every file to look at, folder by folder, each folder's model_meta.json included."""

    def ahead(self, paths: Sequence[str]) -> None:
        """These are read next, in this order; where each is a wait, all are asked for now."""

    def has(self, path: str) -> bool:
        """Whether a file is there."""

    def read(self, path: str) -> bytes:
        """The bytes of a file; raises UnreadableResultError."""


def result_sources(place: Path) -> list[Source]:
    """The results at ``place``.

    Raises:
        InputError: nothing there looks like results of mteb.
    """
    if place.is_file() and zipfile.is_zipfile(place):
        return [ZipSource(str(place.resolve()))]
    if not place.is_dir():
        raise InputError(
            "There is no folder to import from" if not place.exists() else "This is neither a folder nor a zip",
            where=str(place),
            remedy="Name a checkout of embeddings-benchmark/results, mteb's cache folder, or a zip of one.",
        )
    if (place / "remote" / "results").is_dir():
        own = [FolderSource(str((place / "results").resolve()), own_runs=True)] if (place / "results").is_dir() else []
        return [FolderSource(str((place / "remote" / "results").resolve())), *own]
    if (place / "results").is_dir():
        return [FolderSource(str((place / "results").resolve()))]
    if place.name == "results" or _looks_like_results(place):
        return [FolderSource(str(place.resolve()))]
    raise InputError(
        "The folder holds no results of mteb",
        where=str(place),
        remedy="It should hold results/<model>/<revision>/<Task>.json, as a checkout of embeddings-benchmark/results.",
    )


def _looks_like_results(place: Path) -> bool:
    return next(place.glob("*/*/*.json"), None) is not None


class FolderSource:
    """Results in a folder: <model>/<revision>/<Task>.json, variants below <revision>/experiments/<name>/."""

    def __init__(self, root: str, *, own_runs: bool = False) -> None:
        self.root, self.own_runs = root, own_runs
        self._inside = f"{Path(root).resolve()}{os.sep}"

    def files(self) -> Iterator[FoundFile]:
        for model in (yield from self._folders("")):
            for revision in (yield from self._folders(model)):
                yield from self._results(revision)
                if Path(self.root, revision, EXPERIMENTS).is_dir():
                    for variant in (yield from self._folders(f"{revision}/{EXPERIMENTS}")):
                        yield from self._results(variant)

    def _folders(self, below: str) -> Generator[FoundFile, None, list[str]]:
        """Folders in a folder; yields those that must not or cannot be entered."""
        entered = []
        for entry in (yield from self._entries(below)):
            path = f"{below}/{entry.name}" if below else entry.name
            if not entry.is_dir():
                continue
            if self._stays_inside(entry):
                entered.append(path)
            else:
                yield FoundFile(path, 0, 0, _LEADS_OUT)
        return entered

    def _results(self, folder: str) -> Iterator[FoundFile]:
        for entry in (yield from self._entries(folder)):
            if entry.name.endswith(".json"):
                yield self._found(entry, f"{folder}/{entry.name}")

    def _entries(self, folder: str) -> Generator[FoundFile, None, list[os.DirEntry[str]]]:
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield FoundFile(folder, 0, 0, f"The folder cannot be opened: {error.strerror}", unlisted=True)
            return []

    def _found(self, entry: os.DirEntry[str], path: str) -> FoundFile:
        try:
            status = entry.stat()
        except OSError as error:
            reason = f"The file cannot be looked at: {error.strerror}"
            return FoundFile(path, 0, 0, "The link leads nowhere" if entry.is_symlink() else reason)
        return FoundFile(path, status.st_size, status.st_mtime_ns, self._problem(entry, status))

    def _problem(self, entry: os.DirEntry[str], status: os.stat_result) -> str | None:
        if stat.S_ISDIR(status.st_mode):
            return "A folder stands where a result file should be"
        if not stat.S_ISREG(status.st_mode):
            return "It is a pipe or a device, not a file"
        if not self._stays_inside(entry):
            return _LEADS_OUT
        return above_limit(status.st_size)

    def _stays_inside(self, entry: os.DirEntry[str]) -> bool:
        return not entry.is_symlink() or str(Path(entry.path).resolve()).startswith(self._inside)

    def ahead(self, paths: Sequence[str]) -> None:
        pass

    def has(self, path: str) -> bool:
        place = Path(self.root, path)
        return place.is_file() and str(place.resolve()).startswith(self._inside)

    def read(self, path: str) -> bytes:
        # By descriptor: it costs half of what Path.open does, and a pipe put there since the look does not block.
        try:
            file = os.open(f"{self.root}/{path}", _FOR_READING)
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    raise UnreadableResultError("It is a pipe or a device, not a file")
                if problem := above_limit(status.st_size):
                    raise UnreadableResultError(problem)
                return os.read(file, status.st_size)
            finally:
                os.close(file)
        except OSError as error:
            raise UnreadableResultError(f"The file cannot be read: {error.strerror}") from error


_FOR_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LEADS_OUT = "The link leads out of the folder that is imported"


def above_limit(size: int) -> str | None:
    """Why a file of so many bytes is not opened, or None."""
    return f"The file has {size / 2**20:.0f} MB; no result has more than {LARGEST // 2**20}" if size > LARGEST else None


class ZipSource:
    """The same layout in a zip; one folder or none above results/."""

    own_runs = False

    def __init__(self, root: str) -> None:
        self.root = root
        self._zip: zipfile.ZipFile | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"root": self.root, "_zip": None}

    def files(self) -> Iterator[FoundFile]:
        for member in sorted(self._open().infolist(), key=lambda member: member.filename):
            parts = member.filename.split("/")
            below = parts[parts.index("results") + 1 :] if "results" in parts else parts
            if not member.filename.endswith(".json") or member.is_dir():
                continue
            problem = above_limit(member.file_size)
            if ".." in parts or member.filename.startswith("/"):
                problem = "The path leads out of the archive"
            elif not (len(below) == 3 or (len(below) == 5 and below[2] == EXPERIMENTS)):
                problem = "It does not lie at <model>/<revision>/<Task>.json"
            # the checksum stands in for the time: it changes exactly when the content does
            yield FoundFile(member.filename, member.file_size, member.CRC, problem)

    def ahead(self, paths: Sequence[str]) -> None:
        pass

    def has(self, path: str) -> bool:
        return path in self._open().NameToInfo

    def read(self, path: str) -> bytes:
        try:
            with self._open().open(path) as handle:
                return handle.read(LARGEST + 1)[:LARGEST]
        except _DAMAGED as error:
            raise UnreadableResultError("The archive does not give this file out whole") from error

    def _open(self) -> zipfile.ZipFile:
        if self._zip is None:
            self._zip = zipfile.ZipFile(self.root)
        return self._zip
