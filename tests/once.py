"""What is dear to make is made once a run, whichever of pytest's workers asks first, and shared by all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

__all__ = ["once"]


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The file or folder that ``make(path)`` writes, to be read only: a test that writes takes a copy.

    It lies in the run's own temporary folder, which the workers have in common, and takes its name when it is whole, so
    that a worker that dies while making it leaves the next one to start anew.
    """
    base = factory.getbasetemp()
    # A folder each: a page offers the stores that lie beside its own.
    shared = (base.parent if base.name.startswith("popen-") else base) / "shared" / f"of {name}"
    shared.mkdir(parents=True, exist_ok=True)
    place = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not place.exists():
            unfinished = factory.mktemp("unfinished") / name
            make(unfinished)
            unfinished.rename(place)
    return place
