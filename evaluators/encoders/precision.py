"""The precisions that torch can run here, by our names for them."""

from __future__ import annotations

import warnings
from typing import Any

from data.store.errors import InputError

__all__ = ["quantise", "quiet", "torch_dtype"]


def torch_dtype(dtype: str) -> Any:
    """The torch type to load weights in; int8 is made from full-precision weights afterwards (:func:`quantise`).

    Raises:
        InputError: torch has no such precision on its own.
    """
    import torch

    kinds = {
        "fp32": torch.float32,
        "int8": torch.float32,
        "fp16": torch.float16,
        "bf16": torch.bfloat16,
        "auto": "auto",
    }
    if dtype not in kinds:
        raise InputError(f"torch cannot run {dtype} by itself", remedy=f"Use one of {', '.join(kinds)}.")
    return kinds[dtype]


def quantise(model: Any) -> None:
    """Make a model's linear layers dynamic int8: weights once, activations for each batch anew."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in torch 2.13; people's pipelines use it, so we compare it
        torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)


def quiet() -> None:
    """Keep the loading bars of transformers off the terminal, where our own line of progress is."""
    from transformers.utils import logging

    logging.disable_progress_bar()
