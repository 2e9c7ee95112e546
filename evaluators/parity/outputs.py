"""The outputs of two calls for the same texts, held against each other text by text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Floats, Vectors
from data.rules.vectors.per_text import per_text
from evaluators.parity.multi import per_multi
from evaluators.parity.sparse import per_sparse
from evaluators.parity.vectors import ProbeVectors

__all__ = ["distance", "distance_by_output", "rows_out_of_place", "usable", "worst_of"]


def usable(vectors: ProbeVectors) -> NDArray[np.bool_]:
    """Which texts have a vector, [n]: a dense one of numbers, where there are dense ones."""
    if vectors.dense is not None:
        return vectors.finite()
    rows = vectors.sparse or vectors.multi or [None] * vectors.count
    return np.array([row is not None for row in rows], dtype=bool)


def distance_by_output(ours: ProbeVectors, theirs: ProbeVectors) -> dict[str, Floats]:
    """Distance of each text, for the outputs that both have, [n] each; NaN where one side failed."""
    distances: dict[str, Floats] = {}
    if ours.dense is not None and theirs.dense is not None and ours.dense.shape == theirs.dense.shape:
        texts = per_text(ours.dense, [theirs.dense])[0]
        # What a change of length alone would count as: see ``data.rules.drift.norm_floor``.
        distances["dense"] = np.asarray(np.fmax(texts.cosine_distance, (texts.norm_ratio - 1) ** 2 / 2))
    if ours.sparse is not None and theirs.sparse is not None:
        distances["sparse"] = per_sparse(ours.sparse, theirs.sparse).cosine_distance
    if ours.multi is not None and theirs.multi is not None:
        distances["multi"] = per_multi(ours.multi, theirs.multi).distance
    return distances


def distance(ours: ProbeVectors, theirs: ProbeVectors) -> Floats:
    """Largest distance over the outputs, a text, [n]; NaN where one side failed."""
    distances = list(distance_by_output(ours, theirs).values())
    return np.fmax.reduce(distances) if distances else np.full(ours.count, np.nan)


def worst_of(distances: Floats) -> float | None:
    """The largest that is a number."""
    return float(np.nanmax(distances)) if np.isfinite(distances).any() else None


def rows_out_of_place(rows: Vectors | None, single: Vectors | None, floor: float) -> int | None:
    """How many rows of a batch are another text's vector, None if none: each is found, but elsewhere.

    Args:
        rows: the vectors of one call, [n, d]; NaN for a text that failed.
        single: the vectors of the same texts, each known to be its own.
        floor: of their precision.
    """
    if rows is None or single is None or rows.shape != single.shape:
        return None
    own = per_text(single, [rows])[0].cosine_distance
    tolerance = max(10 * floor, 1e-4)
    moved = 0
    for i in np.flatnonzero(own > tolerance):  # which no row is that has no vector
        others = per_text(np.broadcast_to(rows[i], single.shape), [single])[0].cosine_distance
        moved += bool(np.nanmin(others) <= tolerance)
    return moved or None
