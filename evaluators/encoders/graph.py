"""What ONNX and OpenVINO graphs have in common: where the file is, what it is fed, what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import EncoderError, InputError
from evaluators.encoders.settings import EncoderSettings

__all__ = ["feed", "graph_file", "states_of"]


def graph_file(folder: Path, settings: EncoderSettings, usual: Sequence[str]) -> str:
    """Path of the graph: the option ``file`` (inside the folder or anywhere), else the first usual name that exists.

    Raises:
        InputError: there is none.
    """
    named = settings.options.get("file")
    paths = [folder / named, Path(named).expanduser()] if named else [folder / name for name in usual]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise InputError(
            f"There is no graph {named or ' or '.join(usual)}", where=str(folder), remedy="Name it with file=PATH."
        )
    return str(found)


def feed(inputs: dict[str, NDArray[np.int64]], names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The inputs the graph asks for; token types are 0 and positions count from 0 where the tokenizer gives none."""
    mask = inputs["attention_mask"]
    extra = {"token_type_ids": np.zeros_like(mask), "position_ids": np.maximum(mask.cumsum(1) - 1, 0)}
    try:
        return {name: np.asarray((extra | inputs)[name], dtype=np.int64) for name in names}
    except KeyError as missing:
        raise EncoderError(f"The graph asks for an input {missing} that no tokenizer gives") from None


def states_of(outputs: Sequence[Any], *, where: str) -> NDArray[np.float32]:
    """Token states [texts, tokens, d] if the graph gives them, else finished vectors [texts, d].

    Raises:
        EncoderError: no output has either shape.
    """
    arrays = [np.asarray(output, dtype=np.float32) for output in outputs]
    for dimensions in (3, 2):
        for array in arrays:
            if array.ndim == dimensions:
                return array
    shapes = ", ".join(str(array.shape) for array in arrays)
    raise EncoderError(f"The graph gives no vectors, only arrays of shape {shapes}", where=where)
