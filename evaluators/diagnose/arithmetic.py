"""Arithmetic of lower precision, imitated in float32: what quantised weights and activations do to a model.

What llama.cpp does is in :mod:`evaluators.diagnose.ggml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from evaluators.diagnose.ggml.formats import FORMATS, quantised

__all__ = [
    "WEIGHT_GROUPS", "Change", "blocks_of", "four_bit_floats", "fp8", "has_whole", "int8_activations", "int8_by_row",
    "onnx_int8", "quantise_rows", "uint8_rows", "weight_groups",
]  # fmt: skip

Change = Callable[[Any], Any]
WEIGHT_GROUPS = (32, 64, 128)  # values of a row that share a scale, in formats of four and eight bits
_TINY = 1e-12
# The levels of bitsandbytes' NormalFloat: quantiles of a normal distribution.
_NORMAL = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
# Those of its floats of four bits, over the largest.
_FLOATS = tuple(sorted({sign * level / 12 for level in (0, 0.0625, 2, 3, 4, 6, 8, 12) for sign in (-1, 1)}))
_NORMAL_BLOCK = 64
_STEPS = (254, 252, 256, 250)  # of a token's inputs: those that are, and others that fall otherwise


def blocks_of(model: Any, *, form: str) -> Any:
    """Round every linear layer's weights and the words' table to a format of GGUF's blocks, in float32 arithmetic.

    Positions and token types keep their numbers, as in all of GGUF's files.
    """
    block = FORMATS[form].block
    words = [model.get_input_embeddings()] if hasattr(model, "get_input_embeddings") else []
    for module in (*_linear(model), *words):
        _put(module, lambda weight: quantised(weight, form) if weight.shape[1] % block == 0 else weight)
    return model


def quantise_rows(model: Any, *, bits: int) -> Any:
    """Round every matrix to integers of so many bits, one scale a row."""
    return _each_matrix(model, partial(_even, steps=2**bits - 2))


def uint8_rows(model: Any) -> Any:
    """Round every matrix to 256 steps from the least to the greatest of each row, as OpenVINO compresses weights."""
    return _each_matrix(model, partial(_ranged, steps=255))


def int8_by_row(model: Any, *, embeddings: bool) -> Any:
    """Eight bits with one scale for each row of a matrix and each token's input, as CTranslate2 computes.

    Args:
        model: changed in place.
        embeddings: whether the table of words is rounded as well; bitsandbytes leaves it.
    """
    scales = []
    for module in _linear(model):
        _put(module, partial(_even, steps=254))
        scales.append(_TokenScale())
        module.register_forward_pre_hook(scales[-1])
    for module in _tables(model) if embeddings else ():
        _put(module, partial(_even, steps=254))
    return _averaged(model, scales)


class _TokenScale:
    """Rounds the inputs of a layer with a scale for each token."""

    def __init__(self) -> None:
        self.steps = 254

    def __call__(self, module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        values = inputs[0]
        rounded = _even(values.reshape(-1, values.shape[-1]), steps=self.steps)
        return (rounded.reshape(values.shape), *inputs[1:])


def _averaged(model: Any, scales: list[_TokenScale]) -> Any:
    """The model, whose token vectors are the mean over slightly other scales of its inputs.

    What one rounding leaves decides how the next ones fall, so that two right computations share less than half of
    their error. Their mean has what they share.
    """
    forward = model.forward

    def mean_of(*arguments: Any, **options: Any) -> Any:
        hidden: list[Any] = []
        output: Any = None
        for steps in _STEPS:
            for scale in scales:
                scale.steps = steps
            output = forward(*arguments, **options)
            hidden.append(output[0] if isinstance(output, tuple) else getattr(output, "last_hidden_state", output))
        mean = sum(hidden) / len(hidden)
        if not hasattr(output, "last_hidden_state"):
            return mean
        output["last_hidden_state"] = mean
        return output

    model.forward = mean_of
    return model


def int8_activations(model: Any, *, steps: int = 255, by_row: bool = False) -> Any:
    """Dynamic quantisation: int8 weights, and each layer's input rounded to steps over the range of its batch.

    Args:
        model: changed in place.
        steps: 255 as ONNX Runtime does; 127 as PyTorch's ``quantize_dynamic`` does on x86, which leaves a bit free.
        by_row: one scale a channel of the weights instead of one.
    """
    # PyTorch puts the scale of the weights at half of 255 steps, ONNX Runtime at 127.
    weights = partial(_even, steps=255 if steps == 127 else 254)
    for module in _linear(model):
        _put(module, weights if by_row else _whole(weights))
        module.register_forward_pre_hook(partial(_with_inputs, rounds=_whole(partial(_ranged, steps=steps))))
    return model


def onnx_int8(model: Any, *, by_row: bool, steps: int) -> Any:
    """``onnxruntime.quantization.quantize_dynamic`` of all it can: matrices, tables, and inputs over their batch.

    Args:
        model: changed in place.
        by_row: one scale a channel of a matrix (``per_channel``) instead of one.
        steps: of symmetric weights: 254 for int8, 128 with ``reduce_range``; 255 for uint8 from least to greatest.
    """
    weights: Change = partial(_ranged, steps=255) if steps == 255 else partial(_even, steps=steps)
    for module in _linear(model):
        _put(module, weights if by_row else _whole(weights))
        module.register_forward_pre_hook(partial(_with_inputs, rounds=_whole(partial(_ranged, steps=255))))
    for module in _tables(model, every=True):
        _put(module, _whole(partial(_ranged, steps=255)))
    return model


def fp8(model: Any, *, scaled: bool = True) -> Any:
    """Round every linear layer's weights to eight-bit floats (e4m3), under one scale, as vLLM does, or as they are."""
    import torch

    def rounded(weight: Any) -> Any:
        scale = weight.abs().max().clamp(min=_TINY) / 448 if scaled else torch.ones(())
        return (weight / scale).to(torch.float8_e4m3fn).float() * scale

    for module in _linear(model):
        _put(module, rounded)
    return model


def weight_groups(model: Any, *, group: int, levels: str, embeddings: bool = False) -> Any:
    """Round every linear layer's weights in groups of a row, as GPTQ's, AWQ's and MLX's formats hold them.

    Args:
        model: changed in place.
        group: values that share a scale.
        levels: of four bits zero (from the least to the greatest value, one of them 0, as GPTQ and AWQ), free (the
            least and the greatest themselves, as MLX and HQQ), 16 or 15 (so many about zero, one more below or not);
            of eight bits 256 (from the least to the greatest, as MLX) or 255 (about zero).
        embeddings: whether the table of words is rounded as well, as MLX does.
    """
    change = _LEVELS[levels]

    def rounded(weight: Any) -> Any:
        if weight.shape[1] % group:
            return weight
        return change(weight.reshape(-1, group)).reshape(weight.shape)

    for module in (*_linear(model), *(_tables(model) if embeddings else ())):
        _put(module, rounded)
    return model


def has_whole(model: Any, group: int) -> bool:
    """Whether the rows of every linear layer's weights are made of whole groups."""
    return all(module.in_features % group == 0 for module in _linear(model))


def four_bit_floats(model: Any, *, kind: str) -> Any:
    """Round every linear layer's weights to bitsandbytes' floats of four bits, nf4 or fp4, in blocks of 64."""
    import torch

    levels = torch.tensor(_NORMAL if kind == "nf4" else _FLOATS)

    def rounded(weight: Any) -> Any:
        if weight.numel() % _NORMAL_BLOCK:
            return weight
        blocks = weight.reshape(-1, _NORMAL_BLOCK)
        scale = blocks.abs().amax(1, keepdim=True).clamp(min=_TINY)
        return (levels[torch.bucketize(blocks / scale, (levels[1:] + levels[:-1]) / 2)] * scale).reshape(weight.shape)

    for module in _linear(model):
        _put(module, rounded)
    return model


def _linear(model: Any) -> Iterator[Any]:
    import torch

    return (module for module in model.modules() if isinstance(module, torch.nn.Linear))


def _tables(model: Any, *, every: bool = False) -> Iterator[Any]:
    """The table of words, which is the longest, or every table of embeddings."""
    import torch

    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    most = max((module.num_embeddings for module in tables), default=0)
    return (module for module in tables if every or module.num_embeddings == most)


def _put(module: Any, change: Change) -> None:
    import torch

    with torch.no_grad():
        module.weight.copy_(change(module.weight))


def _with_inputs(module: Any, inputs: tuple[Any, ...], rounds: Change) -> tuple[Any, ...]:
    return (rounds(inputs[0]), *inputs[1:])


def _whole(change: Change) -> Change:
    """A change of rows as one of all values together."""
    return lambda values: change(values.reshape(1, -1)).reshape(values.shape)


def _each_matrix(model: Any, change: Change) -> Any:
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.copy_(change(parameter))
    return model


def _even(values: Any, steps: int) -> Any:
    """Rows rounded to so many steps evenly about zero; an odd number has one level more below than above."""
    scale = values.abs().amax(dim=1, keepdim=True).clamp(min=_TINY) / (steps / 2)
    return (values / scale).round().clamp(-((steps + 1) // 2), steps // 2) * scale


def _free(values: Any, steps: int) -> Any:
    """Rows rounded to so many steps from their least value to their greatest, both of which are levels."""
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    step = ((high - low) / steps).clamp(min=_TINY)
    return ((values - low) / step).round() * step + low


def _ranged(values: Any, steps: int, *, from_zero: bool = True) -> Any:
    """Rows rounded to so many steps from their least value to their greatest (or 0 beyond those), with a level at 0."""
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    if from_zero:
        low, high = low.clamp(max=0), high.clamp(min=0)
    step = ((high - low) / steps).clamp(min=_TINY)
    zero = (-low / step).round()
    return (((values / step).round() + zero).clamp(0, steps) - zero) * step


_LEVELS: dict[str, Change] = {
    "zero": partial(_ranged, steps=15, from_zero=False),
    "free": partial(_free, steps=15),
    "16": partial(_even, steps=15),
    "15": partial(_even, steps=14),
    "256": partial(_free, steps=255),
    "255": partial(_even, steps=254),
}
