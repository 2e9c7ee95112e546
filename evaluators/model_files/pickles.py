"""Pickled weights that ask for memory: what ``weights_only`` lets through, and no tensor is made of."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from evaluators.model_files.fault import Fault
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import open_regular, printable

__all__ = ["hoarding"]

_PICKLED = frozenset({".bin", ".pt", ".pth"})
_PROGRAM = 64_000_000  # bytes; that of a model of a hundred thousand tensors has 20 MB
# ``bytearray(n)`` is n bytes written at once; weights_only allows it, and no tensor is saved through it.
_HOARDER = re.compile(rb"builtins?(__)?.{1,6}bytearray", re.DOTALL)


def hoarding(folder: Path) -> Iterator[Fault]:
    """Pickled weights whose program would fill the memory, whatever they are loaded with."""
    for name in relative_files(folder):
        if PurePosixPath(name).suffix in _PICKLED and (what := _asks(folder / name)):
            yield Fault("weights-hoard", printable(name), f"{printable(name)} {what}")


def _asks(path: Path) -> str | None:
    with open_regular(path) as handle:
        if not zipfile.is_zipfile(handle):
            handle.seek(0)
            program = handle.read(_PROGRAM // 4)  # the form before torch 1.6: the program lies in front of the numbers
            return _called(program)
        try:
            with zipfile.ZipFile(handle) as archive:
                held = [entry for entry in archive.infolist() if entry.filename.endswith(".pkl")]
                if sum(entry.file_size for entry in held) > _PROGRAM:
                    return "holds a pickle larger than any model's"
                return next((words for entry in held if (words := _called(archive.read(entry)))), None)
        except Exception:  # noqa: BLE001 -- a damaged archive: the loader, which fails alike, says so in its place
            return None


def _called(program: bytes) -> str | None:
    return "makes room for bytes that are no tensor (bytearray)" if _HOARDER.search(program) else None
