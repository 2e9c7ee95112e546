"""What a reference has that only some have: the words in which a cause of the catalogue says what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.diagnose.arithmetic import WEIGHT_GROUPS, has_whole
from evaluators.diagnose.ggml.files import has_exact_gelu
from evaluators.diagnose.passes import takes_spelt_masks
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.tokenizers import bare_tokenizer, unused_first
from evaluators.diagnose.weights import has_rotary, has_window, is_made_bidirectional, last_norm, word_scale

__all__ = ["has_pooler", "reference_traits", "special_token_traits"]


def reference_traits(reference: Reference) -> frozenset[str]:
    """Everything that is said of this reference in ``Cause.needs``."""
    from evaluators.preflight.configuration import is_causal

    own = "causal" if is_causal(reference.target.config) else "full"
    of_model = [f"{own} attention"] if takes_spelt_masks(reference, own) else []
    if reference.projections:
        of_model.append("Dense module")
    if any(projection.activation for projection in reference.projections):
        of_model.append("activation")
    if has_pooler(reference):
        of_model.append("pooler")
    of_model += [f"rows of whole {group}s" for group in WEIGHT_GROUPS if has_whole(reference.model, group)]
    if last_norm(reference.model):
        of_model.append("norm behind the last layer")
    if has_window(reference.model):
        of_model.append("layers with a window")
    if word_scale(reference.model) is not None:
        of_model.append("scaled word vectors")
    if is_made_bidirectional(reference.model):
        of_model.append("bidirectional by a setting")
    if has_rotary(reference.model):
        of_model.append("rotary positions")
    if reference.offset == 2:
        of_model.append("positions behind padding")
    if (reference.target.config.get("type_vocab_size") or 0) > 1:
        of_model.append("token types")
    if has_exact_gelu(reference.model):
        of_model.append("exact GELU")
    if reference.recipe.pooling == "last":
        of_model.append("pooling by the last token")
    if unused_first(reference) is not None:
        of_model.append("first token not put")
    return frozenset([*of_model, *special_token_traits(reference.tokenizer), *_of_tokenizer(reference)])


def special_token_traits(tokenizer: Any) -> Iterator[str]:
    """What is said of the special tokens that a tokenizer puts; asked of a word, for an empty text does not tell."""
    whole, bare = tokenizer("word")["input_ids"], tokenizer("word", add_special_tokens=False)["input_ids"]
    if len(whole) > len(bare):
        if whole[-1] != bare[-1]:
            yield "last special token"
        if whole[0] != bare[0]:
            yield "first special token"
    if len(whole) > len(bare) + 1:
        yield "several special tokens"


def _of_tokenizer(reference: Reference) -> Iterator[str]:
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import ByteLevel, Metaspace

    backend = reference.tokenizer.backend_tokenizer
    if isinstance(backend.normalizer, BertNormalizer):
        yield "BERT normalizer"
        if backend.normalizer.lowercase:
            yield "lower-casing tokenizer"
    elif backend.normalizer is not None:
        yield "other normalizer"
    if isinstance(backend.pre_tokenizer, ByteLevel) and not backend.pre_tokenizer.add_prefix_space:
        yield "byte-level tokenizer"
    if "ByteLevel" in str(backend.pre_tokenizer):
        yield "byte-level tokenizer of any kind"
    if isinstance(backend.pre_tokenizer, Metaspace) and backend.pre_tokenizer.prepend_scheme != "never":
        yield "metaspace tokenizer"
    if _can_be_missing(reference):
        yield "tokenizer that can be missing"


def _can_be_missing(reference: Reference) -> bool:
    """Whether transformers makes a tokenizer of this type out of nothing, instead of refusing."""
    size = reference.target.config.get("vocab_size") or 0
    try:
        ids = bare_tokenizer(reference)("a word", add_special_tokens=True)["input_ids"]
    except Exception:  # of a vocabulary of nothing: tokenizers raises plain ones, and transformers any
        return False
    return 0 < max(ids, default=size) < size


def has_pooler(reference: Reference) -> bool:
    """Whether the pooler's weights are in the file: an untrained one is random, and nobody's recipe."""
    if getattr(reference.model, "pooler", None) is None:
        return False
    from evaluators.preflight.weight_files import tensor_names

    files = reference.target.weight_files
    return any("pooler" in name for file in files for name in tensor_names(reference.target.path(file)))
