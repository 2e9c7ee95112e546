"""A server on loopback that writes whatever bytes it is told, at whatever pace, to each connection."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CERTIFICATE", "Raw", "listening", "reply"]

CERTIFICATE = Path(__file__).with_name("self_signed.pem")  # of nobody.invalid, with its key, good until 2126


@dataclass
class Raw:
    """Where it is, and what it was sent, a connection an entry."""

    port: int = 0
    sent: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def listening(answer: Callable[[socket.socket, Raw], None], *, tls: bool = False) -> Iterator[Raw]:
    """Listen on a free port; ``answer`` is called for each connection once a request's headers were read.

    It may go on for as long as ``stop`` is not set, or until its socket is closed under it.
    """
    state = Raw()
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        state.port = server.getsockname()[1]
        server.settimeout(0.05)
        threads: list[threading.Thread] = []

        def serve() -> None:
            while not state.stop.is_set():
                with suppress(TimeoutError):
                    connection, _ = server.accept()
                    threads.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                    threads[-1].start()

        def talk(plain: socket.socket) -> None:
            with suppress(OSError), plain:
                plain.settimeout(5)
                connection = context.wrap_socket(plain, server_side=True) if context else plain
                with connection:
                    received = b""
                    while b"\r\n\r\n" not in received:
                        if not (more := connection.recv(65_536)):
                            return
                        received += more
                    head, _, body = received.partition(b"\r\n\r\n")
                    length = re.search(rb"(?i)content-length: (\d+)", head)
                    while length and len(body) < int(length[1]):  # else the answer is lost in a reset
                        body += connection.recv(65_536)
                    state.sent.append(head + b"\r\n\r\n" + body)
                    answer(connection, state)

        listener = threading.Thread(target=serve, daemon=True)
        listener.start()
        try:
            yield state
        finally:
            state.stop.set()
            listener.join(timeout=5)
            for thread in threads:
                thread.join(timeout=5)
