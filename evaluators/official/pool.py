"""Read many result files with as many processes as pay, a bounded number of batches ahead."""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import orjson

from data.errors import PlumblineError
from evaluators.official.batch import Batch, read_batch
from evaluators.official.names import Names
from evaluators.official.scan import Found, Source

__all__ = ["Progress", "batches"]

Progress = Callable[[int, int], None]

# A batch is large enough to hide the cost of sending it, small enough that few of them fill no memory.
_BATCH_BYTES, _BATCH_FILES = 6 * 2**20, 1000
# Below this, starting processes takes longer than reading.
_WORTH_A_POOL = 4 * _BATCH_BYTES


def batches(
    source: Source, files: Sequence[Found], names: Names, origin: str | None, progress: Progress | None
) -> Iterator[tuple[Sequence[Found], Batch]]:
    """Read ``files`` in batches, in order; reports (done, total) files after each.

    Raises:
        PlumblineError: a reading process was ended from outside.
    """
    done = 0
    read = _in_processes if sum(file.size for file in files) > _WORTH_A_POOL else _here
    for portion, batch in read(source, _portions(files), names, origin):
        yield portion, batch
        done += len(portion)
        if progress is not None:
            progress(done, len(files))


def _portions(files: Sequence[Found]) -> Iterator[Sequence[Found]]:
    start = size = 0
    for position, file in enumerate(files):
        size += file.size
        if size >= _BATCH_BYTES or position - start + 1 >= _BATCH_FILES:
            yield files[start : position + 1]
            start, size = position + 1, 0
    if start < len(files):
        yield files[start:]


def _here(
    source: Source, portions: Iterator[Sequence[Found]], names: Names, origin: str | None
) -> Iterator[tuple[Sequence[Found], Batch]]:
    for portion in portions:
        yield portion, read_batch(source, [file.path for file in portion], names, origin)


def _in_processes(
    source: Source, portions: Iterator[Sequence[Found]], names: Names, origin: str | None
) -> Iterator[tuple[Sequence[Found], Batch]]:
    workers = min(4, max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
    # spawn: a fork would copy DuckDB's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(workers, context, _begin, (source, _written(names, scratch), origin)) as pool,
    ):
        waiting: deque[tuple[Sequence[Found], Future[Batch]]] = deque()
        try:
            for portion in portions:
                waiting.append((portion, pool.submit(_read, [file.path for file in portion])))
                if len(waiting) > workers + 1:
                    portion, future = waiting.popleft()
                    yield portion, future.result()
            while waiting:
                portion, future = waiting.popleft()
                yield portion, future.result()
        except BrokenProcessPool as error:
            raise PlumblineError(
                "A process that was reading result files was ended from outside, perhaps for want of memory",
                remedy="The store is as it was; import again.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_worker: tuple[Source, Names, str | None]


def _written(names: Names, scratch: str) -> Path:
    """Write the names to a file: handed over, they fill the pipe, and a reader killed then would block us for ever."""
    path = Path(scratch) / "names.json"
    path.write_bytes(orjson.dumps(names._asdict()))
    return path


def _begin(source: Source, names: Path, origin: str | None) -> None:
    global _worker
    _worker = (source, Names(**orjson.loads(names.read_bytes())), origin)
    # Decoded JSON has no cycles, and looking for them takes a fifth of the time.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed import must not leave readers behind: they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(paths: Sequence[str]) -> Batch:
    source, names, origin = _worker
    return read_batch(source, paths, names, origin)
