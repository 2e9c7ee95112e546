"""Shared storage, the one place that touches it: a folder, or a part of a bucket by its address.

``s3://``, ``gs://``, ``az://`` and ``hf://`` are spoken by the libraries of fsspec, a folder by ourselves. What is
written appears whole or not at all: object stores take an object in one request, and in a folder a file is written
beside its place and renamed. Credentials come from the environment, where each library looks for them, and are no part
of a storage: it can be pickled and sent to another process, which finds its own.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from data.store.errors import InputError
from data.store.storage_base import Storage, StoredFile, checked_path
from data.store.storage_faults import CREDENTIALS, PACKAGES
from data.store.storage_folder import FolderStorage
from data.store.storage_objects import ObjectStorage

__all__ = ["Storage", "StoredFile", "is_address", "open_storage"]

_SAME = {"s3a": "s3", "gcs": "gs"}
_FOLDER = ("file", "local")


def open_storage(url: str | Path) -> Storage:
    """The storage at an address, as ``s3://bucket/path``, or a folder by its path or as ``file:///path``.

    Nothing is looked for there yet.

    Raises:
        InputError: the address is none, or has credentials in it.
        MissingDependencyError: the library that speaks to it is not installed.
    """
    text = str(url)
    if not is_address(text):
        return FolderStorage(Path(text).expanduser().resolve())
    scheme, _, rest = text.partition("://")
    scheme = _SAME.get(scheme.lower(), scheme.lower())
    if scheme in _FOLDER:
        return FolderStorage(Path(unquote(urlsplit(text).path)).resolve())
    _check_address(scheme, rest)
    return ObjectStorage(scheme, rest.strip("/"))


def is_address(text: str) -> bool:
    """Whether this is an address of a storage (``scheme://...``) rather than the path of a file."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.isalnum()


def _check_address(scheme: str, rest: str) -> None:
    shown = f"{scheme}://..."
    if scheme not in PACKAGES:
        raise InputError(
            "This is no storage we know", where=shown, remedy=f"It is a folder, or one of {', '.join(PACKAGES)}://."
        )
    first = rest.partition("/")[0]
    # Azure's own abfs://CONTAINER@ACCOUNT... as well: the account is one of its variables.
    if "?" in rest or "@" in first:
        raise InputError(
            "Credentials do not belong into an address", where=shown, remedy=f"Set {CREDENTIALS[scheme]} instead."
        )
    if not first or rest.startswith("/"):
        raise InputError("The address names no bucket", where=shown, remedy=f"Give it as {scheme}://BUCKET/PATH.")
    if rest.strip("/") != first:
        checked_path(rest.strip("/").partition("/")[2])
