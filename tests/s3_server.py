"""A real S3 protocol server (moto's) in this process, with what was asked of it, and faults when a test wants them."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

__all__ = ["KEY", "SECRET", "Request", "S3Server"]

KEY, SECRET = "AKIAPLUMBLINETESTKEY", "secretOfPlumblineTests0123456789abcdefgh"  # moto takes any

Fault = Callable[["Request"], "int | str | None"]


class Request(NamedTuple):
    """What was asked: the method, ``/bucket/key``, and what stood behind the question mark."""

    method: str
    path: str
    query: str


class S3Server:
    """``url`` is its endpoint; ``requests`` what it was asked since the last ``forget()``."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.requests: list[Request] = []
        self._fault: Fault | None = None
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it; the port is nobody's then."""
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        self.requests.clear()

    def count(self, method: str, below: str = "/") -> int:
        """How many requests of a method were for a path that begins so, listings apart."""
        return sum(each.method == method and each.path.startswith(below) and "list-type" not in each.query
                   for each in self.requests)  # fmt: skip

    def lists(self) -> int:
        """How many listings were asked for."""
        return sum("list-type" in each.query for each in self.requests)

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"plumbline-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def client(self) -> Any:
        """Amazon's own client, to look at what is really there."""
        import boto3

        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name="us-east-1")  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return {
            "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Within, ``fault(request)`` decides: a status, half an answer (drop), none (cut), or the real one (None)."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # Not PATH_INFO: werkzeug gives it in latin-1.
        path = unquote(environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")[0])
        request = Request(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""))
        self.requests.append(request)
        fault = self._fault(request) if self._fault else None
        if isinstance(fault, int):
            start(f"{fault} Fault", [("Content-Type", "application/xml"), ("Content-Length", "0")])
            return [b""]
        if fault == "cut":  # in the midst of the request
            environ["wsgi.input"].read(10)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        if fault == "drop":
            body = b"".join(self._app(environ, lambda status, headers, *_: start(status, headers)))
            return _torn(body)
        return self._app(environ, start)


def _torn(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionResetError


class _Quiet(MotoRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        pass
