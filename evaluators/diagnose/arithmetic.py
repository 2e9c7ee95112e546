"""Arithmetic of lower precision, imitated in float32: what quantised weights and activations do to a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["int8_activations", "quantise_weights"]

_BLOCK = 32  # llama.cpp's q8_0 and q4_0 share one scale among so many weights


def quantise_weights(model: Any, *, bits: int, block: int | None = _BLOCK) -> Any:
    """Round every matrix to integers of so many bits, one scale a block (or a row where ``block`` is None)."""
    import torch

    with torch.no_grad():
        for _, parameter in _matrices(model):
            flat = parameter.reshape(-1, block) if block and parameter.numel() % block == 0 else parameter
            parameter.copy_(_rounded(flat, bits).reshape(parameter.shape))
    return model


def int8_activations(model: Any) -> Any:
    """Dynamic quantisation: int8 weights, and each layer's input rounded to 256 steps over the range of its batch."""
    import torch

    for _, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            with torch.no_grad():
                module.weight.copy_(_rounded(module.weight.reshape(1, -1), 8).reshape(module.weight.shape))
            module.register_forward_pre_hook(_round_input)
    return model


def _round_input(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    (values, *rest) = inputs
    low, high = values.min().clamp(max=0), values.max().clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-12)
    zero = (-low / step).round()
    return ((((values / step).round() + zero).clamp(0, 255) - zero) * step, *rest)


def _rounded(values: Any, bits: int) -> Any:
    top = 2 ** (bits - 1) - 1
    scale = values.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / top
    return (values / scale).round().clamp(-top - 1, top) * scale


def _matrices(model: Any) -> list[tuple[str, Any]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.dim() == 2]


Change = Callable[[Any], Any]
