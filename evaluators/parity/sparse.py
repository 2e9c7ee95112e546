"""Sparse outputs compared: which tokens, and with what weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.rules.vectors.arrays import Floats, cosines_of

__all__ = ["PerSparse", "per_sparse", "sparse_similarities"]


@dataclass(frozen=True)
class PerSparse:
    """Measures of n texts, each [n]; NaN where a side has none.

    Attributes:
        cosine_distance: over the union of tokens; 0 where both are empty, 1 where one is.
        l2: Euclidean distance over the union of tokens.
        max_difference: the weight that differs most, signed (candidate - reference).
        max_token: its token, an empty string where there is none.
        norm_ratio: candidate's length by the reference's.
        norm: the candidate's length.
        token_overlap: tokens in both by tokens in either, 0 to 1.
    """

    cosine_distance: Floats
    l2: Floats
    max_difference: Floats
    max_token: list[str]
    norm_ratio: Floats
    norm: Floats
    token_overlap: Floats


def per_sparse(
    reference: Sequence[Mapping[str, float] | None], candidate: Sequence[Mapping[str, float] | None]
) -> PerSparse:
    """Compare token weights text by text; None stands for a text that failed."""
    rows = [_one(ours, theirs) for ours, theirs in zip(reference, candidate, strict=True)]
    columns = list(zip(*rows, strict=True)) or [()] * 7
    numbers = [np.array(column, dtype=np.float64) for column in (columns[i] for i in (0, 1, 2, 4, 5, 6))]
    distance, l2, largest, ratio, norm, overlap = numbers
    return PerSparse(distance, l2, largest, [str(token) for token in columns[3]], ratio, norm, overlap)


def _one(
    ours: Mapping[str, float] | None, theirs: Mapping[str, float] | None
) -> tuple[float, float, float, str, float, float, float]:
    nan = float("nan")
    if ours is None or theirs is None:
        return nan, nan, nan, "", nan, nan, nan
    tokens = list({**ours, **theirs})
    left = np.array([ours.get(token, 0.0) for token in tokens])
    right = np.array([theirs.get(token, 0.0) for token in tokens])
    if not tokens:
        return 0.0, 0.0, 0.0, "", 1.0, 0.0, 1.0
    lengths = float(np.linalg.norm(left)), float(np.linalg.norm(right))
    units = [vector / length if length else vector for vector, length in zip((left, right), lengths, strict=True)]
    distance = 1.0 if 0.0 in lengths else float(((units[0] - units[1]) ** 2).sum() / 2)
    difference = right - left
    where = int(np.abs(difference).argmax())
    ratio = lengths[1] / lengths[0] if lengths[0] else nan
    overlap = len(set(ours) & set(theirs)) / len(tokens)
    return (
        distance,
        float(np.linalg.norm(difference)),
        float(difference[where]),
        tokens[where],
        ratio,
        lengths[1],
        overlap,
    )


def sparse_similarities(rows: Sequence[Mapping[str, float]]) -> Floats:
    """Pairwise cosines of token weights, [n, n]."""
    position = {token: i for i, token in enumerate(dict.fromkeys(token for row in rows for token in row))}
    dense = np.zeros((len(rows), max(len(position), 1)))
    for i, row in enumerate(rows):
        for token, weight in row.items():
            dense[i, position[token]] = weight
    return cosines_of(dense)
