from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluators.preflight import preflight
from tests.models import SHAPES, build, minilm_folder


def test_minilm_has_no_findings() -> None:
    assert preflight(str(minilm_folder())) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_an_intact_model_of_another_shape_has_no_findings(shape: str, tmp_path: Path) -> None:
    assert preflight(str(build(shape, tmp_path / "model"))) == []


def test_the_whole_command_takes_seconds_for_minilm() -> None:
    command = [sys.executable, "-m", "evaluators", "preflight", str(minilm_folder())]
    subprocess.run(command, check=True, capture_output=True)  # the first start of a machine reads torch from disk
    started = time.perf_counter()
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "nothing wrong" in finished.stdout
    # 3.6 s on two idle cores; the limit leaves room for other tests that run beside this one.
    assert time.perf_counter() - started < 12
