"""A recipe is one way to encode; a cause of the catalogue is one known way for two recipes to differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from data.rules.causes import CAUSES, RECIPE_SLOTS, Cause

__all__ = ["Chunking", "Recipe", "combine", "edited", "in_order", "is_prompted"]


class Chunking(NamedTuple):
    """How a long text becomes several whose vectors become one.

    Attributes:
        size: units of a chunk; of tokens, special ones included.
        shared: units that two chunks share.
        how: mean, weighted (by their tokens), weighted-text (by those that are not special), by-characters, each of
            these -of-units as well (lengths set to one first), max, or last.
        unit: tokens, tokens-rest (one more chunk begins where all that is left was in the one before it); tokens-again,
            tokens-decoded (pieces of text of so many tokens, special ones not counted, that are read again; as they
            stand, or decoded); or one of :data:`data.rules.splitters.SPLITTERS`.
        prompted: whether each chunk has the prompt before it, and not the first one alone.
    """

    size: int
    shared: int
    how: str
    unit: str = "tokens"
    prompted: bool = False


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a vector, as plain values, so that two equal recipes share their computation.

    Attributes:
        prompts: text put before each text, as (role, prompt); the role None serves every role that has none.
        edits: the edits made to each text, in order, each as its cause's ``edit_name``.
        tokenizer: name of the tokenizer variant; '' is the reference's own.
        length: longest text in tokens, special ones included; longer ones are cut.
        cut_left: whether a long text loses its beginning instead of its end.
        tail: how many of the tokens that a long text keeps are those of its end.
        own_length: longest text in tokens, its prompt and special ones not counted; None for any.
        chunks: how a long text is cut in chunks; None where it is not.
        special: which special tokens are put around a text: all, none, none-but-counted (as many text tokens are kept
            as if they were there), no-first, no-last, last-cut (cut off with the text), twice-first, twice-last
            (written, and cut off with the text), twice-end, twice, unknown (unknown tokens in their places), or
            first-added (one that the model has and does not put).
        shift: how many places every position is moved.
        padding: masked (as it should be), seen (attention does not mask it), pooled (the mean
            counts it), both, after (it stands behind the text and is pooled, in a model that pads in front), or left
            (texts stand at the end of their row, and positions count from its beginning).
        padded: '' for padding to the longest of the candidate's own batch, else to how many tokens: "to 256", or to the
            longest of each batch of so many texts, "sent 16" as they come, "sorted 16" by length.
        types: token type of all tokens.
        attention: '' for the model's own, else causal or full; of texts of more than so many tokens in "full beyond 5".
        weights: names of the changes made to the model's weights or arithmetic, in order.
        pooling: how token vectors become one.
        dense: whether the model's Dense modules are applied.
        activated: whether their activations are.
        normalise: yes, no, l1 (the sum of sizes is one), largest (the largest size is one), or standard (mean 0 and
            standard deviation 1).
        dimensions: leading dimensions kept, or so many of the last ones where less than 0; None for all.
        normalise_first: whether lengths are set to one before dimensions are cut, and not again.
        rounding: '' or what vectors are rounded to: int8, binary, or what a candidate's own numbers are a lattice of
            (:class:`evaluators.diagnose.lattice.Lattice`): steps, fp16, bf16, fp8, fp8-e5m2, numbers, numbers-vector,
            numbers-dimension.
    """

    prompts: tuple[tuple[str | None, str], ...] = ()
    edits: tuple[str, ...] = ()
    tokenizer: str = ""
    length: int = 512
    cut_left: bool = False
    tail: int = 0
    own_length: int | None = None
    chunks: Chunking | None = None
    special: str = "all"
    shift: int = 0
    padding: str = "masked"
    padded: str = ""
    types: int = 0
    attention: str = ""
    weights: tuple[str, ...] = ()
    pooling: str = "mean"
    dense: bool = True
    activated: bool = True
    normalise: str = "yes"
    dimensions: int | None = None
    normalise_first: bool = False
    rounding: str = ""


def combine(recipe: Recipe, causes: Iterable[Cause]) -> Recipe:
    """The recipe under all the causes, applied in the order a text passes through the slots."""
    for cause in in_order(causes):
        edits = (*recipe.edits, cause.edit_name) if cause.edit_name else recipe.edits
        weights = (*recipe.weights, cause.weights) if cause.weights else recipe.weights
        recipe = replace(recipe, **{"edits": edits, "weights": weights, **cause.changes})
    return recipe


def in_order(causes: Iterable[Cause]) -> list[Cause]:
    """Causes in the order a text passes through their slots."""
    return sorted(causes, key=lambda cause: RECIPE_SLOTS.index(cause.slot))


def edited(text: str, role: str | None, recipe: Recipe) -> str:
    """A text of a role as the tokenizer sees it: edited, and with its prompt in front."""
    before = [name for name in recipe.edits if not is_prompted(name)]
    prompts = dict(recipe.prompts)
    whole = prompts.get(role, prompts.get(None, "")) + _through(before, text)
    return _through([name for name in recipe.edits if is_prompted(name)], whole)


def is_prompted(edit: str) -> bool:
    """Whether an edit is made to the text with its prompt before it."""
    return _cause(edit).prompted


def _through(edits: Sequence[str], text: str) -> str:
    for name in edits:
        cause, value = _cause(name), name.partition(":")[2]
        if cause.cut:
            text = cause.cut(text, int(value))
        elif cause.sift:
            text = cause.sift(text, value)
        elif cause.edit:
            text = cause.edit(text)
    return text


def _cause(edit: str) -> Cause:
    return CAUSES[edit.partition(":")[0]]
