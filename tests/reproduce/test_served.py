"""A real MTEB task through an encoder of the parity check gives what the library gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data.store.errors import InputError, ModelError
from evaluators.reproduce.models import load_requested
from evaluators.reproduce.request import ModelRequest
from tests.reproduce.conftest import SAMPLE, Command, rows


@pytest.mark.slow
def test_another_library_gives_the_same_score(command: Command, tiny: Path) -> None:
    own = ("--own", SAMPLE / "pairs", "--as", "acme/tiny")
    status, said = command.run_here("reproduce", tiny, *own)
    assert status == 0, said
    [(run,)] = rows(command.store, "SELECT run_id FROM runs")
    spec = f"transformers:{tiny}?pooling=mean&normalise=true"
    status, said = command.run_here("reproduce", spec, *own, "--compare-to", run, "--fail-on", "gap")
    assert status == 0, said
    assert "by the transformers encoder" in said
    assert len({round(score, 5) for (score,) in rows(command.store, "SELECT main_score FROM scores")}) == 1


def test_settings_belong_into_the_spec(tiny: Path) -> None:
    with pytest.raises(InputError, match="part of its name"):
        load_requested(ModelRequest(f"transformers:{tiny}?pooling=mean", dtype="bf16"))


def test_an_encoders_files_are_looked_at_first(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    torn = tmp_path / "torn"
    shutil.copytree(tiny, torn)
    tensors = load_file(torn / "model.safetensors")
    save_file({n: t for n, t in tensors.items() if "layer.0" not in n}, torn / "model.safetensors", {"format": "pt"})
    spec = f"transformers:{torn}?pooling=mean"
    with pytest.raises(ModelError, match="Preflight stops the run"):
        load_requested(ModelRequest(spec))
    assert "weights-missing" in [finding.code for finding in load_requested(ModelRequest(spec, anyway=True)).findings]
    assert "weights-missing" not in [
        f.code for f in load_requested(ModelRequest(f"transformers:{tiny}?pooling=mean")).findings
    ]
