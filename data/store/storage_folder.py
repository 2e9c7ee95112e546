"""Shared storage that is a folder: of this machine, or of several that have it mounted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from data.store.errors import StorageError
from data.store.storage_base import Storage, StoredFile, checked_path
from data.store.storage_faults import explained
from data.store.vocabulary import StorageFault

__all__ = ["FolderStorage"]


class FolderStorage(Storage):
    """A folder of this machine, or of several that have it mounted."""

    scheme = "file"

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = str(root)

    def files(self, below: str = "") -> Iterator[StoredFile]:
        """As :meth:`Storage.files`; links that lead out of the folder are left out."""
        with self._faults(below):
            for entry in self._entries(below):
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    yield from self.files(path)
                elif entry.is_file() and not _unfinished(entry.name) and self._stays_inside(Path(entry.path)):
                    yield _stored(path, entry.stat())

    def folders(self, below: str = "") -> list[str]:
        """As :meth:`Storage.folders`."""
        with self._faults(below):
            names = [entry.name for entry in self._entries(below) if entry.is_dir(follow_symlinks=False)]
        return [f"{below}/{name}" if below else name for name in names]

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / checked_path(below) if below else self._root) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []

    def look(self, path: str) -> StoredFile | None:
        """As :meth:`Storage.look`."""
        try:
            with self._faults(path):
                place = self._place(path)
                return _stored(path, place.stat()) if place.is_file() and self._stays_inside(place) else None
        except StorageError as error:
            if error.code == StorageFault.MISSING:
                return None
            raise

    def read(self, path: str, limit: int) -> bytes:
        """As :meth:`Storage.read`."""
        with self._faults(path):
            place = self._place(path)
            if not place.is_file() or not self._stays_inside(place):
                raise FileNotFoundError
            with place.open("rb") as file:
                return self._within(file.read(limit + 1), limit, path)

    def write(self, path: str, data: bytes) -> None:
        """As :meth:`Storage.write`."""
        with self._faults(path), self._beside(path, data) as (unfinished, place):
            unfinished.replace(place)

    def write_new(self, path: str, data: bytes) -> bool:
        """As :meth:`Storage.write_new`; by a hard link, and a lock where the file system has none."""
        with self._faults(path), self._beside(path, data) as (unfinished, place):
            try:
                os.link(unfinished, place)
            except FileExistsError:
                return False
            except OSError:  # no hard links here: FAT, some network mounts
                with FileLock(place.parent / f".{place.name}.lock"):
                    if place.exists():
                        return False
                    unfinished.replace(place)
            return True

    def remove(self, path: str) -> None:
        """As :meth:`Storage.remove`."""
        with self._faults(path):
            self._place(path).unlink(missing_ok=True)

    def upload(self, local: Path, path: str) -> None:
        """As :meth:`Storage.upload`."""
        with self._faults(path), self._beside(path, local) as (unfinished, place):
            unfinished.replace(place)

    def download(self, path: str, local: Path) -> None:
        """As :meth:`Storage.download`."""
        with self._faults(path):
            place = self._place(path)
            if not self._stays_inside(place):
                raise FileNotFoundError
            _copy(place, local)

    def _place(self, path: str) -> Path:
        return self._root / checked_path(path)

    def _stays_inside(self, place: Path) -> bool:
        return place.resolve().is_relative_to(self._root)

    @contextmanager
    def _beside(self, path: str, data: bytes | Path) -> Iterator[tuple[Path, Path]]:
        """A file with the bytes beside the place they belong to; what is left of it is removed."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not self._stays_inside(place.parent):
            raise FileNotFoundError
        unfinished = place.with_name(f".{place.name[:100]}.{os.getpid()}-{os.urandom(4).hex()}.partial")
        try:
            _copy(data, unfinished)
            yield unfinished, place
        finally:
            unfinished.unlink(missing_ok=True)

    def _within(self, data: bytes, limit: int, path: str) -> bytes:
        if len(data) > limit:
            raise explained(StorageFault.TOO_LARGE, "file", f"{self.url}/{path}")
        return data

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise explained(error, "file", f"{self.url}/{path}" if path else self.url) from error

    def __reduce__(self) -> tuple[Callable[..., Storage], tuple[Path]]:
        return FolderStorage, (self._root,)


def _stored(path: str, status: os.stat_result) -> StoredFile:
    return StoredFile(path, status.st_size, str(status.st_mtime_ns))


def _unfinished(name: str) -> bool:
    return name.startswith(".") and name.endswith((".partial", ".lock"))


def _copy(data: bytes | Path, place: Path) -> None:
    """Write bytes, or those of another file, to a new file that survives a power cut."""
    with place.open("wb") as file:
        if isinstance(data, bytes):
            file.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, 2**20)
        file.flush()
        os.fsync(file.fileno())
