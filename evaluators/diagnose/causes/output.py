"""Slot output: what was done to finished vectors. None of these costs a forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Reference

__all__ = ["SINGLE_BITS", "causes"]

SINGLE_BITS = "vectors stored as single bits"

_UNIT = "vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)"


def causes(reference: Reference, width: int, wanted: int) -> list[Cause]:
    """Normalisation, dimensions, Dense and rounding.

    Args:
        reference: the reference.
        width: dimensions of the reference's own vectors.
        wanted: dimensions of the candidate's vectors.
    """
    found = [*_normalisation(reference.recipe), *_rounding()]
    if wanted < width:
        found += _cut(reference.recipe, wanted)
    if reference.projections:
        change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, dense=False)  # noqa: E731
        remedy = "Apply the Dense module that modules.json declares."
        snippet = (
            "from sentence_transformers import SentenceTransformer\nfrom sentence_transformers.models import Dense\n"
            "model = SentenceTransformer(modules=[m for m in model if not isinstance(m, Dense)])"
        )
        found.append(Cause("Dense module missing", "output", "dense", change, remedy, snippet))
    return found


def _normalisation(own: Recipe) -> list[Cause]:
    if own.normalise == "no":
        remedy = "Leave the vectors at their own length."
        added = Cause("normalisation added", "output", "normalise", _normalise("yes"), remedy, _UNIT, before=False)
        return [added]
    snippet = (
        "from sentence_transformers import SentenceTransformer\nfrom sentence_transformers.models import Normalize\n"
        "model = SentenceTransformer(modules=[m for m in model if not isinstance(m, Normalize)])"
    )
    twice = Cause(
        "normalisation doubled", "output", "normalise", _normalise("yes"), "Nothing: it changes no vector.", _UNIT,
        before=False,
    )  # fmt: skip
    remedy = "Normalise the vectors (or compare with cosine alone)."
    return [Cause("normalisation missing", "output", "normalise", _normalise("no"), remedy, snippet), twice]


def _normalise(how: str) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, normalise=how)


def _cut(own: Recipe, wanted: int) -> list[Cause]:
    remedy = f"Keep all dimensions, or cut the reference to {wanted} too."
    cut = f"vectors = vectors[:, :{wanted}]"

    def cut_only(recipe: Recipe) -> Recipe:
        return replace(recipe, dimensions=wanted, normalise="before-cut" if recipe.normalise == "yes" else "no")

    plain = Cause(
        f"cut to {wanted} dimensions", "output", "dimensions",
        cut_only,
        remedy, cut, before=False,
    )  # fmt: skip
    if own.normalise == "no":
        return [plain]
    renormalised = Cause(
        f"cut to {wanted} dimensions and normalised again", "output", "dimensions",
        lambda recipe: replace(recipe, dimensions=wanted), remedy, f"{cut}\n{_UNIT}", before=False,
    )  # fmt: skip
    return [plain, renormalised]


def _rounding() -> list[Cause]:
    def rounded(kind: str) -> Callable[[Recipe], Recipe]:
        return lambda recipe: replace(recipe, rounding=kind)

    remedy = "Ask for float vectors."
    quantise = (
        "low, step = vectors.min(0), (vectors.max(0) - vectors.min(0)) / 255\n"
        "vectors = low + np.round((vectors - low) / np.where(step > 0, step, 1)) * step"
    )
    return [
        Cause("vectors stored as int8", "output", "rounding", rounded("int8"), remedy, quantise, True, False),
        Cause(
            SINGLE_BITS, "output", "rounding", rounded("binary"), remedy,
            "vectors = np.where(vectors > 0, 1.0, -1.0)", False, False,
        ),
    ]  # fmt: skip
