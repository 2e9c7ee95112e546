"""What vectors were stored as is read off their numbers, whatever else is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, diagnose
from evaluators.diagnose.lattice import lattice_of
from evaluators.diagnose.reading import read_otherwise
from evaluators.diagnose.reference import Embeddings


def _unit(count: int = 24, width: int = 96) -> Embeddings:
    rows = np.random.default_rng(3).normal(0.002, 1, (count, width))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _by_library(precision: str) -> Callable[[Embeddings], Embeddings]:
    def by_library(rows: Embeddings) -> Embeddings:
        # Not before: what is imported as tests are collected, every worker imports, and this brings torch.
        from sentence_transformers.util import quantize_embeddings

        return np.asarray(quantize_embeddings(rows, precision), dtype=np.float32)  # type: ignore[arg-type]

    return by_library


def _by_row(rows: Embeddings) -> Embeddings:
    scale = (np.abs(rows).max(1, keepdims=True) / 127).astype(np.float32)
    return np.asarray(np.round(rows / scale) * scale)


def _from_least(rows: Embeddings) -> Embeddings:
    low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
    step = (high - low) / 255
    return np.asarray(np.round((rows - low) / step) * step + low, dtype=np.float32)


def _by_dimension(rows: Embeddings) -> Embeddings:
    low, step = rows.min(0), (rows.max(0) - rows.min(0)) / 255
    return np.asarray(np.floor((rows - low) / step) * step + low, dtype=np.float32)


def _bf16(rows: Embeddings) -> Embeddings:
    import torch

    return np.asarray(torch.tensor(rows).bfloat16().float().numpy())


def _normalised(rows: Embeddings) -> Embeddings:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _eight_bits(kind: str) -> Callable[[Embeddings], Embeddings]:
    def stored(rows: Embeddings) -> Embeddings:
        import torch

        return np.asarray(torch.tensor(rows).to(getattr(torch, kind)).float().numpy())

    return stored


STORED: dict[str, tuple[Callable[[Embeddings], Embeddings], str]] = {
    "one scale": (lambda rows: np.round(rows * 300) / np.float32(300), "vectors-int8-whole"),
    "a scale a vector": (_by_row, "vectors-int8-by-vector"),
    "a scale a vector, normalised": (lambda rows: _normalised(_by_row(rows)), "vectors-int8-by-vector"),
    "a range a vector": (_from_least, "vectors-int8-by-vector"),
    "a range a dimension": (_by_dimension, "vectors-int8-by-dimension"),
    "fp16": (lambda rows: rows.astype(np.float16).astype(np.float32), "vectors-fp16"),
    "bf16": (_bf16, "vectors-bf16"),
    "eight-bit floats": (_eight_bits("float8_e4m3fn"), "vectors-fp8"),
    "eight-bit floats of five": (_eight_bits("float8_e5m2"), "vectors-fp8-e5m2"),
    "three decimals": (lambda rows: np.round(rows, 3), "vectors-decimals"),
    "cut off after three decimals": (lambda rows: np.trunc(rows * 1000) / np.float32(1000), "vectors-decimals"),
}


@pytest.mark.parametrize("case", STORED)
def test_the_steps_are_those_that_were_made(case: str) -> None:
    store, code = STORED[case]
    rows = _unit()
    stored = np.asarray(store(rows), dtype=np.float32)
    lattice = lattice_of(stored)
    assert lattice is not None
    assert [cause.code for cause in lattice.causes] == [code]
    snapped = lattice.snapped(rows, str(lattice.causes[0].changes["rounding"]))
    # A number in the middle between two steps may go either way, and more of them where lengths changed afterwards.
    assert float((np.abs(snapped - stored) > 1e-6).mean()) < (0.03 if "normalised" in case else 0.01)


@pytest.mark.parametrize(("precision", "rounding"), [("int8", "numbers-dimension"), ("uint8", "numbers-dimension")])
def test_whole_numbers_are_numbers(precision: str, rounding: str) -> None:
    rows = _unit(64)
    given = _by_library(precision)(rows)
    lattice = lattice_of(given)
    assert lattice is not None
    assert {cause.changes["rounding"] for cause in lattice.causes} == {"numbers", "numbers-vector", "numbers-dimension"}
    snapped = lattice.snapped(rows, rounding)
    assert float(np.abs(snapped - given).mean()) < 0.3


@pytest.mark.parametrize("width", [32, 96])
def test_floats_are_none(width: int) -> None:
    assert lattice_of(_unit(width=width)) is None


def test_single_bits_are_on_a_lattice_that_names_no_cause() -> None:
    rows = _unit()
    bits = np.sign(rows)
    lattice = lattice_of(bits)
    assert lattice is not None
    assert lattice.causes == []
    (signs,) = lattice.directed(rows[:5] * 3, range(5))
    assert (signs == bits[:5]).all()


READ: dict[str, tuple[Callable[[Embeddings], Embeddings], str]] = {
    "packed, unsigned": (lambda rows: _by_library("ubinary")(rows), "bits-packed"),
    "packed, signed": (lambda rows: _by_library("binary")(rows), "bits-packed"),
    "bits": (lambda rows: (rows > 0).astype(np.float32), "vectors-binary"),
    "big-endian": (lambda rows: rows.astype(">f4").view("<f4").astype(np.float32), "bytes-reversed"),
    "64 bits": (lambda rows: rows.astype("<f8").view("<f4"), "float64-as-float32"),
    "16 bits": (lambda rows: rows.astype("<f2").view("<f4"), "fp16-as-float32"),
    "bytes": (lambda rows: rows.view(np.uint8).astype(np.float32), "bytes-as-numbers"),
}


@pytest.mark.parametrize("case", READ)
def test_bytes_are_read_as_they_were_meant(case: str) -> None:
    pack, code = READ[case]
    rows = _unit()
    packed = pack(rows)
    sound = np.isfinite(packed).all(axis=1)
    reading = read_otherwise(packed[sound], rows)
    assert reading is not None
    assert reading.cause.code == code
    meant = rows[sound] if "bi" not in code else np.where(rows > 0, 1, -1)
    assert np.abs(reading.vectors - meant).max() < 1e-3


def test_vectors_of_other_sizes_are_read_as_they_came() -> None:
    rows = _unit()
    for other in (rows, rows * 40, rows[:, :24], np.concatenate([rows, rows], axis=1), np.round(rows * 127)[:, :12]):
        assert read_otherwise(np.asarray(other, dtype=np.float32), rows) is None


@pytest.mark.parametrize(
    ("store", "words"),
    [
        (_by_row, "vectors rounded to int8, a scale a vector"),
        (lambda rows: np.round(rows * 127), "vectors given as whole numbers, one scale for all"),
        (_by_library("int8"), "vectors given as whole numbers, a range a dimension"),
        (_by_library("ubinary"), "vectors given as packed bits, eight dimensions a number"),
        (STORED["fp16"][0], "vectors stored as fp16"),
        (READ["big-endian"][0], "floats with their bytes in the wrong order"),
    ],
)
def test_storage_is_named_beside_another_cause(
    store: Callable[[Embeddings], Embeddings], words: str, minilm: Bench, minilm_in_small: Path
) -> None:

    sentence_transformers = pytest.importorskip("sentence_transformers")
    model = sentence_transformers.SentenceTransformer(str(minilm_in_small), device="cpu")
    model[1].pooling_mode = "cls"
    rows = np.asarray(model.encode(list(minilm.texts.texts)), dtype=np.float32)
    diagnosis = diagnose(minilm, np.asarray(store(rows), dtype=np.float32))
    assert diagnosis.verdict == "explained"
    assert {named.cause.words for named in diagnosis.causes} == {words, "CLS pooling"}
