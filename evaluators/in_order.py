"""Many things read by a few readers at a time, handed on in their order, a bounded number of them ahead."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Protocol, Self, TypeVar

__all__ = ["Stoppable", "read_in_order"]


class Stoppable(Protocol):
    """A reader, which is a process of its own for as long as its block lasts."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def stop(self) -> None:
        """End the process at once, whatever it is reading."""


_R = TypeVar("_R", bound=Stoppable)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_in_order(
    start: Callable[[], _R],
    workers: int,
    items: Iterable[_Item],
    read: Callable[[_R, _Item], _Result],
    *,
    ahead: int,
    prepare: Callable[[_R], None] | None = None,
) -> Generator[tuple[_Item, _Result], None, None]:
    """Each item with what reading it gave; left early, nobody waits for what is still being read.

    Args:
        start: makes a reader.
        workers: how many of them, at least one.
        items: what is to be read; asked for as far as ``ahead`` allows.
        read: reads one item with a reader that nobody else uses meanwhile; what it raises is raised here in its turn.
        ahead: items that may be read or waiting beyond the one handed on.
        prepare: called with each reader, once all have been started.
    """
    with ExitStack() as stack:
        readers: list[_R] = []
        for _ in range(workers):
            readers.append(start())
            stack.enter_context(readers[-1])
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        for reader in readers:
            stack.callback(reader.stop)
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        idle: queue.SimpleQueue[_R] = queue.SimpleQueue()
        for reader in readers:
            if prepare is not None:
                prepare(reader)
            idle.put(reader)

        def with_reader(item: _Item) -> _Result:
            reader = idle.get()
            try:
                return read(reader, item)
            finally:
                idle.put(reader)

        waiting: deque[tuple[_Item, Future[_Result]]] = deque()
        for item in items:
            waiting.append((item, threads.submit(with_reader, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
