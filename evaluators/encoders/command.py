"""A program that reads texts and writes vectors as JSON lines, so that a framework can live in its own environment.

One request a line on its standard input, one answer a line on its standard output; anything for people goes to its
standard error. torch takes tensors alone in it and no pickled code, unless the command line itself says otherwise
(``env TORCH_FORCE_WEIGHTS_ONLY_LOAD=0 python ...``). It is asked two things, and ends when its input ends
(``elsewhere/host.py`` is such a program)::

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
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from data.errors import EncoderError, InputError
from evaluators.encoders.base import Description, Encoded, Tokens, as_matrix, batches, cut, in_use, prepare
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust.pickled import weights_alone

OPTIONS: frozenset[str] = frozenset()

_LONGEST_LINE = 512_000_000
_START = 300.0  # seconds to start and load a model before the first answer


class CommandEncoder:
    """A child process; nothing of it is trusted to be on time, to be JSON or to be complete."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        try:
            self._process = subprocess.Popen(
                shlex.split(settings.source),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=weights_alone(os.environ),
            )
        except (OSError, ValueError) as error:
            raise InputError("The command cannot be started", where=settings.source, remedy=str(error)) from None
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._said: deque[str] = deque(maxlen=20)
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read_answers, self._read_messages)
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._hello = self._ask({"describe": True}, max(settings.timeout, _START))
        except EncoderError:
            self.close()
            raise

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Whatever outputs the program gives, of those that the settings ask for."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        parts = [
            self._ask({"texts": prepared[part], "role": role}, self.settings.timeout)
            for part in batches(len(prepared), self.settings.batch_size)
        ]
        dense = self._joined(parts, "dense", len(texts))
        sparse = self._joined(parts, "sparse", len(texts))
        multi = self._joined(parts, "multi", len(texts))
        ids = self._joined(parts, "token_ids", len(texts))
        words = self._joined(parts, "tokens", len(texts))
        where = self.settings.display
        if dense is None and sparse is None and multi is None:
            raise EncoderError("The command gave none of dense, sparse, multi", where=where)
        return Encoded(
            dense=None if dense is None else cut(as_matrix(dense, len(texts), where=where), self.settings),
            sparse=None if sparse is None else [{str(key): float(w) for key, w in row.items()} for row in sparse],
            multi=None if multi is None else [np.asarray(rows, dtype=np.float32) for rows in multi],
            tokens=None if ids is None else [Tokens(i, w) for i, w in zip(ids, words or [[]] * len(ids), strict=True)],
        )

    def describe(self) -> Description:
        """What the program says of itself."""
        said = self._hello
        return Description(
            model=str(said.get("model") or self.settings.model),
            revision=said.get("revision") or self.settings.revision,
            settings=in_use(self.settings, prompts=self.settings.prompts or {}, **dict(said.get("settings") or {})),
            versions={str(name): str(version) for name, version in dict(said.get("versions") or {}).items()},
            files=list(said.get("files") or []),
        )

    def close(self) -> None:
        """End its input, give it a moment, then end it."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(timeout=3)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise self._error(f"The command gave no answer within {timeout:g} s") from None
        except OSError:
            raise self._error("The command has ended") from None
        if not line:
            self._answers.put(b"")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=2)
            raise self._error(f"The command ended with status {self._process.returncode}")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise self._error(f"The command wrote a line that is no JSON: {line[:120]!r}") from None
        if not isinstance(answer, dict):
            raise self._error("The command wrote something other than a JSON object")
        if "error" in answer:
            raise self._error(f"The command says: {str(answer['error'])[:300]}")
        return answer

    def _joined(self, parts: list[dict[str, Any]], name: str, count: int) -> list[Any] | None:
        if any(not isinstance(part.get(name), list) for part in parts):
            return None
        rows = [row for part in parts for row in part[name]]
        if len(rows) != count:
            raise EncoderError(
                f"The command gave {len(rows)} {name} rows for {count} texts", where=self.settings.display
            )
        return rows

    def _error(self, what: str) -> EncoderError:
        with suppress(RuntimeError):
            self._threads[1].join(timeout=0.2)
        said = " | ".join(self._said)[-300:]
        return EncoderError(what, where=self.settings.display, remedy=f"It said: {said}" if said else "")

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed under us
            while line := self._process.stdout.readline(_LONGEST_LINE):
                self._answers.put(line)
        self._answers.put(b"")

    def _read_messages(self) -> None:
        assert self._process.stderr is not None
        with suppress(ValueError):
            for line in self._process.stderr:
                self._said.append(line.decode("utf-8", "replace").strip())


def open(settings: EncoderSettings) -> CommandEncoder:  # noqa: A001 - the protocol's own word
    """Start the program and ask what it is."""
    return CommandEncoder(settings)
