"""How much something does, counted instead of timed: a count is the same on every machine, whatever runs beside it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["calls"]


def calls(work: Callable[[], object]) -> int:
    """Calls of Python and of C functions that ``work`` makes, here and in threads it starts.

    A version of Python differs from the next by a tenth or so (3.12 took comprehensions' own calls away). What one call
    costs it does not say; that is for ``make bench``, on a quiet machine.
    """
    counts: list[list[int]] = []  # one of each thread, so that none has to wait for another

    def counter() -> Callable[[FrameType, str, object], None]:
        mine = [0]
        counts.append(mine)

        def count(_frame: FrameType, event: str, _of: object) -> None:
            if event in ("call", "c_call"):
                mine[0] += 1

        return count

    def in_thread(frame: FrameType, event: str, of: object) -> None:
        started = counter()
        sys.setprofile(started)
        started(frame, event, of)

    before, before_threads = sys.getprofile(), threading.getprofile()
    threading.setprofile(in_thread)
    sys.setprofile(counter())
    try:
        work()
    finally:
        sys.setprofile(before)
        threading.setprofile(before_threads)  # type: ignore[arg-type]
    return sum(count for (count,) in counts)
