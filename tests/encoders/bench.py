"""A server on loopback that answers as a function says, keeps what it was asked, and goes wrong where it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from tests.encoders.server import listening, vector

__all__ = ["KEY", "MODEL", "Answer", "Asked", "Bench", "Reply", "right_rows", "serving_as"]

KEY = "vk-7Rf2Qp9LxW4sT8bNc3Zd"
MODEL = "all-minilm"


class Asked(NamedTuple):
    """One request: path, headers (names in small letters), and the bytes of its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


class Reply(NamedTuple):
    """What is answered: JSON or bytes."""

    content: Any
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 -- never changed


def right_rows(texts: list[str]) -> list[Any]:
    """The right vectors, as lists."""
    return [vector(text).tolist() for text in texts]


@dataclass
class Bench:
    """One server: how it is asked, what it was asked, and what goes wrong with it.

    Attributes:
        rows: texts -> vectors.
        numbers: count -> the numbers it gives its vectors, where its protocol has any.
        named: the model it says it is, where its protocol says; the one asked for if empty.
        spoil: changes an answer before it is sent.
        most: texts a call, where the documentation names no limit of its own.
    """

    url: str = ""
    rows: Callable[[list[str]], list[Any]] = right_rows
    numbers: Callable[[int], list[Any]] = lambda count: list(range(count))
    named: str = ""
    spoil: Callable[[Reply], Reply] = lambda reply: reply
    most: int = 0
    asked: list[Asked] = field(default_factory=list)


Answer = Callable[[Bench, Asked], Reply]


@contextmanager
def serving_as(answer: Answer, bench: Bench | None = None) -> Iterator[Bench]:
    """Serve a protocol on a free port of 127.0.0.1 for as long as the block lasts."""
    state = bench or Bench()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.asked.append(Asked(self.path, headers, body))
            reply = state.spoil(answer(state, state.asked[-1]))
            content = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content).encode()
            with suppress(OSError):  # the client may have given up
                self.send_response(reply.status)
                sent = {"Content-Type": "application/json", "Content-Length": str(len(content))} | reply.headers
                for name, value in sent.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

    with listening(Handler) as state.url:
        yield state
