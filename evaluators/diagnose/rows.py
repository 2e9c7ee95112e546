"""From texts to rows: what exactly goes into the model for each text, batch and padding included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

from data.rules.splitters import SPLITTERS, window_starts
from evaluators.diagnose.recipe import Chunking, Recipe, edited, is_prompted
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.tokenizers import tokenizer_variant, unused_first

__all__ = ["Batches", "Chunks", "Row", "RowBuilder", "Sent", "Texts", "around_prompt", "pieces"]

_WORD = "word"  # asked how special tokens stand around a text: an empty one does not tell
# Indices of the texts that were encoded together; only causes that leak padding depend on it.
Batches = Sequence[Sequence[int]]


class Texts(NamedTuple):
    """Texts, the role of each (query, document or None), and which of them share a batch."""

    texts: tuple[str, ...]
    roles: tuple[str | None, ...]
    batches: tuple[tuple[int, ...], ...]

    def each_alone(self) -> Texts:
        """The same texts, each in a batch of its own."""
        return self._replace(batches=tuple((place,) for place in range(len(self.texts))))


class Sent(NamedTuple):
    """How texts went to a candidate.

    Attributes:
        lengths: of the texts, in each unit that somebody may have sorted them by.
        calls: the places of the texts that one call had, where there were several.
    """

    lengths: Sequence[Sequence[int]] = ()
    calls: Sequence[Sequence[int]] = ()


class Row(NamedTuple):
    """One text as the model sees it; equal rows give equal vectors, whatever text they came from."""

    ids: tuple[int, ...]
    start: int  # places by which its positions are moved
    pads: int  # padding that attention or pooling lets through
    padding: str
    attention: str
    left: bool  # whether that padding stands before the text
    types: int = 0  # of all its tokens


class Chunks(NamedTuple):
    """One text as several rows whose vectors become one (``Recipe.chunks``)."""

    rows: tuple[Row, ...]
    how: str
    weights: tuple[int, ...]  # of each row

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of all of them."""
        return tuple(one for row in self.rows for one in row.ids)

    @property
    def pads(self) -> int:
        """Padding, of which chunks have none."""
        return 0


def pieces(row: Row | Chunks) -> tuple[Row, ...]:
    """The rows that a text goes through the model as."""
    return row.rows if isinstance(row, Chunks) else (row,)


class RowBuilder:
    """The reference's tokenizer in all its variants; each text is tokenised once a variant."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._tokenizers: dict[str, Any] = {}
        self._read: dict[tuple[str, str], tuple[list[int], list[int]]] = {}

    def rows(self, texts: Texts, recipe: Recipe) -> list[Row | Chunks]:
        """The rows of the texts under a recipe, in their order."""
        roles = texts.roles
        written = [self._written(text, role, recipe) for text, role in zip(texts.texts, roles, strict=True)]
        around = self._around(recipe.tokenizer)
        ids = [self._placed_ids(recipe, text, around) for text in written]
        side = getattr(self._reference.tokenizer, "padding_side", "right")
        rows = _placed(ids, texts.batches, recipe, left=side == "left")
        if recipe.chunks is None:
            return list(rows)
        if recipe.chunks.unit not in ("tokens", "tokens-rest"):
            whole = zip(texts.texts, roles, rows, strict=True)
            return [self._in_pieces(recipe, text, role, around, row) for text, role, row in whole]
        return [self._chunked(recipe, text, around, row) for text, row in zip(written, rows, strict=True)]

    def _written(self, text: str, role: str | None, recipe: Recipe) -> str:
        """The text as the tokenizer sees it; cut to so many tokens of its own where its prompt comes after that."""
        if recipe.own_length is None:
            return edited(text, role, recipe)
        bare, before = around_prompt(recipe)
        own = edited(text, role, bare)
        offsets = self._reference.tokenizer(own, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ends = [end for _, end in offsets["offset_mapping"]]
        cut = own[: ends[recipe.own_length - 1]] if len(ends) > recipe.own_length else own
        return edited(cut, role, before)

    def _placed_ids(self, recipe: Recipe, text: str, around: int) -> tuple[int, ...]:
        whole, bare = self._ids(recipe.tokenizer, text)
        # Of no token at all there is no vector: a server has to send something, and that is what the text is as a rule.
        if recipe.special == "unknown":
            # As many of them as special ones, which another family's template has.
            unknown = self._reference.tokenizer.unk_token_id
            ends = [unknown] * around, [unknown] * (len(whole) - len(bare) - around)
            whole = whole if unknown is None else [*ends[0], *bare, *ends[1]]
        return _ids(whole, bare, around, recipe, self._first) or tuple(map(int, whole))

    @cached_property
    def _first(self) -> list[int]:
        """The first special token that the model has and its tokenizer does not put."""
        unused = unused_first(self._reference)
        return [] if unused is None else [unused]

    def _chunked(self, recipe: Recipe, text: str, around: int, row: Row) -> Row | Chunks:
        """A text in chunks, each with the special tokens of its own; one that fits into a chunk is a row."""
        size, shared, how, unit, _ = recipe.chunks or Chunking(0, 0, "")
        whole, bare = self._ids(recipe.tokenizer, text)
        room = size - (len(whole) - len(bare))
        rest = unit == "tokens-rest"
        if len(bare) <= (room - shared if rest else room) or room <= shared:
            return row
        starts = window_starts(len(bare), room, shared, rest=rest)
        parts = [bare[start : start + room] for start in starts]
        first, last = whole[:around], whole[around + len(bare) :]
        rows = tuple(row._replace(ids=tuple(map(int, [*first, *part, *last]))) for part in parts)
        written = [self._reference.tokenizer.decode(part) for part in parts] if "characters" in how else []
        return Chunks(rows, how, _weights(how, rows, len(first) + len(last), written))

    def _in_pieces(self, recipe: Recipe, text: str, role: str | None, around: int, row: Row) -> Row | Chunks:
        """A text in pieces that were cut before any token was made; each is a text of its own."""
        size, shared, how, unit, prompted = recipe.chunks or Chunking(0, 0, "")
        bare, before = around_prompt(recipe)
        whole = edited(text, role, bare if prompted else recipe)
        splitter = SPLITTERS.get(unit)
        parts = self._of_tokens(whole, size, shared, unit) if splitter is None else splitter.split(whole, size, shared)
        if len(parts) < 2:
            return row
        ids = [self._placed_ids(recipe, edited(part, role, before) if prompted else part, around) for part in parts]
        rows = tuple(row._replace(ids=one) for one in ids)
        return Chunks(rows, how, _weights(how, rows, sum(map(len, self._special(recipe.tokenizer))), parts))

    def _of_tokens(self, text: str, size: int, shared: int, unit: str) -> list[str]:
        """Pieces of so many tokens as text again: what stands there, or what the tokens are decoded to."""
        read = self._reference.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids, offsets = read["input_ids"], read["offset_mapping"]
        if len(ids) <= size:
            return [text]
        parts = [slice(start, start + size) for start in window_starts(len(ids), size, shared)]
        if unit == "tokens-decoded":
            return [self._reference.tokenizer.decode(ids[part]) for part in parts]
        return [text[offsets[part][0][0] : offsets[part][-1][1]] for part in parts]

    def _ids(self, variant: str, text: str) -> tuple[list[int], list[int]]:
        """Ids with and without special tokens, whole."""
        if (variant, text) not in self._read:
            if variant not in self._tokenizers:
                self._tokenizers[variant] = tokenizer_variant(self._reference, variant)
            whole = self._tokenized(variant, text, special=True)
            # The special tokens are the same around every text: reading it once without them tells which they are.
            first, last = ([], []) if text == _WORD else self._special(variant)
            inner = len(whole) - len(first) - len(last)
            alike = whole[: len(first)] == first and whole[len(first) + inner :] == last
            if text != _WORD and inner >= 0 and alike:
                bare = whole[len(first) : len(first) + inner]
            else:
                bare = self._tokenized(variant, text, special=False)
            self._read[variant, text] = whole, bare
        return self._read[variant, text]

    def _tokenized(self, variant: str, text: str, *, special: bool) -> list[int]:
        tokenizer = self._tokenizers[variant]
        return list(tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)["input_ids"])

    def _special(self, variant: str) -> tuple[list[int], list[int]]:
        """The special tokens before and behind a text."""
        whole, bare = self._ids(variant, _WORD)
        before = _prefix(whole, bare)
        return whole[:before], whole[before + len(bare) :]

    def _around(self, variant: str) -> int:
        """How many special tokens stand before a text; asked of a word, for an empty text does not tell."""
        return len(self._special(variant)[0])


def _weights(how: str, rows: Sequence[Row], special: int, written: Sequence[str]) -> tuple[int, ...]:
    """What each of a text's chunks counts in their mean (``Chunking.how``)."""
    if how.startswith("by-characters"):
        return tuple(max(1, len(one)) for one in written)
    if how.startswith("weighted"):
        return tuple(max(1, len(row.ids) - special * ("text" in how)) for row in rows)
    return (1,) * len(rows)


def around_prompt(recipe: Recipe) -> tuple[Recipe, Recipe]:
    """What is done to a text before its prompt is put, and what with it and after."""
    bare = replace(recipe, prompts=(), edits=tuple(name for name in recipe.edits if not is_prompted(name)))
    return bare, replace(recipe, edits=tuple(name for name in recipe.edits if is_prompted(name)))


def _ids(whole: list[int], bare: list[int], before: int, recipe: Recipe, unused: Sequence[int]) -> tuple[int, ...]:
    """Token ids cut to the length; the special tokens keep their places, as tokenizers' own truncation does."""
    first, last = list(whole[:before]), list(whole[before + len(bare) :])
    if recipe.special == "first-added":
        first = [*unused, *first]
    counted = len(first) + len(last) if recipe.special == "none-but-counted" else 0
    if recipe.special == "twice-last":
        bare = [*bare, *last[-1:]]  # written at the end of the text, and cut off with it
    if recipe.special == "last-cut":
        bare, last = [*bare, *last], []
    if recipe.special in ("twice-first", "twice"):
        first = first * 2
    if recipe.special in ("twice-end", "twice"):
        last = last * 2
    if recipe.special in ("none", "none-but-counted", "no-first"):
        first = []
    if recipe.special in ("none", "none-but-counted", "no-last"):
        last = []
    room = max(0, recipe.length - len(first) - len(last) - counted)
    return tuple(map(int, [*first, *_cut(bare, room, recipe), *last]))


def _cut(bare: list[int], room: int, recipe: Recipe) -> list[int]:
    """As many of the text's ids as there is room for, from where the recipe takes them."""
    if len(bare) <= room:
        return bare
    if recipe.cut_left:
        return bare[len(bare) - room :]
    tail = min(recipe.tail, room)
    return [*bare[: room - tail], *bare[len(bare) - tail :]]


def _prefix(whole: Sequence[int], bare: Sequence[int]) -> int:
    """How many special tokens stand before the text itself."""
    for before in range(len(whole) - len(bare) + 1):
        if list(whole[before : before + len(bare)]) == list(bare):
            return before
    return 0


def _placed(ids: list[tuple[int, ...]], batches: Batches, recipe: Recipe, left: bool) -> list[Row]:
    longest = _longest(ids, batches, recipe)
    attention, _, beyond = recipe.attention.partition(" beyond ")
    rows = []
    for index, one in enumerate(ids):
        spare = longest[index] - len(one)
        pads = spare if recipe.padding in ("seen", "pooled", "both", "after") else 0
        before = bool(pads) and left and recipe.padding != "after"
        start = recipe.shift + (spare if recipe.padding == "left" else 0)
        # Without padding a row is as it should be: it shares its vector with the plain recipe.
        seen = attention if len(one) > int(beyond or 0) else ""
        rows.append(Row(one, start, pads, recipe.padding if pads else "", seen, before, recipe.types))
    return rows


def _longest(ids: Sequence[tuple[int, ...]], batches: Batches, recipe: Recipe) -> dict[int, int]:
    """To how many tokens each text is padded."""
    kind, _, size = recipe.padded.partition(" ")
    if kind == "to":
        return {index: max(int(size), len(one)) for index, one in enumerate(ids)}
    if kind in ("sent", "sorted"):
        order = range(len(ids)) if kind == "sent" else sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        batches = [list(order)[start : start + int(size)] for start in range(0, len(ids), int(size))]
    return {index: max(len(ids[other]) for other in batch) for batch in batches for index in batch}
