"""Tier 5, configuration: what is done with the vectors, against what architecture and model card ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evaluators.preflight import prompts
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.steps import pooling_modes, routes
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import header
from evaluators.preflight.widths import flow

__all__ = ["card_pooling", "check", "declared_pooling", "is_causal"]

# How model cards show their pooling in the code they ask people to paste.
_CARD = {
    "mean": re.compile(r"mean_pooling|average_pool|pooling_mode_mean_tokens'?\"?: True", re.IGNORECASE),
    "cls": re.compile(r"cls_pooling|\[:, ?0\]|pooling_mode_cls_token'?\"?: True", re.IGNORECASE),
    "lasttoken": re.compile(r"last_token_pool|pooling_mode_lasttoken'?\"?: True", re.IGNORECASE),
}
_CARD_NORMALISES = re.compile(r"F\.normalize|functional\.normalize|\): Normalize\(\)|normalize_embeddings=True")
_SIMILARITIES = {"cosine", "dot", "euclidean", "manhattan"}
# Language models that see the whole text all the same: trained on permutations, with the token that sums up at the end.
_PERMUTED = {"xlnet"}
_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"}


def check(target: Target) -> Iterator[Finding]:
    """Pooling, normalisation, attention, prompts, similarity, dimensions and precision as they are declared."""
    yield from _pooling(target)
    yield from _attention(target)
    if target.modules and not target.module("Normalize") and _CARD_NORMALISES.search(target.card):
        yield finding(
            "normalisation-missing", "The model card normalises its vectors, modules.json has no Normalize step"
        )
    yield from prompts.check(target)
    yield from _similarity(target)
    yield from _dimensions(target)
    yield from _dtype(target)
    yield from _architecture(target)


def declared_pooling(target: Target) -> tuple[str, ...]:
    """The pooling modes that the Pooling module declares; empty when there is none."""
    entry = target.module("Pooling")
    return pooling_modes(target.object(f"{entry.get('path')}/config.json")) if entry else ()


def card_pooling(card: str) -> str | None:
    """The pooling a model card's own code shows; None when it shows none or several."""
    modes = [mode for mode, pattern in _CARD.items() if pattern.search(card)]
    return modes[0] if len(modes) == 1 else None


def is_causal(config: dict[str, Any]) -> bool:
    """Whether each token of this architecture sees only those before it."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    kind = config.get("model_type")
    if kind in _PERMUTED or config.get("is_causal") is False or config.get("use_bidirectional_attention"):
        return False
    return bool(config.get("is_decoder")) or (kind in CAUSAL and kind not in MASKED)


def _pooling(target: Target) -> Iterator[Finding]:
    entry = target.module("Pooling")
    if entry is None:
        return
    file, kind = f"{entry.get('path')}/config.json", target.config.get("model_type")
    declared, of_card, causal = declared_pooling(target), card_pooling(target.card), is_causal(target.config)
    words = " + ".join(declared)
    evidence = {"declared": list(declared), "model_card": of_card, "model_type": kind}
    if not declared:
        yield finding("pooling-undeclared", f"{file} turns no pooling on", evidence)
    elif of_card and of_card not in declared:
        yield finding("pooling-differs", f"{file} says {words}, the model card's code says {of_card}", evidence)
    elif causal and not of_card and not {"lasttoken", "weightedmean"} & set(declared):
        yield finding("pooling-decoder", f"A decoder is pooled by {words}", evidence, file=file)
    elif "lasttoken" in declared and not causal and kind not in _PERMUTED:
        yield finding("pooling-encoder", "An encoder is pooled by its last token", evidence, file=file)


def _attention(target: Target) -> Iterator[Finding]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    if target.config.get("is_decoder") and target.config.get("model_type") in MASKED:
        yield finding("attention-causal", 'config.json says "is_decoder": true for an encoder')


def _architecture(target: Target) -> Iterator[Finding]:
    """The class the weights were saved from against the type that decides how they are read."""
    named, kind = target.config.get("architectures"), target.config.get("model_type")
    if not isinstance(named, list) or not named or target.config.get("auto_map"):
        return
    types = _types_of(str(named[0]))
    if types and kind not in types:
        own = " or ".join(sorted(types))
        seen = f"config.json says model_type {kind!r}, and architectures {named[0]}, which is of {own}"
        yield finding("architecture-differs", seen, {"model_type": kind, "architectures": named})


def _types_of(name: str) -> set[str]:
    """The model types whose models of some kind are of this class of transformers; empty for a class it has not."""
    from transformers.models.auto import modeling_auto as auto

    tasks = ("", "_FOR_MASKED_LM", "_FOR_CAUSAL_LM", "_FOR_SEQUENCE_CLASSIFICATION", "_FOR_PRETRAINING")
    mappings = [getattr(auto, f"MODEL{task}_MAPPING_NAMES") for task in tasks]
    return {
        kind
        for mapping in mappings
        for kind, classes in mapping.items()
        if name in ((classes,) if isinstance(classes, str) else classes)
    }


def _similarity(target: Target) -> Iterator[Finding]:
    named = target.object("config_sentence_transformers.json").get("similarity_fn_name")
    if named is None or named == "cosine":
        return
    if named not in _SIMILARITIES:
        known = ", ".join(sorted(_SIMILARITIES))
        yield finding("similarity-unknown", f"The similarity function is {named!r}", known=known)
    elif not target.module("Normalize") and "cosine" in target.card.lower():
        yield finding("similarity-differs", f"The files say {named}, the model card speaks of cosine")


def _dimensions(target: Target) -> Iterator[Finding]:
    """The width a Pooling declares against the one that its tokens have."""
    for _, steps in routes(target):
        for step, given, _ in flow(target, steps):
            declared = step.settings.get("embedding_dimension") if step.kind == "Pooling" else None
            if declared and given and declared != given:
                seen = f"The pooling expects {declared} dimensions, the model gives {given}"
                yield finding("dimensions-differ", seen, {"pooling": declared, "given": given})


def _dtype(target: Target) -> Iterator[Finding]:
    declared = target.config.get("dtype") or target.config.get("torch_dtype")
    if not isinstance(declared, str) or not target.weight_files:
        return
    stored = {_DTYPES.get(entry["dtype"]) for entry in header(target.path(target.weight_files[0])).values()}
    floats = sorted(filter(None, stored))
    if floats and declared not in floats:
        seen = f"config.json says {declared}, the weights are {' and '.join(floats)}"
        yield finding("dtype-differs", seen, {"config": declared, "file": floats})
