"""Killed, interrupted, out of disk: finished tasks are kept and the same command goes on."""

from __future__ import annotations

import json
import resource
import signal
import time
from pathlib import Path
from subprocess import Popen

import pytest

from tests.reproduce.conftest import Command, rows

TASKS = ("--tasks", "STS12,STSBenchmark")


def journal(command: Command) -> dict[str, dict[str, str]]:
    """Records of the only run, by task."""
    files = (command.home / "cache" / "plumbline" / "runs").glob("*/tasks/*.json")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def wait_for_second_task(command: Command, process: Popen[str]) -> None:
    """Until the first task is done and the second, which is long, is under way."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if "STSBenchmark" in journal(command):
            time.sleep(0.3)
            return
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        time.sleep(0.02)
    raise AssertionError("the second task never began")


@pytest.mark.slow
def test_interrupted_then_killed_then_finished(command: Command, tiny: Path, hub_folder: Path) -> None:
    asked = ("reproduce", tiny, "--datasets", hub_folder, *TASKS)

    process = command.start(*asked)
    wait_for_second_task(command, process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert "Finished tasks are kept" in said
    assert rows(command.store, "SELECT status FROM runs") == [("stopped",)]
    first = journal(command)["STS12"]["finished_at"]

    process = command.start(*asked)
    deadline = time.monotonic() + 600
    while rows(command.store, "SELECT status FROM runs") != [("running",)]:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert rows(command.store, "SELECT task FROM results") == [("STS12",)]

    status, said = command.run_here(*asked)
    assert status == 0, said
    assert "1 of the tasks are done already" in said
    assert journal(command)["STS12"]["finished_at"] == first
    assert sorted(rows(command.store, "SELECT task, status FROM run_tasks")) == [
        ("STS12", "done"),
        ("STSBenchmark", "done"),
    ]
    assert rows(command.store, "SELECT count(*), min(status) FROM runs") == [(1, "done")]


@pytest.mark.slow
def test_full_disk(command: Command, tiny: Path, hub_folder: Path) -> None:
    asked, both = ("reproduce", tiny, "--datasets", hub_folder), ("--tasks", "STS12,STS14")
    status, said = command.run_here(*asked, "--tasks", "STS12")
    assert status == 0, said

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    status, said = command.run(*asked, *both, preexec_fn=no_room)
    assert status == 2
    assert "The disk is full" in said and "Make room" in said and "Traceback" not in said
    assert rows(command.store, "SELECT task FROM results") == [("STS12",)]

    status, said = command.run_here(*asked, *both)
    assert status == 0, said
    assert len(rows(command.store, "SELECT task FROM results")) == 2
