"""Get the vectors of a probe set from an encoder, whatever it does to some of the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Vectors
from data.store.errors import EncoderError, EncoderGoneError
from evaluators.encoders.base import Encoded, Encoder, Tokens
from evaluators.probes import Probe

__all__ = ["ProbeVectors", "encode_probes"]

_MOST_FAILURES = 12  # calls in a row that may fail before the rest is given up: the server is gone, not one text


@dataclass
class ProbeVectors:
    """Everything an encoder gave for n probes, in their order; None (or a row of NaN) where it gave nothing.

    Attributes:
        failed: why a text has no vector, by position.
        refused: why texts together had no right answer (too few vectors, of different lengths) and had one in smaller
            batches.
        smaller: the same where the encoder said that it does not take them together, which is a limit and no fault.
        gone: why the encoder could not be asked any further; empty if it could.
    """

    count: int
    dense: Vectors | None = None
    sparse: list[dict[str, float] | None] | None = None
    multi: list[Vectors | None] | None = None
    tokens: list[Tokens | None] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    smaller: list[str] = field(default_factory=list)
    gone: str = ""
    _widths: dict[int, dict[int, Vectors]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.tokens = self.tokens or [None] * self.count

    def finite(self) -> NDArray[np.bool_]:
        """Which probes have a dense vector of numbers, [n]."""
        if self.dense is None:
            return np.zeros(self.count, dtype=bool)
        return np.asarray(np.isfinite(self.dense).all(1))

    def put(self, positions: Sequence[int], encoded: Encoded) -> None:
        """Take over what was given for the probes at ``positions``."""
        rows = list(positions)
        if encoded.dense is not None:
            self._put_dense(rows, encoded.dense)
        if encoded.sparse is not None:
            self.sparse = self.sparse or [None] * self.count
            for row, weights in zip(rows, encoded.sparse, strict=True):
                self.sparse[row] = weights
        if encoded.multi is not None:
            self.multi = self.multi or [None] * self.count
            for row, matrix in zip(rows, encoded.multi, strict=True):
                self.multi[row] = matrix
        for row, tokens in zip(rows, encoded.tokens or [], strict=False):
            self.tokens[row] = tokens
        self.failed |= {rows[position]: reason for position, reason in encoded.failed.items()}

    def _put_dense(self, rows: list[int], dense: Vectors) -> None:
        """Vectors of another dimension than most cost their own texts alone, whichever came first."""
        self._widths.setdefault(dense.shape[1], {}).update(zip(rows, dense, strict=True))
        width = max(self._widths, key=lambda width: len(self._widths[width]))
        if self.dense is None or self.dense.shape[1] != width:
            self.dense = np.full((self.count, width), np.nan, dtype=np.float32)
            rows, dense = list(self._widths[width]), np.stack(list(self._widths[width].values()))
            for row in rows:
                self.failed.pop(row, None)
        if dense.shape[1] == width:
            self.dense[rows] = dense
            finite: NDArray[np.bool_] = np.asarray(np.isfinite(dense).all(axis=1))
            for position in np.flatnonzero(~finite):
                reason = "The vector holds values that are not numbers (NaN or infinity)."
                self.failed.setdefault(rows[position], reason)
        for other in self._widths.keys() - {width}:
            odd = f"The vector has {other} dimensions, most of the others {width}."
            self.failed |= dict.fromkeys(self._widths[other], odd)


def encode_probes(encoder: Encoder, probes: Sequence[Probe]) -> ProbeVectors:
    """Vectors of all probes; texts that an encoder cannot take are found by halving, so that they lose no others.

    An encoder that is gone is not asked for the rest.
    """
    vectors = ProbeVectors(len(probes))
    failures: int = 0
    halved: list[tuple[list[int], EncoderError]] = []
    untried: dict[int, str] = {}
    for role in dict.fromkeys(probe.role for probe in probes):
        waiting = [[i for i, probe in enumerate(probes) if probe.role == role]]
        while waiting:
            positions = waiting.pop()
            if vectors.gone or failures >= _MOST_FAILURES:
                reason = "Not tried: the encoder had failed " + ("for good." if vectors.gone else "too often.")
                untried |= dict.fromkeys(positions, reason)
                continue
            try:
                vectors.put(positions, encoder.encode([probes[i].text for i in positions], role))
                failures = 0
            except EncoderGoneError as error:
                vectors.gone = str(error)
                vectors.failed |= dict.fromkeys(positions, vectors.gone)
            except EncoderError as error:
                failures += 1
                if len(positions) == 1:
                    vectors.failed[positions[0]] = str(error)
                else:
                    halved.append((positions, error))
                    middle = len(positions) // 2
                    waiting += [positions[middle:], positions[:middle]]
    vectors.failed |= untried  # reasons of real attempts first, so that the first one shown is one
    _why_smaller(vectors, halved)
    return vectors


def _why_smaller(vectors: ProbeVectors, halved: Sequence[tuple[list[int], EncoderError]]) -> None:
    """Sort batches that had to be made smaller into wrong answers and limits, if each of their texts has a vector."""
    for positions, error in halved:
        if vectors.failed.keys() & set(positions):
            continue
        words = f"{len(positions)} texts together were refused, in smaller batches they were not: {error}"
        (vectors.refused if error.code == "malformed" else vectors.smaller).append(words)
