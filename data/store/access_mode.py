"""Where the store is, and whether this process may write beside it.

One switch for everything that writes: the store itself, the decisions beside it, whatever comes next. An operator sets
``PLUMBLINE_READ_ONLY=1``; where the folder cannot be written to, as on a read-only mount, nobody has to.
"""

from __future__ import annotations

import os
from pathlib import Path

from data.store.errors import ReadOnlyError

__all__ = ["must_be_writable", "read_only", "store_path"]

_DATA = Path(__file__).resolve().parents[1]
_NO = {"", "0", "no", "off", "false"}


def store_path() -> Path:
    """Path of the store: ``PLUMBLINE_STORE`` if it is set, else ``data/plumbline.duckdb`` of this checkout."""
    named = os.environ.get("PLUMBLINE_STORE")
    return Path(named).expanduser() if named else _DATA / "plumbline.duckdb"


def read_only(path: Path | None = None) -> bool:
    """Whether nothing may be written in the folder of the store at ``path`` (:func:`store_path`).

    True where ``PLUMBLINE_READ_ONLY`` says so (anything but 0, no, off or false), and where the folder, or the nearest
    one above it that is there, cannot be written to. Writes nothing to find out.
    """
    if _switched():
        return True
    folder = (path or store_path()).absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return not os.access(folder, os.W_OK | os.X_OK)


def must_be_writable(path: Path | None = None) -> None:
    """Nothing, where writing beside the store at ``path`` is allowed.

    Raises:
        ReadOnlyError: :func:`read_only`, and which of the two reasons it is.
    """
    if not read_only(path):
        return
    switched = _switched()
    raise ReadOnlyError(
        "Nothing may be written here: PLUMBLINE_READ_ONLY is set"
        if switched
        else "Nothing may be written here: the folder of the store cannot be written to",
        where=str((path or store_path()).parent),
        remedy="Unset PLUMBLINE_READ_ONLY for the process that writes."
        if switched
        else "Run the command as a user who may write there, or name another file with PLUMBLINE_STORE.",
    )


def _switched() -> bool:
    return os.environ.get("PLUMBLINE_READ_ONLY", "").strip().lower() not in _NO
