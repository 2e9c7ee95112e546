"""A WordPiece tokenizer by hand, with habits of other implementations: what a text's ids are under each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from evaluators.diagnose.reference import Reference

__all__ = ["WordPiece"]

_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip
_KANA_AND_HANGUL = ((0x3040, 0x30FF), (0x1100, 0x11FF), (0xAC00, 0xD7AF))
_LATIN = 0x0250  # first code point behind the Latin letters
_HANGUL = (0xAC00, 0xD7A3)
_LONGEST = 100


def _beyond_ascii(text: str) -> bool:
    return not text.isascii()


def _has(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.search(pattern, text) is not None


# Which texts a habit can touch at all; those that none of them does are left to the model's own tokenizer.
_TOUCHES: dict[str, Callable[[str], bool]] = {
    "hangul-first": _beyond_ascii,
    "hangul-whole": _has(r"[\uac00-\ud7a3]"),
    "accents-by-table": _beyond_ascii,
    "accents-kept": _beyond_ascii,
    "marks-lost": _beyond_ascii,
    "long-words-split": _has(r"\S{26}"),
    "long-words-by-bytes": _has(r"\S{26}"),
    "unknown-by-character": _beyond_ascii,
    "unknown-after-start": _beyond_ascii,
    "unknown-skipped": _beyond_ascii,
    "unknown-dropped": _beyond_ascii,
    "symbols-joined": _has(r"[$+<=>^`|~]"),
    "punctuation-ascii": _beyond_ascii,
    "spaces-ascii": _beyond_ascii,
    "blanks-only": _has(r"[^\S ]"),
    "controls-kept": _has(r"[^ -~]"),
    "controls-split": _has(r"[^ -~]"),
    "form-feeds-split": _has(r"[\v\f\x85]"),
    "cjk-joined": _beyond_ascii,
    "cjk-all-split": _beyond_ascii,
    "lower-ascii": _beyond_ascii,
    "case-folded": _beyond_ascii,
    "case-kept": lambda text: text.lower() != text,
    "digits-split": _has(r"\d"),
    "specials-plain": _has(r"[\[<]"),
}


class WordPiece:
    """The tokenizer of a BERT-like reference with habits; called as the reference's own is.

    Args:
        reference: a model whose tokenizer has a BertNormalizer and a WordPiece vocabulary.
        habits: names of :data:`data.rules.causes.habits.HABITS`.
    """

    def __init__(self, reference: Reference, habits: Collection[str]) -> None:
        own = reference.tokenizer
        normalizer = own.backend_tokenizer.normalizer
        self.habits, self._own = frozenset(habits), own
        self._known: dict[str, list[int]] = {}  # ids of words
        self._vocabulary: Mapping[str, int] = reference.vocabulary
        self._unknown = int(own.unk_token_id)
        self._specials = {added.content: place for place, added in own.added_tokens_decoder.items() if added.special}
        self._lower, self._clean = bool(normalizer.lowercase), bool(normalizer.clean_text)
        accents = normalizer.strip_accents
        self._strip = self._lower if accents is None else bool(accents)
        self._cjk = bool(normalizer.handle_chinese_chars)
        whole, bare = own("word")["input_ids"], own("word", add_special_tokens=False)["input_ids"]
        first = next((place for place in range(len(whole)) if whole[place : place + len(bare)] == bare), 0)
        self._before, self._after = whole[:first], whole[first + len(bare) :]

    def __call__(self, text: str, *, add_special_tokens: bool = True, **_: Any) -> dict[str, list[int]]:
        """``{"input_ids": ids}``, never cut."""
        if self.habits and not any(_TOUCHES.get(habit, bool)(text) for habit in self.habits):
            return {
                "input_ids": list(self._own(text, add_special_tokens=add_special_tokens, verbose=False)["input_ids"])
            }
        ids = [one for part in self._parts(text) for one in part]
        return {"input_ids": [*self._before, *ids, *self._after] if add_special_tokens else ids}

    def _parts(self, text: str) -> Iterator[list[int]]:
        """Ids of the text between special tokens that are written in it, and of those."""
        if "specials-plain" in self.habits or not self._specials:
            yield from self._words(text)
            return
        pattern = "|".join(map(re.escape, sorted(self._specials, key=len, reverse=True)))
        for part in re.split(f"({pattern})", text):
            if part in self._specials:
                yield [self._specials[part]]
            else:
                yield from self._words(part)

    def _words(self, text: str) -> Iterator[list[int]]:
        for word in self._split(self._normalised(text)):
            if word not in self._known:
                self._known[word] = self._pieces(word)
            yield self._known[word]

    def _normalised(self, text: str) -> str:
        """The text as BertNormalizer leaves it, but for the habits; words that are split for sure stand apart."""
        text = "".join(map(self._cleaned, text)) if self._clean else text
        text = "".join(f" {char} " if self._alone(char) else char for char in text)
        if self._strip and "accents-kept" not in self.habits:
            text = "".join(self._stripped(text))
        return self._lowered(text) if self._lower else text

    def _cleaned(self, char: str) -> str:
        """A character without its meaning: nothing for one that is no text, a blank for white space."""
        if char in "\0\ufffd":
            return ""
        if char in "\t\n\r":
            return char if "blanks-only" in self.habits else " "
        if char in "\v\f\x85" and "form-feeds-split" in self.habits:
            return " "
        if unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Cs"):
            return char if "controls-kept" in self.habits else " " if "controls-split" in self.habits else ""
        if _space(char) and not {"spaces-ascii", "blanks-only"} & self.habits:
            return " "
        return char

    def _alone(self, char: str) -> bool:
        place = ord(char)
        if "digits-split" in self.habits and char.isdigit():
            return True
        if "cjk-all-split" in self.habits and _within(place, _KANA_AND_HANGUL):
            return True
        return self._cjk and "cjk-joined" not in self.habits and _within(place, _CJK)

    def _stripped(self, text: str) -> Iterator[str]:
        """Characters decomposed, and marks removed."""
        marks = ("Mn", "Mc", "Me") if "marks-lost" in self.habits else ("Mn",)
        latin = True
        for char in text:
            syllable = _HANGUL[0] <= ord(char) <= _HANGUL[1]
            by_table = "accents-by-table" in self.habits
            mark = unicodedata.category(char) in marks
            latin = latin if mark else ord(char) < _LATIN
            if (
                by_table
                and ((not mark and ord(char) >= _LATIN) or (mark and not latin))
                or syllable
                and "hangul-whole" in self.habits
            ):
                yield char
            elif "hangul-first" in self.habits:
                first = unicodedata.normalize("NFD", char)[0]
                yield "" if unicodedata.category(first) in marks else first
            else:
                yield from (one for one in unicodedata.normalize("NFD", char) if unicodedata.category(one) not in marks)

    def _lowered(self, text: str) -> str:
        if "case-kept" in self.habits:
            return text
        if "lower-ascii" in self.habits:
            return "".join(char.lower() if char.isascii() else char for char in text)
        fold = str.casefold if "case-folded" in self.habits else str.lower
        return "".join(map(fold, text))  # one by one: in a word, Python's lower knows the Greek final sigma

    def _split(self, text: str) -> Iterator[str]:
        """Words and single signs of punctuation."""
        word = ""
        for char in text:
            blank = char == " " or (_space(char) and not {"spaces-ascii", "blanks-only"} & self.habits)
            if blank or (char in "\t\n\r" and "blanks-only" not in self.habits):
                if word:
                    yield word
                word = ""
            elif self._punctuation(char):
                if word:
                    yield word
                yield char
                word = ""
            else:
                word += char
        if word:
            yield word

    def _punctuation(self, char: str) -> bool:
        if "punctuation-joined" in self.habits:
            return False
        if char.isascii():
            kind = unicodedata.category(char)
            return kind.startswith("P") or (kind.startswith("S") and "symbols-joined" not in self.habits)
        return unicodedata.category(char).startswith("P") and "punctuation-ascii" not in self.habits

    def _pieces(self, word: str) -> list[int]:
        """Ids of a word: the longest piece each time; what is done where there is none is a habit."""
        by_bytes = "long-words-by-bytes" in self.habits
        size = len(word.encode()) if by_bytes else len(word)
        if size > _LONGEST and "long-words-split" not in self.habits:
            return [self._unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            end = self._longest(word, start)
            if end == start:
                if not self._goes_on(ids):
                    return self._unknown_word(ids)
                end = start + 1
            else:
                ids.append(self._vocabulary[self._head(start) + word[start:end]])
            start = end
        return ids

    def _longest(self, word: str, start: int) -> int:
        """Where the longest piece that begins at a place ends; the place itself if there is none."""
        head = self._head(start)
        return next((end for end in range(len(word), start, -1) if head + word[start:end] in self._vocabulary), start)

    def _head(self, start: int) -> str:
        """What the vocabulary has before a piece that begins there in a word."""
        return "##" if start and "continuation-lost" not in self.habits else ""

    def _goes_on(self, ids: list[int]) -> bool:
        """Whether a word goes on behind a character that begins no piece."""
        if "unknown-by-character" in self.habits:
            ids.append(self._unknown)
            return True
        return "unknown-skipped" in self.habits

    def _unknown_word(self, ids: list[int]) -> list[int]:
        """Ids of a word with a character that begins no piece."""
        if "unknown-after-start" in self.habits:
            return [*ids, self._unknown]
        return [] if "unknown-dropped" in self.habits else [self._unknown]


def _within(place: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= place <= last for first, last in ranges)


def _space(char: str) -> bool:
    """White space as Unicode has it; Python counts four separators of ASCII as well."""
    return char.isspace() and char not in "\x1c\x1d\x1e\x1f"
