"""Models and data sets by name: downloaded from a hub, then from its cache without a network; code only if allowed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from data.store.errors import InputError, NotAllowedError
from evaluators.reproduce import models
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import allowances, code_revision, only_code_from
from tests.reproduce.conftest import MINILM, ROOT, Command, Run, rows
from tests.reproduce.hub import commit as hub_commit
from tests.reproduce.hub import serving


class Ended(NamedTuple):
    """How a command ended, what it said, and whether a model's own code had run by then."""

    status: int
    said: str
    code_ran: bool


class Hub(NamedTuple):
    """What commands came to with a hub and then without, and the stores as the first left them, if they did."""

    asked: list[str]
    online: dict[str, list[Ended]]
    stores_online: dict[str, Path | None]
    offline: dict[str, list[Ended]]
    stores: dict[str, Path]
    alive: str


# Several commands in one process that begins with its hub in the environment, where libraries read it: to load them
# takes seconds. First who is alive where a cached model is looked at.
_SEVERAL = """
import gc, json, os, sys
from pathlib import Path
from tests.commands import command
asked, mark, answers = json.loads(sys.argv[1]), Path(sys.argv[2]), []
if asked["alive"]:
    from evaluators.preflight import weights
    from evaluators.reproduce.request import ModelRequest
    from evaluators.reproduce.models import load_requested
    real, alive = weights.load_model, []
    def watched(target):
        gc.collect()
        alive.append(sum(type(thing).__name__ == "BertModel" for thing in gc.get_objects()))
        return real(target)
    weights.load_model = watched
    load_requested(ModelRequest(asked["alive"]))
    weights.load_model = real
    asked["alive"] = f"alive {alive}"
for store, *words in asked["commands"]:
    os.environ["PLUMBLINE_STORE"] = store
    ended = command(*words)
    answers.append([ended.status, ended.out + ended.err, mark.exists()])
Path(sys.argv[3]).write_text(json.dumps([asked["alive"], answers]))
"""


def _several(
    home: Path, mark: Path, commands: list[tuple[str, Path, tuple[str | Path, ...]]], alive: str = "", **env: str
) -> tuple[str, dict[str, list[Ended]]]:
    """What came of commands by the name of their test, and of the look at who is alive."""
    asked = {"alive": alive, "commands": [[str(store), *map(str, words)] for _, store, words in commands]}
    done = subprocess.run(
        [sys.executable, "-c", _SEVERAL, json.dumps(asked), mark, home / "answers"],
        cwd=ROOT, env=Command(home, home / "none").environment | env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    alive, answers = json.loads((home / "answers").read_text(encoding="utf-8"))
    ended: dict[str, list[Ended]] = {}
    for (name, *_), answer in zip(commands, answers, strict=True):
        ended.setdefault(name, []).append(Ended(*answer))
    return alive, ended


def _faulty(tiny: Path, models: Path) -> None:
    """Faults that loading keeps quiet about, and those it raises on."""
    import torch
    from safetensors.torch import load_file, save_file

    for name in ("acme/nan", "acme/cut"):
        shutil.copytree(tiny, models / name)
    quiet, cut = (models / name / "model.safetensors" for name in ("acme/nan", "acme/cut"))
    tensors = load_file(quiet)
    tensors["encoder.layer.0.output.dense.weight"][0, 0] = torch.nan
    save_file(tensors, quiet, metadata={"format": "pt"})
    with cut.open("r+b") as file:
        file.truncate(20_000)


@pytest.fixture(scope="module")
def hub(minilm: Path, tiny: Path, hub_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """One hub with all the models, the commands that download from it, and those that follow when it is gone."""
    home = tmp_path_factory.mktemp("hub")
    root, mark = home / "served", home / "it-ran"
    (root / "models" / "sentence-transformers").mkdir(parents=True)
    (root / "models" / MINILM).symlink_to(minilm)
    (root / "datasets").symlink_to(hub_folder)
    _faulty(tiny, root / "models")
    own_code(tiny, root / "models" / "acme/own", mark)
    cached = home / "hf" / "hub" / "models--acme--tiny"
    shutil.copytree(tiny, cached / "snapshots" / ("a" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("a" * 40)

    stores = {name: home / f"{name}.duckdb" for name in ("name", "faulty", "code")}
    task = ("--tasks", "STS12", "--datasets", hub_folder)
    own = ("reproduce", "acme/own", "--revision", "main", *task)
    trusted = [f"acme/own@{at}" for at in ("main", "1a" * 20, hub_commit("acme/own", None))]
    with serving(root) as (address, asked):
        _, online = _several(
            home, mark,
            [
                ("name", stores["name"], ("reproduce", MINILM, "--tasks", "STS12,STS13")),
                *(("faulty", stores["faulty"], ("reproduce", name, *task)) for name in ("acme/nan", "acme/cut")),
                ("code", stores["code"], own),
                *(("code", stores["code"], (*own, "--trust-remote-code", allowed)) for allowed in trusted),
            ],
            HF_ENDPOINT=address, HF_HUB_DISABLE_XET="1", HF_HUB_OFFLINE="0",
        )  # fmt: skip
    before = {
        name: Path(shutil.copy(store, home / f"{name}-online.duckdb")) if store.exists() else None
        for name, store in stores.items()
    }
    again = ("reproduce", MINILM, "--tasks", "STS12", "--again", "--loader", "library")
    alive, offline = _several(
        home, mark,
        [("name", stores["name"], again), ("faulty", stores["faulty"], ("reproduce", "acme/nan", *task, "--anyway"))],
        "acme/tiny",
    )  # fmt: skip
    return Hub(asked, online, before, offline, stores, alive)


@pytest.mark.slow
def test_by_name_from_a_mirror_then_offline(hub: Hub) -> None:
    assert any("model.safetensors" in line for line in hub.asked) and any("test.jsonl" in line for line in hub.asked)
    (online,), store = hub.online["name"], hub.stores_online["name"]
    assert store is not None and online.status == 2, online.said  # STS13 is not on this hub
    assert "failed STS13" in online.said and "The data set mteb/sts13-sts could not be loaded" in online.said
    [(revision, private, files)] = rows(store, "SELECT revision, private, files FROM runs")
    assert revision == "8b3219a92973c328a8e22fadcfa821b5dc75636a" and not private  # the registry's
    assert {"model.safetensors", "modules.json"} <= {file["path"] for file in json.loads(files)}
    assert rows(store, "SELECT * FROM findings") == []  # what the loader brought is whole
    [(online_score,)] = rows(store, "SELECT main_score FROM scores")

    (offline,) = hub.offline["name"]
    assert offline.status == 0, offline.said
    assert "as the library loads it" in offline.said
    assert [score for (score,) in rows(hub.stores["name"], "SELECT main_score FROM scores")] == [online_score] * 2


@pytest.mark.slow
def test_a_faulty_model_of_the_hub_stops_before_a_text_is_encoded(hub: Hub) -> None:
    """In preflight's words, as for a folder."""
    faults = {"acme/nan": "NaN or infinity: encoder.layer.0", "acme/cut": "model.safetensors"}
    for ended, (name, fault) in zip(hub.online["faulty"], faults.items(), strict=True):
        assert ended.status == 2 and "Preflight stops the run" in ended.said, ended.said
        assert fault in ended.said and f"({name})" in ended.said
    assert hub.stores_online["faulty"] is None

    store = hub.stores["faulty"]  # run anyway without a network, from the cache
    [(run,)] = rows(store, "SELECT run_id FROM runs")
    assert ("weights-not-finite", "fatal", run) in rows(store, "SELECT code, severity, run_id FROM findings")


def own_code(tiny: Path, folder: Path, mark: Path) -> Path:
    """A model whose configuration names code of its own, which leaves a mark when it runs."""
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own-bert", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text(
        "from pathlib import Path\nfrom transformers import BertConfig, BertModel\n"
        f"Path({str(mark)!r}).touch()\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own-bert'\n"
        "class OwnModel(BertModel):\n    config_class = OwnConfig\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def with_code(tiny: Path, tmp_path: Path) -> Path:
    return own_code(tiny, tmp_path / "with_code", tmp_path / "it-ran")


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
def test_code_of_the_hub_runs_at_the_commit_that_was_read(hub: Hub) -> None:
    """Asked for by its branch: refused with the commit to paste, and with it pasted, that commit is what runs."""
    commit = hub_commit("acme/own", None)
    refused, by_branch, by_another, allowed = hub.online["code"]
    assert refused.status == 2 and f"--trust-remote-code acme/own@{commit}" in refused.said, refused.said
    for other in (by_branch, by_another):
        assert other.status == 2 and not other.code_ran, other.said
    assert allowed.status == 0 and allowed.code_ran, allowed.said
    assert rows(hub.stores["code"], "SELECT revision FROM runs") == [(commit,)]


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


@pytest.mark.slow
def test_the_look_at_a_cached_model_holds_no_second_one_in_memory(hub: Hub) -> None:
    assert hub.alive == "alive [0]"
