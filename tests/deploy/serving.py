"""Servers for the tests of this folder: the dashboard as a team has it, and any ASGI application beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.serving import ROOT, free_port, wait_for


@contextmanager
def deployed(environment: Mapping[str, str], log: Path, *, port: int = 0, before: Sequence[str] = ()) -> Iterator[str]:
    """Address of ``python -m dashboard serve`` with these settings; ``before`` is put before the command."""
    port = port or free_port()
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith("PLUMBLINE_") or name.endswith("STORE")
    }
    command = [*before, sys.executable, "-m", "dashboard", "serve", "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**ours, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/healthz", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(60)


@contextmanager
def beside(app: ASGIApp, *, port: int = 0, **options: Any) -> Iterator[str]:
    """Address of an application served by a thread of this process."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off", **options)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
