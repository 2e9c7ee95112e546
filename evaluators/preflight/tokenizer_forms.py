"""The forms a tokenizer comes in: as transformers loads it, and as its files say when they are taken literally."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evaluators.preflight.target import Target

__all__ = ["SPECIAL", "Form", "is_latin", "literal_form", "loaded_form"]

# What is no word: a mark between brackets, or no letter at all.
SPECIAL = re.compile(r"^[\[<].*[\]>]$|^\W*$", re.DOTALL)
_BYTE_LEVEL, _METASPACE = "Ġ", "▁"
# The least share of a vocabulary that has to begin with a mark, for it to be the vocabulary's mark.
_MARKED_SHARE = 0.05
_LOOKED_AT = 8000


@dataclass(frozen=True, eq=False)
class Form:
    """One form of a tokenizer.

    Attributes:
        name: what it is, in words.
        core: the tokenizer of the library `tokenizers` that does the work.
    """

    name: str
    core: Any

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Id of each token, the added ones among them."""
        return dict(self.core.get_vocab())

    @cached_property
    def added(self) -> dict[int, Any]:
        """The added tokens by id: they are found in a text before anything else is."""
        return dict(self.core.get_added_tokens_decoder())

    @property
    def kind(self) -> str:
        """WordPiece, BPE, Unigram or WordLevel."""
        return type(self.core.model).__name__

    @cached_property
    def prefix(self) -> str:
        """What marks a token inside a word, of a WordPiece vocabulary; else empty."""
        return str(self.core.model.continuing_subword_prefix) if self.kind == "WordPiece" else ""

    @cached_property
    def mark(self) -> str:
        """What a token at the start of a word begins with in this vocabulary; empty where nothing does."""
        for mark in (_BYTE_LEVEL, _METASPACE):
            if sum(token.startswith(mark) for token in self.vocabulary) > _MARKED_SHARE * len(self.vocabulary):
                return mark
        return ""

    @cached_property
    def _some(self) -> list[tuple[str, int]]:
        """Ordinary tokens and their ids; of a large vocabulary every so many-th, the same at each look."""
        step = max(1, len(self.vocabulary) // _LOOKED_AT)
        return [(token, i) for token, i in self.vocabulary.items() if i % step == 0 and i not in self.added]

    @cached_property
    def words(self) -> list[tuple[str, int]]:
        """Ordinary tokens that are whole words, with their ids and in their order; of a large vocabulary some."""
        ordinary = (
            (token.removeprefix(self.mark), index) for token, index in self._some if token.startswith(self.mark)
        )
        return sorted(
            ((word, index) for word, index in ordinary if len(word) > 2 and word.isalpha() and word.isascii()),
            key=lambda entry: entry[1],
        )

    @cached_property
    def letters(self) -> list[str]:
        """Ordinary tokens of two Latin letters or more, without their marks; of a large vocabulary some."""
        return [token for token in self.bare if len(token) > 1 and token.isalpha() and is_latin(token)]

    @cached_property
    def bare(self) -> list[str]:
        """Ordinary tokens without their marks; of a large vocabulary some."""
        return [token.removeprefix(self.mark).removeprefix("##") for token, _ in self._some]

    def encoded(self, texts: Sequence[str]) -> list[Any]:
        """The encodings of texts without special tokens."""
        return list(self.core.encode_batch(list(texts), add_special_tokens=False))

    def as_text(self, word: str) -> str:
        """A text in which the word stands as its token means it: after a space where the mark means one."""
        return f" {word}" if self.mark == _BYTE_LEVEL else word


def is_latin(token: str) -> bool:
    """Whether a token begins with a Latin letter, with or without an accent."""
    return token.isascii() or unicodedata.normalize("NFD", token)[0].isascii()


def loaded_form(tokenizer: Any) -> Form | None:
    """The form transformers loads; None where that is a tokenizer in Python."""
    core = getattr(tokenizer, "backend_tokenizer", None)
    return Form(f"the loaded {type(tokenizer).__name__}", _untouched(core)) if core is not None else None


def literal_form(target: Target) -> Form | None:
    """tokenizer.json taken literally, as other tools read it; None where there is none."""
    from tokenizers import Tokenizer

    name = target.of_root("tokenizer.json")
    return Form(name, _untouched(Tokenizer.from_file(str(target.path(name))))) if target.has(name) else None


def _untouched(core: Any) -> Any:
    """The tokenizer without truncation and padding, which loaders set anew for each text."""
    core.no_truncation()
    core.no_padding()
    return core
