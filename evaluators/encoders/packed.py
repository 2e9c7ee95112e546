"""Vectors as servers pack them to save bytes: base64, integers of eight bits, one bit a dimension."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from data.store.errors import InputError
from evaluators.encoders.server import malformed_answer
from evaluators.encoders.settings import EncoderSettings

__all__ = ["PACKINGS", "packing", "unpacked"]

# What a vector may be given as, and what its user is told. "binary" is "ubinary" less 128, as Cohere and Voyage do it.
PACKINGS: Final[Mapping[str, str]] = {
    "float": "",
    "int8": "The server gives int8 vectors: they are compared as the numbers they are, whatever their scale.",
    "uint8": "The server gives uint8 vectors: 128 is taken off, and they are compared whatever their scale.",
    "binary": "The server gives one bit a dimension (binary, 8 in an int8): they are compared as 1 and -1.",
    "ubinary": "The server gives one bit a dimension (ubinary, 8 in a uint8): they are compared as 1 and -1.",
}
_BYTES = {"float": "<f4", "int8": "i1", "uint8": "u1", "binary": "i1", "ubinary": "u1"}
_RANGES = {"int8": (-128, 127), "binary": (-128, 127), "uint8": (0, 255), "ubinary": (0, 255)}


def packing(kind: str, settings: EncoderSettings, option: str) -> str:
    """The name of a packing that an option asks for.

    Raises:
        InputError: there is none of that name.
    """
    if kind not in PACKINGS:
        raise InputError(
            f"{option}={kind!r} is not known", where=settings.display, remedy=f"Use {', '.join(PACKINGS)}."
        )
    return kind


def unpacked(vector: Any, kind: str, where: str) -> Any:
    """One vector as numbers: a list as it came, an array where it was packed; None stays None.

    Args:
        vector: a list of numbers, or base64 of their bytes (little-endian where they are floats).
        kind: one of :data:`PACKINGS`.
        where: the address it came from.

    Raises:
        EncoderError: it is neither, or not of that kind.
    """
    if isinstance(vector, str):
        vector = _from_base64(vector, kind, where)
    if kind == "float" or vector is None:
        return vector
    try:
        numbers = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise malformed_answer(f"The server sent {kind} vectors that are not numbers", where) from None
    low, high = _RANGES[kind]
    if numbers.ndim != 1 or not bool(np.all((numbers >= low) & (numbers <= high) & (numbers == np.round(numbers)))):
        what = f"The server was asked for {kind} vectors and sent numbers that are not whole, from {low} to {high}"
        raise malformed_answer(what, where)
    if kind == "int8":
        return numbers.astype(np.float32)
    if kind == "uint8":
        return (numbers - 128).astype(np.float32)
    whole = (numbers + (128 if kind == "binary" else 0)).astype(np.uint8)
    return np.unpackbits(whole).astype(np.float32) * 2 - 1


def _from_base64(text: str, kind: str, where: str) -> Any:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed_answer("The server sent a vector that is neither a list nor base64", where) from None
    number = np.dtype(_BYTES[kind])
    if not content or len(content) % number.itemsize:
        what = f"The server sent base64 of {len(content)} bytes, which is no row of {number.itemsize}-byte numbers"
        raise malformed_answer(what, where)
    return np.frombuffer(content, dtype=number)
