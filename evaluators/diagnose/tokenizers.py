"""Variants of the reference's tokenizer: what it becomes when a part of it is lost or switched."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.diagnose.reference import Reference
from evaluators.diagnose.wordpiece import WordPiece

__all__ = ["PATTERNS", "bare_tokenizer", "normalizer_steps", "rebuilt", "tokenizer_variant", "unused_first"]

_BEGUN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_SIGNS = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# How byte-level tokenizers split a text before they merge, by the model that began it.
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": _BEGUN + r"|\p{N}{1,3}" + _SIGNS,
    "qwen2": _BEGUN + r"|\p{N}" + _SIGNS,
    "none": "",
}


_PANGRAM = "Vêtement [SEP] naïve-ish $5; \u200b\u3000ＡＢＣ 한국어 猫が 北京 ἀρχῆς ΣΟΦΟΣ हिन्दी 🚀 " + "x" * 101


def _own(reference: Reference) -> Any:
    return reference.tokenizer


def _bert_normalizer(**changes: Any) -> Callable[[Reference], Any]:
    """The tokenizer with switches of its BertNormalizer turned."""

    def build(reference: Reference) -> Any:
        from tokenizers.normalizers import BertNormalizer

        tokenizer = copy.deepcopy(reference.tokenizer)
        now = tokenizer.backend_tokenizer.normalizer
        switches = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        turned = {name: getattr(now, name) for name in switches} | changes
        tokenizer.backend_tokenizer.normalizer = BertNormalizer(**turned)
        return tokenizer

    return build


def _without_normalizer(reference: Reference) -> Any:
    from tokenizers.normalizers import Sequence

    tokenizer = copy.deepcopy(reference.tokenizer)
    tokenizer.backend_tokenizer.normalizer = Sequence([])
    return tokenizer


def normalizer_steps(reference: Reference) -> list[str]:
    """The steps of a tokenizer's normalizer by the names of their kinds; none where it is one step or has none."""
    return [type(step).__name__ for step in _steps(reference.tokenizer.backend_tokenizer.normalizer)]


def _steps(normalizer: Any) -> list[Any]:
    from tokenizers.normalizers import Sequence

    return [normalizer[number] for number in range(len(normalizer))] if isinstance(normalizer, Sequence) else []


def _without_step(reference: Reference, number: int) -> Any:
    """The tokenizer with one step of its normalizer left out."""
    from tokenizers.normalizers import Sequence

    tokenizer = copy.deepcopy(reference.tokenizer)
    steps = _steps(tokenizer.backend_tokenizer.normalizer)
    tokenizer.backend_tokenizer.normalizer = Sequence(steps[:number] + steps[number + 1 :])
    return tokenizer


def _literal_specials(reference: Reference) -> Callable[..., Any]:
    """Special tokens written in a text are read as plain characters."""
    return lambda text, **options: reference.tokenizer(text, split_special_tokens=True, **options)


def _prefix_space(reference: Reference) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel

    tokenizer = copy.deepcopy(reference.tokenizer)
    tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    return tokenizer


def _pattern(name: str) -> Callable[[Reference], Any]:
    """A byte-level tokenizer that splits texts by another model's pattern, or not at all."""

    def build(reference: Reference) -> Any:
        from tokenizers import Regex
        from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

        tokenizer = copy.deepcopy(reference.tokenizer)
        byte_level = ByteLevel(add_prefix_space=False, use_regex=False)
        parts = [Split(Regex(PATTERNS[name]), "isolated"), byte_level] if PATTERNS[name] else [byte_level]
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence(parts)
        return tokenizer

    return build


def _without_space(reference: Reference) -> Any:
    """A tokenizer of SentencePiece's kind that puts no space before a text."""
    from tokenizers.pre_tokenizers import Metaspace

    tokenizer = copy.deepcopy(reference.tokenizer)
    tokenizer.backend_tokenizer.pre_tokenizer = Metaspace(prepend_scheme="never")
    return tokenizer


def _with_shifted_ids(reference: Reference, by: int, first: int) -> Callable[..., Any]:
    """The tokenizer of a vocabulary whose lines from one on are others; special tokens are found by their names."""
    special, last = (
        set(reference.tokenizer.all_special_ids),
        int(reference.target.config.get("vocab_size") or 10**9) - 1,
    )

    def read(text: str, **options: Any) -> dict[str, list[int]]:
        ids = reference.tokenizer(text, **options)["input_ids"]
        shifted = (one if one in special or one < first else min(max(one + by, 0), last) for one in ids)
        return {"input_ids": list(shifted)}

    return read


def tokenizer_variant(reference: Reference, name: str) -> Any:
    """The tokenizer of a recipe: a variant by its name, with 'habits:', shifted 'ids:' or one 'step-lost:' named."""
    kind, _, habits = name.partition(":")
    if kind == "ids":
        return _with_shifted_ids(reference, *map(int, habits.split(":")))
    if kind == "step-lost":
        return _without_step(reference, int(habits))
    if kind == "habits":
        return WordPiece(reference, habits.split("+") if habits else ())
    return _VARIANTS[name](reference)


def rebuilt(reference: Reference) -> bool:
    """Whether the tokenizer is a BERT's, and made by hand here gives the ids it gives."""
    from tokenizers.models import WordPiece as Model
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    backend = reference.tokenizer.backend_tokenizer
    parts = ((backend.model, Model), (backend.normalizer, BertNormalizer), (backend.pre_tokenizer, BertPreTokenizer))
    if not all(isinstance(part, kind) for part, kind in parts):
        return False
    return bool(WordPiece(reference, ())(_PANGRAM)["input_ids"] == reference.tokenizer(_PANGRAM)["input_ids"])


def unused_first(reference: Reference) -> int | None:
    """The id of a first token (BOS) that the model's files name and its tokenizer does not put; None if there is none.

    Where they name none that the model has a vector for, its end token: converters then take that.
    """
    tokenizer, config = reference.tokenizer, reference.target.config
    size = int(config.get("vocab_size") or 0)
    named = [tokenizer.bos_token_id, config.get("bos_token_id"), tokenizer.eos_token_id]
    first = next((one for one in named if isinstance(one, int) and 0 <= one < size), None)
    whole, bare = tokenizer("word")["input_ids"], tokenizer("word", add_special_tokens=False)["input_ids"]
    return None if whole[:1] != bare[:1] else first


def bare_tokenizer(reference: Reference) -> Any:
    """What transformers builds, without a word, from config.json alone."""
    from transformers import AutoTokenizer

    from evaluators.preflight.loading import quietly

    with tempfile.TemporaryDirectory() as folder, quietly():
        shutil.copyfile(reference.target.path(reference.target.of_root("config.json")), Path(folder) / "config.json")
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


_VARIANTS: dict[str, Callable[[Reference], Any]] = {
    "": _own,
    "cased": _bert_normalizer(lowercase=False),
    "accents-kept": _bert_normalizer(strip_accents=False),
    "uncleaned": _bert_normalizer(clean_text=False),
    "cjk-joined": _bert_normalizer(handle_chinese_chars=False),
    "no-normalizer": _without_normalizer,
    "literal-specials": _literal_specials,
    "prefix-space": _prefix_space,
    "missing": bare_tokenizer,
    "space-lost": _without_space,
    **{f"pattern-{name}": _pattern(name) for name in PATTERNS},
}
