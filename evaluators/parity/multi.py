"""Multi-vector outputs compared by MaxSim, the late interaction of ColBERT (Khattab and Zaharia 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.rules.vectors.arrays import Floats, Vectors, directions

__all__ = ["PerMulti", "maxsim", "maxsim_matrix", "per_multi"]


@dataclass(frozen=True)
class PerMulti:
    """Measures of n texts, each [n]; NaN where a side has none.

    Attributes:
        distance: 1 - the mean of MaxSim both ways, 0 to 2.
        worst_token: largest cosine distance of a token to its best match on the other side.
        tokens: the candidate's vectors.
        token_ratio: its vectors by the reference's.
    """

    distance: Floats
    worst_token: Floats
    tokens: Floats
    token_ratio: Floats


def per_multi(reference: Sequence[Vectors | None], candidate: Sequence[Vectors | None]) -> PerMulti:
    """Compare the token vectors of each text; None stands for a text that failed."""
    rows = []
    for ours, theirs in zip(reference, candidate, strict=True):
        if ours is None or theirs is None or not len(ours) or not len(theirs) or ours.shape[1] != theirs.shape[1]:
            rows.append((np.nan,) * 4)
            continue
        forth, back = _best(ours, theirs), _best(theirs, ours)
        distance = (forth.mean() + back.mean()) / 2
        rows.append((distance, max(forth.max(), back.max()), float(len(theirs)), len(theirs) / len(ours)))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return PerMulti(*table.T)


def maxsim(query: Vectors, document: Vectors) -> float:
    """Mean over the query's vectors of the best cosine with one of the document's, -1 to 1."""
    return float(1 - _best(query, document).mean())


def maxsim_matrix(rows: Sequence[Vectors]) -> Floats:
    """MaxSim of each text (as query) with each (as document), [n, n]."""
    return np.array([[maxsim(query, document) for document in rows] for query in rows]).reshape(len(rows), -1)


def _best(ours: Vectors, theirs: Vectors) -> Floats:
    """Cosine distance of each of our vectors to its nearest of theirs, exact for small ones."""
    left, right = directions(ours), directions(theirs)
    nearest = (left @ right.T).argmax(1)
    return np.asarray(((left - right[nearest]) ** 2).sum(1) / 2)
