"""What an explanation leaves: rounding, or something that is not in the catalogue?

Its size cannot tell. A layer left out and a layer of random weights differ by less than half precision does, and either
would explain the other. Its direction can: two computations in half precision share the rounding of the weights, so
what they leave points the same way (cosine .6 between two kernels of bf16; .05 for anything else).
"""

from __future__ import annotations

from data.rules.causes import Cause
from evaluators.diagnose.causes import HALVES
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.match import Match
from evaluators.diagnose.measure import apart, cosine
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Embeddings

__all__ = ["rounding"]

_HALF_AGREES = 0.25  # cosine from which what is left is half precision
_OTHER_AGREES = 0.5  # the same for a coarser arithmetic that is itself part of the explanation
_ROUNDED = 4.0  # floors: the worst text of two honest computations in half precision
_AS_FAR = 1.2  # times what the arithmetic moves that text
_ABOVE = 1.001  # which is more than itself
_COARSE = 1.5  # mean distances that a coarser arithmetic makes: the same, where errors feed on themselves


def rounding(bench: Bench, candidate: Embeddings, best: Match, floor: float) -> float:
    """The largest distance of a text that may be put down to rounding; 0 if what is left does not look like any.

    Args:
        bench: the reference and its texts.
        candidate: float [n, d].
        best: an explanation of the same width; one with a solved cause in it is not asked, for those prove themselves.
        floor: mean distance that bf16 leaves on this model and these texts.
    """
    if best.solved:
        return _ROUNDED * floor
    # What vectors were stored as stays on both sides; of what it rounds some falls on the other side of a step.
    settings = tuple(cause for cause in best.causes if not (cause.precision and cause.forward))
    stored = _of_storage(bench, best)
    if stored and float(best.errors.mean()) < stored:
        return _ROUNDED * stored
    bare = bench.vectors(combine(bench.reference.recipe, settings))
    left = candidate - bare
    coarse = any(cause.precision and cause.forward and cause not in HALVES for cause in best.causes)
    if coarse and cosine(left, best.vectors - bare) > _OTHER_AGREES:
        own = apart(best.vectors, bare)
        # Texts of a word or two are moved further than the mean: each may be left as far off as it is moved.
        worst = float(best.errors.max()) if bool((best.errors < _AS_FAR * own).all()) else 0.0
        return max(_ROUNDED * floor, _COARSE * float(own.mean()), _ABOVE * worst)
    halves = [_made(bench, settings, half) for half in HALVES]
    # A broken model rounds more than a whole one: without LayerNorm, bf16 leaves three times as much.
    shared = [float(apart(half, bare).mean()) for half in halves if cosine(left, half - bare) > _HALF_AGREES]
    return _ROUNDED * max(floor, *shared) if shared else 0.0


def _of_storage(bench: Bench, best: Match) -> float:
    """Mean distance that the type makes which the vectors of a match were stored as, where they lie on a lattice."""
    return 0.0 if bench.lattice is None else float(bench.lattice.noise(best.recipe.rounding).mean())


def _made(bench: Bench, settings: tuple[Cause, ...], half: Cause) -> Embeddings:
    return bench.vectors(combine(bench.reference.recipe, (*settings, half)))
