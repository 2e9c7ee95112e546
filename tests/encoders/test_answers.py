"""Answers that are not what a protocol says, for every protocol: each has its words, and costs its own texts alone."""

from __future__ import annotations

import gzip
import json
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from data.store import keys
from tests.encoders.bench import KEY, Asked, Bench, Reply
from tests.encoders.test_vendors import ODD, TEXTS, asked, assert_right, every, for_some, for_the_odd_one
from tests.encoders.vendors import VENDORS, Vendor

Instead = Callable[[Asked, int], Reply | None]  # a request with texts, how many came before -> what is answered


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VENDOR_KEY", KEY)
    yield
    keys.forget()


def but(vendor: Vendor, instead: Instead) -> Vendor:
    """A vendor that answers some requests with texts otherwise."""
    texts = 0

    def answer(bench: Bench, request: Asked) -> Reply:
        nonlocal texts
        if not request.body:
            return vendor.answer(bench, request)
        texts += 1
        return instead(request, texts - 1) or vendor.answer(bench, request)

    return replace(vendor, answer=answer)


@every
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(name: str, status: int) -> None:
    busy = Reply({"error": "busy"}, status, {"Retry-After": "0.2"})
    started = time.monotonic()
    vectors, description = asked(but(VENDORS[name], lambda request, before: busy if not before else None), Bench(),
                                 retries=1)  # fmt: skip
    assert_right(vectors)
    assert time.monotonic() - started >= 0.2 and description.warnings == []


@every
def test_one_that_asks_to_be_left_alone_too_long_is_left(name: str) -> None:
    busy = Reply({"error": "busy"}, 429, {"Retry-After": "3600"})
    vendor = but(VENDORS[name], lambda request, before: busy)
    vectors, _ = asked(vendor, bench := Bench(), retries=4, timeout=20)
    assert "left alone for 3600 s" in vectors.gone and len([one for one in bench.asked if one.body]) == 1


@every
def test_a_text_that_is_refused_costs_itself_alone(name: str) -> None:
    refusal = Reply({"error": {"message": "this text is not allowed here"}}, 400)
    vendor = but(VENDORS[name], lambda request, before: refusal if ODD.encode() in request.body else None)
    vectors, _ = asked(vendor, Bench())
    assert_right(vectors, {3})
    assert "this text is not allowed here" in vectors.failed[3]


@every
def test_a_web_page_in_the_place_of_vectors_ends_it_at_once(name: str) -> None:
    page = Reply(b"<!doctype html><title>Sign in</title>", 200, {"Content-Type": "text/html"})
    vendor = replace(VENDORS[name], answer=lambda bench, request: page)
    vectors, _ = asked(vendor, bench := Bench())
    assert "a web page instead of JSON" in vectors.gone and "Check that the address is the server's API" in vectors.gone
    assert len(bench.asked) <= 3  # once for texts; what it says of itself is another question


@every
@pytest.mark.parametrize("kind", ["text/plain", "text/html; charset=latin-1", "image/png"])
def test_the_type_of_the_content_matters_to_nobody(name: str, kind: str) -> None:
    vectors, _ = asked(VENDORS[name], Bench(spoil=lambda reply: _typed_as(reply, kind)))
    assert_right(vectors)


def _typed_as(reply: Reply, kind: str) -> Reply:
    return reply._replace(headers=reply.headers | {"Content-Type": kind})


@every
def test_what_is_no_json_is_quoted(name: str) -> None:
    vendor = but(VENDORS[name], lambda request, before: Reply(b"OK", 200, {"Content-Type": "text/plain"}))
    vectors, _ = asked(vendor, Bench(), TEXTS[:2])
    assert "answered with text/plain instead of JSON: OK" in vectors.failed[0]


@every
def test_gzip_is_read_and_a_bomb_is_not(name: str) -> None:
    def packed(reply: Reply) -> Reply:
        content = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content).encode()
        return reply._replace(content=gzip.compress(content), headers=reply.headers | {"Content-Encoding": "gzip"})

    vectors, _ = asked(VENDORS[name], Bench(spoil=packed))
    assert_right(vectors)
    bomb = Reply(gzip.compress(b"[" * 60_000_000), 200, {"Content-Encoding": "gzip"})
    tracemalloc.start()
    vectors, _ = asked(but(VENDORS[name], lambda request, before: bomb), Bench(), TEXTS[:2], max_response_mb=1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "larger than 1 MB" in vectors.gone and most < 20_000_000
    broken = Reply(b"no gzip at all", 200, {"Content-Encoding": "gzip"})
    vectors, _ = asked(but(VENDORS[name], lambda request, before: broken), Bench(), TEXTS[:1])
    assert "cannot be unpacked" in vectors.failed[0]
    strange = Reply(b"...", 200, {"Content-Encoding": "br"})
    vectors, _ = asked(but(VENDORS[name], lambda request, before: strange), Bench(), TEXTS[:1])
    assert "packed as br, which was not asked for" in vectors.failed[0]


@every
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_costs_its_text_alone(name: str, sign: int) -> None:
    vectors, _ = asked(VENDORS[name], Bench(rows=for_the_odd_one(lambda row: [sign * math.inf, *row[1:]])))
    assert_right(vectors, {3})
    assert "not numbers (NaN or infinity)" in vectors.failed[3]


def _turned(row: list[float]) -> list[float]:
    return [float(number) for number in np.asarray(row, dtype="<f4").byteswap()]


@pytest.mark.parametrize("name", [*VENDORS, "voyage base64"])
def test_floats_of_the_wrong_byte_order_are_named(name: str) -> None:
    vendor = VENDORS[name.removesuffix(" base64")] if name == "voyage base64" else VENDORS[name]
    more = {"encoding_format": "base64"} if name == "voyage base64" else {}
    with np.errstate(invalid="ignore"):
        vectors, _ = asked(vendor, Bench(rows=for_some(set(TEXTS), _turned)), **more)
        assert len(vectors.failed) == len(TEXTS)
        assert "the bytes of its floats in the wrong order (big-endian)" in vectors.failed[0], vectors.failed[0]
        vectors, _ = asked(vendor, Bench(rows=for_the_odd_one(_turned)), **more)
    assert_right(vectors, {3})


PLAIN = [name for name in VENDORS if "base64" not in name and "bytes" not in name and name != "cohere v1"]


@pytest.mark.parametrize("name", PLAIN)
def test_numbers_in_quotation_marks_are_read_and_it_is_said(name: str) -> None:
    vectors, description = asked(VENDORS[name], Bench(rows=for_some(set(TEXTS), lambda row: list(map(str, row)))))
    if name == "kserve":  # whose tensors have a type
        assert "values that are not numbers" in vectors.failed[0]
        return
    assert_right(vectors)
    assert ["numbers as words, in quotation marks" in note for note in description.warnings] == [True]


def test_a_tei_server_of_another_model_than_the_one_asked_for_is_a_note() -> None:
    vectors, description = asked(VENDORS["tei"], Bench(named="org/another"))
    assert_right(vectors)
    assert description.warnings == ["Asked for the model org/all-minilm, the server answered as org/another."]
    assert description.model == "org/another"


def test_vectors_of_tokens_of_a_triton_are_named() -> None:
    def tokens(reply: Reply) -> Reply:
        if not isinstance(reply.content, dict) or "model_name" not in reply.content:
            return reply
        *others, output = reply.content["outputs"]
        rows, width = output["shape"]
        return reply._replace(content=reply.content | {"outputs": [*others, output | {"shape": [rows, 2, width // 2]}]})

    vectors, _ = asked(VENDORS["kserve"], Bench(spoil=tokens), TEXTS[:2])
    assert "a vector a token: name another with output=" in vectors.failed[0]


def test_llama_cpp_is_told_which_model_is_meant() -> None:
    _, _ = asked(VENDORS["llama.cpp"], bench := Bench(), TEXTS[:1])
    assert next(one.json for one in bench.asked if one.body)["model"] == "all-minilm"
