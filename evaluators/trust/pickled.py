"""Weights are read as weights: whatever a loader asks for, no pickle of a model brings in a class or a function.

Two locks, one over the other. ``TORCH_FORCE_WEIGHTS_ONLY_LOAD`` is torch's own and holds in every child process as
well, since a child inherits it. The audit event ``pickle.find_class``, which Python raises before an unpickler looks
anything up, holds for every other route in this process (numpy's, joblib's, a loader's own), whatever it is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from data.store.errors import NotAllowedError

__all__ = ["FORCED", "force_weights_only", "no_pickled_code", "weights_alone"]

FORCED = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_UNFORCED = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
# What arrays and plain containers are made of.
_PLAIN = frozenset({
    ("_codecs", "encode"), ("collections", "OrderedDict"), ("copyreg", "_reconstructor"), ("numpy", "dtype"),
    ("numpy", "ndarray"), ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"),
} | {("builtins", name) for name in ("bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list",
                                     "object", "range", "set", "slice", "str", "tuple")})  # fmt: skip
# What these unpickle is their own: messages between processes, and compiled code they put aside themselves.
_OWN_PICKLES = ("multiprocessing.", "torch._inductor.", "torch._functorch.", "torch._dynamo.", "vllm.")
_watched: list[str] = []  # what is opened just now, the innermost last
_hooked = False


def weights_alone(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which ``torch.load`` takes tensors alone; torch reads nothing while both variables are set."""
    return {name: value for name, value in environment.items() if name != _UNFORCED} | {FORCED: "1"}


@contextmanager
def force_weights_only() -> Iterator[None]:
    """Within it ``torch.load`` takes tensors alone, here and in every process started from here."""
    before = {name: os.environ.get(name) for name in (FORCED, _UNFORCED)}
    os.environ[FORCED] = "1"
    os.environ.pop(_UNFORCED, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def no_pickled_code(model: str = "") -> Iterator[None]:
    """Within it no unpickler of this process finds a class or function that arrays are not made of.

    Args:
        model: what is opened, for the message.

    Raises (from inside the block):
        NotAllowedError: one asked for another.
    """
    global _hooked
    if not _hooked:
        sys.addaudithook(_listen)  # there is no way to take one back: it rests while nobody watches
        _hooked = True
    _watched.append(model)
    try:
        with force_weights_only():
            yield
    finally:
        _watched.pop()


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "pickle.find_class" or not _watched or arguments in _PLAIN or _is_its_own():
        return
    raise NotAllowedError(
        f"A pickle that is loaded with the model names {arguments[0]}.{arguments[1]}, which is code and no tensor",
        where=_watched[-1],
        remedy="Only tensors are unpickled, whether a file asks or an allowed loader (torch.load with "
        "weights_only=False): no option changes this. Take the model's safetensors, or save its weights as such.",
    )


def _is_its_own() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_OWN_PICKLES):
            return True
        frame = frame.f_back
    return False
