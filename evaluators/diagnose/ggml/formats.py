"""The block formats of GGUF files: what a row of weights is after it was quantised and read again.

Each follows its reference function in ggml (``quantize_row_*_ref`` in ggml/src/ggml-quants.c, MIT), over all blocks at
once. Blocks are float32 [n, 32]; those of the K formats are super-blocks [n, 256] of 8 or 16 parts, whose scales are
quantised in turn. Scales are kept in half precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from evaluators.diagnose.ggml.fitted import fitted_line, fitted_one_by_one, fitted_scale, inverse, largest

__all__ = ["FORMATS", "BlockFormat", "inputs_q8_0", "inputs_q8_k", "quantised"]

_AT_ONCE = 2**20  # weights: what fits into a processor's cache is several times as fast
_SUPER = 256
# kvalues_iq4nl: levels that lie closer about zero.
_UNEVEN = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_HALVES = 256  # more than twice the highest level
_TRIES = 7  # of either sign, for the scale of those

Blocks = Any  # torch.Tensor, which the type check does not follow


class BlockFormat(NamedTuple):
    """A format of blocks.

    Attributes:
        block: weights in a block; rows of another multiple cannot have it.
        rounds: blocks to what they are when read again.
        inputs: rounds the other side of a matrix product.
    """

    block: int
    rounds: Callable[[Blocks], Blocks]
    inputs: Callable[[Any], Any]


def quantised(weights: Any, name: str) -> Any:
    """Weights [rows, columns] as a file of the format gives them back."""
    import torch

    form = FORMATS[name]
    pieces = weights.detach().reshape(-1, form.block).split(_AT_ONCE // form.block)
    return torch.cat([form.rounds(piece.float()) for piece in pieces]).reshape(weights.shape)


def inputs_q8_0(values: Any) -> Any:
    """Inputs of a matrix product rounded to 255 steps in blocks of 32, one half-precision scale each."""
    blocks = values.reshape(-1, 32)
    top = blocks.abs().amax(1, keepdim=True)
    return ((blocks * (127 * inverse(top))).round() * _half(top / 127)).reshape(values.shape)


def inputs_q8_k(values: Any) -> Any:
    """Inputs of a matrix product rounded to 255 steps in blocks of 256, one float scale each."""
    blocks = values.reshape(-1, _SUPER)
    factor = -127 * inverse(largest(blocks))
    return ((blocks * factor).round().clamp(max=127) * inverse(factor)).reshape(values.shape)


def _half(values: Blocks) -> Blocks:
    return values.half().float()


def _around_zero(blocks: Blocks, steps: int) -> Blocks:
    """q4_0 and q5_0: so many steps down from the weight that is largest in size."""
    middle = steps // 2
    scale = largest(blocks) / -middle
    levels = (blocks * inverse(scale) + (middle + 0.5)).floor().clamp(0, steps - 1)
    return (levels - middle) * _half(scale)


def _from_least(blocks: Blocks, steps: int) -> Blocks:
    """q4_1 and q5_1: so many steps from the least weight to the greatest."""
    low = blocks.amin(1, keepdim=True)
    scale = (blocks.amax(1, keepdim=True) - low) / (steps - 1)
    levels = ((blocks - low) * inverse(scale) + 0.5).floor().clamp(0, steps - 1)
    return levels * _half(scale) + _half(low)


def _q8_0(blocks: Blocks) -> Blocks:
    scale = blocks.abs().amax(1, keepdim=True) / 127
    scaled = blocks * inverse(scale)
    return (scaled.abs() + 0.5).floor() * scaled.sign() * _half(scale)


def _from_least_in_parts(blocks: Blocks, top: int, first: float, tries: int) -> Blocks:
    """q4_K and q5_K: parts of 32, scales and offsets of 6 bits."""
    parts = blocks.reshape(-1, 8, 32)
    importance = parts.abs() + parts.square().mean(-1, keepdim=True).sqrt()
    scale, offset = fitted_line(parts, importance, top, first, tries)
    scale, offset = (_in_levels(one, 63) for one in (scale, -offset))
    return _on_line(parts, scale, offset, top).reshape(blocks.shape)


def _q2_k(blocks: Blocks) -> Blocks:
    parts = blocks.reshape(-1, 16, 16)
    scale, offset = fitted_line(parts, parts.abs(), 3, -0.5, 15, absolute=True)
    scale, offset = (_in_levels(one, 15) for one in (scale, -offset))
    return _on_line(parts, scale, offset, 3).reshape(blocks.shape)


def _in_levels(values: Blocks, top: int) -> Blocks:
    """Scales of the parts of a super-block, 0 or more, as whole numbers times one scale of all."""
    most = values.amax(1, keepdim=True)
    return (values * (top * inverse(most))).round().clamp(max=top) * _half(most / top)


def _on_line(parts: Blocks, scale: Blocks, offset: Blocks, top: int) -> Blocks:
    return ((parts + offset) * inverse(scale)).round().clamp(0, top) * scale - offset


def _q6_k(blocks: Blocks) -> Blocks:
    parts = blocks.reshape(-1, 16, 16)
    scale = _signed_levels(fitted_scale(parts, 32), -128, 127)
    return ((parts * inverse(scale)).round().clamp(-32, 31) * scale).reshape(blocks.shape)


def _q3_k(blocks: Blocks) -> Blocks:
    parts = blocks.reshape(-1, 16, 16)
    scale = _signed_levels(fitted_one_by_one(parts, 4), -32, 31)
    return ((parts * inverse(scale)).round().clamp(-4, 3) * scale).reshape(blocks.shape)


def _signed_levels(scales: Blocks, low: int, high: int) -> Blocks:
    """Scales of the parts of a super-block as whole numbers of which the largest in size is the lowest."""
    factor = low * inverse(largest(scales.squeeze(-1)).unsqueeze(-1))
    return (scales * factor).round().clamp(low, high) * _half(inverse(factor))


def _iq4_nl(blocks: Blocks) -> Blocks:
    scale = _scale_of_uneven(blocks)
    return _to_uneven(blocks * inverse(scale)) * _half(scale)


def _iq4_xs(blocks: Blocks) -> Blocks:
    parts = blocks.reshape(-1, 8, 32)
    scales = _scale_of_uneven(parts)
    whole = largest(scales.squeeze(-1)).unsqueeze(-1) / -32
    levels = (scales * inverse(whole)).round().clamp(-32, 31)
    return (_to_uneven(parts * inverse(whole * levels)) * (_half(whole) * levels)).reshape(blocks.shape)


def _scale_of_uneven(parts: Blocks) -> Blocks:
    """The scale that fits best of several roundings to uneven levels, [..., 1]."""
    import torch

    most, importance = largest(parts), parts * parts
    scale, best = torch.zeros_like(most), torch.zeros_like(most)
    for top in (-_UNEVEN[0], *(_UNEVEN[0] + step for step in range(-_TRIES, _TRIES + 1))):
        levels = _to_uneven(parts * (top * inverse(most)))
        across = (importance * levels * parts).sum(-1, keepdim=True)
        own = (importance * levels * levels).sum(-1, keepdim=True)
        better = across * across > best * own
        fitted = across * inverse(own)
        scale, best = torch.where(better, fitted, scale), torch.where(better, fitted * across, best)
    return scale


def _to_uneven(values: Blocks) -> Blocks:
    import torch

    # Levels change at whole and half numbers, so that a table of halves tells them.
    levels = torch.tensor(_UNEVEN, dtype=torch.float32)
    halves = torch.arange(-_HALVES, _HALVES) / 2 + 0.25
    table = levels[torch.bucketize(halves, (levels[1:] + levels[:-1]) / 2)]
    return table[((values * 2).floor().clamp(-_HALVES, _HALVES - 1) + _HALVES).int()]


FORMATS: Final[dict[str, BlockFormat]] = {
    "q8_0": BlockFormat(32, _q8_0, inputs_q8_0),
    "q5_1": BlockFormat(32, partial(_from_least, steps=32), inputs_q8_0),
    "q5_0": BlockFormat(32, partial(_around_zero, steps=32), inputs_q8_0),
    "q4_1": BlockFormat(32, partial(_from_least, steps=16), inputs_q8_0),
    "q4_0": BlockFormat(32, partial(_around_zero, steps=16), inputs_q8_0),
    "iq4_nl": BlockFormat(32, _iq4_nl, inputs_q8_0),
    "q6_K": BlockFormat(_SUPER, _q6_k, inputs_q8_k),
    "q5_K": BlockFormat(_SUPER, partial(_from_least_in_parts, top=31, first=-0.5, tries=15), inputs_q8_k),
    "q4_K": BlockFormat(_SUPER, partial(_from_least_in_parts, top=15, first=-1.0, tries=20), inputs_q8_k),
    "iq4_xs": BlockFormat(_SUPER, _iq4_xs, inputs_q8_k),
    "q3_K": BlockFormat(_SUPER, _q3_k, inputs_q8_k),
    "q2_K": BlockFormat(_SUPER, _q2_k, inputs_q8_k),
}
