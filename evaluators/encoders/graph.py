"""What ONNX and OpenVINO graphs have in common: where the file is, what it is fed, what comes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.store.errors import EncoderError, InputError
from evaluators.encoders.settings import EncoderSettings

__all__ = ["ended_in_time", "feed", "graph_file", "states_of"]

_BASE = 8.0  # seconds of processor time
_BYTES_AND_TOKENS = 1e10  # a second: each weight is used twice a token, by a processor of no more than 5 GFLOP/s


def graph_file(folder: Path, settings: EncoderSettings, usual: Sequence[str]) -> str:
    """Path of the graph: the option ``file`` (inside the folder or anywhere), else the first usual name that exists.

    Raises:
        InputError: there is none.
    """
    named = settings.options.get("file")
    paths = [folder / named, Path(named).expanduser()] if named else [folder / name for name in usual]
    graph = next((path for path in paths if path.is_file()), None)
    if graph is None:
        raise InputError(
            f"There is no graph {named or ' or '.join(usual)}", where=str(folder), remedy="Name it with file=PATH."
        )
    return str(graph)


@contextmanager
def ended_in_time(path: Path, tokens: int, stop: Callable[[], None], *, where: str) -> Iterator[None]:
    """Have a pass stopped that works far longer than a graph of its size can: a graph may hold loops without end.

    Args:
        path: the graph.
        tokens: of the batch, padding included.
        stop: ends the pass from another thread.
        where: the encoder.

    Raises:
        EncoderError: it was stopped.
    """
    limit = time.process_time() + _BASE + tokens * path.stat().st_size / _BYTES_AND_TOKENS
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            if time.process_time() > limit:
                late.set()
                stop()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except Exception as error:
        if late.is_set():
            raise EncoderError("The graph works without end, and was stopped", where=where) from error
        raise
    finally:
        done.set()


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
