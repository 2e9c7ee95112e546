"""What `make check`, `make test` and `make soak` run, and that a commit is linted by the same commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.serving import ROOT

LINTERS = (".venv/bin/ruff", ".venv/bin/mypy")


def commands(target: str) -> list[str]:
    """What a target would run."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-n", target], cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith(".venv/bin/")]
    return [line for line in lines if "pip install" not in line and "tests.browser --install" not in line]


def linting(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(LINTERS)]


def test_a_commit_is_linted_as_check_lints() -> None:
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local", "nothing is fetched"
    hooks = [hook["entry"] for hook in repository["hooks"]]
    assert hooks == linting(commands("check")) and len(hooks) == 3
    assert not any(hook["pass_filenames"] for hook in repository["hooks"]), "ours check everything"


def test_what_guards_is_linted_and_left_out_nowhere_but_in_soak() -> None:
    assert linting(commands("test")) == linting(commands("check"))
    [guards] = [line for line in commands("test") if "pytest" in line]
    assert guards.endswith('-m "not bench and not peers and not soak"')
    assert "exec make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    tests, self_test = commands("soak")
    assert tests.endswith("-m soak") and self_test == ".venv/bin/python -m tests.maintain self-test"


SAMPLE = """
import socket, subprocess, sys

def test_pure():
    assert True

def test_library():
    import torch

def test_process():
    subprocess.run([sys.executable, "-c", ""])

def test_port():
    socket.create_server(("127.0.0.1", 0))

def test_caught():
    try:
        import torch
    except Exception:
        pass

def test_browser(chromium):
    raise AssertionError

def test_wrong():
    assert False
"""


def test_unit_tests_are_those_that_reach_for_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("import pytest\n\n@pytest.fixture\ndef chromium():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.unit", "-p", "no:cacheprovider", "-v", str(tmp_path)]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", str(tmp_path / "pytest.ini")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ends = {"pure": "PASSED", "wrong": "FAILED"} | dict.fromkeys(("library", "process", "port", "caught"), "SKIPPED")
    for name, end in ends.items():
        assert f"::test_{name} {end}" in done.stdout, done.stdout
    assert "::test_browser" not in done.stdout and done.returncode == pytest.ExitCode.TESTS_FAILED
