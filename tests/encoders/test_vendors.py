"""Every protocol, on a server written from its documentation: right vectors, its errors and limits, its packings."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import pytest

from data.store import keys
from data.store.errors import InputError
from evaluators.encoders.base import Description
from evaluators.encoders.guarded import GuardedEncoder
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.probes import Probe
from tests.encoders.bench import KEY, MODEL, Bench, Reply, right_rows, serving_as
from tests.encoders.server import vector
from tests.encoders.vendors import VENDORS, Vendor

TEXTS = [f"Text {n}, on {topic}" for n, topic in enumerate(["bread", "harbours", "x < y & z", "Zürich 东京"] * 4)]
ODD = TEXTS[3]  # the one that faults are about
Rows = Callable[[list[str]], list[Any]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VENDOR_KEY", KEY)
    yield
    keys.forget()


def opened(vendor: Vendor, bench: Bench, **settings: object) -> GuardedEncoder:
    given = {"key_env": "VENDOR_KEY", "timeout": 200, "retries": 0} | settings
    line = "&".join(f"{name}={value}" for name, value in given.items())
    return open_encoder(parse_spec(f"{vendor.spec.replace('URL', bench.url)}&{line}"))


def asked(
    vendor: Vendor, bench: Bench, texts: list[str] = TEXTS, role: str | None = None, **settings: object
) -> tuple[ProbeVectors, Description]:
    """What a check gets of the texts, and what it says of the server."""
    probes = [Probe(f"p{n}", text, role) for n, text in enumerate(texts)]
    with serving_as(vendor.answer, bench), closing(opened(vendor, bench, **settings)) as encoder:
        return encode_probes(encoder, probes), encoder.describe()


def assert_right(vectors: ProbeVectors, but: set[int] = set(), texts: list[str] = TEXTS) -> None:  # noqa: B006
    """Every text has its own vector, but for these."""
    assert vectors.dense is not None, vectors.failed
    assert set(vectors.failed) == but, vectors.failed
    for row, text in enumerate(texts):
        if row not in but:
            assert np.allclose(vectors.dense[row], vector(text), atol=1e-6), row


def for_some(some: set[str], change: Callable[[list[float]], Any]) -> Rows:
    return lambda texts: [change(vector(text).tolist()) if text in some else vector(text).tolist() for text in texts]


for_the_odd_one = partial(for_some, {ODD})


every = pytest.mark.parametrize("name", VENDORS)


@every
def test_every_text_gets_its_own_vector_and_every_request_has_the_key(name: str) -> None:
    vendor, bench = VENDORS[name], Bench()
    vectors, description = asked(vendor, bench, batch_size=5)
    assert_right(vectors)
    assert description.warnings == [] and vectors.refused == vectors.smaller == []
    header = "x-api-key" if name == "jumpstart" else "authorization"
    assert all(KEY in one.headers[header] for one in bench.asked)
    assert not any(KEY in value for one in bench.asked for other, value in one.headers.items() if other != header)
    assert not any(KEY.encode() in one.body for one in bench.asked)


@every
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(for_the_odd_one(lambda row: [float("nan"), *row[1:]]), "not numbers", id="nan"),
        pytest.param(for_the_odd_one(lambda row: [None, *row[1:]]), "not numbers", id="null number"),
        pytest.param(for_the_odd_one(lambda row: None), "not numbers|null in the place|no list", id="null vector"),
        pytest.param(for_the_odd_one(lambda row: row[:16]), "16 dimensions, most of the others 32", id="width"),
        pytest.param(for_the_odd_one(lambda row: ["a", "b"]), "not numbers", id="words"),
    ],
)
def test_a_fault_of_one_text_is_named_and_costs_that_text_alone(name: str, fault: Rows, reason: str) -> None:
    if name.startswith("kserve") and fault(["x", ODD])[1] in (None, ["a", "b"]):
        pytest.skip("a tensor has no place for it")
    if ("base64" in name or name == "cohere v1") and fault([ODD]) == [["a", "b"]]:
        pytest.skip("bytes have no words")
    vectors, _ = asked(VENDORS[name], Bench(rows=fault))
    assert_right(vectors, {3})
    (said,) = vectors.failed.values()
    assert any(words in said for words in reason.split("|")), said


@every
def test_another_dimension_from_half_way_on_costs_those_alone(name: str) -> None:
    bench = Bench(rows=for_some(set(TEXTS[10:]), lambda row: row[:8]))
    vectors, _ = asked(VENDORS[name], bench, batch_size=4)
    assert_right(vectors, set(range(10, 16)))
    assert set(vectors.failed.values()) == {"The vector has 8 dimensions, most of the others 32."}


@pytest.mark.parametrize("name", [name for name in VENDORS if name != "ollama, older"])
def test_fewer_or_more_vectors_than_texts_are_never_matched_to_texts(name: str) -> None:
    vectors, _ = asked(VENDORS[name], Bench(rows=lambda texts: right_rows(texts)[: max(len(texts) - 1, 1)]))
    assert_right(vectors)
    assert "16 texts together were refused" in vectors.refused[0] and "vectors for 16 texts" in vectors.refused[0]
    vectors, _ = asked(VENDORS[name], Bench(rows=lambda texts: [*right_rows(texts), vector("more").tolist()]))
    assert len(vectors.failed) == 16 and "gave 2 vectors for 1 text (" in vectors.failed[0], vectors.failed[0]


numbered = pytest.mark.parametrize("name", [name for name, vendor in VENDORS.items() if vendor.numbered])


@numbered
@pytest.mark.parametrize("first", [0, 1, 40])
def test_numbers_say_which_vector_is_which(name: str, first: int) -> None:
    def order(count: int) -> list[int]:
        return random.Random(count).sample(range(count), count)

    bench = Bench(
        rows=lambda texts: [right_rows(texts)[n] for n in order(len(texts))],
        numbers=lambda count: [first + n for n in order(count)],
    )
    vectors, description = asked(VENDORS[name], bench)
    assert_right(vectors)
    assert description.warnings == []


@numbered
def test_numbers_that_tell_nothing_leave_the_order_and_are_a_note(name: str) -> None:
    vectors, description = asked(VENDORS[name], Bench(numbers=lambda count: [0] * count))
    assert_right(vectors)
    assert "numbers all its vectors 0; they are taken in the order" in description.warnings[0]


@numbered
def test_no_numbers_at_all_leave_the_order_it_was_sent_in(name: str) -> None:
    vectors, description = asked(VENDORS[name], Bench(numbers=lambda count: [None] * count))
    assert_right(vectors)
    assert description.warnings == []


@numbered
@pytest.mark.parametrize("numbers", [[0, 0, 2], [0, 1, 7], [0, 1, None], [0.5, 1, 2], ["a", "b", "c"]])
def test_numbers_that_contradict_are_named(name: str, numbers: list[Any]) -> None:
    bench = Bench(numbers=lambda count: numbers if count == 3 else list(range(count)))
    vectors, _ = asked(VENDORS[name], bench, TEXTS[:3])
    assert_right(vectors, texts=TEXTS[:3])
    assert "which belongs to which text cannot be told" in vectors.refused[0]


@pytest.mark.parametrize("name", [name for name, vendor in VENDORS.items() if vendor.names])
def test_another_name_of_the_model_is_a_note(name: str) -> None:
    vectors, description = asked(VENDORS[name], Bench(named="all-minilm-l12"))
    assert_right(vectors)
    assert description.warnings == [f"Asked for the model {MODEL}, the server answered as all-minilm-l12."]
    assert description.model == "all-minilm-l12"


@pytest.mark.parametrize("name", [name for name, vendor in VENDORS.items() if vendor.too_many])
def test_the_most_texts_of_a_call_by_its_documentation(name: str) -> None:
    vendor = VENDORS[name]
    texts = [f"text {n}" for n in range(vendor.too_many + 10)]
    vectors, description = asked(vendor, bench := Bench(), texts, batch_size=5000)
    assert_right(vectors, texts=texts)
    assert "refused batches of 5000 texts" in description.warnings[0]
    assert len([one for one in bench.asked if one.body]) <= 4


def test_triton_has_the_limit_of_its_model() -> None:
    for name in ("kserve", "kserve, bytes"):
        vectors, description = asked(VENDORS[name], Bench(most=8))
        assert_right(vectors)
        assert "given 8 texts at a time" in description.warnings[0]


@every
def test_a_wrong_key_ends_it_at_once_and_is_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_KEY", wrong := "wk-0aZ9sX8dC7fV6gB5hN4j")
    vectors, description = asked(VENDORS[name], bench := Bench(), timeout=5)
    assert "key_env" in vectors.gone and ("401" in vectors.gone or "403" in vectors.gone)
    sent = 0 if name.startswith("kserve") else 1  # which is asked for its tensors first
    assert len([one for one in bench.asked if one.body]) == sent
    assert wrong not in f"{vectors}{description}"


@pytest.mark.parametrize("kind", ["int8", "uint8", "binary", "ubinary"])
@pytest.mark.parametrize(
    "spec",
    [
        "cohere:URL?model=m&embedding_types=KIND",
        "cohere:URL/v1/embed?model=m&embedding_types=KIND",
        "voyage:URL/v1?model=m&output_dtype=KIND",
        "voyage:URL/v1?model=m&output_dtype=KIND&encoding_format=base64",
        "openai:URL/v1?model=m&packing=KIND&extra={%22output_dtype%22:%22KIND%22}",
    ],
)
def test_packed_vectors_are_unpacked_and_said_to_be(spec: str, kind: str) -> None:
    name = spec.partition(":")[0].replace("openai", "voyage")  # a server that packs what it was not asked to
    vendor = Vendor(VENDORS[name].answer, spec.replace("KIND", kind))
    vectors, description = asked(vendor, Bench())
    whole = np.stack([vector(text) for text in TEXTS])
    expected = np.sign(whole) if "binary" in kind else np.clip(np.round(whole * 127), -128, 127)
    assert vectors.dense is not None and np.array_equal(vectors.dense, expected)
    assert kind in description.warnings[0] or "one bit a dimension" in description.warnings[0]


@pytest.mark.parametrize("name", ["openai", "openai base64", "llama.cpp v1", "infinity", "cohere v1", "voyage"])
@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (base64.b64encode(b"x" * 129).decode(), "base64 of 129 bytes, which is no row of 4-byte numbers"),
        ("", "base64 of 0 bytes"),
        ("not base64!", "neither a list nor base64"),
        ("abc", "neither a list nor base64"),
    ],
)
def test_base64_that_is_no_vector_costs_its_text_alone(name: str, packed: str, words: str) -> None:
    vectors, _ = asked(VENDORS[name], Bench(rows=for_the_odd_one(lambda row: packed)))
    assert_right(vectors, {3})
    assert words in vectors.failed[3]


def test_what_was_asked_for_packed_and_comes_as_floats_is_said() -> None:
    vendor = Vendor(VENDORS["cohere"].answer, "cohere:URL?model=m&embedding_types=int8")

    def floats(reply: Any) -> Any:
        content = dict(reply.content)
        if "embeddings" in content:
            content["embeddings"] = {"int8": [[0.5, 1.5]] * len(content["texts"])}
        return reply._replace(content=content)

    vectors, _ = asked(vendor, Bench(spoil=floats))
    assert "asked for int8 vectors and sent numbers that are not whole" in vectors.failed[0]
    vectors, _ = asked(vendor, Bench(spoil=lambda reply: reply._replace(content={"embeddings": {"float": []}})))
    assert "asked for int8 embeddings and gave float" in vectors.failed[0]


def test_roles_are_told_in_the_words_of_the_protocol() -> None:
    def sent(name: str, role: str | None, **settings: object) -> Any:
        asked(VENDORS[name], bench := Bench(), TEXTS[:2], role, **settings)
        return next(one.json for one in bench.asked if one.body)

    assert sent("cohere", "query")["input_type"] == "search_query"
    assert sent("cohere", None)["input_type"] == "search_document"
    assert sent("cohere", "query", input_type="clustering")["input_type"] == "clustering"
    assert sent("voyage", "document")["input_type"] == "document"
    assert "input_type" not in sent("voyage", None) and "input_type" not in sent("voyage", "query", input_type="none")
    instance = {"content": TEXTS[0], "task_type": "RETRIEVAL_QUERY"}
    assert sent("vertex", "query")["instances"][0] == instance
    assert sent("vertex", "query", role_query="")["instances"][0] == {"content": TEXTS[0]}
    assert sent("ollama", None, extra='{"truncate":false}')["truncate"] is False


def test_what_the_servers_say_of_themselves() -> None:
    _, ollama = asked(VENDORS["ollama"], Bench())
    assert (ollama.revision, ollama.settings["server_dtype"]) == ("1b226e2802db", "F16")
    assert ollama.versions == {"ollama": "0.12.6"}
    _, llama = asked(VENDORS["llama.cpp"], Bench())
    assert llama.settings["model_file"] == "all-MiniLM-L6-v2.Q8_0.gguf" and llama.settings["max_length"] == 256
    assert llama.versions == {"llama.cpp": "b6503-3d4053f7"}
    _, triton = asked(VENDORS["kserve"], Bench())
    assert triton.versions == {"server": "triton 2.51.0", "model": "1"}


def test_llama_cpp_is_asked_not_to_normalise_and_names_vectors_of_tokens() -> None:
    vectors, _ = asked(VENDORS["llama.cpp"], Bench(), normalise="no")
    assert vectors.dense is not None and np.allclose(np.linalg.norm(vectors.dense, axis=1), 3)

    def tokens(reply: Any) -> Any:
        rows = reply.content if isinstance(reply.content, list) else []
        many = [entry | {"embedding": entry["embedding"] * 7} for entry in rows]
        return reply._replace(content=many) if rows else reply

    vectors, _ = asked(VENDORS["llama.cpp"], Bench(spoil=tokens))
    assert "7 vectors for one text, one a token: start it with --pooling mean" in vectors.failed[0]
    long = ["word " * 1000, *TEXTS[1:]]
    vectors, _ = asked(VENDORS["llama.cpp"], bench := Bench(), long, retries=4)
    assert_right(vectors, {0}, long)
    assert "too large to process" in vectors.failed[0]
    assert sum(long[0] in one.json["content"] for one in bench.asked if one.body) == 5  # halved, and not tried again


def test_cohere_puts_texts_in_another_order_or_says_it_read_others() -> None:
    def turned(reply: Any) -> Any:
        content = dict(reply.content)
        if "texts" in content:
            kinds = content["embeddings"]
            content["texts"] = content["texts"][::-1]
            content["embeddings"] = {kind: rows[::-1] for kind, rows in kinds.items()}
        return reply._replace(content=content)

    vectors, description = asked(VENDORS["cohere"], Bench(spoil=turned))
    assert_right(vectors)
    assert description.warnings == []

    def small(reply: Any) -> Any:
        return reply._replace(content=reply.content | {"texts": [text.lower() for text in reply.content["texts"]]})

    vectors, description = asked(VENDORS["cohere"], Bench(spoil=small))
    assert_right(vectors)
    assert description.warnings == ["The server says that it read texts otherwise than they were sent."]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("vectors=a", "missing"),
        ("body={}&vectors=a", "one place for the texts"),
        ("body=[%22$texts%22]&vectors=a", "one place for the texts"),
        ("body={oops&vectors=a", "no JSON"),
        ('body={"a":"$texts","b":"$text"}&vectors=a', "one place for the texts"),
        ('body={"a":"$texts"}&vectors=a..b', "cannot be read"),
        ('body={"a":"$texts","api_key":"abc"}&vectors=a', "A key is written into the request"),
        ('extra={"auth":{"token":"abc"}}&form=vertex', "A key is written into the request"),
        ("extra=[1]&form=vertex", "no JSON object"),
        ("form=elsewhere", "no form"),
        ("form=vertex&packing=int7", "packing='int7' is not known"),
        ("form=vertex&key_header=a:b", "no name of a header"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_before_anything_is_sent(options: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_encoder(parse_spec(f"json-template:http://127.0.0.1:9/x?key_env=VENDOR_KEY&{options}"))


@pytest.mark.parametrize(
    ("body", "path", "answer"),
    [
        ('{"q":{"docs":"$texts"}}', "out.*.v.0", lambda rows: {"out": [{"v": [row]} for row in rows]}),
        ('{"docs":"$texts"}', "$.out[*]['v']", lambda rows: {"out": [{"v": row} for row in rows]}),
        ('{"docs":"$texts"}', "*", lambda rows: rows),
        ('{"docs":"$texts"}', "0.vectors", lambda rows: [{"vectors": rows}]),
        ('{"parts":[{"t":"$text","fixed":1},7]}', "out", lambda rows: {"out": rows}),
        ('{"text":"$text"}', "out", lambda rows: {"out": rows[0]}),
        ('{"text":"$text"}', "out", lambda rows: {"out": rows}),
    ],
)
def test_templates_and_paths(body: str, path: str, answer: Callable[[list[Any]], Any]) -> None:
    def server(bench: Bench, request: Any) -> Any:
        sent = request.json
        texts = sent.get("docs") or sent.get("q", {}).get("docs") or [part["t"] for part in sent.get("parts", [])[:-1]]
        return Reply(answer(right_rows(texts or [sent["text"]])))

    vectors, _ = asked(Vendor(server, f"json-template:URL/x?body={body}&vectors={path}"), Bench())
    assert_right(vectors)


def test_a_path_that_leads_nowhere_says_where_it_ends() -> None:
    vendor = Vendor(VENDORS["vertex"].answer, "json-template:URL/x?form=vertex&vectors=predictions.*.values")
    vectors, _ = asked(vendor, Bench())
    assert "null in the place of vectors" in vectors.failed[0]
    vendor = Vendor(VENDORS["vertex"].answer, "json-template:URL/x?form=vertex&vectors=outputs.*")
    vectors, _ = asked(vendor, Bench())
    assert "nothing at outputs of the path outputs.*: {" in vectors.failed[0]
