"""Objects of the frameworks, by classes that have their documented methods; the real ones are in tests/peers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.store.errors import EncoderError, InputError, MissingDependencyError
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from tests.encoders.server import vector
from tests.serving import ROOT

TEXTS = ["one text", "another", "one text", "  "]
HERE = "tests.encoders.test_objects"


class LlamaIndexLike:
    """https://developers.llamaindex.ai/python/framework-api-reference/embeddings (BaseEmbedding)"""

    def __init__(self, model_name: str, embed_batch_size: int = 10) -> None:
        assert model_name == "m" and embed_batch_size == 4

    def get_text_embedding_batch(self, texts: list[str], show_progress: bool = False) -> list[list[float]]:
        return [vector(text).tolist() for text in texts]

    def get_query_embedding(self, query: str) -> list[float]:
        return (-vector(query)).tolist()


class HaystackTextLike:
    """https://docs.haystack.deepset.ai/docs/sentencetransformerstextembedder"""

    def __init__(self) -> None:
        self.warm = False

    def warm_up(self) -> None:
        self.warm = True

    def run(self, text: str) -> dict[str, Any]:
        assert self.warm
        return {"embedding": vector(text).tolist(), "meta": {}}


class ChromaLike:
    """https://docs.trychroma.com/docs/embeddings/embedding-functions (EmbeddingFunction)"""

    def __call__(self, input: list[str]) -> list[np.ndarray]:  # noqa: A002 -- Chroma's own name
        return [vector(text) for text in input]

    def embed_query(self, input: list[str]) -> list[np.ndarray]:  # noqa: A002 -- Chroma's own name
        return [-vector(text) for text in input]


class FastEmbedLike:
    """https://qdrant.github.io/fastembed (TextEmbedding): generators of arrays"""

    def embed(self, documents: list[str], batch_size: int = 256) -> Iterator[np.ndarray]:
        yield from (vector(text) for text in documents)

    def query_embed(self, query: list[str]) -> Iterator[np.ndarray]:
        yield from (-vector(text) for text in query)


class Long(LlamaIndexLike):
    """The same with an argument that is also the name of a setting."""

    def __init__(self, max_length: int) -> None:
        assert max_length == 64


@pytest.mark.parametrize(
    ("line", "turned"),
    [
        ("LlamaIndexLike?model_name=m&embed_batch_size=4", True),
        ("HaystackTextLike", False),
        ("ChromaLike", True),
        ("FastEmbedLike", True),
    ],
)
def test_each_is_asked_in_its_own_way(line: str, turned: bool) -> None:
    with closing(open_encoder(parse_spec(f"python-object:{HERE}:{line}"))) as encoder:
        documents = encoder.encode(TEXTS, "document").dense
        queries = encoder.encode(TEXTS, "query").dense
        assert encoder.describe().versions
    right = np.stack([vector(text) for text in TEXTS])
    assert documents is not None and np.allclose(documents, right, atol=1e-6)
    assert queries is not None and np.allclose(queries, -right if turned else right, atol=1e-6)


class Placed(FastEmbedLike):
    """Arguments that are all called like settings, as Haystack's are; each vector holds what came of them."""

    def __init__(self, model: str = "", device: str = "", batch_size: int = 0, revision: str = "") -> None:
        self.given = {"model": model, "device": device, "batch_size": batch_size, "revision": revision}

    def embed(self, documents: list[str], batch_size: int = 256) -> Iterator[np.ndarray]:
        yield from (vector(json.dumps(self.given, sort_keys=True)) for _ in documents)


class AnyOf(Placed):
    """A class that hands on what it does not name itself, as LlamaIndex' and Chroma's do."""

    def __init__(self, **more: Any) -> None:
        self.given = more


def _given(line: str) -> np.ndarray | None:
    with closing(open_encoder(parse_spec(f"python-object:{HERE}:{line}"))) as encoder:
        return encoder.encode(["one text"], None).dense


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("Placed", {"model": "", "device": "", "batch_size": 0, "revision": ""}),
        ("Placed?device=cpu", {"model": "", "device": "cpu", "batch_size": 0, "revision": ""}),
        ("Placed?device=cpu&options.device=cuda", {"model": "", "device": "cuda", "batch_size": 0, "revision": ""}),
        ("Placed@abc?model=m&batch_size=8", {"model": "m", "device": "", "batch_size": 8, "revision": "abc"}),
        ("AnyOf?device=cpu&max_length=64&batch_size=8&model=m&k=1", {"device": "cpu", "max_length": 64, "k": 1}),
    ],
)
def test_settings_that_only_the_class_can_heed_reach_it(line: str, given: dict[str, Any]) -> None:
    found = _given(line)
    assert found is not None and np.allclose(found[0], vector(json.dumps(given, sort_keys=True)), atol=1e-6)


def test_what_nobody_would_heed_is_refused() -> None:
    assert _given("Long?max_length=64") is not None
    for line, name in (("Long?max_length=64&device=cpu", "device"), ("ChromaLike?max_length=64", "max_length")):
        with pytest.raises(InputError, match=f"{name} would not reach the class") as caught:
            _given(line)
        assert f"options.{name}=" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no_such_package:Class", MissingDependencyError, "pip install no_such_package"),
        ("json:Nothing", InputError, "no class Nothing"),
        ("json:JSONDecoder", InputError, "no method that gives embeddings"),
        ("just-a-name", InputError, "module:Class"),
    ],
)
def test_what_is_none_is_said(source: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        open_encoder(parse_spec(f"python-object:{source}"))


def test_the_same_in_another_python() -> None:
    """The program needs nothing of Plumbline: it runs from its own folder alone, as a peer's Python would."""
    host = ROOT / "evaluators" / "encoders" / "isolated" / "host.py"
    lines = [{"texts": TEXTS[:2], "role": "query"}, {"describe": True}]
    ended = subprocess.run(
        [sys.executable, str(host), "object", f"{HERE}:LlamaIndexLike", "model_name=m", "embed_batch_size=4"],
        input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, text=True, timeout=120,
        env={"PYTHONPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)}, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert np.allclose(answers[0]["dense"], [-vector(text) for text in TEXTS[:2]], atol=1e-6)
    assert answers[1]["settings"] == {"framework": "llama-index"}


class Broken:
    """A class whose own code fails."""

    def __init__(self) -> None:
        raise AttributeError("'NoneType' object has no attribute 'tokenizer'")


def test_a_fault_of_the_class_is_told_as_its_own() -> None:
    with pytest.raises(EncoderError, match="has no attribute 'tokenizer'"):
        open_encoder(parse_spec(f"python-object:{HERE}:Broken"))
