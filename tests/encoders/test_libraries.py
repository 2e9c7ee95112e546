"""Back ends on real libraries, where the parity tests do not already hold them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.store.errors import EncoderError, InputError, MissingDependencyError, NotAllowedError
from evaluators.encoders.pooling import pool_tokens
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.spec import parse_spec
from evaluators.model_files.hashes import hash_files
from evaluators.trust import code_revision
from tests.small_models import byte_level

TEXTS = ["A child flies a red kite.", "short", "def f(x):\n    return x + 1", ""]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return byte_level(tmp_path_factory.mktemp("model"))


def dense(spec: str, role: str | None = None) -> np.ndarray:
    encoder = open_encoder(parse_spec(spec))
    try:
        found = encoder.encode(TEXTS, role).dense
    finally:
        encoder.close()
    assert found is not None
    return found


@pytest.mark.parametrize("how", ["mean", "cls", "max", "last", "mean_sqrt_len", "weightedmean"])
def test_pooling_by_hand_is_the_librarys(model: Path, how: str) -> None:
    ours = dense(f"transformers:{model}?pooling={how}")
    np.testing.assert_allclose(ours, dense(f"sentence-transformers:{model}?pooling={how}"), atol=1e-5)


@pytest.mark.parametrize("how", ["mean", "cls", "max", "last", "weightedmean"])
def test_pooling_does_not_mind_the_side_of_the_padding(how: str) -> None:
    states = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    mask = np.ones((1, 4), dtype=np.int64)
    padding = np.full((1, 2, 3), 99, dtype=np.float32)
    right = pool_tokens(np.concatenate([states, padding], 1), np.pad(mask, ((0, 0), (0, 2))), how)
    np.testing.assert_allclose(right, pool_tokens(states, mask, how), rtol=1e-6)
    if how != "weightedmean":  # which counts positions, padding included
        left = pool_tokens(np.concatenate([padding, states], 1), np.pad(mask, ((0, 0), (2, 0))), how)
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_prompts_by_role_as_asked_and_as_declared(model: Path, tmp_path: Path) -> None:
    declared = tmp_path / "declared"
    shutil.copytree(model, declared)
    prompts = {"prompts": {"query": "q: ", "document": "d: "}}
    (declared / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    for backend in ("transformers", "sentence-transformers"):
        asked = f"{backend}:{model}?query_prompt=q: &document_prompt=d: "
        for role in ("query", "document", None):
            np.testing.assert_allclose(dense(f"{backend}:{declared}", role), dense(asked, role), atol=1e-6)
        assert np.abs(dense(asked, "query") - dense(asked, "document")).max() > 1e-3
        np.testing.assert_allclose(dense(asked), dense(f"{backend}:{model}"), atol=1e-6)


def test_dimensions_are_cut_before_they_are_normalised_again(model: Path) -> None:
    whole = dense(f"transformers:{model}")
    cut = dense(f"transformers:{model}?dimensions=8")
    np.testing.assert_array_equal(cut, whole[:, :8])
    normalised = dense(f"sentence-transformers:{model}?dimensions=8&normalise=yes")
    np.testing.assert_allclose(np.linalg.norm(normalised, axis=1), 1, atol=1e-6)


def test_what_is_in_use_is_described(model: Path) -> None:
    for backend in ("transformers", "sentence-transformers"):
        encoder = open_encoder(parse_spec(f"{backend}:{model}?max_length=16&model=org/name"))
        encoder.encode(TEXTS, None)
        said = encoder.describe()
        encoder.close()
        assert said.model == "org/name"
        assert (said.settings["pooling"], said.settings["normalise"], said.settings["max_length"]) == (
            "mean",
            False,
            16,
        )
        assert "torch" in said.versions
        assert said.files == hash_files(model)


def test_model_code_does_not_run_unless_allowed_by_name(model: Path, tmp_path: Path) -> None:
    folder, proof = tmp_path / "coded", tmp_path / "ran"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoModel": "modeling.Own", "AutoConfig": "modeling.OwnConfig"}, "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling.py").write_text(f"import pathlib\npathlib.Path({str(proof)!r}).touch()\n")
    for trust in (None, f"something/else@{'1a' * 20}", f"{folder}@0123456789ab"):
        for backend in ("transformers", "sentence-transformers"):
            with pytest.raises(NotAllowedError) as refused:
                open_encoder(EncoderSettings(backend, str(folder), trust=trust))
            kept = f"{trust}," if trust and not trust.startswith(str(folder)) else ""
            assert f"trust={kept}{folder}@{code_revision(folder)}" in str(refused.value)
    assert not proof.exists()
    with pytest.raises(EncoderError):  # it has no such classes, but it may now run
        open_encoder(EncoderSettings("transformers", str(folder), trust=f"{folder}@{code_revision(folder)}"))
    assert proof.exists()


def test_files_of_a_model_in_the_hubs_cache_are_listed(model: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / ".cache" / "huggingface" / "hub" / "models--org--m" / "snapshots" / ("a" * 40)
    shutil.copytree(model, snapshot)
    (snapshot / ".gitattributes").write_text("")
    files = {file["path"] for file in hash_files(snapshot)}
    assert "model.safetensors" in files and ".gitattributes" not in files


class Trusting:
    """An Embeddings class that trusts every model, as many do."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._open()

    def _open(self) -> None:
        from transformers import AutoConfig

        AutoConfig.from_pretrained(self.folder, trust_remote_code=True)

    def embed_query(self, text: str) -> list[float]:
        return [1.0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0]] * len(texts)


class TrustingLater(Trusting):
    """The same, which opens its model when the first text comes."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._open()
        return super().embed_documents(texts)


def _coded(model: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A model whose code would write a file, and that file."""
    folder, proof = tmp_path / "coded", tmp_path / "ran"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"auto_map": {"AutoConfig": "modeling.Own"}, "model_type": "own"})
    )
    (folder / "modeling.py").write_text(
        "import pathlib\nfrom transformers import BertConfig\n"
        f"pathlib.Path({str(proof)!r}).touch()\nclass Own(BertConfig):\n    model_type = 'own'\n"
    )
    return folder, proof


def test_a_library_that_trusts_everything_is_stopped_too(model: Path, tmp_path: Path) -> None:
    folder, proof = _coded(model, tmp_path)
    spec = f"langchain:tests.encoders.test_libraries:Trusting?folder={folder}"
    with pytest.raises(NotAllowedError, match="would run modeling.py"):
        open_encoder(parse_spec(spec))
    assert not proof.exists()
    open_encoder(parse_spec(f"{spec}&trust={folder}@{code_revision(folder)}"))
    assert proof.exists()


def test_a_library_that_opens_its_model_later_is_stopped_then(model: Path, tmp_path: Path) -> None:
    folder, proof = _coded(model, tmp_path)
    spec = f"langchain:tests.encoders.test_libraries:TrustingLater?folder={folder}"
    with pytest.raises(NotAllowedError, match="would run modeling.py") as refused:
        open_encoder(parse_spec(spec)).encode(TEXTS, None)
    assert not proof.exists()
    allow = re.findall(r"trust=\S+", str(refused.value))[0]
    assert open_encoder(parse_spec(f"{spec}&{allow}")).encode(TEXTS, None).dense is not None
    assert proof.exists()


def test_a_model_that_is_nowhere_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="no folder here"):
        open_encoder(parse_spec("transformers:org/not-here"))


def test_langchain_takes_any_embeddings_class(model: Path) -> None:
    source = "tests.encoders.test_libraries:Wrapped"
    got = dense(f"langchain:{source}?folder={model}", "document")
    np.testing.assert_allclose(got, dense(f"sentence-transformers:{model}"), atol=1e-6)
    queried = dense(f"langchain:{source}?folder={model}", "query")
    np.testing.assert_allclose(queried, -got, atol=1e-5)  # this class has a way of its own with queries


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no_such_package:Class", MissingDependencyError, "pip install no_such_package"),
        ("json:Nothing", InputError, "no class Nothing"),
        ("json:JSONDecoder", InputError, "no Embeddings class"),
        ("just-a-name", InputError, "module:Class"),
    ],
)
def test_langchain_says_what_is_wrong(source: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        open_encoder(EncoderSettings("langchain", source))


def wrapped() -> type:
    """A real subclass of LangChain's own abstract class, made where that is installed."""
    from langchain_core.embeddings import Embeddings
    from sentence_transformers import SentenceTransformer

    class Wrapped(Embeddings):
        def __init__(self, folder: str) -> None:
            self.model = SentenceTransformer(folder, device="cpu")

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [row.tolist() for row in self.model.encode(texts)]

        def embed_query(self, text: str) -> list[float]:
            return [-value for value in self.embed_documents([text])[0]]

    return Wrapped


def __getattr__(name: str) -> type:
    if name == "Wrapped":
        return wrapped()
    raise AttributeError(name)
