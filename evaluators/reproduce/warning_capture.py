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

from data.store import keys
from data.store.runs import RunWarning

__all__ = ["WarningCapture", "capturing_warnings"]

# Loggers that do not propagate, or whose level may be above WARNING.
_LIBRARIES = ("transformers", "sentence_transformers", "huggingface_hub", "mteb", "datasets", "torch")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # transformers writes bold and colours for a terminal; a page has none


class WarningCapture(logging.Handler):
    """The warnings given, in order, each text once; ``take`` hands over what is new since the last time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counts: dict[tuple[str, str], int] = {}  # source and text -> times, in the order they came

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a logger hands over."""
        self.note(record.name, record.getMessage())

    def note(self, source: str, text: str) -> None:
        """Count one warning; mteb gives the same sentence as a log line and as a Python warning, which is one."""
        text = keys.masked(_COLOUR.sub("", text))
        same = next((key for key in self._counts if key[1] == text), (source, text))
        self._counts[same] = self._counts.get(same, 0) + 1

    def take(self) -> list[RunWarning]:
        """The warnings since the last call."""
        new = [RunWarning(source=source, text=text, times=times) for (source, text), times in self._counts.items()]
        self._counts.clear()
        return new


@contextmanager
def capturing_warnings() -> Iterator[WarningCapture]:
    """Collect warnings for the length of the block; nothing is written to the terminal, where progress is drawn."""
    capture = WarningCapture()
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in _LIBRARIES)]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    for logger in loggers[1:]:
        logger.handlers = [capture] if not logger.propagate else []
        logger.setLevel(logging.WARNING)
    root.handlers = [capture]
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, category, *_, **__: capture.note(category.__name__, str(message))
        try:
            yield capture
        finally:
            for logger, handlers, level in before:
                logger.handlers = handlers
                logger.setLevel(level)
