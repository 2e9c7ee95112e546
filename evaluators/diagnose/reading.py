"""Bytes read as something else: packed bits, floats with their bytes reversed, or of another size than they were.

A server that packs its vectors (base64, one bit a dimension) and a client that unpacks them otherwise give numbers that
are nobody's vectors. The bytes are still there, and read the other way they are the reference's kind of numbers: of its
width, all finite, none wildly larger than the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.reference import Embeddings

__all__ = ["Reading", "read_otherwise"]

_TAME = 1e3  # of the root of the mean square: a component of an embedding is never further out
_TINY = 1e-12  # of it: a component that is not zero is seldom less
_SELDOM = 0.02
_LONGEST = 1e4
_AGREE = 0.55  # share of signs; half of them agree by chance


class Reading(NamedTuple):
    """A candidate's vectors as they were meant, and the cause that they were not read so."""

    vectors: Embeddings
    cause: Cause


def read_otherwise(candidate: Embeddings, base: Embeddings) -> Reading | None:
    """The candidate read as it was meant; None where nothing says that it was read wrongly.

    Args:
        candidate: float32 [n, d], finite.
        base: the reference's vectors, float [n, e].
    """
    width = base.shape[1]
    if (bits := _unpacked(candidate, width)) is not None and float(((bits > 0) == (base > 0)).mean()) > _AGREE:
        return Reading(bits, CAUSES["bits-packed"])
    if bool(((candidate == 0) | (candidate == 1)).all()) and bool((candidate == 0).any()):
        return Reading(candidate * 2 - 1, CAUSES["vectors-binary"])
    if candidate.shape[1] == width and _tame(candidate):
        return None
    if candidate.shape[1] > width and not candidate[:, width:].any():
        more = candidate.shape[1] - width
        return Reading(candidate[:, :width], CAUSES["dimensions-padded"].filled({"dimensions": more}))
    for code, vectors in _readings(candidate).items():
        if vectors.shape[1] == width and _tame(vectors):
            return Reading(vectors, CAUSES[code])
    return None


def _unpacked(candidate: Embeddings, width: int) -> Embeddings | None:
    """Eight dimensions a whole number, as 1 and -1."""
    if candidate.shape[1] != (width + 7) // 8 or width < 16 or not _whole(candidate, -128, 255):
        return None
    low = float(candidate.min())
    if low < 0 and float(candidate.max()) > 127:
        return None
    numbers = (candidate + (128 if low < 0 else 0)).astype(np.uint8)
    return np.unpackbits(numbers, axis=1)[:, :width].astype(np.float32) * 2 - 1


def _readings(candidate: Embeddings) -> dict[str, Embeddings]:
    """The same bytes read in each other way, by the cause that they were not."""
    raw = np.ascontiguousarray(candidate, dtype="<f4")
    readings = {"bytes-reversed": raw.byteswap()}
    if raw.shape[1] % 2 == 0:
        with np.errstate(over="ignore", invalid="ignore"):
            readings["float64-as-float32"] = raw.view("<f8").astype(np.float32)
    readings["fp16-as-float32"] = raw.view("<f2").astype(np.float32)
    if raw.shape[1] % 4 == 0 and _whole(candidate, -128, 255):
        octets = np.where(candidate < 0, candidate + 256, candidate).astype(np.uint8)
        readings["bytes-as-numbers"] = octets.view("<f4")
    return readings


def _whole(values: Embeddings, low: int, high: int) -> bool:
    return bool(((values == np.round(values)) & (values >= low) & (values <= high)).all()) and bool(values.any())


def _tame(vectors: Embeddings) -> bool:
    """Whether numbers can be an embedding's: finite, and of sizes that belong together."""
    if not bool(np.isfinite(vectors).all()):
        return False
    sizes = np.abs(vectors.astype(np.float64))
    typical = float(np.sqrt((sizes**2).mean()))
    if not 0 < typical < _LONGEST or float(sizes.max()) > _TAME * typical:
        return False
    return float(((sizes > 0) & (sizes < _TINY * typical)).mean()) < _SELDOM
