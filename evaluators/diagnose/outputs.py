"""From token vectors to embeddings: every pooling of a text's tokens, and what is done to a pooled vector after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings, Projection
from evaluators.diagnose.rows import Row

__all__ = ["POOLINGS", "finished", "of_chunks", "pooled_each_way"]

# All of them, in the order in which they are kept.
POOLINGS = ("mean", "cls", "max", "last", "mean_sqrt_len", "weightedmean", "mean-text", "pooler")


def finished(pooled: Embeddings, recipe: Recipe, projections: tuple[Projection, ...]) -> Embeddings:
    """Pooled vectors after Dense modules, cutting, normalisation and rounding, float32 [n, d]."""
    vectors = pooled.astype(np.float32)
    for projection in projections if recipe.dense else ():
        vectors = _projected(vectors, projection)
    normalise = recipe.normalise == "yes"
    if normalise and recipe.normalise_first:
        vectors = unit_rows(vectors)
    if recipe.dimensions is not None:
        vectors = vectors[:, : recipe.dimensions]
    if normalise and not recipe.normalise_first:
        vectors = unit_rows(vectors)
    return _stored(vectors, recipe.rounding)


def of_chunks(parts: Sequence[Embeddings], tokens: Sequence[int], how: str) -> Embeddings:
    """One pooled vector out of those of a text's chunks, float32 [width] (``Recipe.chunks``).

    Args:
        parts: the pooled vector of each chunk.
        tokens: how many tokens each has.
        how: mean, weighted (by tokens), either of them of-units (lengths set to one first), or max.
    """
    stack = np.stack(parts)
    if how == "max":
        return np.asarray(stack.max(0), dtype=np.float32)
    if how.endswith("of-units"):
        stack = unit_rows(stack)
    weights = np.asarray(tokens if how.startswith("weighted") else np.ones(len(parts)), dtype=np.float64)
    return np.asarray(weights @ stack / weights.sum(), dtype=np.float32)


def _projected(vectors: Embeddings, projection: Projection) -> Embeddings:
    if vectors.shape[1] != projection.weight.shape[1]:
        return vectors
    linear = vectors @ projection.weight.T + (0 if projection.bias is None else projection.bias)
    if projection.activation == "tanh":
        linear = np.tanh(linear)
    elif projection.activation == "relu":
        linear = np.maximum(linear, 0)
    elif projection.activation == "gelu":
        from scipy.special import erf

        linear = linear * 0.5 * (1 + erf(linear / np.sqrt(2)))
    return np.asarray(linear, dtype=np.float32)


def _stored(vectors: Embeddings, rounding: str) -> Embeddings:
    if rounding == "binary":
        return np.where(vectors > 0, np.float32(1), np.float32(-1))
    if rounding == "int8":
        low, high = vectors.min(0), vectors.max(0)
        step = np.where(high > low, (high - low) / 255, 1)
        return np.asarray(low + np.round((vectors - low) / step) * step, dtype=np.float32)
    return vectors


def pooled_each_way(hidden: Any, real: Any, row: Row, pooler: Any) -> dict[str, Embeddings]:
    """Every pooling of one text's token vectors."""
    import torch

    own = hidden[real.bool()]
    width = hidden.shape[1]
    empty = len(own) == 0
    if empty:
        own, row = torch.zeros(1, width), row._replace(pads=0, padding="")
    pool = hidden[: len(own) + row.pads] if row.padding in ("pooled", "both", "after") else own
    steps = torch.arange(1, len(pool) + 1, dtype=torch.float32)[:, None]
    inner = own[1:-1] if len(own) > 2 else own
    every = {
        "mean": pool.mean(0),
        "cls": own[0],
        "max": pool.max(0).values,
        "last": pool[-1],
        "mean_sqrt_len": pool.sum(0) / len(pool) ** 0.5,
        "weightedmean": (pool * steps).sum(0) / steps.sum(),
        "mean-text": inner.mean(0),
        "pooler": torch.zeros(width) if pooler is None or empty else pooler,
    }
    return {name: value.numpy().astype(np.float32) for name, value in every.items()}
