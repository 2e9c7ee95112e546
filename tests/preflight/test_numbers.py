"""Weights as numbers: each fault is put into MiniLM's own tensors, of which only what changed is looked at anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.preflight import preflight
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_summary import TensorSummary, summarise
from evaluators.preflight.tensor_values import used_summaries
from evaluators.preflight.weights import unlikely
from tests.models import build, copy_of, minilm_folder, randomise
from tests.preflight.number_faults import NUMBER_FAULTS


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    from safetensors.torch import load_file

    return {
        name: value
        for name, value in load_file(minilm_folder() / "model.safetensors").items()
        if value.is_floating_point()
    }


@pytest.fixture(scope="module")
def summaries(sound: dict[str, Any]) -> dict[str, TensorSummary]:
    return {name: summarise(name, "model.safetensors", tensor) for name, tensor in sound.items()}


def _look(summaries: dict[str, TensorSummary]) -> list[Finding]:
    return list(unlikely(used_summaries(summaries.values())))


def test_sound_weights_give_no_finding(summaries: dict[str, TensorSummary]) -> None:
    assert _look(summaries) == []


@pytest.mark.parametrize("fault", NUMBER_FAULTS)
def test_the_fault_is_seen_in_the_numbers(
    fault: str, sound: dict[str, Any], summaries: dict[str, TensorSummary]
) -> None:
    change, code = NUMBER_FAULTS[fault]
    changed = dict(sound)
    change(changed)
    anew = {name: summarise(name, "f", tensor) for name, tensor in changed.items() if tensor is not sound[name]}
    findings = _look(summaries | anew)
    assert code in [finding.code for finding in findings], [(f.code, f.seen) for f in findings]
    named = next(finding for finding in findings if finding.code == code)
    assert any(name in str(named.evidence) for name in anew) and named.remedy
    assert all(finding.severity != "fatal" for finding in findings)


def test_a_summary_in_pieces_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    tensor = torch.randn(300, 7, generator=torch.Generator().manual_seed(2))
    whole = summarise("a", "f", tensor)
    monkeypatch.setattr("evaluators.preflight.tensor_summary._PIECE", 100)
    pieces = summarise("a", "f", tensor)
    assert whole.rms == pytest.approx(pieces.rms) and whole.kurtosis == pytest.approx(pieces.kurtosis)
    assert (whole.rows == pieces.rows).all() and whole.columns == pytest.approx(pieces.columns)
    assert whole.rms == pytest.approx(float(tensor.square().mean().sqrt()), rel=1e-5)


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e-10, 1e10, 1e30])
def test_tiny_and_large_numbers_are_summarised_as_they_are(size: float) -> None:
    import torch

    tensor = torch.randn(64, 8, generator=torch.Generator().manual_seed(2)) * size
    summary = summarise("a", "f", tensor)
    assert summary.finite and summary.rms == pytest.approx(float(tensor.double().square().mean().sqrt()))
    assert summary.peak == pytest.approx(float(tensor.abs().max()))


def test_models_of_a_few_random_tensors_are_no_finding() -> None:
    import torch

    for size in (32, 64, 200):
        layers = {
            f"layer.{at}.{part}.weight": randomise(torch.nn.Linear(size, size), seed=at).weight.detach()
            for at in range(4)
            for part in ("query", "key", "out")
        }
        assert _look({name: summarise(name, "f", tensor) for name, tensor in layers.items()}) == []


def test_a_model_of_a_real_size_that_was_never_trained_is_one(sound: dict[str, Any]) -> None:
    import torch

    generator = torch.Generator().manual_seed(4)
    drawn = {name: torch.randn(value.shape, generator=generator) for name, value in sound.items() if value.dim() > 1}
    codes = [finding.code for finding in _look({n: summarise(n, "f", value) for n, value in drawn.items()})]
    assert codes == ["weights-untrained"]


def test_every_modules_file_and_every_head_is_looked_at(tmp_path: Path) -> None:
    import torch

    folder = build("BGE-M3 with its heads", tmp_path / "model")
    held = torch.load(folder / "colbert_linear.pt", weights_only=True)
    held["weight"][:, 3] = float("nan")
    torch.save(held, folder / "colbert_linear.pt")
    (found,) = preflight(str(folder))
    assert found.code == "weights-not-finite" and found.evidence["files"] == ["colbert_linear.pt"]
    held["weight"][:] = 0
    torch.save(held, folder / "colbert_linear.pt")
    assert [finding.code for finding in preflight(str(folder))] == ["weights-zero"]


def test_a_tensor_stored_twice_with_two_values_is_found(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build("XLM-R with a SentencePiece tokenizer, mean", tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    save_file(tensors | {f"roberta.{name}": tensors[name].clone()}, folder / "model.safetensors", {"format": "pt"})
    assert "weights-twice" not in [finding.code for finding in preflight(str(folder))]
    save_file(tensors | {f"roberta.{name}": tensors[name] + 0.1}, folder / "model.safetensors", {"format": "pt"})
    (found,) = [finding for finding in preflight(str(folder)) if finding.code == "weights-twice"]
    assert found.evidence["tensors"] == [name]


def test_shards_of_two_saves_are_found(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build("BERT, CLS", tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = {"a.safetensors": sorted(tensors)[:9], "b.safetensors": sorted(tensors)[9:]}
    for file, names in files.items():
        save_file({name: tensors[name] for name in names}, folder / file, {"format": "pt", "revision": file})
    index = {name: file for file, names in files.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    assert [finding.code for finding in preflight(str(folder))] == ["shards-mixed"]


def test_weights_stored_as_whole_numbers_are_found(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = build("BERT, CLS", tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    save_file(tensors | {name: (tensors[name] * 100).to(torch.int8)}, folder / "model.safetensors", {"format": "pt"})
    (found,) = [finding for finding in preflight(str(folder)) if finding.code == "weights-integer"]
    assert found.evidence["tensors"] == [name]


def test_one_pass_reads_each_stored_tensor_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file

    from evaluators.preflight import stored_weights, weights

    read: list[str] = []
    sound_reader = stored_weights.tensors_of_file

    def counted(path: Path) -> Any:
        for name, tensor in sound_reader(path):
            read.append(name)
            yield name, tensor

    monkeypatch.setattr(stored_weights, "tensors_of_file", counted)
    folder = copy_of(minilm_folder(), tmp_path / "model")
    assert list(weights.check(Target("x", folder))) == []
    assert len(read) == len(set(read)) == len(load_file(folder / "model.safetensors"))
