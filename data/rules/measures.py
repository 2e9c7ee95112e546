"""Every figure by which a parity check says how a candidate's vectors relate to the reference's, one row each.

A check computes all of them, the store keeps them by name (in a column of their own or in ``measures``), and the pages
show them as their rows say: a new one is a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.rules.vectors.arrays import Floats
from data.rules.vectors.clouds import Clouds

__all__ = ["MEASURES", "Compared", "Measure", "mean_of", "measured"]


@dataclass(frozen=True)
class Compared:
    """What there is to measure of one output of one candidate; None where an output has nothing of the kind.

    Attributes:
        distance: cosine distance (or 1 - MaxSim) a text, [n]; NaN where a side has no vector.
        l2: Euclidean distance a text, as the vectors came, [n].
        neighbours_kept: share of a text's nearest texts that stay, [n]; NaN for texts that are not related to others.
        clouds: the vectors of the texts that are.
    """

    distance: Floats
    l2: Floats | None = None
    neighbours_kept: Floats | None = None
    clouds: Clouds | None = None

    @property
    def distances(self) -> Floats:
        """Those of the texts that both sides have a vector for."""
        return np.asarray(self.distance[np.isfinite(self.distance)])


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        name: what the store calls it.
        label: what a table calls it.
        help: what it says, for the head of a column.
        format: how it is written, as printf would.
        function: gives it, None where it is not defined.
    """

    name: str
    label: str
    help: str
    format: str
    function: Callable[[Compared], float | None]


def measured(compared: Compared) -> dict[str, float | None]:
    """Every measure by its name; nothing where no text has a vector on both sides."""
    return {each.name: each.function(compared) for each in MEASURES} if len(compared.distances) else {}


def mean_of(values: Floats | None) -> float | None:
    """Mean of the values that are numbers, None without any."""
    return float(np.nanmean(values)) if values is not None and np.isfinite(values).any() else None


def _amplification(compared: Compared) -> float | None:
    distance, l2 = mean_of(compared.distance), mean_of(compared.l2)
    return l2 / distance if l2 is not None and distance else None


def _of_clouds(figure: Callable[[Clouds], float | None]) -> Callable[[Compared], float | None]:
    return lambda compared: None if compared.clouds is None else figure(compared.clouds)


_SMALL = "%.1e"

MEASURES: tuple[Measure, ...] = (
    Measure("mean", "Mean", "Cosine distance, mean of the texts", _SMALL, lambda its: float(its.distances.mean())),
    Measure("median", "Median", "Cosine distance, median of the texts", _SMALL,
            lambda its: float(np.median(its.distances))),
    Measure("p95", "95%", "Cosine distance that 95% of the texts stay under", _SMALL,
            lambda its: float(np.percentile(its.distances, 95))),
    Measure("worst", "Worst", "Cosine distance of the worst text", _SMALL, lambda its: float(its.distances.max())),
    Measure("neighbour_overlap", "Neighbours kept", "Mean share of a text's 10 nearest that both sides agree on",
            "%.3f", lambda its: mean_of(its.neighbours_kept)),
    Measure("rank_correlation", "Rank correlation", "Spearman's, of the pairwise cosines of both sides", "%.4f",
            _of_clouds(Clouds.rank_correlation)),
    Measure("cka", "CKA", "Linear centred kernel alignment, 0 to 1; forgiving", "%.4f", _of_clouds(Clouds.cka)),
    Measure("rotation_residual", "After rotation", "Mean cosine distance left after the best rotation or reflection",
            _SMALL, _of_clouds(Clouds.rotation_residual)),
    Measure("effective_dimension", "Effective dimension", "Participation ratio of the candidate's covariance", "%.1f",
            _of_clouds(Clouds.effective_dimension)),
    Measure("anisotropy", "Anisotropy", "Mean cosine between different texts of the candidate", "%.3f",
            _of_clouds(Clouds.anisotropy)),
    Measure("l2_amplification", "L2 / cosine", "How many times larger the drift is in Euclidean distance", _SMALL,
            _amplification),
)  # fmt: skip
