from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from data.store.database import writing
from data.store.errors import EncoderError, InputError
from evaluators.encoders.http import Http
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.server import endpoint
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.spec import parse_spec
from evaluators.parity.keep import keep_check
from tests.encoders.server import serving
from tests.parity.conftest import checked

SECRET = "sk-very-secret-1234567890"


def settings(url: str, **values: object) -> EncoderSettings:
    return EncoderSettings(backend="openai", source=url, model="m", **values)  # type: ignore[arg-type]


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    with serving("busy-once") as server, closing(Http(settings(server.url))) as http:
        started = time.monotonic()
        answer = http.post(f"{server.url}/embed", {"inputs": ["a"]})
        assert len(answer) == 1
        assert 0.3 <= time.monotonic() - started < 20
        assert len(server.requests) == 2


def test_a_refusal_is_not_tried_again() -> None:
    with serving("ok") as server, closing(Http(settings(server.url))) as http:
        with pytest.raises(EncoderError, match="404"):
            http.post(f"{server.url}/nowhere", {"inputs": ["a"]})
        assert len(server.requests) == 1


def test_retries_end() -> None:
    with serving("down") as server, closing(Http(settings(server.url, retries=2))) as http:
        with pytest.raises(EncoderError, match="503"):
            http.post(f"{server.url}/embed", {"inputs": ["a"]})
        assert len(server.requests) == 3


def test_no_server_is_a_sentence() -> None:
    with (
        closing(Http(settings("http://127.0.0.1:9", retries=0))) as http,
        pytest.raises(EncoderError, match="cannot be reached"),
    ):
        http.post("http://127.0.0.1:9/embed", {})


def test_a_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", SECRET)
    with serving("refuses-key") as server, closing(Http(settings(server.url, key_env="SOME_KEY"))) as http:
        with pytest.raises(EncoderError) as caught:
            http.post(f"{server.url}/embed", {"inputs": ["a"]})
        assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"
        assert SECRET not in str(caught.value)  # though the server quoted it
        assert "***" in str(caught.value)


def test_a_key_reaches_neither_store_nor_description(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_KEY", SECRET)
    with serving("ok") as right, serving("refuses-key") as wrong:
        specs = [f"openai:{server.url}/v1?model=m&key_env=SOME_KEY&retries=0" for server in (right, wrong)]
        done = checked(specs[0], specs)
        assert right.headers[0]["Authorization"] == f"Bearer {SECRET}"
    path = tmp_path / "s.duckdb"
    with writing(path) as connection:
        keep_check(connection, done, "python -m evaluators parity")
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        text = json.dumps([connection.execute(f"FROM {name}").fetchall() for name in tables], default=str)
    assert "SOME_KEY" in text
    assert SECRET not in text
    assert SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "spec",
    [
        f"openai:http://user:{SECRET}@127.0.0.1/v1?model=m",
        f"openai:http://127.0.0.1/v1?model=m&api_key={SECRET}",
        f"tei:http://127.0.0.1?token={SECRET}",
        f"langchain:some.module:Class?openai_api_key={SECRET}",
        f"command:run.sh --api-key {SECRET}",
        f"command:run.sh --token={SECRET}",
        f"command:env OPENAI_API_KEY={SECRET} run.sh",
        f"command:curl -H 'Authorization: Bearer {SECRET}'",
        f"command:run.sh http://me:{SECRET}@127.0.0.1/v1",
        f"tei:http://127.0.0.1?Authorization={SECRET}",
        f"openai:http://127.0.0.1/v1?model=m&openai-api-key={SECRET}",
    ],
)
def test_a_key_written_into_a_spec_is_refused_without_repeating_it(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_spec(spec)
    assert SECRET not in str(caught.value)


def test_an_address_may_be_the_whole_endpoint() -> None:
    assert endpoint("http://h/v1", "embeddings") == endpoint("http://h/v1/", "embeddings") == "http://h/v1/embeddings"
    for whole in ("http://h/v1/embeddings", "http://h/v1/embeddings/"):
        assert endpoint(whole, "embeddings") == whole
    with serving("ok") as server:
        encoder = open_encoder(EncoderSettings("tei", f"{server.url}/embed"))
        assert encoder.encode(["a"], None).dense is not None
        assert encoder.describe().model == "org/served"
        encoder.close()


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(InputError, match="NOT_SET_ANYWHERE"):
        Http(settings("http://127.0.0.1:9", key_env="NOT_SET_ANYWHERE"))
