"""From texts to rows: what exactly goes into the model for each text, batch and padding included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evaluators.diagnose.recipe import Recipe, edited
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.tokenizers import TOKENIZER_VARIANTS

__all__ = ["Batches", "Row", "RowBuilder", "Texts"]

# Indices of the texts that were encoded together; only causes that leak padding depend on it.
Batches = Sequence[Sequence[int]]


class Texts(NamedTuple):
    """Texts, the role of each (query, document or None), and which of them share a batch."""

    texts: tuple[str, ...]
    roles: tuple[str | None, ...]
    batches: tuple[tuple[int, ...], ...]


class Row(NamedTuple):
    """One text as the model sees it; equal rows give equal vectors, whatever text they came from."""

    ids: tuple[int, ...]
    start: int  # places by which its positions are moved
    pads: int  # padding that attention or pooling lets through
    padding: str
    attention: str
    left: bool  # whether that padding stands before the text


class RowBuilder:
    """The reference's tokenizer in all its variants; each text is tokenised once a variant."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._tokenizers: dict[str, Any] = {}
        self._read: dict[tuple[str, str], tuple[list[int], list[int]]] = {}

    def rows(self, texts: Texts, recipe: Recipe) -> list[Row]:
        """The rows of the texts under a recipe, in their order."""
        written = [edited(text, role, recipe) for text, role in zip(texts.texts, texts.roles, strict=True)]
        around = self._around(recipe.tokenizer)
        ids = [_ids(*self._ids(recipe.tokenizer, text), around, recipe) for text in written]
        side = getattr(self._reference.tokenizer, "padding_side", "right")
        return _placed(ids, texts.batches, recipe, left=side == "left")

    def _ids(self, variant: str, text: str) -> tuple[list[int], list[int]]:
        """Ids with and without special tokens, whole."""
        if (variant, text) not in self._read:
            if variant not in self._tokenizers:
                self._tokenizers[variant] = TOKENIZER_VARIANTS[variant](self._reference)
            tokenizer = self._tokenizers[variant]
            whole, bare = (
                list(tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)["input_ids"])
                for special in (True, False)
            )
            self._read[variant, text] = whole, bare
        return self._read[variant, text]

    def _around(self, variant: str) -> int:
        """How many special tokens stand before a text; asked of a word, for an empty text does not tell."""
        return _prefix(*self._ids(variant, "word"))


def _ids(whole: list[int], bare: list[int], before: int, recipe: Recipe) -> tuple[int, ...]:
    """Token ids cut to the length; the special tokens keep their places, as tokenizers' own truncation does."""
    first, last = whole[:before], whole[before + len(bare) :]
    if recipe.special == "twice-last":
        bare = [*bare, *last[-1:]]  # written at the end of the text, and cut off with it
    if recipe.special in ("none", "no-first"):
        first = []
    if recipe.special in ("none", "no-last"):
        last = []
    room = max(0, recipe.length - len(first) - len(last))
    inner = bare[max(0, len(bare) - room) :] if recipe.cut_left else bare[:room]
    return tuple(map(int, [*first, *inner, *last]))


def _prefix(whole: Sequence[int], bare: Sequence[int]) -> int:
    """How many special tokens stand before the text itself."""
    for before in range(len(whole) - len(bare) + 1):
        if list(whole[before : before + len(bare)]) == list(bare):
            return before
    return 0


def _placed(ids: list[tuple[int, ...]], batches: Batches, recipe: Recipe, left: bool) -> list[Row]:
    longest = {index: max(len(ids[other]) for other in batch) for batch in batches for index in batch}
    rows = []
    for index, one in enumerate(ids):
        spare = longest[index] - len(one)
        pads = spare if recipe.padding in ("seen", "pooled", "both", "after") else 0
        before = bool(pads) and left and recipe.padding != "after"
        start = recipe.shift + (spare if recipe.padding == "left" else 0)
        # Without padding a row is as it should be: it shares its vector with the plain recipe.
        rows.append(Row(one, start, pads, recipe.padding if pads else "", recipe.attention, before))
    return rows
