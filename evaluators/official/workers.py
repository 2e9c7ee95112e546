"""Read many result files with as many processes as pay, a bounded number of batches ahead."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from multiprocessing.connection import Connection
from typing import Self

from data.store.errors import PlumblineError
from evaluators.in_order import read_in_order
from evaluators.official.batch import Batch, read_batch
from evaluators.official.scan import FoundFile, Source
from evaluators.results.names import Names

__all__ = ["Progress", "read_batches"]

Progress = Callable[[int, int], None]

# A batch is large enough to hide the cost of sending it, small enough that few of them fill no memory.
_BATCH_BYTES, _BATCH_FILES = 6 * 2**20, 1000
# Below this, starting processes takes longer than reading.
_WORTH_A_POOL = 4 * _BATCH_BYTES


def read_batches(
    source: Source, files: Sequence[FoundFile], names: Names, origin: str | None, progress: Progress | None
) -> Iterator[tuple[Sequence[FoundFile], Batch]]:
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


def _portions(files: Sequence[FoundFile]) -> Iterator[Sequence[FoundFile]]:
    start = size = 0
    for position, file in enumerate(files):
        size += file.size
        if size >= _BATCH_BYTES or position - start + 1 >= _BATCH_FILES:
            yield files[start : position + 1]
            start, size = position + 1, 0
    if start < len(files):
        yield files[start:]


def _here(
    source: Source, portions: Iterator[Sequence[FoundFile]], names: Names, origin: str | None
) -> Iterator[tuple[Sequence[FoundFile], Batch]]:
    for portion in portions:
        yield portion, read_batch(source, [file.path for file in portion], names, origin)


def _in_processes(
    source: Source, portions: Iterator[Sequence[FoundFile]], names: Names, origin: str | None
) -> Iterator[tuple[Sequence[FoundFile], Batch]]:
    workers = min(4, max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
    yield from read_in_order(
        _Reader,
        workers,
        portions,
        lambda reader, portion: reader.read([file.path for file in portion]),
        ahead=workers + 1,
        prepare=lambda reader: reader.send((source, names, origin)),
    )


class _Reader:
    """A process that reads result files, and our end of the only pipe to it.

    concurrent.futures and multiprocessing.Pool share queues between their processes: where one is killed while it
    holds a lock, writes half an answer or another is being started, they wait for ever. This pipe has two ends, and
    a dead process closes its own.
    """

    def __init__(self) -> None:
        # spawn: a fork would copy DuckDB's threads' locks in whatever state they are
        context = multiprocessing.get_context("spawn")
        self._end, theirs = context.Pipe()
        # What is handed over here must be small: it is written before the process runs, to a pipe we hold both ends of.
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._end.close()

    def stop(self) -> None:
        """End the process; it writes nothing but its answers, so there is nothing to lose."""
        self._process.kill()
        self._process.join()

    def send(self, what: object) -> None:
        """Hand over what reading needs, or the paths to read."""
        try:
            self._end.send(what)
        except OSError as error:
            raise _ended() from error

    def read(self, paths: Sequence[str]) -> Batch:
        """Read the files at ``paths`` there; raises what reading raised."""
        self.send(paths)
        try:
            answer = self._end.recv()
        except (EOFError, OSError) as error:
            raise _ended() from error
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Batch)
        return answer


def _ended() -> PlumblineError:
    return PlumblineError(
        "A process that was reading result files was ended from outside, perhaps for want of memory",
        remedy="The store is as it was; import again.",
    )


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas: Arrow would import it to see whether a list is one of its frames.

    That takes a quarter of a second, as long as reading 2,000 files.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def _serve(end: Connection) -> None:
    """Answer until the other end is closed, which it is also when the importing process was killed."""
    # Ctrl-C reaches every process of a terminal; the import ends us when it has heard it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decoded JSON has no cycles, and looking for them takes a fifth of the time.
    gc.disable()
    sys.meta_path.insert(0, _NoPandas())
    with suppress(EOFError, OSError):
        source, names, origin = end.recv()
        while True:
            paths = end.recv()
            answer: Batch | Exception
            try:
                answer = read_batch(source, paths, names, origin)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it was asked for
                answer = error
            end.send(answer)
