"""No code of a model runs unless that model and that revision were allowed by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.store.errors import InputError
from evaluators.preflight import preflight
from evaluators.preflight.target import find_target
from tests.models import build

CONFIGURATION = """
from pathlib import Path
from transformers import BertConfig
Path({mark!r}).write_text("configuration ran")
class OwnConfig(BertConfig):
    model_type = {kind!r}
"""
MODELING = """
from pathlib import Path
from transformers import BertModel
from .configuration_own import OwnConfig
Path({mark!r}).write_text("modeling ran")
class OwnModel(BertModel):
    config_class = OwnConfig
"""


@pytest.fixture
def marked(tmp_path: Path) -> tuple[Path, Path]:
    """A model whose code would write a file, and that file."""
    folder, mark = build("BERT, CLS", tmp_path / "model"), tmp_path / "it-ran"
    _own_code(folder, mark, "own-kind")
    return folder, mark


def _own_code(folder: Path, mark: Path, kind: str) -> None:
    (folder / "configuration_own.py").write_text(CONFIGURATION.format(mark=str(mark), kind=kind))
    (folder / "modeling_own.py").write_text(MODELING.format(mark=str(mark)))
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": kind, "auto_map": own}))


def test_unknown_type_untrusted_is_fatal_and_runs_nothing(marked: tuple[Path, Path]) -> None:
    folder, mark = marked
    (finding,) = preflight(str(folder))
    assert (finding.code, finding.severity) == ("code-untrusted", "fatal")
    assert finding.evidence["allow"].startswith(f"--trust-remote-code {folder}@")
    assert not mark.exists()


def test_known_type_untrusted_loads_the_native_class_and_runs_nothing(tmp_path: Path) -> None:
    folder, mark = build("BERT, CLS", tmp_path / "model"), tmp_path / "it-ran"
    _own_code(folder, mark, "bert")
    (finding,) = preflight(str(folder))
    assert (finding.code, finding.evidence["native_class"]) == ("code-replaced", "BertModel")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["{folder}@0123456789ab", "other@{revision}"])
def test_another_name_or_revision_allows_nothing(marked: tuple[Path, Path], name: str) -> None:
    folder, mark = marked
    revision = find_target(str(folder)).code_revision
    findings = preflight(str(folder), trust=[name.format(folder=folder, revision=revision)])
    assert [finding.code for finding in findings] == ["code-untrusted"]
    assert not mark.exists()


def test_a_name_alone_allows_nothing(marked: tuple[Path, Path]) -> None:
    folder, mark = marked
    with pytest.raises(InputError, match="name and revision"):
        preflight(str(folder), trust=[str(folder)])
    assert not mark.exists()


@pytest.mark.parametrize("revision", ["main", "v1.0", "0123456789abc"])
def test_what_can_move_allows_nothing(marked: tuple[Path, Path], revision: str) -> None:
    folder, mark = marked
    with pytest.raises(InputError, match="can change after it was read"):
        preflight(str(folder), trust=[f"{folder}@{revision}"])
    assert not mark.exists()


def test_allowed_by_name_and_revision_it_runs(marked: tuple[Path, Path]) -> None:
    folder, mark = marked
    assert preflight(str(folder), trust=[f"{folder}@{find_target(str(folder)).code_revision}"]) == []
    assert mark.read_text() == "modeling ran"


def test_code_that_changed_since_is_no_longer_allowed(marked: tuple[Path, Path]) -> None:
    folder, mark = marked
    allowed = f"{folder}@{find_target(str(folder)).code_revision}"
    (folder / "modeling_own.py").write_text((folder / "modeling_own.py").read_text() + "# one more line\n")
    assert [finding.code for finding in preflight(str(folder), trust=[allowed])] == ["code-untrusted"]
    assert not mark.exists()


def test_code_of_another_repository_must_be_allowed_too(marked: tuple[Path, Path]) -> None:
    folder, mark = marked
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"]["AutoModel"] = "somebody/else--modeling_own.OwnModel"
    (folder / "config.json").write_text(json.dumps(config))
    allowed = f"{folder}@{find_target(str(folder)).code_revision}"
    findings = preflight(str(folder), trust=[allowed])
    assert findings[-1].severity == "fatal"
    assert "somebody/else" in findings[-1].seen
    assert not mark.exists()


@pytest.mark.parametrize("pickled", [False, True])
def test_own_code_that_draws_at_random_after_loading_is_seen(marked: tuple[Path, Path], pickled: bool) -> None:
    import torch
    from safetensors.torch import load_file

    folder, _ = marked
    with (folder / "modeling_own.py").open("a") as code:
        code.write(
            "    @classmethod\n    def from_pretrained(cls, *args, **kwargs):\n"
            "        model, report = super().from_pretrained(*args, **kwargs)\n"
            "        model.encoder.layer[0].output.dense.weight.data.normal_()\n"
            "        return model, report\n"
        )
    if pickled:
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    trust = [f"{folder}@{find_target(str(folder)).code_revision}"]
    found = preflight(str(folder), trust=trust)
    assert [finding.code for finding in found] == ["weights-altered", "weights-random"]
    assert found[1].evidence["tensors"] == ["encoder.layer.0.output.dense.weight"]


def test_pickled_weights_alone_are_held_against_their_file(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = build("BERT, CLS", tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert preflight(str(folder)) == []
