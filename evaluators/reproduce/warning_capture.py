"""Keep every warning that loading and running a model gives, whichever way it is given.

``transformers`` and ``huggingface_hub`` log to handlers of their own and do not propagate, and their verbosity can be
turned down by a variable of the environment: a handler on the root logger hears nothing of a tensor that was not found.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from data.store import keys
from data.store.runs import RunWarning

__all__ = ["Warnings", "hearing"]

# Loggers that do not propagate, or whose level may be above WARNING.
_LIBRARIES = ("transformers", "sentence_transformers", "huggingface_hub", "mteb", "datasets", "torch")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # transformers writes bold and colours for a terminal; a page has none


class Warnings(logging.Handler):
    """What was heard, in order, each text once; ``take`` hands over what is new since the last time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counts: dict[tuple[str, str], int] = {}
        self._order: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a logger hands over."""
        self.note(record.name, record.getMessage())

    def note(self, source: str, text: str) -> None:
        """Count one warning; mteb gives the same sentence as a log line and as a Python warning, which is one."""
        text = keys.masked(_COLOUR.sub("", text))
        same = next((key for key in self._counts if key[1] == text), (source, text))
        if same not in self._counts:
            self._order.append(same)
        self._counts[same] = self._counts.get(same, 0) + 1

    def take(self) -> list[RunWarning]:
        """The warnings since the last call."""
        new = [RunWarning(source=source, text=text, times=self._counts[source, text]) for source, text in self._order]
        self._counts.clear()
        self._order.clear()
        return new


@contextmanager
def hearing() -> Iterator[Warnings]:
    """Collect warnings for the length of the block; nothing is written to the terminal, where progress is drawn."""
    heard = Warnings()
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in _LIBRARIES)]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    for logger in loggers[1:]:
        logger.handlers = [heard] if not logger.propagate else []
        logger.setLevel(logging.WARNING)
    root.handlers = [heard]
    with warnings.catch_warnings():
        warnings.showwarning = _noting(heard)
        try:
            yield heard
        finally:
            for logger, handlers, level in before:
                logger.handlers = handlers
                logger.setLevel(level)


def _noting(heard: Warnings) -> Any:
    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        heard.note(category.__name__, str(message))

    return show
