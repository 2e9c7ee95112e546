"""Whatever happens on the way, for every protocol: it ends in time, in one sentence, and no key goes elsewhere."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.probes import Probe
from tests.encoders.bench import KEY, Bench, Reply, serving_as
from tests.encoders.raw import Raw, listening
from tests.encoders.vendors import VENDORS

Answer = Callable[[socket.socket, Raw], None]
SOON = 10.0  # seconds, many times what is given below
LATE = "took more than|no answer within|may take in all"
PATIENT = {"timeout": 200, "call_timeout": 100}  # where nothing is waited for, on a machine however busy


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_KEY", KEY)


def asked(name: str, url: str, **settings: object) -> tuple[ProbeVectors, float]:
    given = {"key_env": "VENDOR_KEY", "timeout": 0.9, "call_timeout": 0.4, "retries": 0} | settings
    line = "&".join(f"{name}={value}" for name, value in given.items())
    started = time.monotonic()
    with closing(open_encoder(parse_spec(f"{VENDORS[name].spec.replace('URL', url)}&{line}"))) as encoder:
        vectors = encode_probes(encoder, [Probe(f"p{n}", f"text {n}") for n in range(12)])
    return vectors, time.monotonic() - started


def of_every_protocol(url: str, **settings: object) -> Iterator[tuple[str, ProbeVectors, float]]:
    """All at the same time: most of it is waiting."""
    with ThreadPoolExecutor(len(VENDORS)) as pool:
        answers = pool.map(lambda name: asked(name, url, **settings), VENDORS)
        for name, (vectors, seconds) in zip(VENDORS, answers, strict=True):
            yield name, vectors, seconds


def endless(piece: bytes, pause: float) -> Answer:
    """A body that begins well and never ends."""

    def answer(connection: socket.socket, state: Raw) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
        connection.sendall(head + b'{"data": [')
        while not state.stop.is_set():
            connection.sendall(piece)
            state.stop.wait(pause)

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(endless(b" ", 0.3), LATE, id="a byte now and then"),
        pytest.param(endless(b"0.1, " * 100, 0.02), f"{LATE}|larger than 1 MB", id="without end"),
        pytest.param(endless(b"0.1, " * 99_999, 0), f"{LATE}|larger than 1 MB", id="a flood"),
    ],
)  # fmt: skip
def test_a_body_that_never_ends_is_left_in_time(answer: Answer, words: str) -> None:
    with listening(answer) as server:
        for name, vectors, seconds in of_every_protocol(server.url, max_response_mb=1):
            assert seconds < SOON, name
            assert len(vectors.failed) == 12 and vectors.gone, name
            assert re.search(words, vectors.gone), (name, vectors.gone)


def test_a_connection_that_closes_without_a_word() -> None:
    with listening(lambda connection, state: None) as server:
        for name, vectors, _ in of_every_protocol(server.url, **PATIENT):
            assert len(vectors.failed) == 12, name
            assert "The connection was dropped" in next(iter(vectors.failed.values())), name


@contextmanager
def untouched() -> Iterator[int]:
    """A port that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://127.0.0.1:PORT/v1", "Give the address that it names: http://127.0.0.1:PORT"),
        ("https://127.0.0.1:PORT/v1", "Give the address that it names: https://127.0.0.1:PORT"),
        ("http://localhost:PORT/v1", "another host, http://localhost:PORT/v1, where the key was not sent"),
        ("//localhost:PORT/v1", "another host, //localhost:PORT/v1, where the key was not sent"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_stays(target: str, words: str, status: int) -> None:
    with untouched() as port:
        there = target.replace("PORT", str(port))
        moved = Reply({}, status, {"Location": there})
        with serving_as(lambda bench, request: moved, bench := Bench()):
            for name, vectors, _ in of_every_protocol(bench.url, **PATIENT):
                assert words.replace("PORT", str(port)) in vectors.gone, (name, vectors.gone)
            assert len(bench.asked) == len(VENDORS)  # each once, and no other text


def test_a_redirect_to_another_scheme_of_the_same_port() -> None:
    def answer(bench: Bench, request: object) -> Reply:
        return Reply({}, 308, {"Location": bench.url.replace("http:", "https:") + "/v1"})

    with serving_as(answer, bench := Bench()):
        for name, vectors, _ in of_every_protocol(bench.url, **PATIENT):
            assert "Begin the address with https:// instead of http://" in vectors.gone, (name, vectors.gone)


@pytest.mark.parametrize("target", ["/elsewhere", "http://127.0.0.1:PORT/elsewhere"])
def test_a_redirect_on_the_same_server_is_said_and_not_followed(target: str) -> None:
    def answer(bench: Bench, request: object) -> Reply:
        return Reply({}, 307, {"Location": target.replace("PORT", bench.url.rpartition(":")[2])})

    with serving_as(answer, bench := Bench()):
        for name, vectors, _ in of_every_protocol(bench.url, **PATIENT):
            assert "Give the address that it names" in vectors.gone and "/elsewhere" in vectors.gone, (
                name,
                vectors.gone,
            )
        assert len(bench.asked) == len(VENDORS) and not any(one.path == "/elsewhere" for one in bench.asked)
