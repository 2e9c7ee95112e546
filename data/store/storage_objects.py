"""Shared storage that is a part of a bucket: S3 and what speaks its protocol, Google's, Azure's, the Hugging Face hub.

Retries are the libraries': s3fs tries a request twice where the connection broke, each of them three times by botocore
("standard" retries, with growing pauses), connecting for at most 5 and reading for at most 20 seconds. gcsfs, adlfs and
huggingface_hub keep their own bounds. What is still not answered then is a StorageError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.store.errors import InputError, MissingDependencyError, StorageError
from data.store.storage_base import Storage, StoredFile, checked_path
from data.store.storage_faults import PACKAGES, code_of, explained
from data.store.vocabulary import StorageFault

__all__ = ["ObjectStorage"]

_CONFLICTS = 5  # tries of a write that another one crossed
# What each of the libraries is opened with: listings are never remembered, since others write as well.
_FRESH: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 20,
            "max_pool_connections": 64,
            "retries": {"mode": "standard", "total_max_attempts": 3},
        }
    }
}
_S3_RETRIES = 2
# What says that a file is another than before, by the names libraries have for it.
_VERSIONS = ("ETag", "generation", "etag", "blob_id", "md5Hash")


class ObjectStorage(Storage):
    """A part of a bucket of an object store, spoken to by the fsspec library of its kind."""

    def __init__(self, scheme: str, root: str) -> None:
        self.scheme, self._root = scheme, root
        self.url = f"{scheme}://{root}"
        self._opened: Any = None
        self._files()  # a package that is not there is said at once

    def __reduce__(self) -> tuple[Callable[..., Storage], tuple[str, str]]:
        return ObjectStorage, (self.scheme, self._root)

    def files(self, below: str = "") -> Iterator[StoredFile]:
        """As :meth:`Storage.files`; multipart uploads that were not completed are no objects."""
        start = f"{self._root}/{checked_path(below)}" if below else self._root
        with self._faults(start):
            listed = self._listed("find", start)
        for name in sorted(listed):
            path = self._below(name)
            # A key that ends with a slash is what consoles make of an empty folder.
            if path and not name.endswith("/") and listed[name].get("type") != "directory":
                yield self._stored(path, listed[name])

    def folders(self, below: str = "") -> list[str]:
        """As :meth:`Storage.folders`."""
        start = f"{self._root}/{checked_path(below)}" if below else self._root
        with self._faults(start):
            listed = self._listed("ls", start)
        below_it = (self._below(name.rstrip("/")) for name, info in listed.items() if info.get("type") == "directory")
        return sorted(filter(None, below_it))

    def _listed(self, how: str, start: str) -> dict[str, dict[str, Any]]:
        """What is below or in a folder by name; a folder without anything is none to an object store."""
        try:
            listed = getattr(self._files(), how)(start, detail=True)
        except FileNotFoundError as error:
            # The bucket that is not there must not look like one from which everything vanished.
            if explained(error, self.scheme, "").code == StorageFault.NO_BUCKET:
                raise
            if self.scheme != "s3":  # whose code tells; the others say the same of a file and of a bucket
                self._files().info(self._bucket())
            return {}
        return listed if isinstance(listed, dict) else {info["name"]: info for info in listed}

    def look(self, path: str) -> StoredFile | None:
        """As :meth:`Storage.look`."""
        try:
            with self._faults(path):
                info = self._files().info(self._name(path))
        except StorageError as error:
            if error.code == StorageFault.MISSING:
                return None
            raise
        return None if info.get("type") == "directory" else self._stored(path, info)

    def read(self, path: str, limit: int) -> bytes:
        """As :meth:`Storage.read`; one request."""
        name = self._name(path)
        with self._faults(path):
            try:
                data: bytes = self._files().cat_file(name, start=0, end=limit + 1)
            except OSError as error:
                if code_of(error) not in ("InvalidRange", "416"):  # a range of an empty object
                    raise
                data = b""
        if len(data) > limit:
            raise explained(StorageFault.TOO_LARGE, self.scheme, f"{self.url}/{path}")
        return data

    def write(self, path: str, data: bytes) -> None:
        """As :meth:`Storage.write`."""
        name = self._name(path)
        with self._faults(path):
            self._files().pipe_file(name, data)

    def write_new(self, path: str, data: bytes) -> bool:
        """As :meth:`Storage.write_new`; ``If-None-Match: *`` on S3 and what the others have like it."""
        name = self._name(path)
        with self._faults(path):
            if self.scheme == "hf":
                if self._files().exists(name):
                    return False
                self._files().pipe_file(name, data)
                return True
            for attempt in range(_CONFLICTS):
                try:
                    self._files().pipe_file(name, data, mode="create")
                except FileExistsError:
                    return False
                except OSError as error:
                    if code_of(error) in ("PreconditionFailed", "412"):
                        return False
                    if code_of(error) != "ConditionalRequestConflict" or attempt == _CONFLICTS - 1:
                        raise
                    time.sleep(0.1 * 2**attempt)  # another one's request was on its way: now it has won, or failed
                else:
                    return True
        raise AssertionError  # the last try has returned or raised

    def remove(self, path: str) -> None:
        """As :meth:`Storage.remove`."""
        name = self._name(path)
        try:
            with self._faults(path):
                self._files().rm_file(name)
        except StorageError as error:
            if error.code != StorageFault.MISSING:
                raise

    def upload(self, local: Path, path: str) -> None:
        """As :meth:`Storage.upload`; in parts where it is large, which are no object until the last is there."""
        name = self._name(path)
        with self._faults(path):
            self._files().put_file(str(local), name)

    def download(self, path: str, local: Path) -> None:
        """As :meth:`Storage.download`; in parts where it is large, so of a file that is never written twice."""
        name = self._name(path)
        with self._faults(path):
            self._files().get_file(name, str(local))

    def _name(self, path: str) -> str:
        return f"{self._root}/{checked_path(path)}"

    def _bucket(self) -> str:
        """The bucket, container or repository; ``datasets/ORG/NAME`` or ``ORG/NAME`` on the hub."""
        parts = self._root.split("/")
        length = 1 if self.scheme != "hf" else 3 if parts[0] in ("datasets", "spaces", "buckets") else 2
        return "/".join(parts[:length])

    def _below(self, name: str) -> str:
        """Path of what was listed; empty for the root itself."""
        if name.rstrip("/") == self._root:
            return ""
        if not name.startswith(f"{self._root}/"):  # left out it would look like a file that vanished
            raise explained(StorageFault.FAILED, self.scheme, f"{self.url}: listed another place")
        return name.removeprefix(f"{self._root}/")

    def _stored(self, path: str, info: dict[str, Any]) -> StoredFile:
        version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
        when = next((info[key] for key in ("LastModified", "last_modified", "updated") if info.get(key)), "")
        return StoredFile(path, int(info["size"]), version.strip('"') or str(when))

    def _files(self) -> Any:
        """The library's file system, opened in the process and thread pool that use it."""
        if self._opened is None:
            import fsspec

            try:
                with self._faults(""):
                    self._opened = fsspec.filesystem(self.scheme, **_FRESH, **_OPTIONS.get(self.scheme, {}))
            except ImportError as error:
                raise MissingDependencyError(
                    "This storage is spoken to with a package that is not installed",
                    where=f"{self.scheme}://",
                    remedy=f"pip install {PACKAGES[self.scheme]}",
                ) from error
            if self.scheme == "s3":
                self._opened.retries = _S3_RETRIES
        return self._opened

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        try:
            yield
        except (StorageError, InputError, ImportError, AssertionError):
            raise
        except Exception as error:
            # Of a library's own tree of errors, which need not be installed: each is one of ours by its name or code.
            where = f"{self.scheme}://{path}" if path.startswith(self._root) else f"{self.url}/{path}".rstrip("/")
            raise explained(error, self.scheme, where) from error
