"""Serve the real dashboard for a test, on a free port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(store: Path, log: Path, *, seconds: float = 180, every: float = 0.05, ahead: bool = False) -> Iterator[str]:
    """Address of a dashboard over ``store``; its output goes to ``log``, and it ends with the block.

    With ``ahead`` as ``make run`` serves it, with pages drawn before anybody asks.
    """
    port = free_port()
    how = ["dashboard", "run", "--port"] if ahead else ["streamlit", "run", "dashboard/app.py", "--server.port"]
    command = [sys.executable, "-m", *how, str(port)]
    environment = {**os.environ, "PLUMBLINE_STORE": str(store)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/_stcore/health", process, log, seconds=seconds, every=every)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def wait_for(
    address: str, process: subprocess.Popen[bytes], log: Path, *, seconds: float = 180, every: float = 0.05
) -> None:
    """Nothing, once what the process serves answers at the address; an error with its log where it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(every)
    raise RuntimeError(f"the dashboard did not start:\n{log.read_text(errors='replace')}")
