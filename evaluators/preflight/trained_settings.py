"""Settings that a model was trained with though no tensor shows them: published ones leave the architecture's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.setting_types import is_number

__all__ = ["check_trained_settings"]

_DISENTANGLED = {"c2p", "p2c"}  # what DeBERTa's attention is made of, in all that were published
# Activations that one family of architectures is trained with; within a family they differ by less than 1e-3 or so.
_T5, _T5_PROJECTIONS = {"t5", "mt5", "umt5"}, ("relu", "gated-gelu")
_FAMILIES = {"gelu": ("gelu",), "silu": ("silu", "swish"), "relu": ("relu",)}
_ACTIVATIONS = ("hidden_act", "hidden_activation", "activation", "activation_function")
_AS_TRAINED = {
    **dict.fromkeys(_T5, ("relative_attention_max_distance",)),
    "modernbert": ("local_attention", "global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"),
    "gemma3_text": ("query_pre_attn_scalar",),
    "albert": ("inner_group_num", "num_hidden_groups"),
    "gpt2": ("scale_attn_weights",),
    "gpt_bigcode": ("scale_attn_weights", "scale_attention_softmax_in_fp32"),
    "roformer": ("rotary_value",),
    "xlnet": ("attn_type", "untie_r"),
    "deberta-v2": ("max_relative_positions",),
}


def check_trained_settings(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Activations of another family than the architecture's own, and settings with another value than its class's."""
    kind, usual = str(config.get("model_type")), _defaults(config)
    projection = config.get("feed_forward_proj")
    if kind in _T5 and isinstance(projection, str) and projection not in _T5_PROJECTIONS:
        seen = f"config.json says feed_forward_proj {projection}"
        yield finding("activation-unusual", seen, usual=" or ".join(_T5_PROJECTIONS))
    for name in _ACTIVATIONS:
        value, own = config.get(name), usual.get(name)
        if isinstance(value, str) and isinstance(own, str) and value != own and not _alike(value, own):
            yield finding("activation-unusual", f"config.json says {name} {value}", {name: value}, usual=own)
    for name in _AS_TRAINED.get(kind, ()):
        value, own = config.get(name), usual.get(name)
        comparable = is_number(value) and is_number(own) or (type(value) is type(own) and isinstance(value, bool | str))
        if comparable and value != own:
            yield finding("setting-unusual", f"config.json says {name} {value}", {name: value}, usual=own)
    parts = config.get("pos_att_type")
    parts = parts.split("|") if isinstance(parts, str) else parts
    if config.get("relative_attention") and isinstance(parts, list) and set(parts) != _DISENTANGLED:
        seen = f"config.json says pos_att_type {config['pos_att_type']}"
        yield finding("setting-unusual", seen, {"pos_att_type": parts}, usual="p2c|c2p")


def _alike(activation: str, own: str) -> bool:
    return _family(activation) == _family(own) and "quick" not in activation


def _family(activation: str) -> str | None:
    return next((f for f, members in _FAMILIES.items() if any(member in activation for member in members)), None)


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the architecture's own configuration class says where a file says nothing."""
    from transformers import CONFIG_MAPPING

    try:
        return dict(vars(CONFIG_MAPPING[config["model_type"]]()))
    except (KeyError, ValueError, TypeError):
        return {}  # a type of the model's own code, or one that has no defaults
