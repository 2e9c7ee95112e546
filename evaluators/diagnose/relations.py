"""How a candidate's vectors relate to the reference's where no cause explains them, judged on texts left out.

Whatever has numbers to choose (a scale, an offset, a linear map) is fitted on some texts and judged on the others, so
that it explains only what it explains of a text it has not seen. Sixteen texts can be mapped onto anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from evaluators.diagnose.measure import Errors, apart, unit_rows
from evaluators.diagnose.reference import Embeddings

__all__ = [
    "Unrelated", "as_noise", "explained_by", "lengths_alone", "of_other_texts", "products_kept", "similarities_agree",
]  # fmt: skip

_FOLDS = 8
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)  # of the mean square of the vectors
_OTHER_TEXT = 0.05  # of its distance from its own, to which a vector is another text's
_PRODUCTS = 0.05  # of the spread of the products that a rotation may leave, in arithmetic
_TURNED = 0.25  # mean distance under which products agree of themselves

Fit = Callable[[Errors, Errors], Callable[[Errors], Errors]]


class Unrelated(NamedTuple):
    """What is left, where it looks like noise: its size over the length of a vector."""

    size: float


def explained_by(candidate: Embeddings, base: Embeddings) -> dict[str, float]:
    """Share of the drift that each kind of map explains on texts it was not fitted on, up to 1, below 0 if it harms.

    Kinds: scale (one number for all), offset (one vector added to all), linear (ridge regression on the difference; the
    ridge is chosen inside the texts it is fitted on).
    """
    kinds: dict[str, Fit] = {"scale": _scale, "offset": _offset, "linear": _linear}
    drift = apart(candidate, base).mean()
    folds = np.random.default_rng(0).permutation(len(base)) % min(_FOLDS, len(base))
    shares = {}
    for kind, fit in kinds.items():
        made = np.empty(candidate.shape)
        for fold in range(int(folds.max()) + 1):
            seen, left = folds != fold, folds == fold
            change = fit(base[seen].astype(np.float64), candidate[seen].astype(np.float64))
            made[left] = change(base[left].astype(np.float64))
        shares[kind] = float(1 - apart(candidate, made).mean() / drift)
    return shares


def _scale(base: Errors, candidate: Errors) -> Callable[[Errors], Errors]:
    factor = float((base * candidate).sum() / max(float((base**2).sum()), 1e-12))
    return lambda rows: rows * factor


def _offset(base: Errors, candidate: Errors) -> Callable[[Errors], Errors]:
    added = (candidate - base).mean(0)
    return lambda rows: rows + added


def _linear(base: Errors, candidate: Errors) -> Callable[[Errors], Errors]:
    moved, products = candidate - base, base @ base.T
    values, vectors = np.linalg.eigh(products)
    turned, unit = vectors.T @ moved, float(np.trace(products)) / len(base)
    losses = []
    for ridge in _RIDGES:
        # Leaving each text out, in closed form: its error is the whole fit's over one minus its own weight.
        shrunk = values / (values + ridge * unit)
        own = 1 - (vectors**2 * shrunk) @ np.ones(len(values))
        losses.append(float((((moved - vectors @ (shrunk[:, None] * turned)) / own[:, None]) ** 2).sum()))
    ridge = _RIDGES[int(np.argmin(losses))] * unit
    weights = vectors @ (turned / (values + ridge)[:, None])
    return lambda rows: rows + rows @ base.T @ weights


def lengths_alone(candidate: Embeddings, base: Embeddings) -> bool:
    """Whether the directions are the reference's and only the lengths are not."""
    return float(apart(unit_rows(candidate), unit_rows(base)).max()) < 1e-3


def products_kept(candidate: Embeddings, base: Embeddings) -> bool:
    """Whether all products of two texts are the reference's though the vectors are far from it: a rotation's sign.

    No choice of numbers is in it: that products agree is nothing a rotation could be fitted to bring about.
    """
    if float(apart(candidate, base).mean()) < _TURNED:
        return False
    above = np.triu_indices(len(base))
    left, right = ((rows.astype(np.float64) @ rows.T.astype(np.float64))[above] for rows in (candidate, base))
    return float(np.sqrt(((left - right) ** 2).mean())) < _PRODUCTS * float(right.std())


def similarities_agree(candidate: Embeddings, base: Embeddings) -> float:
    """Rank correlation, over all pairs of texts, of the cosine on the one side with that on the other, -1 to 1.

    The two sides need not be of one width.
    """
    from scipy.stats import spearmanr

    above = np.triu_indices(len(base), 1)
    left, right = ((rows @ rows.T)[above] for rows in (unit_rows(candidate), unit_rows(base)))
    return float(spearmanr(left, right).statistic) if left.std() > 0 and right.std() > 0 else 0.0


def of_other_texts(candidate: Embeddings, base: Embeddings, differ: Errors) -> list[tuple[int, int]]:
    """Texts that have the vector of another text, and of which: of those that differ, ten times nearer and more."""
    pairs = []
    errors = apart(candidate, base)
    for place in np.flatnonzero(differ).tolist():
        far = apart(np.broadcast_to(candidate[place], base.shape), base)
        far[place] = np.inf
        nearest = int(far.argmin())
        if far[nearest] < min(_OTHER_TEXT * errors[place], 1e-2):
            pairs.append((place, nearest))
    return pairs


def as_noise(candidate: Embeddings, base: Embeddings) -> Unrelated | None:
    """The size of the difference, where from text to text it is as unrelated as random numbers are; None otherwise.

    The cosines between the differences of two texts, and of each with its own vector, must be those of random
    directions of the space: around nothing, and 1/sqrt(d) wide. What depends on the text through a map, an offset or a
    setting relates them.
    """
    moved = unit_rows(candidate.astype(np.float64) - base)
    count, width = moved.shape
    if count < 8:
        return None
    between = (moved @ moved.T)[np.triu_indices(count, 1)]
    own = (moved * unit_rows(base.astype(np.float64))).sum(1)
    sizes = np.linalg.norm(candidate.astype(np.float64) - base, axis=1) / np.linalg.norm(base, axis=1)
    pairs, room = len(between), 4.0
    centred = abs(float(between.mean())) < room / np.sqrt(pairs * width)
    wide = abs(float((between**2).mean()) * width - 1) < room * np.sqrt(2 / pairs) + 0.05
    apart_from_text = float((own**2).mean()) * width < 1 + room * np.sqrt(2 / count)
    even = float(sizes.std()) < 0.25 * float(sizes.mean())
    return Unrelated(float(np.sqrt((sizes**2).mean()))) if centred and wide and apart_from_text and even else None
