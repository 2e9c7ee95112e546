"""The guard itself: what it forces, what it lets through, and that sound models are what they were."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.store.errors import ModelError, NotAllowedError
from evaluators.encoders import graph
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.signal_stack import _Stack, kept_signal_stack, signal_stack
from evaluators.encoders.spec import parse_spec
from evaluators.model_files.hashes import hash_files
from evaluators.model_files.pickles import hoarding
from evaluators.model_files.reading import UnfitFileError, printable, read_bytes, read_json, unfit
from evaluators.model_files.sizes import unfounded
from evaluators.model_files.tokenizer_growth import overgrown
from evaluators.preflight import preflight
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import code_revision, folder_faults, guard, opening
from evaluators.trust.limits import budget, within
from evaluators.trust.pickled import FORCED, no_pickled_code
from evaluators.trust.settings import refused_arguments
from tests.hostile.folders import code, intact, module, payload, torch_file
from tests.models import OTHER_KINDS, SHAPES, build, minilm_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("MPNet, mean", tmp_path_factory.mktemp("model"))


# --- pickles


def _numpy(content: bytes) -> Any:
    return np.load(io.BytesIO(content), allow_pickle=True)


def _joblib(content: bytes) -> Any:
    import joblib

    return joblib.load(io.BytesIO(content))


def _torch(content: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(content), weights_only=False)


@pytest.mark.parametrize("route", [pickle.loads, _numpy, _joblib, _torch])
def test_no_route_unpickles_code_while_a_model_is_opened(route: Callable[[bytes], Any], tmp_path: Path) -> None:
    content = payload(tmp_path / "mark")
    if route is _torch:
        torch_file(tmp_path / "mark", tmp_path / "file")
        content = (tmp_path / "file").read_bytes()
    with no_pickled_code(), pytest.raises((NotAllowedError, pickle.UnpicklingError)):
        route(content)
    assert not (tmp_path / "mark").exists()


def test_arrays_are_still_unpickled_and_afterwards_everything_is() -> None:
    array, other = np.arange(3), {"path": Path("a")}
    with no_pickled_code():
        assert (pickle.loads(pickle.dumps({"a": array}))["a"] == array).all()
        with pytest.raises(NotAllowedError, match="pathlib"):
            pickle.loads(pickle.dumps(other))
    assert pickle.loads(pickle.dumps(other)) == other


def test_children_inherit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FORCED, raising=False)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    told = f"import os; print(os.environ.get({FORCED!r}), 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD' in os.environ)"
    with opening({}):
        assert subprocess.check_output([sys.executable, "-c", told], text=True).split() == ["1", "False"]
    assert FORCED not in os.environ and os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"


def test_a_command_inherits_it(tmp_path: Path) -> None:
    program = tmp_path / "says.py"
    program.write_text(
        "import json, os, sys\nfor line in sys.stdin:\n"
        f"    print(json.dumps({{'settings': {{'forced': os.environ.get({FORCED!r})}}}}), flush=True)\n"
    )
    encoder = open_encoder(parse_spec(f"command:{sys.executable} {program}"))
    assert encoder.describe().settings["forced"] == "1"
    encoder.close()


def test_a_folder_on_a_command_line_is_vetted(model: Path, tmp_path: Path) -> None:
    """A program's own library may be an older one, which imports whatever class modules.json names."""
    import shutil

    folder = shutil.copytree(model, tmp_path / "model")
    code("own.py")(folder, tmp_path / "mark")
    module(0, type="own.Own")(folder, tmp_path / "mark")
    spec = f"command:{sys.executable} {tmp_path}/none.py {folder}"
    with pytest.raises(NotAllowedError, match=re.escape(f"trust={folder}@{code_revision(folder)}")):
        open_encoder(parse_spec(spec))


# --- settings


HARMLESS = {
    "max_seq_length": 512,
    "model_args": {"torch_dtype": "float16", "attn_implementation": "sdpa", "add_pooling_layer": False},
    "tokenizer_args": {"padding_side": "left", "model_max_length": 8192},
    "config_args": {"use_cache": False, "is_causal": False},
    "processor_kwargs": {"min_pixels": 4096},
}


def test_harmless_arguments_pass() -> None:
    assert refused_arguments(HARMLESS) == []


@pytest.mark.parametrize("group", ["model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args"])
def test_what_is_not_known_to_be_harmless_does_not(group: str) -> None:
    for name in ("weights_only", "variant", "gguf_file", "proxies", "a_name_of_tomorrow"):
        assert refused_arguments({group: {name: False}}) == [f"{group}.{name}"]
    assert refused_arguments({group: {"weights_only": False}}, own_code=True) == [f"{group}.weights_only"]
    assert refused_arguments({group: {"a_name_of_tomorrow": 1}}, own_code=True) == []


def test_they_are_refused_where_the_library_reads_them(model: Path, tmp_path: Path) -> None:
    """A model of the hub that is only now fetched has no folder to vet beforehand."""
    import shutil

    from sentence_transformers import SentenceTransformer

    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"model_args": {"weights_only": False}}))
    with opening({}), pytest.raises(NotAllowedError, match="model_args.weights_only"):
        SentenceTransformer(str(folder), device="cpu")


def test_no_kernel_is_fetched() -> None:
    from transformers.integrations import hub_kernels

    with opening({}), pytest.raises(NotAllowedError, match="somebody/kernel"):
        hub_kernels.get_kernel("somebody/kernel")


def test_classes_of_other_packages_are_none_of_an_allowed_model(model: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(model, tmp_path / "model")
    code("own.py")(folder, tmp_path / "mark")
    module(3, type="joblib.numpy_pickle.load", path="")(folder, tmp_path / "mark")
    (fault,) = folder_faults(folder, own_code=True)
    assert fault.code == "class-refused" and "joblib.numpy_pickle.load" in fault.seen


def test_what_is_refused_is_a_finding_with_its_file_and_remedy(model: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"model_args": {"weights_only": False}}))
    (finding,) = preflight(str(folder))
    assert (finding.code, finding.severity) == ("settings-refused", "fatal")
    assert finding.evidence == {"file": "sentence_bert_config.json"} and finding.remedy
    with pytest.raises(ModelError, match="model_args.weights_only"):
        load_requested(ModelRequest(str(folder), anyway=True))


# --- files


def test_the_identity_of_a_sound_model_is_what_it_was(tmp_path: Path) -> None:
    """Which files count, their order and digests: runs made before are found again by them."""
    folder = build("MPNet, mean", tmp_path / "model")
    (folder / ".gitattributes").write_text("*.bin filter=lfs")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.json").write_text("{}")
    (folder / "1_Pooling" / ".hidden").write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.txt").write_text("a")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "Linked.txt").symlink_to(tmp_path / "outside" / "a.txt")
    found = [path for path in folder.rglob("*") if path.is_file() and "linked/" not in path.as_posix()]
    kept = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    assert hash_files(folder) == [
        {
            "path": path.relative_to(folder).as_posix(),
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(kept)
    ]


@pytest.mark.parametrize("shape", [*SHAPES, *OTHER_KINDS])
def test_sound_models_have_no_fault(shape: str, tmp_path: Path) -> None:
    assert folder_faults(build(shape, tmp_path / "model")) == ()


def test_minilm_has_none_and_a_links_to_files_are_files(tmp_path: Path) -> None:
    assert folder_faults(minilm_folder()) == ()
    for path in minilm_folder().iterdir():  # as a hub's cache lies, and as people link models they keep elsewhere
        (tmp_path / path.name).symlink_to(path)
    assert folder_faults(tmp_path) == ()


def test_a_file_is_read_up_to_the_limit_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"a": 1}))
    assert read_json(path) == {"a": 1}
    os.truncate(path, 64_000_001)
    with pytest.raises(UnfitFileError, match="more than any file of its kind") as refused:
        read_bytes(path)
    assert refused.value.code == "file-too-large" and refused.value.remedy
    assert read_json(path) is None


@pytest.mark.parametrize("target", ["/dev/zero", "/proc/kmsg", "."])
def test_what_is_no_file_is_not_opened(target: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.symlink_to(target)
    fault = unfit(path)
    assert fault is not None and fault.code == "file-special"
    with pytest.raises(UnfitFileError):
        read_bytes(path)


def test_names_are_shown_in_any_terminal() -> None:
    name = os.fsdecode(b"a\xff\n\x1b[2J.json")
    assert printable(name) == r"a\xff\n\x1b[2J.json"
    printable(name).encode()


def test_work_without_end_is_given_up() -> None:
    assert max(budget(0), graph._BASE) + 2 * guard._RENDERING < 13  # a worker of test_hostile.py has shorter ones
    with pytest.raises(ModelError, match="given up"), within(0.2, "it"):
        while True:
            pass
    with within(10, "it"), within(20, "it"):
        pass


def test_a_library_leaves_no_signal_stack_behind() -> None:
    """What OpenVINO's plug-in does: one put in place, and never taken off. The next Ctrl-C would end the process."""
    import ctypes
    import sys

    if sys.platform != "linux":
        pytest.skip("only Linux has this layout")
    before, room = signal_stack(), ctypes.create_string_buffer(65_536)
    with kept_signal_stack():
        left = _Stack(ctypes.addressof(room), 0, len(room))
        assert ctypes.CDLL(None).sigaltstack(ctypes.byref(left), None) == 0
        assert signal_stack() == ctypes.addressof(room)
    assert signal_stack() == before


def test_openvino_leaves_none_behind(tmp_path: Path) -> None:
    before = signal_stack()
    encoder = open_encoder(parse_spec(f"openvino:{intact(tmp_path / 'model')}"))
    encoder.encode(["one text"], None)
    assert signal_stack() == before
    encoder.close()
    assert signal_stack() == before


@pytest.mark.parametrize("form", ["archive", "bare"])
def test_a_pickle_that_hoards_is_a_fault(form: str, tmp_path: Path) -> None:
    program = b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R."
    path = tmp_path / "pytorch_model.bin"
    if form == "bare":
        path.write_bytes(program)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", program)
    (fault,) = hoarding(tmp_path)
    assert (fault.code, fault.file) == ("weights-hoard", "pytorch_model.bin")


def test_tensors_hoard_nothing(tmp_path: Path) -> None:
    import torch

    for new in (True, False):
        torch.save(
            {"a": torch.zeros(3), "b": torch.nn.Parameter(torch.ones(2))},
            tmp_path / f"{new}.bin",
            _use_new_zipfile_serialization=new,
        )
    assert not list(hoarding(tmp_path))


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("model.safetensors.index.json", {"weight_map": {str(n): f"{n}.safetensors" for n in range(2001)}}),
        ("modules.json", [{"idx": n, "path": ""} for n in range(101)]),
        ("1_Pooling/config.json", {"pooling_mode": ["mean"] * 101}),
    ],
)
def test_lists_without_end_are_a_fault(file: str, value: object, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(json.dumps(value))
    assert [(fault.code, fault.file) for fault in unfounded(tmp_path)] == [("size-unfounded", file)]


@pytest.mark.parametrize(
    "value",
    [
        {"normalizer": {"type": "Prepend", "prepend": "a" * 1001}},
        {"post_processor": {"type": "TemplateProcessing", "special_tokens": {"<s>": {"ids": [0] * 201}}}},
    ],
)
def test_what_a_tokenizer_puts_around_a_text_is_short(value: object, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(value))
    assert [fault.code for fault in overgrown(tmp_path)] == ["tokens-without-end"]
