"""The causes that can act on a reference: the catalogue's own, and those that depend on the reference."""

from __future__ import annotations

from collections.abc import Collection

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.causes.generated import ROLES, generated
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.traits import reference_traits

__all__ = ["HALVES", "catalogue"]

# Half precision in both of its formats; the likelier one first, and on a CPU the cheaper by far.
HALVES = (CAUSES["bf16-arithmetic"], CAUSES["fp16-arithmetic"])


def catalogue(reference: Reference, width: int, wanted: int, roles: Collection[str | None] = ROLES) -> list[Cause]:
    """The causes that can act on this reference, in the catalogue's order.

    Args:
        reference: the model in question.
        width: dimensions of its vectors.
        wanted: dimensions of the candidate's vectors.
        roles: those of the texts.
    """
    had, own = reference_traits(reference), _own_values(reference)
    declared = [
        cause.filled(own) for cause in CAUSES.values() if had.issuperset(cause.needs) and _acts(cause, reference)
    ]
    places = {code: place for place, code in enumerate(CAUSES)}
    return sorted([*declared, *generated(reference, width, wanted, roles)], key=lambda cause: places[cause.code])


def _own_values(reference: Reference) -> dict[str, object]:
    """What blanks hold that any entry may have."""
    recipe = reference.recipe
    poolings = {cause.changes.get("pooling"): cause.words for cause in CAUSES.values() if len(cause.changes) == 1}
    return {
        "own_pooling": poolings.get(recipe.pooling, f"{recipe.pooling} pooling"),
        "how": "in the place of the model's own" if recipe.prompts else "added",
    }


def _acts(cause: Cause, reference: Reference) -> bool:
    """Whether a cause that says by itself what it does does anything to this recipe."""
    recipe = reference.recipe
    if not cause.acts or cause.edit_name in recipe.edits or combine(recipe, (cause,)) == recipe:
        return False
    # A prompt that the model puts before some of its texts is on all of them a cause of its own.
    return {text for _, text in cause.changes.get("prompts", ())}.isdisjoint(text for _, text in recipe.prompts)
