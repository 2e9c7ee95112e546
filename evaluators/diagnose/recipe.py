"""A recipe is one way to encode; a cause of the catalogue is one known way for two recipes to differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from data.rules.causes import CAUSES, RECIPE_SLOTS, Cause

__all__ = ["Recipe", "combine", "edited", "in_order"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a vector, as plain values, so that two equal recipes share their computation.

    Attributes:
        prompts: text put before each text, as (role, prompt); the role None serves every role that has none.
        edits: codes of the causes whose edit is made to each text, in order.
        tokenizer: name of the tokenizer variant; '' is the reference's own.
        length: longest text in tokens, special ones included; longer ones are cut.
        cut_left: whether a long text loses its beginning instead of its end.
        special: which special tokens are put around a text: all, none, no-first, no-last, twice-last.
        shift: how many places every position is moved.
        padding: masked (as it should be), seen (attention does not mask it), pooled (the mean
            counts it), both, after (it stands behind the text and is pooled, in a model that pads in front), or left
            (texts stand at the end of their row, and positions count from its beginning).
        attention: '' for the model's own, else causal or full.
        weights: names of the changes made to the model's weights or arithmetic, in order.
        pooling: how token vectors become one.
        dense: whether the model's Dense modules are applied.
        normalise: yes or no.
        dimensions: leading dimensions kept; None for all.
        normalise_first: whether lengths are set to one before dimensions are cut, and not again.
        rounding: '' or what vectors are rounded to: int8, binary, or what a candidate's own numbers are a lattice of
            (:class:`evaluators.diagnose.lattice.Lattice`): steps, fp16, bf16, numbers, numbers-vector,
            numbers-dimension.
    """

    prompts: tuple[tuple[str | None, str], ...] = ()
    edits: tuple[str, ...] = ()
    tokenizer: str = ""
    length: int = 512
    cut_left: bool = False
    special: str = "all"
    shift: int = 0
    padding: str = "masked"
    attention: str = ""
    weights: tuple[str, ...] = ()
    pooling: str = "mean"
    dense: bool = True
    normalise: str = "yes"
    dimensions: int | None = None
    normalise_first: bool = False
    rounding: str = ""


def combine(recipe: Recipe, causes: Iterable[Cause]) -> Recipe:
    """The recipe under all the causes, applied in the order a text passes through the slots."""
    for cause in in_order(causes):
        edits = (*recipe.edits, cause.code) if cause.edit else recipe.edits
        weights = (*recipe.weights, cause.weights) if cause.weights else recipe.weights
        recipe = replace(recipe, **{"edits": edits, "weights": weights, **cause.changes})
    return recipe


def in_order(causes: Iterable[Cause]) -> list[Cause]:
    """Causes in the order a text passes through their slots."""
    return sorted(causes, key=lambda cause: RECIPE_SLOTS.index(cause.slot))


def edited(text: str, role: str | None, recipe: Recipe) -> str:
    """A text of a role as the tokenizer sees it: edited, and with its prompt in front."""
    for code in recipe.edits:
        edit = CAUSES[code].edit
        text = edit(text) if edit else text
    prompts = dict(recipe.prompts)
    return prompts.get(role, prompts.get(None, "")) + text
