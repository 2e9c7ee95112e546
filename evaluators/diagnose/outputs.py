"""From token vectors to embeddings: every pooling of a text's tokens, and what is done to a pooled vector after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings, Projection
from evaluators.diagnose.rows import Row

__all__ = ["POOLINGS", "SELDOM", "finished", "normalised_as", "of_chunks", "pooled_each_way"]

# All of them, in the order in which they are kept.
POOLINGS = (
    "mean", "cls", "max", "last", "mean_sqrt_len", "weightedmean", "mean-text", "pooler",
    "mean-but-first", "mean-but-last", "last-four", "first-and-last", "second-and-last",
)  # fmt: skip
# Those that are seldom met, and tried where they bring texts nearer.
SELDOM = frozenset(POOLINGS[POOLINGS.index("mean-but-first") :])
# Of the hidden states of a model (what comes out of the embeddings, then of each layer), those whose mean is pooled.
_OF_LAYERS = {"last-four": (-4, -3, -2, -1), "first-and-last": (0, -1), "second-and-last": (1, -1)}


_TINY = 1e-12
_OF_ONE = 0.01  # that the number may be off which vectors were divided by


def _standard(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """What is one in rows of mean 0 and standard deviation 1, float64 [n]."""
    off = np.abs(vectors.mean(1)) / np.maximum(vectors.std(1), _TINY)
    return np.asarray(vectors.std(1) + off)


# What is one in every vector that was normalised in a way, by the name that a recipe has for it.
_NUMBERS: dict[str, Callable[[NDArray[np.floating[Any]]], NDArray[np.floating[Any]]]] = {
    "l1": lambda rows: np.asarray(np.abs(rows).sum(1)),
    "largest": lambda rows: np.asarray(np.abs(rows).max(1)),
    "standard": _standard,
}
_NORMALISED: dict[str, Callable[[Embeddings], Embeddings]] = {
    "": lambda rows: rows,
    "no": lambda rows: rows,
    "yes": unit_rows,
    "l1": lambda rows: rows / np.maximum(_NUMBERS["l1"](rows)[:, None], _TINY).astype(np.float32),
    "largest": lambda rows: rows / np.maximum(_NUMBERS["largest"](rows)[:, None], _TINY).astype(np.float32),
    "standard": lambda rows: (rows - rows.mean(1, keepdims=True)) / np.maximum(rows.std(1, keepdims=True), _TINY),
}


def finished(pooled: Embeddings, recipe: Recipe, projections: tuple[Projection, ...]) -> Embeddings:
    """Pooled vectors after Dense modules, cutting, normalisation and rounding, float32 [n, d]."""
    vectors = pooled.astype(np.float32)
    for projection in projections if recipe.dense else ():
        vectors = _projected(vectors, projection if recipe.activated else replace(projection, activation=None))
    if recipe.normalise_first:
        vectors = _NORMALISED[recipe.normalise](vectors)
    if recipe.dimensions is not None:
        vectors = vectors[:, recipe.dimensions :] if recipe.dimensions < 0 else vectors[:, : recipe.dimensions]
    if not recipe.normalise_first:
        vectors = _NORMALISED[recipe.normalise](vectors)
    return _stored(vectors, recipe.rounding)


def normalised_as(vectors: Embeddings) -> str:
    """How vectors were normalised, as a recipe has it, where not to length one; '' where they were not.

    Args:
        vectors: float32 [n, d], finite.
    """
    for how, number in _NUMBERS.items():
        if bool((np.abs(number(vectors.astype(np.float64)) - 1) < _OF_ONE).all()):
            return how
    return ""


def of_chunks(parts: Sequence[Embeddings], weights: Sequence[int], how: str) -> Embeddings:
    """One pooled vector out of those of a text's chunks, float32 [width] (``Recipe.chunks``).

    Args:
        parts: the pooled vector of each chunk.
        weights: of each in a mean.
        how: as :class:`evaluators.diagnose.recipe.Chunking` has it.
    """
    if how == "last":
        return parts[-1]
    stack = np.stack(parts)
    if how == "max":
        return np.asarray(stack.max(0), dtype=np.float32)
    if how.endswith("of-units"):
        stack = unit_rows(stack)
    counted = np.asarray(weights, dtype=np.float64)
    return np.asarray(counted @ stack / counted.sum(), dtype=np.float32)


def _of_layers(layers: Sequence[Any], places: Sequence[int], real: Any, width: int) -> Any:
    """Mean of a text's token vectors over some of the hidden states; zeros where there are too few, or other widths."""
    import torch

    chosen = [layers[place] for place in places if -len(layers) <= place < len(layers)]
    if len(chosen) < len(places) or any(one.shape[-1] != width for one in chosen) or not bool(real.any()):
        return torch.zeros(width)
    return torch.stack([one[real.bool()].mean(0) for one in chosen]).mean(0)


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


def pooled_each_way(hidden: Any, real: Any, row: Row, pooler: Any, layers: Sequence[Any] = ()) -> dict[str, Embeddings]:
    """Every pooling of one text's token vectors.

    Args:
        hidden: the last layer's, [places, width].
        real: which of the places hold the text's own tokens.
        row: the text.
        pooler: what the model's pooler gives; None where it has none.
        layers: what comes out of the embeddings and of each layer, [places, width] each; empty where nobody says.
    """
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
        "mean-but-first": own[1:].mean(0) if len(own) > 1 else own[0],
        "mean-but-last": own[:-1].mean(0) if len(own) > 1 else own[0],
        **{name: _of_layers(layers, places, real, width) for name, places in _OF_LAYERS.items()},
    }
    return {name: value.numpy().astype(np.float32) for name, value in every.items()}
