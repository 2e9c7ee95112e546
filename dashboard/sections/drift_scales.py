"""The ways to say how far a candidate's vector is from the reference's, in words."""

from __future__ import annotations

from dashboard.queries.drift import SCALES
from dashboard.words import listed, mark, tr

__all__ = ["measure_label", "measures_explained"]

# Each of SCALES as it is offered: its label, and what it means.
_WORDS = {
    mark("cosine distance"): (
        mark("Cosine distance"), mark("1 - cosine: 0 is the same direction, 1 unrelated, 2 opposite"),
    ),
    mark("times the floor"): (
        mark("Cosine distance by its floor"), mark("how many times what the declared precisions explain"),
    ),
    "L2": (mark("Euclidean distance"), mark("between the vectors as they came, so length counts")),
    mark("L2 normalised"): (
        mark("Euclidean distance of unit vectors"), mark("length left out; the root of twice the cosine distance"),
    ),
    mark("largest difference"): (mark("Largest difference in one dimension"), mark("of the vectors as they came")),
    mark("length"): (mark("Difference in length"), mark("1 is twice as long, or gone")),
    mark("neighbours lost"): (
        mark("Neighbours lost"), mark("share of a text's 10 nearest texts that are others now"),
    ),
}  # fmt: skip


def measure_label(name: str) -> str:
    """A measure as an axis calls it."""
    return tr(_WORDS[name][0])


def measures_explained() -> str:
    """Every measure and what it means, in Markdown."""
    labels = ((f"**{measure_label(name)}**", tr(_WORDS[name][1])) for name in SCALES)
    return "\n\n".join(listed(pair, ": ") for pair in labels)
