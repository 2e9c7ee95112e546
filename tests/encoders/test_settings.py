from __future__ import annotations

from pathlib import Path

import pytest

from data.store.errors import InputError, MissingDependencyError
from evaluators.encoders.registry import BACKENDS, backend_of, open_encoder
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.spec import parse_spec


def test_a_spec_says_everything() -> None:
    found = parse_spec(
        "sentence-transformers:org/name@abc123?dtype=bfloat16&pooling=cls&normalise=no&dimensions=128&max_length=64"
        "&query_prompt=query: &document_prompt=passage%3A%26 &strip=yes&outputs=dense,sparse&runtime=onnx&label=mine"
    )
    assert found == EncoderSettings(
        "sentence-transformers", "org/name", revision="abc123", dtype="bf16", pooling="cls", normalise=False,
        dimensions=128, max_length=64, prompts={"query": "query: ", "document": "passage:& "}, strip=True,
        outputs=("dense", "sparse"), options={"runtime": "onnx"}, label="mine",
    )  # fmt: skip
    assert found.model == "org/name"


@pytest.mark.parametrize(
    ("spec", "source", "options"),
    [
        ("openai:http://127.0.0.1:80/v1?model=m", "http://127.0.0.1:80/v1", {}),
        ("command:python x.py --y?batch_size=4", "python x.py --y", {}),
        ("command:what? is=this", "what? is=this", {}),
        ("langchain:a.b:C?model_name=x&options.model=y", "a.b:C", {"model_name": "x", "model": "y"}),
        ("ready:/a b/v@1.npy?texts=t.jsonl", "/a b/v@1.npy", {"texts": "t.jsonl"}),
        ("transformers:./some folder", "./some folder", {}),
    ],
)
def test_sources_of_every_kind(spec: str, source: str, options: dict[str, str]) -> None:
    found = parse_spec(spec)
    assert (found.source, dict(found.options)) == (source, options)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no-colon", "named by its backend"),
        ("transformers:", "names no model"),
        ("transformers:m?dtype=fp12", "dtype 'fp12'"),
        ("transformers:m?pooling=sum", "pooling 'sum'"),
        ("transformers:m?dimensions=0", "dimensions must be above zero"),
        ("transformers:m?batch_size=many", "not a int"),
        ("transformers:m?normalise=perhaps", "not a bool"),
        ("transformers:m?outputs=thick", "thick"),
    ],
)
def test_what_cannot_be_is_said(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_spec(spec)


def test_unknown_backends_and_options_list_the_known() -> None:
    with pytest.raises(InputError, match="sentence-transformers, transformers, onnx"):
        open_encoder(parse_spec("keras:m"))
    with pytest.raises(InputError, match="max_response_mb"):
        open_encoder(parse_spec("tei:http://127.0.0.1:9?maximum=3"))


def test_every_backend_is_a_module_with_the_same_face() -> None:
    for name in BACKENDS:
        backend = backend_of(name)
        assert callable(backend.open)
        assert backend.options is None or isinstance(backend.options, frozenset)
        assert parse_spec(f"{name}:{backend.example}").backend == name


@pytest.mark.parametrize("backend", ["vllm", "bce"])
def test_a_missing_package_is_asked_for_by_name(backend: str, tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match={"vllm": "vllm", "bce": "BCEmbedding"}[backend]):
        open_encoder(EncoderSettings(backend, str(tmp_path)))


@pytest.mark.parametrize(
    ("total", "a_call"), [(300, 60), (600, 120), (60, 60), (5, 5), (0.5, 0.5), (3600, 720)]
)  # fmt: skip
def test_a_call_may_take_a_share_of_all(total: float, a_call: float) -> None:
    assert EncoderSettings("tei", "http://127.0.0.1:9", timeout=total).seconds_a_call == a_call
    assert EncoderSettings("tei", "http://127.0.0.1:9", timeout=total, call_timeout=0.1).seconds_a_call == 0.1
    with pytest.raises(InputError, match="call_timeout must be above zero"):
        parse_spec("tei:http://127.0.0.1:9?call_timeout=nan")


def test_code_is_allowed_by_name_and_revision() -> None:
    first, second = "1a" * 20, "2b" * 20
    assert EncoderSettings("transformers", "org/m", trust=f"org/m@{first},org/code@{second}").allowed == {
        "org/m": first,
        "org/code": second,
    }
    with pytest.raises(InputError, match="can change after it was read"):
        EncoderSettings("transformers", "org/m", trust="org/m@main")
    with pytest.raises(InputError, match="name and revision"):
        EncoderSettings("transformers", "org/m", trust="org/m")


def test_an_encoder_of_a_plan_is_named_by_its_label(tmp_path: Path) -> None:
    plan = tmp_path / "p.toml"
    plan.write_text('[[candidate]]\nlabel = "b"\nbackend = "tei"\nsource = "http://127.0.0.1:9"\nretries = 0\n')
    assert parse_spec(f"{plan}#b") == EncoderSettings("tei", "http://127.0.0.1:9", label="b", retries=0)
    with pytest.raises(InputError, match="labelled 'c'"):
        parse_spec(f"{plan}#c")
