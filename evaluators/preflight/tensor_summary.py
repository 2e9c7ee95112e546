"""One stored tensor as numbers: what a single look at its values leaves behind when the tensor itself is gone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluators.preflight.tensor_names import layer_pattern

__all__ = ["TensorSummary", "summarise"]

# What is looked at of a large tensor where its first values tell as much as all of them.
_SAMPLE = 4096
# Values in one piece of a look: a table of a billion values is never in memory a second time.
_PIECE = 1 << 22
# Below this share of the typical value a value is small: 8% of a normal, 6% of a uniform distribution are.
_SMALL = 0.1


@dataclass(frozen=True, eq=False)
class TensorSummary:
    """What the values of a floating-point tensor are like.

    Attributes:
        name: the key it is stored under.
        file: the file it is stored in, relative to the model's folder.
        shape: its shape; a vector counts as one row.
        finite: whether no value is NaN or infinite; all else is of the finite values.
        total: the sum of its values, with ``rms`` the mark by which equal tensors are known.
        rms: root mean square.
        mean: mean.
        peak: largest absolute value.
        kurtosis: mean of the fourth power over the squared mean square; 3 for a normal distribution.
        zeros: share of values that are exactly zero, 0 to 1.
        one_value: whether it holds one number throughout.
        rows: mean square of each row.
        columns: mean square of each column.
        middle: the mean row.
        peaks: largest absolute value of each row.
        sampled: how many values that are not zero, of its first few thousand, the next three speak of.
        distinct: how many different ones are among the first 1,024 of them.
        small: share of them below a tenth of their root mean square, 0 to 1.
        spread: standard deviation of the base-2 logarithms of their absolute values; 1.6 for a normal distribution.
    """

    name: str
    file: str
    shape: tuple[int, ...]
    finite: bool
    total: float
    rms: float
    mean: float
    peak: float
    kurtosis: float
    zeros: float
    one_value: bool
    rows: np.ndarray
    columns: np.ndarray
    middle: np.ndarray
    peaks: np.ndarray
    sampled: int
    distinct: int
    small: float
    spread: float
    _strengths: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def matrix(self) -> bool:
        """Whether it has more than one row and column."""
        return len(self.shape) > 1 and min(len(self.rows), len(self.columns)) > 1

    @property
    def typical(self) -> float:
        """Root mean square of the middle row of a matrix, or the middle value of a vector; never zero."""
        squares = self.rows if self.matrix else self.columns
        return float(np.sqrt(np.median(squares))) or self.rms or 1.0

    @property
    def size(self) -> int:
        """How many values it has."""
        return int(np.prod(self.shape))

    @property
    def pattern(self) -> str:
        """Its name without its layer's number."""
        return layer_pattern(self.name)

    @property
    def place(self) -> tuple[int, ...]:
        """The numbers in its name: its layer, and its expert where it has one."""
        return tuple(map(int, re.findall(r"\d+", self.name)))

    def strengths(self, side: str) -> np.ndarray:
        """Logarithms of the strengths of its rows or columns, with mean 0 and length 1; of sides without zeros."""
        if side not in self._strengths:
            logs = np.log(getattr(self, side))
            logs -= logs.mean()
            self._strengths[side] = logs / (np.linalg.norm(logs) or 1.0)
        return self._strengths[side]

    @property
    def mark(self) -> tuple[Any, ...]:
        """Equal for tensors of equal values, and for no others in practice."""
        return self.shape, self.total, self.rms, self.peak


def summarise(name: str, file: str, tensor: Any) -> TensorSummary:
    """Look once at a torch tensor of any floating-point type, in pieces of a bounded size."""
    import torch

    flat = tensor.reshape(1, -1) if tensor.dim() < 2 else tensor.reshape(tensor.shape[0], -1)
    height = max(1, _PIECE // max(1, flat.shape[1]))
    looks = [_look(torch, piece.float()) for piece in flat.split(height)] if flat.numel() else []
    rows, columns, totals, peaks, fourth, zeros, finite = _gather(looks, flat)
    size = max(1, flat.numel())
    rms = float(np.sqrt(rows.sum() * flat.shape[1] / size)) if flat.numel() else 0.0
    sample = flat.reshape(-1)[:_SAMPLE].float().numpy()
    sample = np.where(np.isfinite(sample), sample, 0)
    first = float(sample[0]) if sample.size else 0.0
    return TensorSummary(
        name=name,
        file=file,
        shape=tuple(tensor.shape),
        finite=finite,
        total=float(totals.sum()),
        rms=rms,
        mean=float(totals.sum()) / size,
        peak=float(peaks.max(initial=0)),
        kurtosis=float(fourth / size / rms**4) if rms else 0.0,
        zeros=zeros / size,
        one_value=bool((sample == first).all()) and bool((flat == first).all()),
        rows=rows,
        columns=columns,
        middle=totals / max(1, flat.shape[0]),
        peaks=peaks,
        **_of_sample(sample[sample != 0].astype(np.float64)),
    )


def _look(torch: Any, piece: Any) -> dict[str, Any]:
    finite = bool(torch.isfinite(piece.sum()))
    if not finite:
        # A sum of large numbers may be infinite without any of them being so.
        finite = bool(torch.isfinite(piece).all())
        piece = torch.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0)
    squares = piece * piece
    wide = squares
    if not bool(torch.isfinite(squares.sum())) or not 1e-15 < float(squares.max()) < 1e15:
        piece = piece.double()  # squares of large and of tiny numbers, and their squares, are beyond what 32 bits hold
        wide = squares = piece * piece
    return {
        "rows": wide.mean(1).double().numpy(),
        "columns": wide.sum(0).double().numpy(),
        "totals": piece.sum(0).double().numpy(),
        "peaks": squares.amax(1).double().sqrt().numpy(),
        "fourth": float(torch.linalg.vector_norm(wide)) ** 2,
        "zeros": piece.numel() - int(torch.count_nonzero(piece)),
        "finite": finite,
    }


def _gather(looks: list[dict[str, Any]], flat: Any) -> tuple[Any, ...]:
    if not looks:
        empty = np.zeros(0)
        return empty, empty, empty, empty, 0.0, 0, True
    return (
        np.concatenate([look["rows"] for look in looks]),
        np.sum([look["columns"] for look in looks], axis=0) / flat.shape[0],
        np.sum([look["totals"] for look in looks], axis=0),
        np.concatenate([look["peaks"] for look in looks]),
        sum(look["fourth"] for look in looks),
        sum(look["zeros"] for look in looks),
        all(look["finite"] for look in looks),
    )


def _of_sample(values: np.ndarray) -> dict[str, Any]:
    if not values.size:
        return {"sampled": 0, "distinct": 0, "small": 0.0, "spread": 0.0}
    typical = np.sqrt(np.mean(values**2))
    return {
        "sampled": values.size,
        "distinct": len(np.unique(values[:1024])),
        "small": float(np.mean(np.abs(values) < _SMALL * typical)),
        "spread": float(np.std(np.log2(np.abs(values)))),
    }
