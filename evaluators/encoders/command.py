"""A program that reads texts and writes vectors as JSON lines, so that a framework can live in its own environment.

One request a line on its standard input, one answer a line on its standard output; anything for people goes to its
standard error. torch takes tensors alone in it and no pickled code, unless the command line itself says otherwise
(``env TORCH_FORCE_WEIGHTS_ONLY_LOAD=0 python ...``). It is asked two things, and ends when its input ends
(``isolated/host.py`` is such a program)::

    {"describe": true}                         -> {"model": "...", "revision": null, "versions": {}, "settings": {}}
    {"texts": ["...", ...], "role": "query"}   -> {"dense": [[...], ...]}     also "sparse": [{"token": weight}, ...],
                                                  "multi": [[[...]]], "token_ids": [[...]], "tokens": [["..."]]
                                               or {"error": "what went wrong"}
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from types import NoneType
from typing import Any

import numpy as np

from data.store import keys
from data.store.errors import EncoderError, EncoderGoneError, InputError
from evaluators.encoders.base import Backend, Description, Encoded, Tokens, dense, in_use, prepare, slices
from evaluators.encoders.bounds import Clock, bounded
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust.pickled import weights_alone

_UNASKED = 2  # answers that a program may be ahead; then it waits, and cannot fill the memory
_TAIL = 20_000  # bytes of what it wrote for people that are kept
_IN_USE: dict[str, type] = {
    "pooling": str, "normalise": bool, "dimensions": int, "dtype": str, "max_length": int, "strip": bool,
    "device": str, "prompts": dict,
}  # fmt: skip
_END = 3.0  # seconds to end by itself once its input has


class CommandEncoder:
    """A child process; nothing of it is trusted to be on time, to be JSON or to be complete.

    Attributes:
        clock: what is left of the time it may take, once it has started.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self.clock = Clock(settings.timeout)
        self._limit = int(float(settings.options.get("max_response_mb", "256")) * 1_000_000)
        environment, self._withheld = _environment(settings)
        try:
            self._process = subprocess.Popen(
                shlex.split(settings.source), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=weights_alone(environment), start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise InputError("The command cannot be started", where=settings.source, remedy=str(error)) from None
        self._answers: queue.Queue[bytes] = queue.Queue(maxsize=_UNASKED)
        self._tail = bytearray()
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read_answers, self._read_messages)
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._hello = self._ask({"describe": True}, settings.timeout)
        except EncoderError:
            self.close()
            raise
        self.clock.restart()

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Whatever outputs the program gives, of those that the settings ask for."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        parts = [
            self._ask({"texts": prepared[part], "role": role}, self.settings.seconds_a_call)
            for part in slices(len(prepared), self.settings.batch_size)
        ]
        rows = self._joined(parts, "dense", len(texts))
        sparse = self._joined(parts, "sparse", len(texts))
        multi = self._joined(parts, "multi", len(texts))
        ids = self._joined(parts, "token_ids", len(texts))
        words = self._joined(parts, "tokens", len(texts))
        if rows is None and sparse is None and multi is None:
            raise EncoderError("The command gave none of dense, sparse, multi", where=self.settings.display)
        return Encoded(
            dense=None if rows is None else dense(rows, texts, self.settings),
            sparse=None if sparse is None else [{str(key): float(w) for key, w in row.items()} for row in sparse],
            multi=None if multi is None else [np.asarray(rows, dtype=np.float32) for rows in multi],
            tokens=None if ids is None else [Tokens(i, w) for i, w in zip(ids, words or [[]] * len(ids), strict=True)],
        )

    def describe(self) -> Description:
        """What the program says of itself, as far as it has the form it should."""
        hello = self._hello
        settings, versions, files = (hello.get(name) for name in ("settings", "versions", "files"))
        return Description(
            model=str(hello.get("model") or self.settings.model),
            revision=hello.get("revision") or self.settings.revision,
            settings=in_use(self.settings, **({"prompts": self.settings.prompts or {}} | _found(settings))),
            versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
            files=[file for file in files if _is_file(file)] if isinstance(files, list) else [],
        )

    def close(self) -> None:
        """End its input, give it a moment, then end it and what it started."""
        self._closed.set()
        ended = threading.Thread(target=self._end_input, daemon=True)  # a pipe that is full takes no end either
        ended.start()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END)
        self._kill()
        for thread in (ended, *self._threads):
            thread.join(timeout=_END)
        if not any(thread.is_alive() for thread in self._threads):  # else closing would wait for whoever holds the pipe
            for stream in (self._process.stdout, self._process.stderr):
                if stream:
                    stream.close()

    def _end_input(self) -> None:
        with suppress(OSError, ValueError):
            if self._process.stdin:
                self._process.stdin.close()

    def _kill(self) -> None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END)

    def _ask(self, request: dict[str, Any], most: float) -> dict[str, Any]:
        left = self.clock.left()
        seconds = min(most, left)
        if left <= 0:
            what = f"The command has used the {self.settings.timeout:g} s it may take in all"
            raise self._gone(what, "out-of-time", "timeout=SECONDS gives it more.")
        try:
            line = bounded(lambda: self._exchanged(request, seconds), seconds, self._kill)
        except (TimeoutError, queue.Empty):
            self._kill()  # what it says later would be taken for the answer to something else
            what = f"The command gave no answer within {seconds:.3g} s"
            raise self._gone(what, "timeout", "call_timeout=SECONDS gives it longer, timeout= in all.") from None
        except OSError:
            line = b""
        if not line:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=2)
            raise self._gone(f"The command ended with status {self._process.returncode}", "ended")
        if len(line) > self._limit:
            self._kill()
            what = f"The command wrote a line of more than {self._limit / 1e6:g} MB"
            raise self._gone(what, "too-large", "batch_size= makes it smaller, max_response_mb= raises the limit.")
        return self._read(line)

    def _exchanged(self, request: dict[str, Any], seconds: float) -> bytes:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._answers.get(timeout=seconds)

    def _read(self, line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            reason = keys.from_outside(line[:20_000].decode("utf-8", "replace"), 120).strip()
            raise self._error(f"The command wrote a line that is no JSON: {reason!r}") from None
        if not isinstance(answer, dict):
            raise self._error("The command wrote something other than a JSON object")
        if "error" in answer:
            reason = keys.from_outside(str(answer["error"]), 300)
            raise self._error(f"The command says: {reason}", code="refused")
        return answer

    def _joined(self, parts: list[dict[str, Any]], name: str, count: int) -> list[Any] | None:
        if any(not isinstance(part.get(name), list) for part in parts):
            return None
        rows = [row for part in parts for row in part[name]]
        if len(rows) != count:
            what = f"The command gave {len(rows)} {name} rows for {count} texts"
            raise EncoderError(what, where=self.settings.display, code="malformed")
        return rows

    def _error(self, what: str, *, code: str = "malformed") -> EncoderError:
        return EncoderError(what, where=self.settings.display, remedy=self._messages(), code=code)

    def _gone(self, what: str, code: str, remedy: str = "") -> EncoderGoneError:
        known = " ".join(part for part in (remedy, self._messages(), self._without_keys()) if part)
        return EncoderGoneError(what, where=self.settings.display, remedy=known, code=code)

    def _messages(self) -> str:
        with suppress(RuntimeError):
            self._threads[1].join(timeout=0.2)
        messages = keys.from_outside(bytes(self._tail).decode("utf-8", "replace"))
        lines = " | ".join(line.strip() for line in messages.splitlines() if line.strip())
        return f"It said: {lines[-300:]}" if lines else ""

    def _without_keys(self) -> str:
        if not self._withheld:
            return ""
        return f"It was started without {', '.join(self._withheld)}: what it needs of these is named with key_env=."

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed under us
            while line := self._process.stdout.readline(self._limit + 1):
                if not self._hand_over(line):
                    return
        self._hand_over(b"")

    def _hand_over(self, line: bytes) -> bool:
        """Wait until the answer is asked for; whether it ever was."""
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._answers.put(line, timeout=0.2)
                return True
        return False

    def _read_messages(self) -> None:
        assert self._process.stderr is not None
        with suppress(ValueError, OSError):
            while chunk := os.read(self._process.stderr.fileno(), 65_536):
                self._tail += chunk
                del self._tail[:-_TAIL]


def _environment(settings: EncoderSettings) -> tuple[dict[str, str], list[str]]:
    """The environment without keys that the program was not given by name, and the names of those."""
    named = {name.strip() for name in (settings.key_env or "").split(",")}
    withheld = [name for name, value in os.environ.items() if keys.looks_like_key(name, value) and name not in named]
    keys.remember(*(os.environ.get(name, "").strip() for name in named))
    return {name: value for name, value in os.environ.items() if name not in withheld}, sorted(withheld)


def _found(settings: Any) -> dict[str, Any]:
    """Settings that a program says are in use: those that describe a model, in their own types, and its own names."""
    own = {entry.name for entry in fields(EncoderSettings)} | {"settings"}
    return {
        str(name): value
        for name, value in (settings.items() if isinstance(settings, dict) else ())
        if name not in own or (name in _IN_USE and isinstance(value, (_IN_USE[name], NoneType)))
    }


def _is_file(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("path", "sha256"))
        and isinstance(entry.get("size"), int)
    )


BACKEND = Backend(
    about="a program that reads texts and writes vectors as JSON lines",
    example="python host.py bce FOLDER",
    open=CommandEncoder, options=frozenset({"max_response_mb"}), in_process=False, command_line=True, outside=True,
)  # fmt: skip
