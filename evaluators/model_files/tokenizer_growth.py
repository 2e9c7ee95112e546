"""What a tokenizer's file would make of any text: nothing much longer than the text, and nothing padded without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from evaluators.model_files.fault import Fault
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import as_list, as_object, printable, read_object

__all__ = ["overgrown"]

_LONGEST_PADDING = 1_000_000  # tokens
_MULTIPLE = 8_192
_GROWTH = 10_000  # letters that one letter may become; those of Arabic ligatures become 18
_PIECES = 200  # special tokens around a text
_PREFIX = 1_000  # letters; models put one space there
_WORD = 100_000  # letters of a word: WordPiece takes the square of them


def overgrown(folder: Path) -> Iterator[Fault]:
    """Steps of a tokenizer.json after which a text would be longer than any memory."""
    for name in relative_files(folder):
        if PurePosixPath(name).name == "tokenizer.json":
            value = read_object(folder / name)
            for what in (*_padding(value), *_normaliser(value), *_template(value), *_model(value)):
                yield Fault("tokens-without-end", printable(name), f"{printable(name)} {what}")


def _padding(value: Mapping[str, Any]) -> Iterator[str]:
    padding = as_object(value.get("padding"))
    fixed, multiple = as_object(padding.get("strategy")).get("Fixed"), padding.get("pad_to_multiple_of")
    if isinstance(fixed, int) and fixed > _LONGEST_PADDING:
        yield f"pads every text to {fixed:,} tokens"
    if isinstance(multiple, int) and multiple > _MULTIPLE:
        yield f"pads every text to a multiple of {multiple:,} tokens"


def _normaliser(value: Mapping[str, Any]) -> Iterator[str]:
    """How many letters one letter becomes, at the most: a step multiplies what an earlier one wrote and it reads."""
    steps = list(_steps(value.get("normalizer")))
    if sum(step.get("type") == "Precompiled" for step in steps) > 2:
        yield "has several tables of characters, one after the other"
    wrote: list[tuple[str, float]] = []
    for step in steps:
        prefix = step.get("prepend")
        if isinstance(prefix, str) and len(prefix) > _PREFIX:
            yield f"puts {len(prefix):,} letters in front of every text"
            return
        content = step.get("content") if step.get("type") == "Replace" else None
        pattern = step.get("pattern")
        if not isinstance(content, str) or not isinstance(pattern, dict):
            continue
        literal = pattern.get("String")
        reads = [grown for text, grown in wrote if not isinstance(literal, str) or literal in text]
        taken = len(literal) if isinstance(literal, str) and literal else 1
        grown = max(reads, default=1.0) * max(1.0, len(content) / taken)
        wrote.append((content, grown))
        if grown > _GROWTH:
            yield f"makes {grown:,.0f} letters of one"
            return


def _steps(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and depth <= 20:
        yield value
        for step in as_list(value.get("normalizers")):
            yield from _steps(step, depth + 1)


def _template(value: Mapping[str, Any]) -> Iterator[str]:
    processor = as_object(value.get("post_processor"))
    for one in map(as_object, [processor, *as_list(processor.get("processors"))]):
        for pieces in (as_list(one.get("single")), as_list(one.get("pair"))):
            if len(pieces) > _PIECES:
                yield f"puts {len(pieces):,} special tokens around every text"
        for entry in as_object(one.get("special_tokens")).values():
            if len(ids := as_list(as_object(entry).get("ids"))) > _PIECES:
                yield f"puts {len(ids):,} tokens in the place of one around every text"


def _model(value: Mapping[str, Any]) -> Iterator[str]:
    longest = as_object(value.get("model")).get("max_input_chars_per_word")
    if isinstance(longest, int) and longest > _WORD:
        yield f"looks for words of {longest:,} letters"
