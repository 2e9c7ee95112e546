"""What an explanation leaves: rounding, or something that is not in the catalogue?

Its size cannot tell. A layer left out and a layer of random weights differ by less than half precision does, and either
would explain the other. Its direction can: two computations in half precision share the rounding of the weights, so that
on each text what they leave points the same way (cosine .6 between two kernels of bf16; .05 for anything else).
"""

from __future__ import annotations

import numpy as np

from evaluators.diagnose.causes.model import HALVES
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.recipe import Cause, combine
from evaluators.diagnose.reference import Vectors
from evaluators.diagnose.search import Match

__all__ = ["is_rounding"]

_HALF_AGREES = 0.25  # cosine from which what is left is half precision
_OTHER_AGREES = 0.85  # the same for a coarser arithmetic that is itself part of the explanation


def is_rounding(bench: Bench, candidate: Vectors, best: Match) -> bool:
    """Whether what the settings among the causes leave points where a known arithmetic points.

    Args:
        bench: the reference and its texts.
        candidate: float [n, d].
        best: an explanation of the same width; with a solved cause in it the answer is yes, for those hold themselves.
    """
    if any(cause.family == "space" for cause in best.causes):
        return True
    settings = tuple(cause for cause in best.causes if not cause.precision)
    bare = bench.vectors(combine(bench.reference.recipe, settings))
    left = candidate - bare
    if len(settings) < len(best.causes) and _cosine(left, best.vectors - bare) > _OTHER_AGREES:
        return True
    return any(_cosine(left, _made(bench, settings, half) - bare) > _HALF_AGREES for half in HALVES)


def _made(bench: Bench, settings: tuple[Cause, ...], half: Cause) -> Vectors:
    return bench.vectors(combine(bench.reference.recipe, (*settings, half)))


def _cosine(left: Vectors, right: Vectors) -> float:
    size = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float((left * right).sum()) / size if size > 0 else 0.0
