"""Variants of the reference's tokenizer: what it becomes when a part of it is lost or switched."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluators.diagnose.reference import Reference

__all__ = ["VARIANTS", "applicable"]


def _own(reference: Reference) -> Any:
    return reference.tokenizer


def _bert_normalizer(**changes: Any) -> Callable[[Reference], Any]:
    """The tokenizer with switches of its BertNormalizer turned."""

    def build(reference: Reference) -> Any:
        from tokenizers.normalizers import BertNormalizer

        tokenizer = copy.deepcopy(reference.tokenizer)
        now = tokenizer.backend_tokenizer.normalizer
        kept = {
            name: getattr(now, name) for name in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        }
        tokenizer.backend_tokenizer.normalizer = BertNormalizer(**{**kept, **changes})
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


def _missing(reference: Reference) -> Any:
    """What transformers builds, without a word, from config.json alone."""
    from transformers import AutoTokenizer

    from evaluators.preflight.loading import quietly

    with tempfile.TemporaryDirectory() as folder, quietly():
        shutil.copyfile(reference.target.path(reference.target.of_root("config.json")), Path(folder) / "config.json")
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


VARIANTS: dict[str, Callable[[Reference], Any]] = {
    "": _own,
    "cased": _bert_normalizer(lowercase=False),
    "accents-kept": _bert_normalizer(strip_accents=False),
    "cjk-joined": _bert_normalizer(handle_chinese_chars=False),
    "no-normalizer": _without_normalizer,
    "literal-specials": _literal_specials,
    "prefix-space": _prefix_space,
    "missing": _missing,
}


def applicable(reference: Reference) -> list[str]:
    """The variants that this tokenizer has the parts for."""
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import ByteLevel

    backend = reference.tokenizer.backend_tokenizer
    found = ["literal-specials"]
    if isinstance(backend.normalizer, BertNormalizer):
        found += ["cased"] * bool(backend.normalizer.lowercase) + ["accents-kept", "cjk-joined"]
    elif backend.normalizer is not None:
        found.append("no-normalizer")
    if isinstance(backend.pre_tokenizer, ByteLevel) and not backend.pre_tokenizer.add_prefix_space:
        found.append("prefix-space")
    if _can_be_missing(reference):
        found.append("missing")
    return found


def _can_be_missing(reference: Reference) -> bool:
    """Whether transformers makes a tokenizer of this type out of nothing, instead of refusing."""
    try:
        bare = _missing(reference)
    except (OSError, ValueError, TypeError, AttributeError, ImportError, KeyError):
        return False
    size = reference.target.config.get("vocab_size") or 0
    return 0 < max(bare("a word", add_special_tokens=True)["input_ids"], default=size) < size
