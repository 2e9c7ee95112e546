"""One forward pass of a few tokens: what a configuration that loads, and cannot compute, says when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.loading import LoadedTransformer, error_in_words, guarded, quietly
from evaluators.preflight.steps import text_modality
from evaluators.preflight.target import Target

__all__ = ["check_forward"]

_TEXTS, _TOKENS = 2, 6
_ALIKE = 1e-6  # relative distance of two texts' vectors; another token moves them by a tenth or more


def check_forward(target: Target, loaded: LoadedTransformer) -> Iterator[Finding]:
    """Whether the model computes vectors of two made-up texts: finite ones, and not the same of both.

    Asked only of a transformer that reads tokens alone and whose own code is not involved, since others need more.
    """
    if loaded.mismatched or not _reads_tokens(target, loaded.model):
        return
    try:
        with quietly(), guarded(target):
            states = _states(loaded.model, _output_asked_for(target))
    except Exception as error:  # noqa: BLE001 -- a model whose settings contradict one another raises anything
        words = error_in_words(error)
        yield finding("forward-fails", f"The model loads, and stops at its first text: {words}", {"error": words})
        return
    if states is None:
        return
    if not states.isfinite().all():
        yield finding("forward-not-finite", "The vectors of a few tokens hold NaN or infinity")
        return
    first, second = states.reshape(_TEXTS, -1)
    if float((first - second).norm()) <= _ALIKE * float(first.norm()):
        yield finding("forward-alike", "Two texts without a token in common get the same vectors")


def _reads_tokens(target: Target, model: Any) -> bool:
    config = model.config
    plain = not target.config.get("auto_map") and not getattr(config, "vision_config", None)
    encoder_alone = not getattr(config, "is_encoder_decoder", False) or "Encoder" in type(model).__name__
    return plain and encoder_alone and getattr(model, "main_input_name", None) == "input_ids"


def _output_asked_for(target: Target) -> str | None:
    """The output of the forward pass that sentence-transformers takes, where its settings name one."""
    text = text_modality(target.object(target.of_root("sentence_bert_config.json")))
    named = text.get("method_output_name") if text.get("method") == "forward" else None
    return named if isinstance(named, str) else None


def _states(model: Any, output: str | None) -> Any:
    """States of two texts of six tokens each, in float; None where the model gives none by that name."""
    import torch

    rows = model.get_input_embeddings().weight.shape[0]
    count = _TEXTS * _TOKENS
    if rows < 2 * count:
        return None
    ids = torch.linspace(rows // 2, rows - 1, count).long().reshape(_TEXTS, _TOKENS)
    with torch.no_grad():
        result = model(input_ids=ids, attention_mask=torch.ones_like(ids))
    if output is not None and output not in result:
        raise KeyError(f"{output} is asked for, the model gives {', '.join(result)}")
    states = getattr(result, "last_hidden_state", None)
    return None if states is None else states.float()
