"""A model as llama.cpp runs it: which tensor of a GGUF file has which format, and what its arithmetic rounds.

Which tensor gets which format is ``llama_tensor_get_type_impl`` and ``tensor_type_fallback`` in llama.cpp's
src/llama-quant.cpp (MIT), without an importance matrix. Norms, biases, positions and token types keep their numbers.
A matrix product rounds its other side to eight bits (``vec_dot_type`` of ggml), and GELU is the approximation by tanh,
looked up in half precision.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from evaluators.diagnose.ggml.formats import FORMATS, quantised

__all__ = ["GGUF_FILES", "as_gguf", "formats_of", "has_exact_gelu", "with_tanh_gelu"]

# Files by the names they go by, and the format that most of their tensors have; those of fewest bits last.
GGUF_FILES: Final[Mapping[str, str]] = {
    "F16": "f16", "Q8_0": "q8_0", "Q6_K": "q6_K", "Q5_K_M": "q5_K", "Q5_K_S": "q5_K", "Q5_1": "q5_1", "Q5_0": "q5_0",
    "Q4_K_M": "q4_K", "Q4_K_S": "q4_K", "Q4_1": "q4_1", "IQ4_NL": "iq4_nl", "IQ4_XS": "iq4_xs", "Q4_0": "q4_0",
    "Q3_K_L": "q3_K", "Q3_K_M": "q3_K", "Q3_K_S": "q3_K", "Q2_K": "q2_K",
}  # fmt: skip
# What rows that are no multiple of 256 have in the place of a format of super-blocks.
_INSTEAD: Final = {
    "q2_K": "q4_0", "q3_K": "q4_0", "q4_K": "q5_0", "q5_K": "q5_1", "q6_K": "q8_0", "iq4_xs": "iq4_nl",
}  # fmt: skip
_WORDS = re.compile(r"(^|\.)(word_embeddings|embed_tokens|tok_embeddings|wte)$")
_KINDS: Final = (
    ("value", re.compile(r"(^|\.)(value|v_proj|v_lin|v|Wqkv|qkv_proj|query_key_value|qkv)$")),
    ("joined", re.compile(r"attention\.output\.dense$|attn\.Wo$|(^|\.)(o_proj|out_lin|out_proj|o)$")),
    ("down", re.compile(r"output\.dense$|mlp\.Wo$|(^|\.)(down_proj|lin2|fc2|wo)$")),
)

_Rule = Callable[[int, int, int], str | None]


def _more_bits(layer: int, layers: int) -> bool:
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _sixth(layer: int, layers: int, shared: int) -> str | None:
    return "q6_K" if _more_bits(layer, layers) else None


def _always(form: str) -> _Rule:
    return lambda layer, layers, shared: form


def _first(form: str, part: int, then: str | None = None) -> _Rule:
    """A format for the first of so many parts of the layers."""
    return lambda layer, layers, shared: form if layer < layers // part else then


def _shared_by_four(form: str, otherwise: str | None = None) -> _Rule:
    """A format where four heads or more share a key and a value."""
    return lambda layer, layers, shared: form if shared >= 4 else otherwise


# Tensors that have another format than most of their file, by what they are.
_RULES: Final[dict[str, dict[str, _Rule]]] = {
    "Q5_K_M": {"value": _sixth, "down": _sixth},
    "Q4_K_M": {"value": _sixth, "down": _sixth},
    "Q4_K_S": {"value": lambda layer, layers, shared: "q5_K" if layer < 4 else None, "down": _first("q5_K", 8)},
    "Q3_K_L": {kind: _always("q5_K") for kind in ("value", "joined", "down")},
    "Q3_K_M": {
        "value": lambda layer, layers, shared: "q5_K" if layer < 2 else "q4_K",
        "joined": _always("q4_K"), "down": _first("q5_K", 16, "q4_K"),
    },
    "Q2_K": {"value": _shared_by_four("q4_K", "q3_K"), "joined": _always("q3_K"), "down": _always("q3_K")},
    **{file: {"value": _shared_by_four("q5_K"), "down": _first("q5_K", 8)} for file in ("IQ4_NL", "IQ4_XS")},
}  # fmt: skip


def as_gguf(model: Any, *, file: str) -> Any:
    """The model as llama.cpp runs a file of it; changed in place."""
    import torch

    for module, _, form in _formats(model, file):
        with torch.no_grad():
            weight = module.weight
            weight.copy_(weight.half() if form == "f16" else quantised(weight, form))
        if isinstance(module, torch.nn.Linear):
            rounds = _to_half if form == "f16" else FORMATS[form].inputs
            module.register_forward_pre_hook(partial(_with_rounded, rounds=rounds))
    return with_tanh_gelu(model)


def with_tanh_gelu(model: Any) -> Any:
    """The model with GELU approximated by tanh, of and in half precision; changed in place."""
    import torch

    class TanhGelu(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type check
        def forward(self, values: Any) -> Any:
            return torch.nn.functional.gelu(_to_half(values), approximate="tanh").half().float()

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if _is_gelu(child):
                setattr(parent, name, TanhGelu())
    return model


def has_exact_gelu(model: Any) -> bool:
    """Whether the model computes GELU by the error function."""
    return any(_is_gelu(module) for module in model.modules())


def _is_gelu(module: Any) -> bool:
    exact = getattr(module, "approximate", "none") == "none"
    return type(module).__name__ in ("GELUActivation", "GELU") and exact


def _to_half(values: Any) -> Any:
    return values.half().float()


def _with_rounded(module: Any, inputs: tuple[Any, ...], rounds: Callable[[Any], Any]) -> tuple[Any, ...]:
    return (rounds(inputs[0]), *inputs[1:])


def formats_of(model: Any, file: str) -> list[tuple[str, str]]:
    """What each tensor is that a file quantises (words, value, joined, down, other), and its format."""
    return [(kind, form) for _, kind, form in _formats(model, file)]


def _formats(model: Any, file: str) -> list[tuple[Any, str, str]]:
    """The modules whose weights a file quantises, what each is, and its format."""
    import torch

    own = [
        (module, _kind(name, module))
        for name, module in model.named_modules()
        if _WORDS.search(name) or (isinstance(module, torch.nn.Linear) and "pooler" not in name)
    ]
    layers, layer = Counter(kind for _, kind in own), Counter[str]()
    config, formats = model.config, []
    heads = int(getattr(config, "num_attention_heads", 1) or 1)
    shared = heads // int(getattr(config, "num_key_value_heads", heads) or heads)
    for module, kind in own:
        rule = _RULES.get(file, {}).get(kind)
        most = GGUF_FILES[file]
        chosen = rule(layer[kind], layers[kind], shared) if rule else None
        layer[kind] += 1
        if kind == "words" and most not in ("f16", "q8_0"):
            chosen = "q6_K" if module.weight.shape[1] % FORMATS[most].block == 0 else "q8_0"
        formats.append((module, kind, _fitting(chosen or most, module.weight.shape[1])))
    return formats


def _kind(name: str, module: Any) -> str:
    if _WORDS.search(name):
        return "words"
    return next((kind for kind, pattern in _KINDS if pattern.search(name)), "other")


def _fitting(form: str, columns: int) -> str:
    """The format of a row of so many weights: another one, or half precision, where blocks do not fill it."""
    if form != "f16" and columns % FORMATS[form].block:
        form = _INSTEAD.get(form, "f16")
    return form if form == "f16" or columns % FORMATS[form].block == 0 else "f16"
