"""The stack on which a thread takes signals, kept as it was through calls into a library that leaves its own behind.

OpenVINO's CPU plug-in registers one with the thread that compiles or runs a graph, and gives its memory back without
taking it off. The next signal for which Python has a handler (Ctrl-C, a limit's timer) then ends the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_signal_stack", "signal_stack"]

_DISABLED = 2  # SS_DISABLE
_ON_IT = 1  # SS_ONSTACK, which the kernel reports and does not take


class _Stack(ctypes.Structure):
    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))  # Linux's stack_t


def signal_stack() -> int | None:
    """Where this thread takes its signals, if not on its own stack."""
    now = _current()
    return None if now is None or now.flags & _DISABLED else now.place


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Set back, at the end of the block, the signal stack that the thread had before; does nothing beside Linux."""
    before = _current()
    try:
        yield
    finally:
        if before is not None:
            before.flags &= ~_ON_IT
            ctypes.CDLL(None).sigaltstack(ctypes.byref(before), None)


def _current() -> _Stack | None:
    if sys.platform != "linux":
        return None
    stack = _Stack()
    return stack if ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0 else None
