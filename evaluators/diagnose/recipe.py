"""A recipe is one way to encode; a cause is one known way for two recipes to differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from data.store.vocabulary import Side

__all__ = ["SLOTS", "Cause", "Recipe", "Slot", "combine"]

Slot = Literal["text", "tokens", "model", "pooling", "output"]
# In the order a text passes through them.
SLOTS: tuple[Slot, ...] = ("text", "tokens", "model", "pooling", "output")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a vector, as plain values, so that two equal recipes share their computation.

    Attributes:
        prompts: text put before each text, as (role, prompt); the role None serves every role that has none.
        edits: names of the changes made to each text, in order (see ``causes.text.EDITS``).
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
        normalise: no, yes, or before-cut: lengths are set to one and dimensions cut afterwards.
        dimensions: leading dimensions kept; None for all.
        rounding: '' or the storage type vectors are rounded to: int8, binary.
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
    rounding: str = ""


@dataclass(frozen=True)
class Cause:
    """One known difference: what it is called, what it does to a recipe, and what to do about it.

    Attributes:
        family: causes of one family exclude each other (two poolings, two lengths).
        precision: whether it is a matter of arithmetic, not of settings.
        snippet: lines of Python over ``model`` (a SentenceTransformer), ``texts`` or ``vectors`` that bring it about.
        before: whether the snippet's lines stand before encoding; else they change ``vectors``.
        both: whether the remedy is made on both sides alike; else it is made in the candidate.
    """

    name: str
    slot: Slot
    family: str
    change: Callable[[Recipe], Recipe] = field(compare=False)
    remedy: str = field(compare=False)
    snippet: str = field(default="", compare=False)
    precision: bool = field(default=False, compare=False)
    before: bool = field(default=True, compare=False)
    both: bool = field(default=False, compare=False)

    @property
    def side(self) -> Side:
        """Where the remedy is made."""
        return Side.BOTH if self.both else Side.CANDIDATE

    @property
    def forward(self) -> bool:
        """Whether it changes what goes through the model; pooling and output variants share one pass."""
        return self.slot in ("text", "tokens", "model")


def combine(recipe: Recipe, causes: tuple[Cause, ...]) -> Recipe:
    """The recipe under all the causes, applied in the order a text passes through the slots."""
    for cause in sorted(causes, key=lambda cause: SLOTS.index(cause.slot)):
        recipe = cause.change(recipe)
    return recipe
