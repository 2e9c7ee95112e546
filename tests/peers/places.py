"""Where the environments of peers are, and what is started in them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.serving import ROOT

__all__ = ["HOST", "QUIET", "hosted", "peer", "python", "server"]

HOST = ROOT / "evaluators" / "encoders" / "isolated" / "host.py"
# Nobody is asked for anything over the network, and one core is left to whoever compares.
QUIET = {
    "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "ANONYMIZED_TELEMETRY": "False",
    "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip
_STARTS = 300.0  # seconds to load a model


def peer(name: str) -> Path:
    """The folder of an environment.

    Raises:
        FileNotFoundError: ``make peers`` has not made it.
    """
    folder = ROOT / ".peers" / name
    if not (folder / ".made").is_file():
        raise FileNotFoundError(f"there is no .peers/{name}: make peers")
    return folder


def python(name: str) -> Path:
    """The Python of an environment."""
    return peer(name) / "bin" / "python"


def hosted(name: str, *words: object, **environment: object) -> str:
    """The spec of a framework behind ``host.py`` in an environment of its own."""
    set_up = " ".join(f"{key}={value}" for key, value in (QUIET | environment).items())
    return f"command:env {set_up} {python(name)} {HOST} {' '.join(map(str, words))}"


@contextmanager
def server(
    words: Sequence[object],
    health: str = "/health",
    *,
    port_after: str = "--port",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """A server on a free port of 127.0.0.1 for as long as the block lasts; its address.

    Raises:
        RuntimeError: it ended, or did not answer in time; with the end of what it wrote.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [*map(str, words), "--host", "127.0.0.1", port_after, str(port)]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | QUIET | dict(environment or {})
            )
            try:
                _wait(url + health, process, log)
                yield url
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise RuntimeError(log.read_text(errors="replace")[-3000:])
