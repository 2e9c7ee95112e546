"""Slot tokens: which ids a text becomes, where they stand, and what the model is shown beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evaluators.diagnose.causes.tokenizers import applicable
from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Reference

__all__ = ["causes"]

_LENGTHS = (32, 64, 96, 128, 192, 254, 256, 384, 512)
_TOKENIZERS = {
    "cased": (
        "lower-casing lost in the tokenizer", "Put do_lower_case back to true in tokenizer_config.json.",
        "model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=False)",
    ),
    "accents-kept": (
        "accents kept by the tokenizer", "Put strip_accents back as the model's tokenizer has it.",
        "model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=False)",
    ),
    "cjk-joined": (
        "CJK characters not split", "Put tokenize_chinese_chars back to true.",
        "model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=True, handle_chinese_chars=False)",
    ),
    "no-normalizer": (
        "the tokenizer's normalizer lost", "Use the model's own tokenizer.json.",
        "from tokenizers.normalizers import Sequence\nmodel.tokenizer.backend_tokenizer.normalizer = Sequence([])",
    ),
    "literal-specials": (
        "special tokens in the text read as plain text", "Read special tokens in texts alike on both sides.",
        "model.tokenizer.split_special_tokens = True",
    ),
    "prefix-space": (
        "a space put before each text by the tokenizer", "Put add_prefix_space back to false.",
        "from tokenizers.pre_tokenizers import ByteLevel\n"
        "model.tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)",
    ),
    "missing": (
        "tokenizer missing", "Add the tokenizer's files: a bare vocabulary was built in their place.", "",
    ),
}  # fmt: skip
_BERT_IMPORT = "from tokenizers.normalizers import BertNormalizer\n"


def causes(reference: Reference) -> list[Cause]:
    """Lengths, special tokens, tokenizer variants, positions, padding and what attention sees."""
    found = [*_lengths(reference), *_special(reference), *map(_tokenizer, applicable(reference))]
    found.append(
        _plain("long texts cut at the beginning", "cut side", "Set truncation_side to right.", cut_left=True,
               snippet='model.tokenizer.truncation_side = "left"')
    )  # fmt: skip
    found += [
        _plain("attention mask ignored", "padding", "Pass the attention mask to the model.", padding="seen"),
        _plain(
            "attention mask ignored, padding in the mean",
            "padding",
            "Pass the attention mask to model and pooling.",
            padding="both",
        ),
        _plain("padding on the left without moving positions", "padding", "Pad on the right.", padding="left"),
        _plain("positions shifted by 1", "positions", "Count positions as the model does (from 0).", shift=1),
        _plain("positions shifted by 2", "positions", "Count positions as the model does (from 0).", shift=2),
    ]
    return [*found, *_attention(reference)]


def _plain(name: str, family: str, remedy: str, snippet: str = "", **changes: Any) -> Cause:
    change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, **changes)  # noqa: E731
    return Cause(name, "tokens", family, change, remedy, snippet)


def _lengths(reference: Reference) -> list[Cause]:
    room = reference.positions or reference.tokenizer.model_max_length
    declared = reference.recipe.length
    return [
        _plain(f"max length {length}", "length", f"Set the maximum length to {declared} tokens.",
               f"model.max_seq_length = {length}", length=length)
        for length in sorted({*_LENGTHS, min(room, 8192)})
        if length != declared and length <= room
    ]  # fmt: skip


def _special(reference: Reference) -> list[Cause]:
    whole = reference.tokenizer("word")["input_ids"]
    bare = reference.tokenizer("word", add_special_tokens=False)["input_ids"]
    if len(whole) == len(bare):
        return []
    remedy = "Let the tokenizer add its special tokens."
    found = []
    if whole[-1] != bare[-1]:
        found.append(_plain("EOS (the end token) missing", "special", remedy, special="no-last"))
        found.append(
            _plain("EOS (the end token) added twice", "special", "Add the end token once.", special="twice-last")
        )
    if whole[0] != bare[0]:
        found.append(_plain("CLS or BOS (the first token) missing", "special", remedy, special="no-first"))
    if len(whole) - len(bare) > 1:
        found.append(_plain("special tokens missing", "special", remedy, special="none"))
    return found


def _tokenizer(variant: str) -> Cause:
    name, remedy, snippet = _TOKENIZERS[variant]
    lines = _BERT_IMPORT + snippet if "BertNormalizer" in snippet else snippet
    change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, tokenizer=variant)  # noqa: E731
    # One tokenizer is used at a time, so its variants exclude each other whatever they change.
    return Cause(name, "tokens", "tokenizer", change, remedy, lines)


def _attention(reference: Reference) -> list[Cause]:
    from evaluators.preflight.configuration import is_causal

    if is_causal(reference.target.config):
        remedy = "Use causal attention, as the model was trained."
        return [_plain("causal mask lost", "attention", remedy, attention="full")]
    remedy = "Use bidirectional attention (is_decoder false, is_causal false)."
    return [_plain("causal mask", "attention", remedy, attention="causal")]
