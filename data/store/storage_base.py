"""What every kind of shared storage can do, whatever is behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.store.errors import InputError

__all__ = ["Storage", "StoredFile", "checked_path"]

_LONGEST_PATH = 1024  # bytes, which S3 allows


class StoredFile(NamedTuple):
    """A file of a storage.

    Attributes:
        path: below the storage's root, with ``/`` between its parts.
        size: in bytes.
        version: another one whenever the file is: an object's etag, or in a folder the time of change in ns.
    """

    path: str
    size: int
    version: str


class Storage(ABC):
    """A folder or a part of a bucket, and the files below it."""

    scheme: str  # as s3; "file" for a folder
    url: str  # without credentials; what tells this storage from others

    @abstractmethod
    def files(self, below: str = "") -> Iterator[StoredFile]:
        """Every file below a folder, in order of their paths; nothing where there is no such folder.

        What is not yet written to its end is not among them.

        Raises:
            StorageError: the listing could not be made whole; some files may have been given before.
        """

    @abstractmethod
    def folders(self, below: str = "") -> list[str]:
        """Paths of the folders directly in a folder, in order; raises as :meth:`files` does."""

    @abstractmethod
    def look(self, path: str) -> StoredFile | None:
        """The file at a path, or None where there is none; raises StorageError."""

    @abstractmethod
    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file.

        Args:
            path: below the root.
            limit: the most bytes it may have; no more than one above are fetched.

        Raises:
            StorageError: with the code ``missing``, ``too large``, or what else was wrong.
            InputError: the path leads elsewhere.
        """

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Put a file there, or in the place of the one that is: readers have the old bytes or all of the new ones."""

    @abstractmethod
    def write_new(self, path: str, data: bytes) -> bool:
        """Put a file there unless there is one; of several writers exactly one is told True.

        So it is in folders and on S3, Google's and Azure's storage. ``hf://`` cannot do it: there it is a look and a
        write, and two at once may both be told True. Where the answer to our own request was lost and the library asked
        again, we are told False though the file is ours: whoever must know writes something of its own into it.
        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file; nothing where there is none."""

    @abstractmethod
    def upload(self, local: Path, path: str) -> None:
        """Put a local file there, however large; readers have it whole or not at all."""

    @abstractmethod
    def download(self, path: str, local: Path) -> None:
        """Copy a file to a local path, which is not safe to read before this has returned."""


def checked_path(path: str) -> str:
    """A path below the root, or an InputError: absolute, with ``..``, or of characters that no name has."""
    parts = path.split("/")
    odd = any(part in ("", ".", "..") for part in parts) or any(
        ord(letter) < 32 or letter in "\\\x7f" for letter in path
    )
    if odd or len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        raise InputError("This is no path below the storage", where=repr(path)[:200], remedy="Name it as in a/b.json.")
    return path
