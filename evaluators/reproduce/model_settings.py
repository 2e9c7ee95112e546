"""What a loaded model does: the settings that are asked for put on it, and those in use read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from data.store.errors import InputError
from data.store.runs import InUse
from evaluators.reproduce.instrumented import torch_module
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.served import SpecEncoder

__all__ = ["apply_settings", "settings_in_use"]

_DTYPES = {
    "float32": "float32", "fp32": "float32", "float16": "float16", "fp16": "float16", "bfloat16": "bfloat16",
    "bf16": "bfloat16",
}  # fmt: skip


def apply_settings(encoder: Any, request: ModelRequest) -> None:
    """Apply the settings that are asked for on top of what the loader does."""
    import torch
    from sentence_transformers import SentenceTransformer

    if request.dtype:
        if request.dtype not in _DTYPES:
            raise InputError("Unknown --dtype", where=request.dtype, remedy=f"Use one of {', '.join(_DTYPES)}.")
        module = torch_module(encoder)
        if module is None:
            raise InputError("--dtype has no place in this model's loader", where=request.model)
        module.to(getattr(torch, _DTYPES[request.dtype]))
    inner = getattr(encoder, "model", None)
    for option, value in (("max_seq_length", request.max_seq_length), ("truncate_dim", request.truncate_dim)):
        if value is None:
            continue
        if not isinstance(inner, SentenceTransformer):
            raise InputError(
                f"--{option.replace('_', '-')} has no place in this model's loader",
                where=request.model,
                remedy="--loader library takes it.",
            )
        setattr(inner, option, value)
    if request.prompts:
        if not hasattr(encoder, "model_prompts"):
            raise InputError("--prompts has no place in this model's loader", where=request.model)
        encoder.model_prompts = dict(request.prompts)


def settings_in_use(encoder: Any) -> InUse:
    """What the loaded model does: dtype, attention, device, lengths, pooling, prompts; None where there is none."""
    if isinstance(encoder, SpecEncoder):
        return cast(InUse, encoder.in_use())
    module, inner = torch_module(encoder), getattr(encoder, "model", None)
    parameter = next(module.parameters(), None) if module is not None else None
    config = _transformer_config(module)
    return {
        "encoder": f"{type(encoder).__module__}.{type(encoder).__qualname__}",
        "architecture": _architecture(module),
        "dtype": str(parameter.dtype).removeprefix("torch.") if parameter is not None else None,
        "device": str(parameter.device) if parameter is not None else None,
        "attention": getattr(config, "_attn_implementation", None),
        "max_seq_length": getattr(inner, "max_seq_length", None),
        "dimensions": getattr(inner, "get_embedding_dimension", lambda: None)(),
        "truncate_dim": getattr(inner, "truncate_dim", None),
        "similarity": str(getattr(inner, "similarity_fn_name", None)),
        "modules": [_module(m) for m in inner] if isinstance(inner, Iterable) else None,
        "prompts": getattr(encoder, "model_prompts", None) or getattr(encoder, "prompts_dict", None),
    }


def _transformer_config(module: Any) -> Any:
    """The transformers configuration of the innermost model, wherever a wrapper keeps it."""
    if module is None:
        return None
    return next((m.config for m in module.modules() if hasattr(getattr(m, "config", None), "model_type")), None)


def _architecture(module: Any) -> str | None:
    """The class that was built, which is not the one config.json names where the model's own code may not run."""
    from transformers import PreTrainedModel

    if module is None:
        return None
    return next((type(m).__name__ for m in module.modules() if isinstance(m, PreTrainedModel)), None)


def _module(module: Any) -> str:
    """One module of a sentence-transformers pipeline, with the pooling mode where it pools."""
    mode = getattr(module, "pooling_mode", None) or getattr(module, "get_pooling_mode_str", lambda: None)()
    return f"{type(module).__name__}({mode})" if mode else type(module).__name__
