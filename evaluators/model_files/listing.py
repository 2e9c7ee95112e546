"""Which files a model's folder holds, however its folders are linked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from data.store.errors import ModelError
from evaluators.model_files.reading import printable

__all__ = ["MOST", "is_inside", "relative_files", "walk"]

MOST = 20_000  # entries; a folder of more is not one model alone
_DEEPEST = 32


def walk(folder: Path, *, through_links: bool = False) -> Iterator[Path]:
    """Every entry of the folder that is not a folder, but for hidden ones (what begins with a dot) and what is in them.

    Args:
        folder: the model's.
        through_links: go into linked folders too, each once: loaders do, while what a model consists of is told by
            what lies in its own folder.

    Raises:
        ModelError: more than :data:`MOST` entries, or folders nested without end.
    """
    waiting, visited, count = [(folder, 0)], {_identity(folder)}, 0
    while waiting:
        place, depth = waiting.pop()
        for entry in _entries(place):
            count += 1
            if count > MOST or depth > _DEEPEST:
                raise ModelError(
                    f"The folder holds more than {MOST:,} files" if count > MOST else "Its folders are nested too deep",
                    where=printable(folder),
                    remedy="Name the folder of the model alone.",
                )
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if not _is_folder(entry):
                yield path
            elif (through_links or not entry.is_symlink()) and (identity := _identity(path)) not in visited:
                visited.add(identity)
                waiting.append((path, depth + 1))


def relative_files(folder: Path) -> list[str]:
    """Paths of the regular files of a model's folder, relative and sorted, without hidden ones."""
    return sorted(path.relative_to(folder).as_posix() for path in walk(folder) if path.is_file())


def is_inside(place: Any) -> bool:
    """Whether a path that a file names stays in the folder it is read from, on any system."""
    if not isinstance(place, str) or "\0" in place:
        return False
    windows = PureWindowsPath(place)
    return not windows.anchor and not place.startswith("~") and ".." not in windows.parts


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
