"""Whatever a server does, an encoder ends in time, asks no more often than helps, and says what to do."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from data.store.errors import EncoderError, EncoderGoneError, InputError
from evaluators.encoders.bounds import Clock, bounded
from evaluators.encoders.http import Http
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.settings import EncoderSettings
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.probes import Probe
from tests.encoders.raw import Raw, listening, reply

SOON = 8.0  # seconds: many times what is given below, and less than one more try of any default would take
Answer = Callable[[socket.socket, Raw], None]
VECTORS = reply(json.dumps({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}).encode())


def settings(url: str, **values: object) -> EncoderSettings:
    given = {"timeout": 0.8, "call_timeout": 0.3, "model": "m"} | values
    return EncoderSettings(backend="openai", source=url, **given)  # type: ignore[arg-type]


def asked(url: str, texts: int = 20, **values: object) -> tuple[ProbeVectors, float]:
    """What a check gets of probes that are encoded there, and the seconds it took."""
    probes = [Probe(f"p{i}", f"text {i}") for i in range(texts)]
    encoder = open_encoder(settings(url, **values))
    started = time.monotonic()
    try:
        return encode_probes(encoder, probes), time.monotonic() - started
    finally:
        encoder.close()


def paced(*pieces: bytes, pause: float = 0.05, for_ever: bytes = b"") -> Answer:
    """Pieces with a pause after each, then one again and again."""

    def answer(connection: socket.socket, state: Raw) -> None:
        for piece in pieces:
            connection.sendall(piece)
            state.stop.wait(pause)
        while not state.stop.is_set():
            if for_ever:
                connection.sendall(for_ever)
            state.stop.wait(pause)

    return answer


def sending(answer: bytes) -> Answer:
    return lambda connection, state: connection.sendall(answer)


def reset(connection: socket.socket, state: Raw) -> None:
    """Drop the connection as a crashed process does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(paced(), id="silence"),
        pytest.param(paced(for_ever=b"x"), id="status line byte by byte"),
        pytest.param(paced(b"HTTP/1.1 200 OK\r\n", for_ever=b"a: b\r\n"), id="headers without end"),
        pytest.param(paced(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", for_ever=b" "), id="body byte by byte"),
        pytest.param(
            paced(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", for_ever=b"1\r\n \r\n"), id="chunks"
        ),
        pytest.param(paced(b"HTTP/1.1 100 Continue\r\n\r\n", for_ever=b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue"),
    ],
)
def test_one_that_never_ends_is_left_in_time(answer: Answer) -> None:
    with listening(answer) as server:
        vectors, seconds = asked(server.url)
    assert seconds < SOON
    assert len(vectors.failed) == 20 and vectors.gone
    assert re.search("took more than 0.3 s|no answer within 0.3 s|may take in all", vectors.gone)
    assert "timeout=SECONDS" in vectors.gone
    assert len(server.sent) <= 2  # a stall is tried once more, and not for each text


def test_a_handshake_that_hangs_and_a_port_that_takes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        for scheme in ("http", "https"):
            vectors, seconds = asked(f"{scheme}://127.0.0.1:{deaf.getsockname()[1]}")
            assert seconds < SOON and vectors.gone


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_is_looked_up_for_ever(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = []

    def slow(*arguments: object, **others: object) -> list[object]:
        lookups.append(arguments)
        time.sleep(12)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    vectors, seconds = asked(f"{scheme}://host.invalid:1")
    assert seconds < SOON and vectors.gone
    assert len(lookups) <= 3  # twice asked, once looked whether it speaks plain HTTP


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sending(reply(b"{}", "401 Unauthorized")), "key_env="),
        (sending(reply(b"{}", "403 Forbidden")), "key_env="),
        (sending(reply(b"{}", "404 Not Found")), "Check the address"),
        (sending(reply(b"", "308 Moved", "Location: /embeddings/")), "with the slash at the end: give http.*dings/"),
        (sending(reply(b"", "301 Moved", "Location: https://127.0.0.1:PORT/embeddings")), "https:// instead of http://"),
        (sending(reply(b"", "307 Moved", "Location: http://elsewhere.invalid/v1")), "another host.*not sent"),
        (sending(reply(b"<html>", "200 OK", "Content-Type: text/html")), "web page"),
        (sending(reply(b"{}", "429 Busy", "Retry-After: 3600")), "left alone for 3600 s, and 5 s are left .*timeout="),
        (sending(reply(b"{}", "503 Busy", "Retry-After: 1e999")), "left alone for inf s"),
        (sending(reply(b"{}", "200 OK", "Content-Encoding: gzip, gzip")), ""),
        (sending(reply(b"x" * 1_100_000)), "larger than 1 MB"),
        (sending(reply(gzip.compress(b"x" * 50_000_000), "200 OK", "Content-Encoding: gzip")), "larger than 1 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_no_try_can_mend_ends_at_once(answer: Answer, words: str) -> None:
    def with_port(connection: socket.socket, state: Raw) -> None:
        class Sender:
            def sendall(self, data: bytes) -> None:
                connection.sendall(data.replace(b"PORT", str(state.port).encode()))

        answer(Sender(), state)  # type: ignore[arg-type]

    with listening(with_port) as server:
        vectors, seconds = asked(server.url, timeout=5, call_timeout=5, options={"max_response_mb": "1"})
    assert seconds < SOON
    assert len(vectors.failed) == 20
    if words:
        assert len(server.sent) == 1
        assert re.search(words, vectors.gone), vectors.gone


def test_a_date_to_wait_for() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with listening(sending(reply(b"{}", "429 Busy", f"Retry-After: {until}"))) as server:
        vectors, seconds = asked(server.url, timeout=5, call_timeout=5)
    assert seconds < SOON and len(server.sent) == 1
    assert "asks to be left alone" in vectors.gone


def test_nobody_listens_and_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    vectors, seconds = asked(f"http://127.0.0.1:{port}", timeout=30)
    assert seconds < SOON and "nothing listens" in vectors.gone and "Start the server" in vectors.gone

    def unknown(*arguments: object, **others: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    vectors, seconds = asked("http://host.invalid/v1", timeout=30)
    assert seconds < SOON and "host.invalid is not known" in vectors.gone


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://127.0.0.1/v1", "http://a..b/v1"])
def test_an_address_that_is_none(url: str) -> None:
    vectors, seconds = asked(url, timeout=30)
    assert seconds < SOON and len(vectors.failed) == 20
    assert "address" in vectors.gone
    with pytest.raises(InputError, match="no address"):
        settings("http://127.0.0.1:99999/v1")
    with pytest.raises(InputError, match="no address"):
        settings("http://[::1/v1")


def test_the_other_scheme() -> None:
    with listening(sending(VECTORS), tls=True) as server:
        vectors, seconds = asked(server.url, timeout=30)
        assert seconds < SOON and "https:// instead of http://" in vectors.gone
        vectors, seconds = asked(server.url.replace("http:", "https:"), timeout=30)
        assert seconds < SOON and "certificate" in vectors.gone and "SSL_CERT_FILE" in vectors.gone
    with listening(sending(VECTORS)) as server:
        vectors, seconds = asked(server.url.replace("http:", "https:"), timeout=30)
        assert seconds < SOON and "http:// instead of https://" in vectors.gone


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reset, id="reset"),
        pytest.param(lambda connection, state: connection.shutdown(socket.SHUT_WR), id="half closed"),
        pytest.param(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[1"), id="cut off"),
        pytest.param(sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), id="no chunk"),
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.6\r\n"), id="not HTTP"),
    ],
)
def test_a_connection_that_drops_is_tried_again_but_not_for_every_text(answer: Answer) -> None:
    with listening(answer) as server:
        vectors, seconds = asked(server.url, retries=1, timeout=20, call_timeout=5)
    assert seconds < SOON and vectors.gone
    assert len(server.sent) <= 2 * 3 + 1  # three calls, each with one more try; a look whether it speaks TLS


def test_the_total_is_for_all_calls_together() -> None:
    """Each call is well within its own limit, and the server never fails."""

    def slow(connection: socket.socket, state: Raw) -> None:
        state.stop.wait(0.2)
        connection.sendall(VECTORS)

    with listening(slow) as server:
        vectors, seconds = asked(server.url, texts=40, batch_size=1, timeout=1, call_timeout=0.9)
    assert seconds < SOON
    assert "1 s it may take in all" in vectors.gone and "timeout=SECONDS" in vectors.gone


def test_one_that_is_gone_is_not_asked_by_anybody() -> None:
    with listening(sending(reply(b"{}", "401 Unauthorized"))) as server:
        encoder = open_encoder(settings(server.url))
        for _ in range(5):
            with pytest.raises(EncoderGoneError, match="key_env="):
                encoder.encode(["a"], None)
        assert len(server.sent) == 1
        encoder.restart_clock()  # the next part of a long run
        with pytest.raises(EncoderGoneError):
            encoder.encode(["a"], None)
        assert len(server.sent) == 2


def test_a_server_that_answered_before_may_come_back() -> None:
    """Between two parts of a run it is started again."""
    down = [False]

    def answer(connection: socket.socket, state: Raw) -> None:
        connection.sendall(reply(b"{}", "503 Starting") if down[0] else VECTORS)
        down[0] = not down[0]

    with listening(answer) as server, closing(Http(settings(server.url, timeout=20, call_timeout=5))) as http:
        for _ in range(3):
            assert http.post(server.url, {})["data"]
    assert len(server.sent) == 5


def test_a_redirect_never_takes_the_key_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-a1b2c3d4e5f6g7h8")
    with listening(sending(VECTORS)) as other:
        moved = reply(b"", "307 Moved", f"Location: http://localhost:{other.port}/embeddings")
        with listening(sending(moved)) as server, closing(Http(settings(server.url, key_env="SOME_KEY"))) as http:
            with pytest.raises(EncoderGoneError, match="another host"):
                http.post(f"{server.url}/embeddings", {})
            assert b"sk-a1b2c3d4e5f6g7h8" in server.sent[0]
        assert other.sent == []


def test_a_description_that_is_refused_is_no_reason_to_stop() -> None:
    with listening(sending(reply(b"{}", "404 Not Found"))) as server, closing(Http(settings(server.url))) as http:
        with pytest.raises(EncoderError) as caught:
            http.get(f"{server.url}/info")
        assert not isinstance(caught.value, EncoderGoneError)


def test_work_is_left_behind_and_what_it_waits_for_taken_away() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            bounded(lambda: ours.recv(1), 0.05, lambda: theirs.shutdown(socket.SHUT_RDWR))
        assert bounded(lambda: 7, 5, lambda: None) == 7
        with pytest.raises(KeyError):
            bounded(lambda: {}["a"], 5, lambda: None)  # type: ignore[index]


def test_a_clock_runs_from_the_first_question() -> None:
    clock = Clock(0.05)
    time.sleep(0.1)
    assert clock.left() > 0
    time.sleep(0.1)
    assert clock.left() == 0
    clock.restart()
    assert clock.left() > 0
