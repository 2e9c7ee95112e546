"""Variants of the reference's tokenizer: what it becomes when a part of it is lost or switched."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.diagnose.reference import Reference

__all__ = ["TOKENIZER_VARIANTS", "bare_tokenizer"]


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


def _literal_specials(reference: Reference) -> Callable[..., Any]:
    """Special tokens written in a text are read as plain characters."""
    return lambda text, **options: reference.tokenizer(text, split_special_tokens=True, **options)


def _prefix_space(reference: Reference) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel

    tokenizer = copy.deepcopy(reference.tokenizer)
    tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    return tokenizer


def bare_tokenizer(reference: Reference) -> Any:
    """What transformers builds, without a word, from config.json alone."""
    from transformers import AutoTokenizer

    from evaluators.preflight.loading import quietly

    with tempfile.TemporaryDirectory() as folder, quietly():
        shutil.copyfile(reference.target.path(reference.target.of_root("config.json")), Path(folder) / "config.json")
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


TOKENIZER_VARIANTS: dict[str, Callable[[Reference], Any]] = {
    "": _own,
    "cased": _bert_normalizer(lowercase=False),
    "accents-kept": _bert_normalizer(strip_accents=False),
    "cjk-joined": _bert_normalizer(handle_chinese_chars=False),
    "no-normalizer": _without_normalizer,
    "literal-specials": _literal_specials,
    "prefix-space": _prefix_space,
    "missing": bare_tokenizer,
}
