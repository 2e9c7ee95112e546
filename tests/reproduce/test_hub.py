"""Models and data sets by name: downloaded from a hub, then from its cache without a network; code only if allowed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import InputError, NotAllowedError
from evaluators.reproduce import models
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import allowances, code_revision, only_code_from
from tests.reproduce.conftest import MINILM, Command, Run, rows
from tests.reproduce.hub import commit as hub_commit
from tests.reproduce.hub import serving


@pytest.mark.slow
def test_by_name_from_a_mirror_then_offline(command: Command, minilm: Path, hub_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "hub"
    (root / "models" / "sentence-transformers").mkdir(parents=True)
    (root / "models" / MINILM).symlink_to(minilm)
    (root / "datasets").symlink_to(hub_folder)
    with serving(root) as (address, asked):
        online = {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        status, said = command.run("reproduce", MINILM, "--tasks", "STS12,STS13", env=online)
        assert any("model.safetensors" in line for line in asked) and any("test.jsonl" in line for line in asked)
    assert status == 2, said  # STS13 is not on this hub
    assert "failed STS13" in said and "The data set mteb/sts13-sts could not be loaded" in said
    [(revision, private, files)] = rows(command.store, "SELECT revision, private, files FROM runs")
    assert revision == "8b3219a92973c328a8e22fadcfa821b5dc75636a" and not private  # the registry's
    assert {"model.safetensors", "modules.json"} <= {file["path"] for file in json.loads(files)}
    assert rows(command.store, "SELECT * FROM findings") == []  # what the loader brought is whole
    [(online_score,)] = rows(command.store, "SELECT main_score FROM scores")

    status, said = command.run("reproduce", MINILM, "--tasks", "STS12", "--again", "--loader", "library")
    assert status == 0, said
    assert "as the library loads it" in said
    assert [score for (score,) in rows(command.store, "SELECT main_score FROM scores")] == [online_score] * 2


@pytest.mark.slow
def test_a_faulty_model_of_the_hub_stops_before_a_text_is_encoded(
    command: Command, tiny: Path, hub_folder: Path, tmp_path: Path
) -> None:
    """Faults that loading keeps quiet about, and those it raises on: both in preflight's words, as for a folder."""
    import torch
    from safetensors.torch import load_file, save_file

    root = tmp_path / "hub"
    (root / "datasets").mkdir(parents=True)
    for name in ("acme/nan", "acme/cut"):
        shutil.copytree(tiny, root / "models" / name)
    quiet, cut = (root / "models" / name / "model.safetensors" for name in ("acme/nan", "acme/cut"))
    tensors = load_file(quiet)
    tensors["encoder.layer.0.output.dense.weight"][0, 0] = torch.nan
    save_file(tensors, quiet, metadata={"format": "pt"})
    with cut.open("r+b") as file:
        file.truncate(20_000)
    task = ("--tasks", "STS12", "--datasets", hub_folder)
    with serving(root) as (address, _):
        online = {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        for name, fault in (("acme/nan", "NaN or infinity: encoder.layer.0"), ("acme/cut", "model.safetensors")):
            status, said = command.run("reproduce", name, *task, env=online)
            assert status == 2 and "Preflight stops the run" in said, said
            assert fault in said and f"({name})" in said
    assert not command.store.exists()

    command.run("reproduce", "acme/nan", *task, "--anyway")  # without a network, from the cache
    [(run,)] = rows(command.store, "SELECT run_id FROM runs")
    assert ("weights-not-finite", "fatal", run) in rows(command.store, "SELECT code, severity, run_id FROM findings")


@pytest.fixture
def with_code(tiny: Path, tmp_path: Path) -> Path:
    """A model whose configuration names code of its own, which leaves a mark when it runs."""
    folder = tmp_path / "with_code"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own-bert", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text(
        "from pathlib import Path\nfrom transformers import BertConfig, BertModel\n"
        f"Path({str(tmp_path / 'it-ran')!r}).touch()\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own-bert'\n"
        "class OwnModel(BertModel):\n    config_class = OwnConfig\n",
        encoding="utf-8",
    )
    return folder


def test_no_code_runs_unless_allowed_by_name(with_code: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    mark = tmp_path / "it-ran"
    with only_code_from({"other/model": "1"}), pytest.raises(NotAllowedError, match="--trust-remote-code"):
        AutoModel.from_pretrained(with_code, trust_remote_code=True)
    assert not mark.exists()
    with only_code_from({str(with_code): "local"}), pytest.raises(NotAllowedError):
        AutoModel.from_pretrained(with_code, trust_remote_code=True)
    assert not mark.exists()
    with only_code_from({str(with_code): code_revision(with_code)}):
        AutoModel.from_pretrained(with_code, trust_remote_code=True)
    assert mark.exists()


def test_code_of_a_folder(with_code: Path, tmp_path: Path) -> None:
    """Refused with the option that allows it, which holds for this content alone."""
    asked, mark = ModelRequest(str(with_code), known_as="acme/own"), tmp_path / "it-ran"
    with pytest.raises(NotAllowedError, match="code of its own") as refused:
        load_requested(asked)
    name, revision = re.findall(r"--trust-remote-code (\S+)@(\w+)", str(refused.value))[0]
    for other in ("another-revision", "main", "0123456789ab"):
        with pytest.raises(NotAllowedError):
            load_requested(asked._replace(trust={name: other}))
    assert not mark.exists()
    assert load_requested(asked._replace(trust={name: revision})).registered is False
    assert mark.exists()
    (with_code / "own.py").write_text("raise SystemExit  # not what was read\n", encoding="utf-8")
    with pytest.raises(NotAllowedError):
        load_requested(asked._replace(trust={name: revision}))


@pytest.mark.parametrize("named", ["org/name", "@abc", "org/name@", "*"])
def test_trust_names_a_model_and_a_revision(named: str) -> None:
    with pytest.raises(InputError, match="name and revision"):
        allowances([named])
    assert allowances([f"org/name@{'1a' * 20}"]) == {"org/name": "1a" * 20}


@pytest.mark.parametrize("named", ["org/name@main", "org/name@abc", "org/name@v1", f"org/name@{'1A' * 20}"])
def test_trust_names_what_cannot_move(named: str) -> None:
    with pytest.raises(InputError, match="can change after it was read"):
        allowances([named])


@pytest.mark.slow
def test_code_of_the_hub_runs_at_the_commit_that_was_read(
    command: Command, with_code: Path, hub_folder: Path, tmp_path: Path
) -> None:
    """Asked for by its branch: refused with the commit to paste, and with it pasted, that commit is what runs."""
    root, mark, commit = tmp_path / "hub", tmp_path / "it-ran", hub_commit("acme/own", None)
    (root / "datasets").mkdir(parents=True)
    shutil.copytree(with_code, root / "models" / "acme/own")
    asked = ("reproduce", "acme/own", "--revision", "main", "--tasks", "STS12", "--datasets", hub_folder)
    with serving(root) as (address, _):
        online = {"HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        status, said = command.run(*asked, env=online)
        assert status == 2 and f"--trust-remote-code acme/own@{commit}" in said, said
        for other in ("main", "1a" * 20):
            status, said = command.run(*asked, "--trust-remote-code", f"acme/own@{other}", env=online)
            assert status == 2 and not mark.exists(), said
        status, said = command.run(*asked, "--trust-remote-code", f"acme/own@{commit}", env=online)
        assert status == 0 and mark.exists(), said
    assert rows(command.store, "SELECT revision FROM runs") == [(commit,)]


def test_code_that_a_loader_opens_with_the_first_text(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaders of mteb's registry trust code by themselves, and some open a part of the model when it is first used."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.py").write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w')\nclass Tokenizer: pass\n")
    (other / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["own.Tokenizer", null]}}')

    found = models._encoder

    def late(*arguments: Any) -> tuple[Any, str]:
        encoder, _ = found(*arguments)
        encode = encoder.encode

        def opening(*texts: Any, **options: Any) -> Any:
            from transformers import AutoTokenizer

            AutoTokenizer.from_pretrained(other, trust_remote_code=True)
            return encode(*texts, **options)

        encoder.encode = opening
        return encoder, "a loader that opens a part late"

    monkeypatch.setattr(models, "_encoder", late)
    with pytest.raises(NotAllowedError, match=f"add --trust-remote-code {other}@"):
        run(tiny, "STS12")
    assert not (tmp_path / "it-ran").exists()


_ALIVE = """
import gc
from evaluators.preflight import weights
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.models import load_requested
real, alive = weights.load_model, []
def watched(target):
    gc.collect()
    alive.append(sum(type(thing).__name__ == "BertModel" for thing in gc.get_objects()))
    return real(target)
weights.load_model = watched
load_requested(ModelRequest("acme/tiny"))
print("alive", alive)
"""


def test_the_look_at_a_cached_model_holds_no_second_one_in_memory(tiny: Path, tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "models--acme--tiny"
    shutil.copytree(tiny, cached / "snapshots" / ("a" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("a" * 40)
    offline = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    offline.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", _ALIVE], capture_output=True, text=True, env=offline, check=False)
    assert "alive [0]" in done.stdout, done.stdout + done.stderr
