"""A model that was allowed allows no other repository, wherever its files name one and whatever opens it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import NotAllowedError
from evaluators.diagnose.reference import load_reference
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from evaluators.preflight import preflight
from evaluators.preflight.encoders import look
from evaluators.preflight.target import find_target
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import allowances, code_revision, named_classes, only_code_from
from tests.models import build

CODE = """from pathlib import Path
from transformers import BertConfig, BertModel, BertTokenizerFast, BertTokenizer
with Path({mark!r}).open("a") as file:
    file.write({word!r} + " ")
class Config(BertConfig):
    model_type = "own"
class Model(BertModel):
    config_class = Config
class Tokenizer(BertTokenizerFast):
    pass
class Processor(BertTokenizerFast):
    pass
"""
TOKENIZER = ("tokenizer_config.json", {"AutoTokenizer": [None, "{other}--own.Tokenizer"]})
NAMED: dict[str, tuple[str, Any]] = {
    "the model": ("config.json", {"AutoModel": "{other}--own.Model"}),
    "the tokenizer": TOKENIZER,
    "the tokenizer, as it was saved once": ("tokenizer_config.json", [None, "{other}--own.Tokenizer"]),
    "the processor": ("processor_config.json", {"AutoProcessor": "{other}--own.Processor"}),
    "the preprocessor": ("preprocessor_config.json", {"AutoProcessor": "{other}--own.Processor"}),
    "the tokenizer of a module": ("0_Transformer/tokenizer_config.json", TOKENIZER[1]),
}


def _name(folder: Path, file: str, auto_map: Any, other: str) -> None:
    """Have a file of the model name code of another repository."""
    path = folder / file
    content = json.loads(path.read_text()) if path.is_file() else {}
    content["auto_map"] = json.loads(json.dumps(auto_map).replace("{other}", other))
    path.write_text(json.dumps(content))


def _write_code(folder: Path, mark: Path, word: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.py").write_text(CODE.format(mark=str(mark), word=word))
    return folder


class Pair:
    """A model, the other repository whose code it names, and the file that this code would write."""

    def __init__(self, folder: Path, named: str) -> None:
        self.model, self.other, self.mark = folder / "model", folder / "other", folder / "it-ran"
        build("BERT, CLS", self.model)
        _write_code(self.other, self.mark, "other")
        (self.model / "mine.py").write_text("X = 1\n")
        file, auto_map = NAMED[named]
        if "/" in file:
            self._into_a_folder(file.partition("/")[0])
        _name(self.model, file, auto_map, str(self.other))

    def _into_a_folder(self, name: str) -> None:
        """The layout of older repositories: the transformer in a folder of its own."""
        (self.model / name).mkdir()
        for path in self.model.iterdir():
            if path.is_file() and path.name not in {"modules.json", "mine.py", "config_sentence_transformers.json"}:
                path.rename(self.model / name / path.name)
        modules = json.loads((self.model / "modules.json").read_text())
        modules[0]["path"] = name
        (self.model / "modules.json").write_text(json.dumps(modules))

    @property
    def one(self) -> list[str]:
        """Leave for the model alone."""
        return [f"{self.model}@{code_revision(self.model)}"]

    @property
    def both(self) -> list[str]:
        """Leave for the other repository too."""
        return [*self.one, f"{self.other}@{code_revision(self.other)}"]

    @property
    def ran(self) -> bool:
        """Whether code of the other repository ran."""
        return self.mark.exists()


def _by_preflight(pair: Pair, trust: list[str]) -> None:
    (finding,) = preflight(str(pair.model), trust=trust)
    assert (finding.code, finding.severity) == ("code-of-others-untrusted", "fatal")
    raise NotAllowedError(finding.seen, remedy=finding.remedy)


def _by_parity(pair: Pair, trust: list[str]) -> None:
    found = look(parse_spec(f"sentence-transformers:{pair.model}?trust={','.join(trust)}"))
    assert [finding.code for finding in found] == ["code-of-others-untrusted"]
    raise NotAllowedError(found[0].seen, remedy=found[0].remedy)


def _by_encoder(pair: Pair, trust: list[str]) -> None:
    open_encoder(parse_spec(f"transformers:{pair.model}?trust={','.join(trust)}"))


def _by_diagnose(pair: Pair, trust: list[str]) -> None:
    load_reference(str(pair.model), trust=trust)


def _by_reproduce(pair: Pair, trust: list[str]) -> None:
    load_requested(ModelRequest(str(pair.model), trust=allowances(trust), anyway=True))


OPENS: dict[str, Callable[[Pair, list[str]], None]] = {
    "preflight": _by_preflight,
    "parity": _by_parity,
    "an encoder": _by_encoder,
    "diagnose": _by_diagnose,
    "reproduce": _by_reproduce,
}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place of the test's own for modules of models: what is there already is neither copied nor run again."""
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        del sys.modules[name]


@pytest.mark.parametrize("opened", OPENS)
@pytest.mark.parametrize("named", NAMED)
def test_leave_for_a_model_is_no_leave_for_another(named: str, opened: str, tmp_path: Path) -> None:
    pair = Pair(tmp_path, named)
    with pytest.raises(NotAllowedError) as refused:
        OPENS[opened](pair, pair.one)
    assert pair.both[1] in str(refused.value)  # to paste
    assert not pair.ran


def test_leave_for_both_runs_both(tmp_path: Path) -> None:
    pair = Pair(tmp_path, "the tokenizer")
    assert preflight(str(pair.model), trust=pair.both) == []
    assert pair.ran
    (pair.other / "own.py").write_text((pair.other / "own.py").read_text() + "# one more line\n")
    assert [finding.code for finding in preflight(str(pair.model), trust=pair.both[:1])] == ["code-of-others-untrusted"]


def test_the_options_to_paste_suit_the_command(tmp_path: Path) -> None:
    pair = Pair(tmp_path, "the tokenizer")
    with pytest.raises(NotAllowedError) as refused:
        _by_encoder(pair, pair.one)
    assert str(refused.value).endswith(f"add trust={','.join(pair.both)}")
    with pytest.raises(NotAllowedError) as refused:
        _by_reproduce(pair, pair.one)
    assert str(refused.value).endswith(f"add --trust-remote-code {pair.both[1]}")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("the tokenizer", "tokenizer-replaced"),
        ("the tokenizer, as it was saved once", "tokenizer-replaced"),
        ("the tokenizer of a module", "tokenizer-replaced"),
        ("the processor", "processor-untrusted"),
        ("the preprocessor", "processor-untrusted"),
    ],
)
def test_without_leave_it_says_what_is_loaded_instead(named: str, code: str, tmp_path: Path) -> None:
    pair = Pair(tmp_path, named)
    (finding,) = preflight(str(pair.model))
    assert finding.code == code
    assert finding.evidence["file"] == NAMED[named][0]
    assert (finding.evidence["native_class"], finding.severity) == (
        ("BertTokenizer", "serious") if code == "tokenizer-replaced" else (None, "fatal")
    )
    assert all(f"--trust-remote-code {entry}" in finding.remedy for entry in pair.both)
    assert not pair.ran


def test_a_tokenizer_that_is_nothing_without_its_code(tmp_path: Path) -> None:
    """No class of transformers stands for a model type it does not know, nor for a tokenizer class it has not."""
    pair = Pair(tmp_path, "the tokenizer")
    for file, changes in (
        ("config.json", {"model_type": "own", "auto_map": {"AutoConfig": "mine.Config"}}),
        ("tokenizer_config.json", {"tokenizer_class": "OwnTokenizer"}),
    ):
        content = json.loads((pair.model / file).read_text())
        (pair.model / file).write_text(json.dumps(content | changes))
    found = {finding.code: finding.severity for finding in preflight(str(pair.model))}
    assert found == {"code-untrusted": "fatal", "tokenizer-untrusted": "fatal"}
    assert not pair.ran


def test_a_file_outside_the_folder_is_not_the_models_own(tmp_path: Path) -> None:
    """A class may be named by an absolute path, whose file no hash of the folder covers."""
    model, outside, mark = build("BERT, CLS", tmp_path / "model"), tmp_path / "outside", tmp_path / "it-ran"
    _write_code(outside, mark, "outside")
    _name(model, "tokenizer_config.json", {"AutoTokenizer": [None, f"{outside}/own.Tokenizer"]}, "")
    with pytest.raises(NotAllowedError, match="not part of it"):
        load_reference(str(model), trust=[f"{model}@{code_revision(model)}"])
    assert not mark.exists()


def test_code_that_comes_with_generation_is_code_too(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model, mark = build("Qwen3 decoder, last token", tmp_path / "model"), tmp_path / "it-ran"
    (model / "custom_generate").mkdir()
    (model / "custom_generate" / "generate.py").write_text(
        f"from pathlib import Path\nPath({str(mark)!r}).touch()\ndef generate(model): ...\n"
    )
    with only_code_from({}), pytest.raises(NotAllowedError, match="generate.py"):
        AutoModelForCausalLM.from_pretrained(model, trust_remote_code=True)
    assert not mark.exists()
    with only_code_from({str(model): code_revision(model)}):
        AutoModelForCausalLM.from_pretrained(model, trust_remote_code=True)
    assert mark.exists()


def test_a_folder_that_only_looks_like_a_commit_goes_by_its_code(tmp_path: Path) -> None:
    commit = "c0" * 20
    for name in ("snapshots/mine", f"snapshots/{commit}", "models--acme--own/snapshots/mine"):
        folder = _write_code(tmp_path / name, tmp_path / "it-ran", "first")
        before = code_revision(folder)
        _write_code(folder, tmp_path / "it-ran", "second")
        assert code_revision(folder) not in (before, folder.name)
        assert find_target(str(folder)).revision is None
    cached = _write_code(tmp_path / "models--acme--own" / "snapshots" / commit, tmp_path / "it-ran", "first")
    assert code_revision(cached) == find_target(str(cached)).revision == commit


READ, OTHER_READ, NEWER = "1a" * 20, "2b" * 20, "3c" * 20


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache: two repositories of code, each with the commit that was read and a newer one on its branch."""
    import huggingface_hub.constants as constants

    root = tmp_path / "hub"
    for name, read in (("acme/one", READ), ("acme/two", OTHER_READ)):
        place = root / f"models--{name.replace('/', '--')}"
        for commit in (read, NEWER):
            _write_code(place / "snapshots" / commit, tmp_path / "it-ran", f"{name}@{commit}")
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text(NEWER)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(root))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return root


def _of_two(tmp_path: Path) -> Path:
    """A model whose configuration is code of one repository and whose tokenizer is code of another."""
    model = build("BERT, CLS", tmp_path / "model")
    _name(model, "tokenizer_config.json", TOKENIZER[1], "acme/one")
    _name(model, "config.json", {"AutoConfig": "{other}--own.Config", "AutoModel": "{other}--own.Model"}, "acme/two")
    return model


@pytest.mark.usefixtures("hub")
def test_each_of_two_repositories_runs_at_the_commit_that_was_read(tmp_path: Path) -> None:
    model = _of_two(tmp_path)
    trust = [f"{model}@{code_revision(model)}", f"acme/one@{READ}", f"acme/two@{OTHER_READ}"]
    assert preflight(str(model), trust=trust) == []
    assert set((tmp_path / "it-ran").read_text().split()) == {f"acme/one@{READ}", f"acme/two@{OTHER_READ}"}


@pytest.mark.usefixtures("hub")
def test_a_repository_is_asked_for_at_a_commit(tmp_path: Path) -> None:
    """What is printed to paste names what stands there now; for a commit that is not there, nothing runs instead."""
    model = _of_two(tmp_path)
    own = f"{model}@{code_revision(model)}"
    (finding,) = preflight(str(model), trust=[own, f"acme/two@{OTHER_READ}"])
    assert finding.remedy.endswith(f"add --trust-remote-code acme/one@{NEWER}")
    found = preflight(str(model), trust=[own, f"acme/one@{READ}", f"acme/two@{'4d' * 20}"])
    assert [finding.code for finding in found] == ["weights-unloadable"]
    assert not (tmp_path / "it-ran").exists()


def test_a_commit_that_is_another_than_it_is_called_does_not_run(hub: Path, tmp_path: Path) -> None:
    """A reference may bear the name of a commit: what comes for it is compared with what was asked for."""
    place, model = hub / "models--acme--one", build("BERT, CLS", tmp_path / "model")
    _name(model, "tokenizer_config.json", TOKENIZER[1], "acme/one")
    (place / "refs" / READ).write_text(NEWER)
    shutil.rmtree(place / "snapshots" / READ)
    with pytest.raises(NotAllowedError, match=f"asked for at {READ} and came as"):
        load_reference(str(model), trust=[f"{model}@{code_revision(model)}", f"acme/one@{READ}"])
    assert not (tmp_path / "it-ran").exists()


def test_settings_nested_without_end_name_no_code_and_break_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("[" * 100_000)
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "org/other--own.Model"}}))
    assert [named.repository for named in named_classes(tmp_path)] == ["org/other"]
