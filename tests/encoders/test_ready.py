from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.store.errors import InputError
from evaluators.encoders import ready
from evaluators.encoders.settings import EncoderSettings
from evaluators.probes import text_hash

TEXTS = ["first", " second\n", "", "四"]
ROWS = np.arange(20, dtype=np.float32).reshape(4, 5) + 1


def texts_file(folder: Path) -> Path:
    path = folder / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS), encoding="utf-8")
    return path


def npy(folder: Path) -> Path:
    np.save(folder / "v.npy", ROWS)
    return folder / "v.npy"


def npz(folder: Path) -> Path:
    np.savez(folder / "v.npz", vectors=ROWS, texts=np.array(TEXTS))
    return folder / "v.npz"


def npz_by_hash(folder: Path) -> Path:
    np.savez(folder / "h.npz", embeddings=ROWS, hashes=np.array([text_hash(text) for text in TEXTS]))
    return folder / "h.npz"


def parquet(folder: Path) -> Path:
    pq.write_table(pa.table({"text": TEXTS, "embedding": ROWS.tolist()}), folder / "v.parquet")
    return folder / "v.parquet"


def parquet_fixed(folder: Path) -> Path:
    column = pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 5)
    pq.write_table(pa.table({"text_hash": [text_hash(t) for t in TEXTS], "vector": column}), folder / "f.parquet")
    return folder / "f.parquet"


def jsonl(folder: Path) -> Path:
    lines = [json.dumps({"text": text, "vector": row.tolist()}) for text, row in zip(TEXTS, ROWS, strict=True)]
    (folder / "v.jsonl").write_text("\n".join(lines))
    return folder / "v.jsonl"


def mteb_cache(folder: Path) -> Path:
    """Written by mteb's own class."""
    from mteb.models.cache_wrappers.cache_backends.numpy_cache import NumpyCache

    cache = NumpyCache(folder / "cache", initial_vectors=7)
    cache.add([{"text": text} for text in TEXTS], ROWS)
    cache.save()
    return folder / "cache"


@pytest.mark.parametrize("write", [npy, npz, npz_by_hash, parquet, parquet_fixed, jsonl, mteb_cache])
def test_vectors_are_found_by_text_in_any_order(write: Callable[[Path], Path], tmp_path: Path) -> None:
    options = {"texts": str(texts_file(tmp_path))}
    encoder = ready.ReadyVectors(EncoderSettings("ready", str(write(tmp_path)), options=options))
    given = encoder.encode(["四", "not there", *TEXTS[:2]], "document")
    assert given.dense is not None
    np.testing.assert_array_equal(given.dense[[0, 2, 3]], ROWS[[3, 0, 1]])
    assert np.isnan(given.dense[1]).all()
    assert given.failed == {1: "The file has no vector for this text."}
    assert encoder.describe().files


def test_rows_without_texts_need_a_file_of_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="texts=FILE"):
        ready.ReadyVectors(EncoderSettings("ready", str(npy(tmp_path))))


def test_more_texts_than_rows_is_no_guess(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", ROWS[:3])
    with pytest.raises(InputError, match="3 vectors for 4 texts"):
        ready.ReadyVectors(
            EncoderSettings("ready", str(tmp_path / "v.npy"), options={"texts": str(texts_file(tmp_path))})
        )


@pytest.mark.parametrize("name", ["v.npy", "v.npz", "v.parquet", "v.jsonl", "v.txt"])
def test_damaged_files_are_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"not what it says \xff")
    with pytest.raises(InputError, match=r"cannot be read|come as"):
        ready.ReadyVectors(EncoderSettings("ready", str(tmp_path / name), options={"texts": str(texts_file(tmp_path))}))


def test_a_pickle_in_disguise_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="pickle"):
        ready.ReadyVectors(
            EncoderSettings("ready", str(tmp_path / "v.npy"), options={"texts": str(texts_file(tmp_path))})
        )
