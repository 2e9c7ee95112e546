"""Scales of blocks found by trying several roundings, as ggml's quantisers find them (``make_*_quants``).

All of them over parts [..., size] at once; scales are [..., 1].
"""

from __future__ import annotations

from typing import Any

__all__ = ["fitted_line", "fitted_one_by_one", "fitted_scale", "inverse", "largest"]

_TINY = 1e-15  # ggml's GROUP_MAX_EPS: what is smaller is nothing
_ROUNDS = 5  # at most, of fitting level by level

Parts = Any  # torch.Tensor, which the type check does not follow


def inverse(values: Parts) -> Parts:
    """One over each value, and 0 over 0."""
    return (1 / values).where(values != 0, values)


def largest(parts: Parts) -> Parts:
    """The value that is largest in size, with its sign."""
    return parts.gather(-1, parts.abs().argmax(-1, keepdim=True))


def fitted_line(
    parts: Parts, importance: Parts, top: int, first: float, tries: int, *, absolute: bool = False
) -> tuple[Parts, Parts]:
    """The scale and the offset (0 or less) with which levels from 0 to ``top`` fit best (``make_qkx2_quants``).

    Args:
        parts: the weights.
        importance: of each error, of the same shape.
        top: the highest level.
        first: how many levels the first rounding is off.
        tries: roundings after it, each a tenth of a level further.
        absolute: whether the error is a sum of sizes instead of squares.
    """
    import torch

    high = parts.amax(-1, keepdim=True)
    total, weighted = _sum(importance), _sum(importance * parts)

    def error(levels: Parts, scale: Parts, offset: Parts) -> Parts:
        off = levels * scale + offset - parts
        return _sum(importance * (off.abs() if absolute else off * off))

    def rounded(levels: float, low: Parts) -> Parts:
        return ((parts - low) * (levels * inverse(high - low))).round().clamp(0, top)

    # The offset of the best so far is where the next rounding begins.
    offset = parts.amin(-1, keepdim=True).clamp(max=0)
    scale = (high - offset) / top
    best = error(rounded(top, offset), scale, offset)
    for step in range(tries + 1):
        levels = rounded(first + 0.1 * step + top, offset)
        one, two = _sum(importance * levels), _sum(importance * levels * levels)
        across = _sum(importance * levels * parts)
        over = inverse(total * two - one * one)
        new_scale, new_offset = (total * across - weighted * one) * over, (two * weighted - one * across) * over
        new_scale = torch.where(new_offset > 0, across * inverse(two), new_scale)
        new_offset = new_offset.clamp(max=0)
        left = error(levels, new_scale, new_offset)
        better = (over > 0) & (left < best)
        scale, offset = torch.where(better, new_scale, scale), torch.where(better, new_offset, offset)
        best = torch.where(better, left, best)
    return scale, offset


def fitted_scale(parts: Parts, top: int) -> Parts:
    """The scale with which levels from -top to top - 1 fit best (``make_qx_quants``, errors weighted by squares)."""
    import torch

    most, importance = _no_less(largest(parts)), parts * parts
    scale = best = None
    for step in (0, *range(-9, 0), *range(1, 10)):
        levels = (parts * (-(top + 0.1 * step) * inverse(most))).round().clamp(-top, top - 1)
        across, own = _sum(importance * parts * levels), _sum(importance * levels * levels)
        fitted = across * inverse(own)
        if scale is None:
            scale, best = fitted, fitted * across
            continue
        better = (own > 0) & (across * across > best * own)
        scale, best = torch.where(better, fitted, scale), torch.where(better, fitted * across, best)
    return scale


def fitted_one_by_one(parts: Parts, top: int) -> Parts:
    """The scale after each level in turn was moved to where it fits best (``make_q3_quants``)."""
    import torch

    importance = parts * parts
    levels = (parts * (-top * inverse(_no_less(largest(parts))))).round().clamp(-top, top - 1)
    across, own = _sum(importance * parts * levels), _sum(importance * levels * levels)
    for _ in range(_ROUNDS):
        before = levels.clone()
        for place in range(parts.shape[-1]):
            value, weight, level = (one[..., place : place + 1] for one in (parts, importance, levels))
            others, own_others = across - weight * value * level, own - weight * level * level
            moved = (value * own_others * inverse(others)).round().clamp(-top, top - 1)
            new, own_new = others + weight * value * moved, own_others + weight * moved * moved
            better = (others > 0) & (moved != level) & (own_new > 0) & (new * new * own > across * across * own_new)
            across, own = torch.where(better, new, across), torch.where(better, own_new, own)
            levels[..., place : place + 1] = torch.where(better, moved, level)
        if bool((levels == before).all()):
            break
    return across * inverse(own)


def _sum(values: Parts) -> Parts:
    return values.sum(-1, keepdim=True)


def _no_less(values: Parts) -> Parts:
    """Values, of which those that are next to nothing are 0."""
    return values.where(values.abs() >= _TINY, values * 0)
