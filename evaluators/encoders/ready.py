"""Vectors that somebody has already made, looked up by text.

``.npy``: rows in the order of the texts (option ``texts=FILE``, a JSON object or plain text a line, or
``texts=bundled``; the check's probes otherwise). ``.npz``: ``vectors``, and ``texts`` or ``hashes`` (SHA-256 of
the UTF-8 text) if it has them. ``.parquet`` and ``.jsonl``: columns ``text`` or ``text_hash`` beside ``vector`` or
``embedding``. A folder: what mteb's CachedEmbeddingWrapper keeps (``vectors.npy``, ``index.json``, ``dimension``).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import ArrowException

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Description, Encoded, as_matrix, cut, in_use
from evaluators.encoders.settings import EncoderSettings
from evaluators.model_files.hashes import hash_files
from evaluators.probes import BUNDLED, read_texts, text_hash

_HASHES, _VECTORS = ("text_hash", "hash"), ("vector", "embedding", "vectors", "embeddings")


class ReadyVectors:
    """A table of vectors by text hash; a text that is not in it has failed, with that as the reason."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._path = Path(settings.source).expanduser()
        if not self._path.exists():
            raise InputError("There are no vectors at the path", where=str(self._path))
        hashes, self._vectors = _read(self._path, settings)
        if len(hashes) > len(self._vectors):
            raise InputError(
                f"There are {len(self._vectors)} vectors for {len(hashes)} texts",
                where=str(self._path),
                remedy="Name the file of the texts they were made from with texts=FILE, in the same order.",
            )
        self._position = {name: row for row, name in enumerate(hashes)}

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """The vectors of these texts, whatever their role was."""
        dense = np.full((len(texts), self._vectors.shape[1]), np.nan, dtype=np.float32)
        failed = {}
        for row, text in enumerate(texts):
            position = self._position.get(text_hash(text))
            if position is None:
                failed[row] = "The file has no vector for this text."
            else:
                dense[row] = self._vectors[position]
        return Encoded(dense=cut(dense, self.settings), failed=failed)

    def describe(self) -> Description:
        """The file and its digest; how its vectors were made is for whoever made them to say in the settings."""
        return Description(
            model=self.settings.model,
            revision=self.settings.revision,
            settings=in_use(self.settings, prompts=self.settings.prompts or {}),
            versions={},
            files=hash_files(self._path),
        )

    def close(self) -> None:
        """Let the array go."""
        self._vectors = np.empty((0, 1), dtype=np.float32)


def _read(path: Path, settings: EncoderSettings) -> tuple[list[str], NDArray[np.float32]]:
    """Text hashes and vectors in one order."""
    readers = {".npy": _npy, ".npz": _npz, ".parquet": _parquet, ".jsonl": _jsonl}
    reader = _mteb_cache if path.is_dir() else readers.get(path.suffix)
    if reader is None:
        raise InputError("Vectors come as .npy, .npz, .parquet, .jsonl or mteb's folder", where=str(path))
    try:
        hashes, rows = reader(path, settings)
        return hashes, as_matrix(rows, len(rows), where=str(path))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, ArrowException) as error:
        raise InputError(
            "The vectors cannot be read", where=str(path), remedy=f"{type(error).__name__}: {error}"
        ) from None


def _npy(path: Path, settings: EncoderSettings) -> tuple[list[str], Any]:
    return _named(settings), np.load(path, allow_pickle=False)


def _npz(path: Path, settings: EncoderSettings) -> tuple[list[str], Any]:
    with np.load(path, allow_pickle=False) as arrays:
        rows = arrays[next(name for name in (*_VECTORS, *arrays.files) if name in arrays.files)]
        if "hashes" in arrays.files:
            return [str(name) for name in arrays["hashes"]], rows
        if "texts" in arrays.files:
            return [text_hash(str(text)) for text in arrays["texts"]], rows
    return _named(settings), rows


def _parquet(path: Path, settings: EncoderSettings) -> tuple[list[str], Any]:
    table = pq.read_table(path)
    rows = table.column(_first(_VECTORS, table.column_names)).combine_chunks()
    matrix = rows.values.to_numpy(zero_copy_only=False).reshape(len(rows), -1)
    if "text" in table.column_names:
        return [text_hash(text) for text in table.column("text").to_pylist()], matrix
    return table.column(_first(_HASHES, table.column_names)).to_pylist(), matrix


def _jsonl(path: Path, settings: EncoderSettings) -> tuple[list[str], Any]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [line[_first(_VECTORS, line)] for line in lines]
    if lines and "text" in lines[0]:
        return [text_hash(line["text"]) for line in lines], rows
    return [line[_first(_HASHES, line)] for line in lines], rows


def _mteb_cache(path: Path, settings: EncoderSettings) -> tuple[list[str], Any]:
    index = json.loads((path / "index.json").read_text(encoding="utf-8"))
    width = int((path / "dimension").read_text(encoding="utf-8"))
    ordered = sorted(index, key=lambda name: int(index[name]))
    rows = np.memmap(path / "vectors.npy", dtype=np.float32, mode="r").reshape(-1, width)
    return ordered, rows[np.array([int(index[name]) for name in ordered], dtype=np.int64)]


def _first(names: Sequence[str], present: Any) -> str:
    name = next((name for name in names if name in present), None)
    if name is None:
        raise KeyError(f"none of {', '.join(names)}")
    return name


def _named(settings: EncoderSettings) -> list[str]:
    if "texts" not in settings.options:
        raise InputError(
            "The rows have no texts beside them",
            where=settings.source,
            remedy="Name the file of the texts: texts=FILE.",
        )
    named = settings.options["texts"]
    return [text_hash(text) for text in read_texts(BUNDLED if named == "bundled" else Path(named))]


BACKEND = Backend(
    about="vectors already made: .npy, .npz, .parquet, .jsonl or mteb's cached embeddings",
    example="vectors.npy?texts=texts.jsonl",
    open=ReadyVectors, options=frozenset({"texts"}), one_load="vectors are read, not made", in_process=False,
    by_length=True,
)  # fmt: skip
