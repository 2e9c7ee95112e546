"""The files of a folder: which are read, and why the others are not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from data.store.errors import InputError
from evaluators.model_files.reading import printable
from evaluators.own.document import Skipped
from evaluators.own.reading.kinds import ENDINGS
from evaluators.own.reading.refused import FILE_BYTES

__all__ = ["files_below"]

_MOST_FILES = 100_000


def files_below(folder: Path) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """Name and path of the files that can be read, by name; and those of which is known already why they are not.

    Hidden files and those that Office leaves beside an open one are no documents, and not named.

    Raises:
        InputError: no such folder, or more files than any folder of documents has.
    """
    if not folder.is_dir():
        raise InputError("There is no such folder of documents", where=printable(folder))
    folder = folder.resolve()
    files: list[tuple[str, Path]] = []
    skipped: list[Skipped] = []
    for path in _every(folder, skipped):
        name = printable(path.relative_to(folder).as_posix())
        if why := _unfit(path, folder):
            skipped.append(Skipped(name, why))
        else:
            files.append((name, path))
        if len(files) > _MOST_FILES:
            raise InputError(f"The folder has more than {_MOST_FILES:,} documents", where=printable(folder))
    return sorted(files), sorted(skipped, key=lambda entry: entry.name)


def _every(folder: Path, skipped: list[Skipped]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        name = printable(Path(error.filename or folder).relative_to(folder).as_posix())
        skipped.append(Skipped(name, f"the folder cannot be opened: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=unreadable, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders]:
            if (Path(place) / name).is_symlink():
                folders.remove(name)
                yield Path(place) / name
        yield from (Path(place) / name for name in sorted(names) if not name.startswith((".", "~$")))


def _unfit(path: Path, folder: Path) -> str | None:
    try:
        status = path.lstat()
    except OSError as error:
        return error.strerror or "it cannot be read"
    if stat.S_ISLNK(status.st_mode):
        inside = path.resolve().is_relative_to(folder)
        return "a link to what is read in its own place" if inside else "a link that leads out of the folder"
    if not stat.S_ISREG(status.st_mode):
        return "no regular file"
    suffix = path.suffix.lower()
    if suffix not in ENDINGS:
        return f"{printable(suffix)} is not read" if suffix else "it has no ending that says what it is"
    if status.st_size > FILE_BYTES:
        return f"it has {status.st_size / 1_000_000:,.0f} MB, more than {FILE_BYTES // 1_000_000}"
    return None if status.st_size else "it is empty"
