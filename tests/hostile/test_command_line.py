"""The commands themselves, as processes: a sentence and an exit status whatever the folder, and nothing that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.folders import intact, spoilt
from tests.hostile.test_hostile import ALL
from tests.serving import ROOT

_FOLDERS = (
    "weights_only off in model_args, a .bin beside the safetensors", "config.json a link to /dev/zero",
    "own code as a module", "config.json: pad_token_id -5", "a .bin that calls what is allowed without end",
)  # fmt: skip
_COMMANDS = {
    "preflight": ["preflight", "{hostile}"],
    "parity": ["parity", "sentence-transformers:{hostile}", "transformers:{sound}", "--fail-on", "unusable"],
    "diagnose": ["diagnose", "--reference", "{hostile}", "--candidate-vectors", "{vectors}"],
    "reproduce": ["reproduce", "{hostile}", "--tasks", "STS12", "--anyway"],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return intact(tmp_path_factory.mktemp("intact") / "model")


def _ends_in_a_sentence(command: str, name: str, base: Path, tmp_path: Path) -> None:
    import numpy as np

    folder, mark, vectors = tmp_path / "model", tmp_path / "mark", tmp_path / "vectors.npy"
    spoilt(ALL[name], base, folder, mark)
    np.save(vectors, np.ones((4, 32), dtype=np.float32))
    words = [word.format(hostile=folder, sound=base, vectors=vectors) for word in _COMMANDS[command]]
    environment = {
        **os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "OMP_NUM_THREADS": "1",
        "PLUMBLINE_STORE": str(tmp_path / "store.duckdb"), "NO_COLOR": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "evaluators", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode in (1, 2) and said.strip(), (done.returncode, said)
    assert not mark.exists()


def test_preflight_ends_in_a_sentence(base: Path, tmp_path: Path) -> None:
    _ends_in_a_sentence("preflight", _FOLDERS[0], base, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", _FOLDERS)
@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_ends_in_a_sentence(command: str, name: str, base: Path, tmp_path: Path) -> None:
    _ends_in_a_sentence(command, name, base, tmp_path)


@pytest.mark.parametrize("package", ["evaluators", "dashboard"])
def test_another_python_is_told_where_the_libraries_are(package: str) -> None:
    """Who ran ``make run`` and then types ``python -m evaluators`` has a Python without them."""
    ended = subprocess.run([sys.executable, "-S", "-m", package], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and ". .venv/bin/activate" in ended.stderr, ended.stderr
