"""What a drift means: the verdicts, in order of gravity, and how far precision alone moves a vector.

Both sides use these: the evaluators to give a verdict, the pages to mark the floors on their scales.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from data.rules.words import mark
from data.store.vocabulary import DriftVerdict

__all__ = ["FLOORS", "SAME_VECTORS", "LEVELS", "DRIFT_VERDICTS", "floor_of", "norm_floor", "reaches"]

DRIFT_VERDICTS: Final[dict[DriftVerdict, str]] = {
    DriftVerdict.IDENTICAL: mark("The same vectors, but for the rounding of 32-bit arithmetic."),
    DriftVerdict.PRECISION: mark("As close as the declared precision allows, on every text."),
    DriftVerdict.SCALE: mark("The same directions at other lengths: one side normalises, the other does not."),
    DriftVerdict.SOME_TEXTS: mark("The same on most texts, different on some that have something in common."),
    DriftVerdict.EVERYWHERE: mark("Different on nearly every text."),
    DriftVerdict.SPACE: mark(
        "The same geometry in other axes (rotated or permuted): each side is sound, the two do not mix."
    ),
    DriftVerdict.UNSTABLE: mark(
        "The encoder disagrees with itself: loads, repeats, batches, row order or other texts change a vector."
    ),
    DriftVerdict.UNUSABLE: mark("No vectors that can be compared."),
}

# What a pipeline stops at, by the mildest verdict that it means.
LEVELS: Final[dict[str, DriftVerdict]] = {"differs": DriftVerdict.SOME_TEXTS} | {
    str(verdict): verdict for verdict in DriftVerdict if verdict is not DriftVerdict.IDENTICAL
}

# Cosine distance under which two vectors are the same in 32-bit arithmetic.
SAME_VECTORS: Final = 1e-6

# Cosine distance of one text that arithmetic of this precision alone can reach: two to six times the worst text of
# all-MiniLM-L6-v2 on the bundled probes (fp16 1.6e-6, bf16 1.3e-4, onnxruntime's int8 by channel 3.1e-2; OpenVINO's own
# choice gives 4e-5, which is why "auto" has bf16's floor). torch's dynamic int8 goes well beyond (0.3), and a verdict
# should say so.
FLOORS: Final = {"fp32": 1e-6, "fp16": 1e-5, "bf16": 5e-4, "auto": 5e-4, "int8": 6e-2, "int4": 1.2e-1}


def reaches(verdict: str, level: str) -> bool:
    """Whether a verdict is at least as bad as one of :data:`LEVELS`, in the order of :class:`DriftVerdict`."""
    order = list(DriftVerdict)
    return order.index(DriftVerdict(verdict)) >= order.index(LEVELS[level])


def floor_of(*dtypes: str) -> float:
    """Cosine distance that the coarsest of the precisions explains by itself."""
    return max(FLOORS.get(dtype, SAME_VECTORS) for dtype in dtypes)


def norm_floor(floor: float) -> float:
    """Relative difference of length that goes with a cosine distance.

    An error of relative size e at right angles to a vector is a cosine distance of e^2 / 2; along it, it changes the
    length by e.
    """
    return sqrt(2 * floor)
