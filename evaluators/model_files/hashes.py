"""What the files of a model are: path, size and digest. A run's identity rests on this list."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from evaluators.model_files.listing import walk
from evaluators.model_files.reading import open_regular, printable, read_bytes

__all__ = ["file_sha256", "git_blob_sha1", "hash_files"]


def hash_files(folder: Path) -> list[dict[str, Any]]:
    """Path, size in bytes and SHA-256 of every file of a model folder, or of one file, sorted by path.

    Hidden files and what lies behind a linked folder are no part of the model. What is no regular file is left out.

    Raises:
        UnfitFileError: a file may not be read, or is larger than any of its kind.
    """
    if folder.is_file():
        return [{"path": printable(folder.name), "size": folder.stat().st_size, "sha256": file_sha256(folder)}]
    return [
        {
            "path": printable(path.relative_to(folder).as_posix()),
            "size": path.stat().st_size,
            "sha256": file_sha256(path),
        }
        for path in sorted(path for path in walk(folder) if path.is_file())
    ]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as a hub states it for its large files; the same file is read once in a process."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=4096)
def _sha256(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def git_blob_sha1(path: Path) -> str:
    """SHA-1 of a file as git computes it, as a hub states it for its small files."""
    content = read_bytes(path)
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
