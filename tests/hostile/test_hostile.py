"""No file of a model makes a command run code, hang or end in a traceback: hostile folders through every command."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.hostile.folders import HOSTILE, intact, payload, spoilt
from tests.hostile.more import MORE
from tests.hostile.worker import COMMANDS
from tests.serving import ROOT

_LONGER = 10.0  # processor seconds beyond a sound model's
# A second for each folder: it opens those that spoil what it reads by itself, and some of every other kind.
_DEAR, _ITS_OWN = "parity flag-embedding", ("head", "pickle", ".bin", "linear", "token", "own code", "pattern", "link")
ALL = HOSTILE | MORE
# Found something once, each of another kind; and a sample through both tables, which go from kind to kind.
_ONCE_FOUND = (
    "weights_only off in model_args, a .bin beside the safetensors", "weights_only off, shards of another name",
    "weights_only off, a variant", "config.json a link to /dev/zero", "README.md a pipe",
    "config.json: num_hidden_layers 1e+07", "heads that are a pickle", "an adapter whose pattern backtracks",
    "a .bin that calls what is allowed without end", "an index of a hundred thousand shards",
    "a hundred thousand modules", "config.json: return_dict false", "config.json: pad_token_id -5",
    "a normaliser that puts a megabyte in front", "a graph with weights from elsewhere",
    "a graph of a loop without end", "two hundred thousand tensors of nothing",
)  # fmt: skip
OFTEN = tuple(dict.fromkeys((*_ONCE_FOUND, *list(HOSTILE)[::3], *list(MORE)[::12])))
# The other commands open a folder by the same functions as one of these; the soak goes through all.
_THIN = ("preflight", "reproduce --anyway", "diagnose")
_IDLE = 60.0  # seconds without any work at all: it waits for something that will not come


Sound = dict[str, dict[str, Any]]  # what comes of each command on the intact model


class Worker:
    """The process that opens the folders; killed and started anew where a folder makes it hang."""

    def __init__(self, folder: Path) -> None:
        self.mark, self._errors = folder / "mark", folder / "errors"
        self._environment = {
            **os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hub"),
            "PLUMBLINE_STORE": str(folder / "none.duckdb"), "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false",
        }  # fmt: skip
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors.open("wb"), cwd=ROOT, env=self._environment,
        )  # fmt: skip
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process.stdout, self._answers), daemon=True).start()
        self._answers.get()  # it is ready

    @staticmethod
    def _listen(stream: Any, answers: queue.Queue[bytes]) -> None:
        for line in stream:
            answers.put(line)
        answers.put(b"")

    def ask(self, command: str, folder: Path) -> dict[str, Any]:
        """What came of a command: ``outcome`` is opened, refused, traceback, hung or died."""
        assert self._process.stdin is not None
        asked = {"command": command, "folder": str(folder), "mark": str(self.mark)}
        began = self._worked()
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        worked, since = began, time.monotonic()
        while True:
            try:
                line = self._answers.get(timeout=0.5)
            except queue.Empty:
                now = self._worked()
                if now > worked:
                    worked, since = now, time.monotonic()
                if now - began > 2 * _LONGER or time.monotonic() - since > _IDLE:
                    self.close()
                    self._start()
                    return {"outcome": "hung", "said": f"{now - began:.1f} s of work", "code_ran": self.mark.exists()}
                continue
            if line:
                answer: dict[str, Any] = json.loads(line)
                return answer
            said = f"status {self._process.wait()}: {self._errors.read_text(errors='replace')[-1500:]}"
            self._start()
            return {"outcome": "died", "said": said, "code_ran": self.mark.exists()}

    def _worked(self) -> float:
        try:
            spent = psutil.Process(self._process.pid).cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(spent.user + spent.system)

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    started = Worker(tmp_path_factory.mktemp("worker"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return intact(tmp_path_factory.mktemp("intact") / "model")


@pytest.fixture(scope="module")
def sound(worker: Worker, base: Path) -> Sound:
    """What comes of each command on the intact model, what is imported for it included."""
    return {command: worker.ask(command, base) for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_intact_model_opens(command: str, sound: Sound) -> None:
    answer = sound[command]
    assert (answer["outcome"], answer["code_ran"]) == ("opened", False), answer["said"]


def test_the_payload_is_live(tmp_path: Path) -> None:
    pickle.loads(payload(tmp_path / "mark"))
    assert (tmp_path / "mark").exists()


def test_there_are_enough() -> None:
    assert len(OFTEN) >= 60
    assert set(_ONCE_FOUND) <= set(ALL)
    assert not set(HOSTILE) & set(MORE)


def _through(name: str, commands: Iterable[str], worker: Worker, base: Path, sound: Sound, to: Path) -> None:
    folder = spoilt(ALL[name], base, to, worker.mark)
    for command in commands:
        answer = worker.ask(command, folder)
        assert not answer["code_ran"], command
        assert answer["outcome"] in ("opened", "refused"), f"{command}: {answer['said']}"
        assert answer["seconds"] < sound[command]["seconds"] + _LONGER, command


@pytest.mark.parametrize("name", OFTEN)
def test_no_harm_comes_of(name: str, worker: Worker, base: Path, sound: Sound, tmp_path: Path) -> None:
    graphs = ("parity onnx", "parity openvino") if "graph" in name else ()
    own = (_DEAR,) if "heads" in name else ()
    _through(name, (*_THIN, *graphs, *own), worker, base, sound, tmp_path / "model")


@pytest.mark.soak
@pytest.mark.parametrize("name", ALL)
def test_no_harm_comes_of_any(name: str, worker: Worker, base: Path, sound: Sound, tmp_path: Path) -> None:
    dear = any(word in name for word in _ITS_OWN)
    commands = [command for command in COMMANDS if dear or command != _DEAR]
    _through(name, commands, worker, base, sound, tmp_path / "model")
