"""Run Python in a process of its own; measure its time and the most memory it and its children held at once."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parents[2]


class Measured(NamedTuple):
    """A run of a child process."""

    seconds: float  # from its start to its end
    cpu: float  # seconds of computing, in it and its children
    megabytes: float  # the most that the process and its children held at once, pages they share counted once
    told: dict[str, float]  # what the code left in `told`


def run(code: str, *arguments: str, **environment: str) -> Measured:
    """Run ``code``, which finds ``arguments`` in sys.argv and may put figures into the dictionary ``told``.

    The code runs below ``if __name__ == "__main__"``, so that it may start processes.
    """
    body = "\n".join(f"    {line}" for line in code.strip().splitlines())
    with tempfile.TemporaryDirectory() as scratch:
        script, result = Path(scratch) / "measured.py", Path(scratch) / "told.json"
        ending = f"    __import__('pathlib').Path({str(result)!r}).write_text(__import__('json').dumps(told))\n"
        script.write_text(f"if __name__ == '__main__':\n    told = {{}}\n{body}\n{ending}")
        settings = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | environment
        began, before = time.monotonic(), computed()
        process = subprocess.Popen([sys.executable, str(script), *arguments], cwd=ROOT, env=settings)
        most = 0.0
        while process.poll() is None:
            most = max(most, held(process.pid))
            time.sleep(0.05)
        seconds = time.monotonic() - began
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        return Measured(seconds, computed() - before, most / 2**20, json.loads(result.read_text()))


def computed() -> float:
    """Seconds of computing of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def held(pid: int) -> float:
    """Bytes a process and its children hold."""
    try:
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
    except psutil.NoSuchProcess:
        return 0
    total = 0.0
    for member in family:
        try:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.uss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
