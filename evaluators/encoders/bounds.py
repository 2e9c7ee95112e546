"""Nothing that is asked of a server or a program lasts longer than it was given."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NoReturn, TypeVar

__all__ = ["Clock", "bounded"]

T = TypeVar("T")


class Clock:
    """What is left of the seconds that an encoder may take; it runs from the first time it is asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began: float | None = None

    def left(self) -> float:
        """Seconds left, not below zero."""
        self._began = time.monotonic() if self._began is None else self._began
        return max(self.seconds - (time.monotonic() - self._began), 0.0)

    def restart(self) -> None:
        """Give all of it again."""
        self._began = None


def bounded(work: Callable[[], T], seconds: float, give_up: Callable[[], None]) -> T:
    """What ``work`` returns, if it does within ``seconds``, whatever it waits for.

    A library's own timeouts are for each piece that arrives; a name that is looked up, a header sent byte by byte and a
    pipe that nobody reads have none. The work is left behind in its thread; ``give_up`` takes away what it waits for.

    Raises:
        TimeoutError: it did not return in time; else whatever ``work`` raises.
    """
    answer: SimpleQueue[Callable[[], T]] = SimpleQueue()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 -- raised again where it was asked for
            answer.put(partial(_raise, error))
        else:
            answer.put(lambda: value)

    Thread(target=run, daemon=True).start()
    try:
        outcome = answer.get(timeout=seconds)
    except Empty:
        give_up()
        raise TimeoutError from None
    except KeyboardInterrupt:
        give_up()
        raise
    return outcome()


def _raise(error: BaseException) -> NoReturn:
    raise error
