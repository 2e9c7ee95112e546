"""From token states to one vector a text, in numpy: the definitions of sentence-transformers' Pooling module."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["pool_tokens"]


def pool_tokens(states: NDArray[np.float32], mask: NDArray[np.int64], how: str) -> NDArray[np.float32]:
    """Pool token states.

    Args:
        states: last hidden states, [texts, tokens, d].
        mask: 1 for a token, 0 for padding, [texts, tokens]; padding may be on either side.
        how: mean, cls (the first token), max, last, mean_sqrt_len or weightedmean (by position, counted from 1).

    Returns:
        [texts, d], not normalised.

    Raises:
        ValueError: ``how`` is none of these.
    """
    weights = mask[:, :, None].astype(np.float32)
    rows = np.arange(len(states))
    if how == "mean":
        vectors = (states * weights).sum(1) / np.maximum(weights.sum(1), 1e-9)
    elif how == "mean_sqrt_len":
        vectors = (states * weights).sum(1) / np.sqrt(np.maximum(weights.sum(1), 1e-9))
    elif how == "weightedmean":
        weights = weights * np.arange(1, states.shape[1] + 1, dtype=np.float32)[None, :, None]
        vectors = (states * weights).sum(1) / np.maximum(weights.sum(1), 1e-9)
    elif how == "max":
        vectors = np.where(weights > 0, states, -np.inf).max(1)
    elif how == "cls":
        vectors = states[rows, mask.argmax(1)]
    elif how == "last":
        vectors = states[rows, states.shape[1] - 1 - mask[:, ::-1].argmax(1)]
    else:
        raise ValueError(f"no pooling is called {how!r}")
    return np.asarray(vectors, dtype=np.float32)
