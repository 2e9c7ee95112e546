"""Limits on what a model may do to the process that opens it: what no rule foresaw ends as a sentence.

One is on what opening a model may cost, in processor time, so that it does not end as a hang.

Processor time of the one thread that opens it, in units of this machine's pace, since neither a machine under load nor
a slow one, nor one with many cores, makes anybody's files worse. Only Python is interrupted; what runs in a library's
compiled code is bounded beforehand, by sizes.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

from data.store.errors import ModelError

__all__ = ["budget", "no_panic", "within"]

_BASE = 8.0  # seconds, beyond what reading the weights costs
_BYTES_A_SECOND = 20_000_000  # slower than any machine converts and checks weights


@contextmanager
def no_panic(model: str) -> Iterator[None]:
    """A panic of a library written in Rust (tokenizers, safetensors) as an error: it comes as no ``Exception`` at all.

    Raises (from inside the block):
        ModelError: the library gave up on the model's file.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise ModelError(
            f"A library gave up on the model's tokenizer or weights: {str(error)[:200]}",
            where=model,
            remedy="Take the files from the model's repository.",
        ) from error


def budget(size: int) -> float:
    """Processor seconds that opening a model of so many bytes may take."""
    return _BASE + size / _BYTES_A_SECOND


@contextmanager
def within(seconds: float, model: str) -> Iterator[None]:
    """End the block when its thread has worked so long, where signals can be had (in the main thread, not on Windows).

    An outer limit that would end sooner goes on to count.

    Args:
        seconds: of a processor as of 2024; a slower one is given more.
        model: what is worked on, for the message.

    Raises (from inside the block):
        ModelError: the time is up.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    seconds *= _slowness()
    started = time.thread_time()

    def stop(_number: int, _frame: FrameType | None) -> None:
        spent = time.thread_time() - started
        if spent < seconds:  # the timer counts what all threads of the process did
            signal.setitimer(signal.ITIMER_PROF, max(seconds - spent, 0.01))
            return
        raise ModelError(
            f"Work on the model was given up after {spent:.0f} s of processor time",
            where=model,
            remedy="A sound one is done much sooner: its configuration, tokenizer or template asks for endless work.",
        )

    left, _ = signal.getitimer(signal.ITIMER_PROF)
    if 0 < left <= seconds:
        yield
        return
    handler = _listen(stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        used = seconds - signal.getitimer(signal.ITIMER_PROF)[0]
        signal.setitimer(signal.ITIMER_PROF, max(left - used, 0.001) if left else 0)
        # What is on its way may still arrive, and by default it would end the process.
        _listen(_let_pass if handler in (signal.SIG_DFL, None) else handler)


@cache
def _slowness() -> float:
    """How many times as long as on a core of 2024 (6.5 ms) a piece of plain Python takes here, at least 1."""
    return max(1.0, min(_counting() for _ in range(3)) / 0.0065)


def _counting() -> float:
    started, total = time.thread_time(), 0
    for number in range(200_000):
        total += number % 7
    return time.thread_time() - started


def _listen(handler: Any) -> Any:
    """Set who is called when the time is up; calls that libraries' own threads are in go on undisturbed."""
    before = signal.signal(signal.SIGPROF, handler)
    signal.siginterrupt(signal.SIGPROF, False)
    return before


def _let_pass(_number: int, _frame: FrameType | None) -> None:
    """A signal that came too late."""
