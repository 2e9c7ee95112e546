"""Is a candidate one more draw of something random? Held against draws, in what tells one randomness from another.

A name for what is random needs more than the right size: noise added to vectors, weights rounded, another model and
dropout can all be as far from the reference. They differ in which directions they take, whether the texts go the same
way, which texts they move most, and how far two draws are from each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.diagnose.measure import apart, cosine
from evaluators.diagnose.reference import Embeddings

__all__ = ["alike"]

Floats = NDArray[np.float64]

_DIRECTIONS = 8  # principal directions of the draws' scatter
_SPREADS = 4.5  # standard errors that the candidate's mean may be from the draws'
# What two honest routes to the same draw may differ by, in units of each measure (see _Others.measures).
_ROOM = np.array([0.08, 0.08, 0.04, 0.06, 0.05, 0.04, 0.2])
_FEWEST = 4


def alike(answers: Sequence[Embeddings], draws: Sequence[Embeddings], base: Embeddings) -> bool:
    """Whether the answers are like further draws, in every measure.

    Args:
        answers: of the candidate, each float [n, d]; independent of each other if the draws are.
        draws: as many as tell their spread, at least four, each float [n, d].
        base: the reference's vectors of the texts, float [n, d].
    """
    if not answers or len(draws) < _FEWEST or any(one.shape != base.shape for one in (*answers, *draws)):
        return False
    own = np.stack([_Others([*draws[:at], *draws[at + 1 :]], base).measures(draw) for at, draw in enumerate(draws)])
    # One draw fewer for the candidate as well: how near a draw is to the mean of others depends on how many those are.
    others = _Others(draws[1:], base)
    theirs = np.stack([others.measures(answer) for answer in answers])
    error = own.std(0, ddof=1) * np.sqrt(1 / len(answers) + 1 / len(draws))
    return bool((np.abs(theirs.mean(0) - own.mean(0)) <= _SPREADS * error + _ROOM).all())


class _Others:
    """Draws that one more is held against."""

    def __init__(self, draws: Sequence[Embeddings], base: Embeddings) -> None:
        self.base, self.mean = base, np.mean(draws, axis=0)
        self.shared = (self.mean - base).astype(np.float64)
        self.directions = _principal(np.concatenate([draw - self.mean for draw in draws]).astype(np.float64))
        self.profile = np.mean([_logs(draw, base) for draw in draws], axis=0)

    def measures(self, one: Embeddings) -> Floats:
        """What is compared of a draw, [7].

        Mean log distance from the reference and from the mean of the others; mean cosine of the deviations of two
        texts; of the deviation with the others' mean deviation; log distance between texts; share of the scatter in
        the others' principal directions; correlation over the texts of how far each is moved with how far the others
        move it.
        """
        moved, left = (np.asarray(one - of, dtype=np.float64) for of in (self.base, self.mean))
        away = _logs(one, self.base)
        within = float(((left @ self.directions.T) ** 2).sum() / max(float((left**2).sum()), 1e-300))
        return np.array(
            [
                float(away.mean()),
                float(_logs(one, self.mean).mean()),
                _between(moved),
                cosine(moved, self.shared),
                float(np.log(max(_spread(one), 1e-12))),
                within,
                _correlation(away, self.profile),
            ]
        )


def _principal(scatter: Floats) -> Floats:
    """The directions in which the rows vary most, from the smaller of the two Gram matrices, [k, d]."""
    if len(scatter) < scatter.shape[1]:
        values, vectors = np.linalg.eigh(scatter @ scatter.T)
        chosen = vectors[:, -_DIRECTIONS:].T @ scatter
        return np.asarray(chosen / np.sqrt(np.maximum(values[-_DIRECTIONS:], 1e-300))[:, None])
    return np.asarray(np.linalg.eigh(scatter.T @ scatter)[1][:, -_DIRECTIONS:].T)


def _logs(left: Embeddings, right: Embeddings) -> Floats:
    return np.asarray(np.log(np.maximum(apart(left, right), 1e-6)))


def _between(rows: Floats) -> float:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return float((unit @ unit.T)[np.triu_indices(len(unit), 1)].mean()) if len(unit) > 1 else 0.0


def _spread(rows: Embeddings) -> float:
    return float(np.sqrt(((rows - rows.mean(0)) ** 2).sum(1)).mean())


def _correlation(left: Floats, right: Floats) -> float:
    return float(np.corrcoef(left, right)[0, 1]) if left.std() > 0 and right.std() > 0 else 0.0
