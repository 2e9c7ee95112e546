"""Where this machine keeps what a command can use again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """The folder of runs and of vectors of causes: ``PLUMBLINE_CACHE``, or ``$XDG_CACHE_HOME/plumbline``."""
    named = os.environ.get("PLUMBLINE_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plumbline"
