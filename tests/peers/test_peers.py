"""Real frameworks in environments of their own (``make peers``), each against sentence-transformers in this one."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evaluators.probes import load_probes
from tests.parity.conftest import checked, verdicts
from tests.small_models import byte_level, minilm

ROOT = Path(__file__).parents[2]
HOST = ROOT / "evaluators" / "encoders" / "isolated" / "host.py"
pytestmark = pytest.mark.peers


def python(name: str) -> Path:
    path = ROOT / ".peers" / name / "bin" / "python"
    if not path.exists():
        pytest.skip(f"there is no .peers/{name}: make peers")
    return path


def hosted(name: str, framework: str, folder: Path, **settings: object) -> str:
    given = "".join(f"&{key}={value}" for key, value in settings.items())
    return f"command:{python(name)} {HOST} {framework} {folder}?label={framework}{given}"


@pytest.fixture(scope="module")
def infinity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Infinity server on MiniLM's folder."""
    log = tmp_path_factory.mktemp("infinity") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = python("infinity").with_name("infinity_emb")
    arguments = ["v2", "--model-id", str(minilm()), "--engine", "torch", "--no-bettertransformer", "--device", "cpu"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(program), *arguments, "--host", "127.0.0.1", "--port", str(port)], stdout=out, stderr=out,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"},
        )  # fmt: skip
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def test_infinity_serves_the_same_vectors(infinity: str) -> None:
    spec = f"openai:{infinity}?model=model&label=infinity&retries=1"
    done = checked(f"sentence-transformers:{minilm()}", [spec])
    served = done.candidates[0]
    assert verdicts(done) == {"infinity": "identical"}, served.comparisons[0].verdict.sentence
    assert {outcome.test: outcome.outcome for outcome in served.protocol}["order"] == "pass"


def test_bce_embedding_behind_a_command(tmp_path: Path) -> None:
    reference = f"sentence-transformers:{minilm()}?pooling=cls&max_length=512"
    done = checked(reference, [hosted("bce", "bce", minilm())])
    bce = done.candidates[0]
    assert verdicts(done) == {"bce": "identical"}, bce.comparisons[0].verdict.sentence
    assert bce.description.versions["BCEmbedding"] == "0.1.5"
    assert bce.description.versions["transformers"] == "4.36.2"


def test_langchain_on_an_older_library_changes_white_space(tmp_path: Path) -> None:
    """sentence-transformers 5.3 still strips texts, and this LangChain makes spaces of new lines; ours does neither."""
    model = byte_level(tmp_path / "model")
    spec = hosted("langchain", "langchain", model)
    ours = f"sentence-transformers:{model}"
    found = checked(ours, [spec], load_probes()).candidates[0]
    assert found.comparisons[0].verdict.verdict == "differs on some texts"
    assert "exactly those with the trait outer-space or inner-newline" in found.comparisons[0].verdict.sentence
    assert found.description.versions["sentence-transformers"] == "5.3.0"
    stripped = checked(f"{ours}?strip=yes", [spec], load_probes()).candidates[0].comparisons[0]
    assert "exactly those with the trait inner-newline" in stripped.verdict.sentence
