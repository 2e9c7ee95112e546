from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.preflight import Finding, Target, configuration, find_target, pipeline, preflight, worst
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from tests.models import OTHER_KINDS, SHAPES, build, copy_of, minilm_folder
from tests.work import calls


def test_minilm_has_no_findings() -> None:
    assert preflight(str(minilm_folder())) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_an_intact_model_of_another_shape_has_no_findings(shape: str, tmp_path: Path) -> None:
    assert preflight(str(build(shape, tmp_path / "model"))) == []


def test_a_card_that_speaks_of_a_model_with_heads_asks_for_none(tmp_path: Path) -> None:
    folder = copy_of(minilm_folder(), tmp_path / "model")
    with (folder / "README.md").open("a") as card:
        card.write("\n- 1/30/2024: Release **BGE-M3**, base_model: BAAI/bge-m3\n")
    assert preflight(str(folder)) == []
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": "BAAI/bge-m3"}))
    (made_from,) = preflight(str(folder))
    assert (made_from.code, made_from.severity) == ("heads-missing", "notice")


@pytest.mark.parametrize("pooling", ["mean_tokens", "lasttoken"])
def test_a_language_model_trained_on_permutations_sees_the_whole_text(pooling: str, tmp_path: Path) -> None:
    from transformers import XLNetConfig

    folder = copy_of(minilm_folder(), tmp_path / "model")
    config = XLNetConfig(d_model=384, n_head=12, n_layer=6, d_inner=1536).to_dict()
    (folder / "config.json").write_text(json.dumps(config))
    modes = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": False} | {f"pooling_mode_{pooling}": True}
    (folder / "1_Pooling/config.json").write_text(json.dumps(modes))
    (folder / "README.md").unlink()
    found = [finding.code for finding in configuration.check(find_target(str(folder)))]
    assert not [code for code in found if code.startswith(("pooling", "attention"))]


def test_a_lost_end_token_is_seen_in_other_shapes(tmp_path: Path) -> None:
    for shape, marks in (("XLM-R with a SentencePiece tokenizer, mean", ["<s>"]), ("T5 encoder, mean", [])):
        folder = build(shape, tmp_path / shape[:3])
        core = json.loads((folder / "tokenizer.json").read_text())
        single = core["post_processor"]["single"]
        core["post_processor"]["single"] = [p for p in single if p.get("SpecialToken", {}).get("id") in (None, *marks)]
        (folder / "tokenizer.json").write_text(json.dumps(core))
        codes = [finding.code for finding in preflight(str(folder))]
        assert codes == ["end-token-missing" if marks else "special-tokens-missing"]


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_model_of_another_kind_gets_a_notice_alone(kind: str, tmp_path: Path) -> None:
    (finding,) = preflight(str(build(kind, tmp_path / "model")))
    assert (finding.code, finding.severity) == ("kind-unknown", "notice"), finding
    assert finding.evidence["weights"]


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_what_can_be_seen_of_another_kind_is_still_seen(kind: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = build(kind, tmp_path / "model")
    (weights,) = folder.rglob("*.safetensors")
    tensors = load_file(weights)
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, weights)
    assert [finding.code for finding in preflight(str(folder))] == ["kind-unknown", "weights-not-finite"]
    weights.unlink()
    assert worst(preflight(str(folder))) == "fatal"


def test_a_static_model_is_not_refused_by_a_reproduction(tmp_path: Path) -> None:
    folder = build("StaticEmbedding", tmp_path / "model")
    loaded = load_requested(ModelRequest(str(folder)))
    assert [finding.code for finding in loaded.findings] == ["kind-unknown"]
    assert loaded.encoder.model.encode(["a text"]).shape == (1, 32)


def test_a_form_that_no_rule_foresaw_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprised(target: Target) -> Iterator[Finding]:
        yield Finding("pipeline", "width-odd", "notice", "seen", "why", "remedy")
        raise KeyError("what nobody thought of")

    monkeypatch.setattr(pipeline, "check", surprised)
    seen, ended = preflight(str(build(next(iter(SHAPES)), tmp_path / "model")))
    assert (seen.code, ended.code, ended.tier, ended.severity) == ("width-odd", "look-ended", "pipeline", "serious")
    assert "KeyError: 'what nobody thought of'" in ended.seen


def test_the_whole_command_takes_seconds_for_minilm() -> None:
    command = [sys.executable, "-m", "evaluators", "preflight", str(minilm_folder())]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "nothing wrong" in finished.stdout
    preflight(str(minilm_folder()))  # the imports are not what is counted
    # Of the 3.6 s by the clock on two idle cores (``make bench``) most are imports. It makes a million calls itself.
    assert calls(lambda: preflight(str(minilm_folder()))) < 2_000_000
