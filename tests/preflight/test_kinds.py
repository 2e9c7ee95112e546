from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators.preflight import preflight
from tests.preflight.kinds import KINDS, change, decoder_reranker


@pytest.mark.parametrize("kind", KINDS)
def test_an_intact_folder_is_called_what_it_is(kind: str, tmp_path: Path) -> None:
    make, codes = KINDS[kind]
    make(tmp_path / "model")
    found = preflight(str(tmp_path / "model"))
    assert [(finding.code, finding.severity) for finding in found if finding.code not in codes] == []
    assert [finding.code for finding in found] == codes
    assert all(finding.severity != "fatal" and finding.remedy for finding in found)


def _without(folder: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if part not in name}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


HEADS = {"a cross-encoder": "classifier", "a sparse encoder": "cls.predictions.transform"}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_a_result_comes_from_is_missed(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    KINDS[kind][0](folder)
    _without(folder, HEADS[kind])
    assert "head-missing" in [finding.code for finding in preflight(str(folder))]


def test_a_reranker_that_is_a_language_model_is_loaded_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    decoder_reranker(folder)
    assert "fatal" not in {finding.severity for finding in preflight(str(folder))}
    _without(folder, "lm_head")
    assert "head-missing" in [finding.code for finding in preflight(str(folder))]


def test_a_pooler_is_missed_where_the_vector_comes_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    KINDS["no pooler"][0](folder)
    text = {"method": "forward", "method_output_name": "pooler_output"}
    settings = {"modality_config": {"text": text}, "module_output_name": "sentence_embedding"}
    change(folder / "sentence_bert_config.json", **settings)
    transformer, _, normalize = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps([transformer, normalize]))
    assert "head-missing" in [finding.code for finding in preflight(str(folder))]


def test_one_route_of_a_router_is_looked_at_like_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    KINDS["a router of two transformers"][0](folder)
    (weights,) = folder.glob("document*/model.safetensors")
    _without(weights.parent, "layer.1.output.dense.weight")
    assert [finding.code for finding in preflight(str(folder))] == ["weights-missing"]


def test_what_is_broken_of_another_kind_is_named(tmp_path: Path) -> None:
    broken = {"ONNX alone": ("onnx/model.onnx", b""), "GGUF alone": ("model-q8_0.gguf", b"GGML1234")}
    for kind, (file, content) in broken.items():
        folder = tmp_path / kind
        KINDS[kind][0](folder)
        (folder / file).write_bytes(content)
        assert "graph-unreadable" in [finding.code for finding in preflight(str(folder))], kind
    folder = tmp_path / "OpenVINO alone"
    KINDS["OpenVINO alone"][0](folder)
    (folder / "openvino/openvino_model.bin").unlink()
    assert "weights-file-missing" in [finding.code for finding in preflight(str(folder))]


def test_weights_that_are_called_packed_and_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    KINDS["no pooler"][0](folder)
    change(folder / "config.json", quantization_config={"quant_method": "awq", "bits": 4})
    assert [finding.code for finding in preflight(str(folder))] == ["kind-quantised", "not-packed"]


def test_a_head_that_nobody_uses_says_nothing_of_two_texts_alike(tmp_path: Path) -> None:
    """A model whose states are the same of any text is one that says nothing."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    KINDS["no pooler"][0](folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"][:] = tensors["embeddings.word_embeddings.weight"][7].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert "forward-alike" in [finding.code for finding in preflight(str(folder))]
