"""Slot pooling: how token vectors become the one vector of a text. All of these share a forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Reference

__all__ = ["NAMES", "causes"]

# our name -> what a person calls it, and sentence-transformers' name where it has one
NAMES = {
    "mean": ("mean", "mean"),
    "cls": ("CLS", "cls"),
    "max": ("max", "max"),
    "last": ("last token", "lasttoken"),
    "mean_sqrt_len": ("sum over the root of the length", "mean_sqrt_len_tokens"),
    "weightedmean": ("position-weighted mean", "weightedmean"),
    "mean-text": ("mean without special tokens", None),
    "pooler": ("the pooler's output", None),
}


def causes(reference: Reference) -> list[Cause]:
    """Every pooling but the reference's own."""
    own = reference.recipe.pooling
    remedy = f"Use {NAMES[own][0]} pooling." if own in NAMES else f"Use {own} pooling."
    named = [name for name in NAMES if name != own and (name != "pooler" or _has_pooler(reference))]
    found = [_pooled(name, remedy) for name in named]
    # What stands in padding on the left of a causal model is up to the kernel: there it is tried on the right.
    padding, family = ("pooled", "padding") if own == "mean" else ("after", "pooling")
    change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, padding=padding, pooling="mean")  # noqa: E731
    without = "Leave padding out of the mean (use the attention mask)."
    found.append(Cause("mean pooling with padding", "tokens", family, change, without))
    if own == "last":
        behind: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, padding="after", pooling="last")  # noqa: E731
        remedy = "Pad on the left, or take the last token that the attention mask shows."
        found.append(Cause("the last place taken, padding or not", "tokens", "pooling", behind, remedy))
    return found


def _pooled(name: str, remedy: str) -> Cause:
    title, library = NAMES[name]
    change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, pooling=name)  # noqa: E731
    snippet = (
        "from sentence_transformers.models import Pooling\n"
        f"next(m for m in model if isinstance(m, Pooling)).pooling_mode = {library!r}"
        if library
        else ""
    )
    return Cause(f"{title} pooling", "pooling", "pooling", change, remedy, snippet)


def _has_pooler(reference: Reference) -> bool:
    """Whether the pooler's weights are in the file: an untrained one is random, and nobody's recipe."""
    module: Any = getattr(reference.model, "pooler", None)
    if module is None:
        return False
    from evaluators.preflight.weight_files import tensor_names

    files = reference.target.weight_files
    return any("pooler" in name for file in files for name in tensor_names(reference.target.path(file)))
