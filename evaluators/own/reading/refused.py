"""Why a file is not read, as a sentence; and the limits all readers keep."""

from __future__ import annotations

import time

__all__ = ["CPU_SECONDS", "FILE_BYTES", "TEXT_CHARACTERS", "Bounds", "RefusedError"]

FILE_BYTES = 200_000_000
TEXT_CHARACTERS = 20_000_000  # of one file: ten times the longest of novels
CPU_SECONDS = 60.0  # of one file; then what was read so far is taken, and twice that ends its process


class RefusedError(Exception):
    """The file is not read; the message says why."""


class Bounds:
    """Counts what a file costs while it is read: processor seconds and characters."""

    def __init__(self) -> None:
        self._started = time.process_time()
        self._characters = 0

    def full(self, text: str = "") -> str | None:
        """Why reading has to stop after this text; None while it may go on."""
        self._characters += len(text)
        if self._characters > TEXT_CHARACTERS:
            return f"it has more than {TEXT_CHARACTERS:,} characters"
        if time.process_time() - self._started > CPU_SECONDS:
            return f"reading it takes more than {CPU_SECONDS:g} s"
        return None
