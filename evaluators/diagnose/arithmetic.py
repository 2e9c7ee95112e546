"""Arithmetic of lower precision, imitated in float32: what quantised weights and activations do to a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["Change", "int8_activations", "q4_0", "q8_0", "quantise_rows"]

Change = Callable[[Any], Any]
_BLOCK = 32  # llama.cpp's q8_0 and q4_0 share one scale among so many weights


def q8_0(model: Any) -> Any:
    """Round every matrix as llama.cpp's q8_0: blocks of 32, one half-precision scale each, 255 steps."""
    return _each_matrix(model, _q8_0)


def q4_0(model: Any) -> Any:
    """Round every matrix as llama.cpp's q4_0: blocks of 32, 16 steps down from the weight that is largest in size."""
    return _each_matrix(model, _q4_0)


def quantise_rows(model: Any, *, bits: int) -> Any:
    """Round every matrix to integers of so many bits, one scale a row."""
    return _each_matrix(model, partial(_rounded, top=2 ** (bits - 1) - 1))


def int8_activations(model: Any, *, steps: int = 255) -> Any:
    """Dynamic quantisation: int8 weights, and each layer's input rounded to steps over the range of its batch.

    Args:
        model: changed in place.
        steps: 255 as ONNX Runtime does; 127 as PyTorch's ``quantize_dynamic`` does on x86, which leaves a bit free.
    """
    import torch

    # PyTorch puts the scale of the weights at half of 255 steps, ONNX Runtime at 127.
    top = 127.5 if steps == 127 else 127.0
    for _, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            with torch.no_grad():
                module.weight.copy_(_rounded(module.weight.reshape(1, -1), top).reshape(module.weight.shape))
            module.register_forward_pre_hook(partial(_round_input, steps=steps))
    return model


def _round_input(module: Any, inputs: tuple[Any, ...], steps: int) -> tuple[Any, ...]:
    (values, *rest) = inputs
    low, high = values.min().clamp(max=0), values.max().clamp(min=0)
    step = ((high - low) / steps).clamp(min=1e-12)
    zero = (-low / step).round()
    return ((((values / step).round() + zero).clamp(0, steps) - zero) * step, *rest)


def _each_matrix(model: Any, change: Change) -> Any:
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.copy_(change(parameter))
    return model


def _rounded(values: Any, top: float) -> Any:
    scale = values.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / top
    return (values / scale).round().clamp(-int(top) - 1, int(top)) * scale


def _q8_0(values: Any) -> Any:
    blocks = _blocks(values)
    scale = (blocks.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-12)
    return ((blocks / scale).round() * scale.half().float()).reshape(values.shape)


def _q4_0(values: Any) -> Any:
    blocks = _blocks(values)
    largest = blocks.gather(1, blocks.abs().argmax(dim=1, keepdim=True))
    scale = largest / -8
    safe = scale.where(scale != 0, scale + 1)
    return (((blocks / safe + 8.5).floor().clamp(0, 15) - 8) * scale.half().float()).reshape(values.shape)


def _blocks(values: Any) -> Any:
    return values.reshape(-1, _BLOCK) if values.numel() % _BLOCK == 0 else values
