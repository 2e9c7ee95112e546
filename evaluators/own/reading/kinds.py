"""What a file is: by its beginning where that tells, by its name otherwise."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePath

from evaluators.own.reading.refused import RefusedError

__all__ = ["ENDINGS", "file_kind"]

ENDINGS = {
    ".pdf": "pdf", ".docx": "docx", ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown",
    ".markdown": "markdown", ".txt": "text", ".text": "text", ".rst": "text", ".csv": "table", ".tsv": "table",
}  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of Word before 2007, and of a locked .docx
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_OTHERS = (
    (b"\x1f\x8b", "it is compressed (gzip)"), (b"7z\xbc\xaf\x27\x1c", "it is an archive"),
    (b"\x89PNG", "it is a picture"), (b"\xff\xd8\xff", "it is a picture"), (b"GIF8", "it is a picture"),
    (b"\x7fELF", "it is a program"), (b"MZ\x90", "it is a program"), (b"SQLite format 3", "it is a database"),
    (rb"{\rtf", "RTF is not read; save it as .docx"),
)  # fmt: skip


def file_kind(name: str, data: bytes) -> str:
    """One of the values of :data:`ENDINGS`.

    Raises:
        RefusedError: the bytes are of something that is not read, whatever the name says.
    """
    if not data:
        raise RefusedError("it is empty")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(_OLE):
        locked = _LOCKED in data
        raise RefusedError("it is locked with a password" if locked else "it is of Word before 2007; save it as .docx")
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data)
    for magic, why in _OTHERS:
        if data.startswith(magic):
            raise RefusedError(why)
    kind = ENDINGS[PurePath(name).suffix.lower()]
    if kind in ("pdf", "docx"):
        if data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            return "html"
        raise RefusedError(f"it is no {kind.upper()} file, whatever its name says")
    return kind


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise RefusedError("it is cut off or damaged (a ZIP archive that cannot be opened)") from None
    if "[Content_Types].xml" in names and any(name.startswith("word/") for name in names):
        return "docx"
    raise RefusedError("it is an archive or an Office file that is no .docx")
