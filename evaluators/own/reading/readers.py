"""Read many files, each in a process with limits, in the order they were given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import psutil

from data.store.errors import MissingDependencyError
from evaluators.in_order import read_in_order
from evaluators.own.document import Document, Skipped
from evaluators.own.reading.child import MEMORY
from evaluators.own.reading.refused import CPU_SECONDS

__all__ = ["Read", "read_files"]

Read = Document | Skipped
_ROOT = Path(__file__).parents[3]
_WALL = 20 * CPU_SECONDS  # for a file that waits instead of working: on a share that went away
_LOOK = 0.1  # seconds between two looks at what a reader takes
_ANSWER = 400_000_000  # bytes
_PACKAGES = ("pypdf", "docx", "lxml", "charset_normalizer", "markdown_it")


def read_files(files: Sequence[tuple[str, Path]], progress: Callable[[str], None]) -> Iterator[Read]:
    """The documents of files given by name and path, or why there is none; reports each name once it is done.

    Raises:
        MissingDependencyError: a library that reads them is not installed.
    """
    _require()
    workers = max(1, min(4, len(files) // 2, _processors()))

    def read(reader: _Reader, file: tuple[str, Path]) -> Read:
        try:
            return reader.read(*file)
        finally:
            progress(file[0])

    with closing(read_in_order(_Reader, workers, files, read, ahead=4 * workers)) as pairs:
        for _, document in pairs:
            yield document


def _require() -> None:
    from importlib.util import find_spec

    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise MissingDependencyError(
            f"Reading documents takes packages that are not installed: {', '.join(missing)}",
            remedy="pip install -r requirements.txt",
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Reader:
    """A process that reads, started anew whenever a file has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._why = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def read(self, name: str, path: Path) -> Read:
        """The document, or why there is none; whatever the file does to its reader is such a why."""
        process = self._running()
        over = threading.Event()
        watch = threading.Thread(target=self._look_after, args=(process, over), daemon=True)
        self._why = ""
        watch.start()
        try:
            line = self._exchange(process, path)
        finally:
            over.set()
            watch.join()
        if not line.endswith(b"\n"):
            self.stop()
            return Skipped(name, self._why or "its reader ended, as if it had crashed")
        answer: dict[str, Any] = json.loads(line)
        refused = answer.get("refused")
        return Skipped(name, refused) if refused else Document.from_answer(name, answer)

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream:
                    stream.close()

    def _exchange(self, process: subprocess.Popen[bytes], path: Path) -> bytes:
        assert process.stdin and process.stdout
        with suppress(OSError):
            process.stdin.write(json.dumps({"path": str(path)}).encode() + b"\n")
            process.stdin.flush()
            return process.stdout.readline(_ANSWER)
        return b""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            # None of this process's keys, and no place of the user's own that Python would load code from.
            environment = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "LANG") if key in os.environ}
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "evaluators.own.reading.child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=environment | {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"},
            )  # fmt: skip
        return self._process

    def _look_after(self, process: subprocess.Popen[bytes], over: threading.Event) -> None:
        """End the process when the file takes more time or memory than it may."""
        with suppress(psutil.Error):
            known = psutil.Process(process.pid)
            started, before = time.monotonic(), _seconds(known)
            while not over.wait(_LOOK):
                if _seconds(known) - before > 2 * CPU_SECONDS:
                    self._why = f"reading it takes more than {2 * CPU_SECONDS:g} s"
                elif known.memory_info().rss > MEMORY:
                    self._why = f"reading it takes more than {MEMORY // 1_000_000} MB of memory"
                elif time.monotonic() - started > _WALL:
                    self._why = f"nothing came of reading it within {_WALL / 60:g} min"
                if self._why:
                    process.kill()
                    return


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
