"""Every error Plumbline raises on purpose, as one tree.

Each says what was wrong, where (file, model, task, address) and what to do about it. The command line prints the
three parts and exits with ``exit_code``; a page shows them as a sentence, never as a traceback.
"""

from __future__ import annotations

__all__ = [
    "PlumblineError", "StoreError", "StoreMissingError", "StoreOutdatedError", "StoreDamagedError", "StoreBusyError",
    "ReadOnlyError", "StorageError",
    "InputError", "UnreadableResultError", "NotFoundError", "NotAllowedError", "MissingDependencyError",
    "OtherPythonError",
    "EncoderError", "EncoderGoneError", "ModelError",
]  # fmt: skip


class PlumblineError(Exception):
    """Something Plumbline can explain: ``what`` went wrong, ``where``, and the ``remedy``."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.what}{where}{'' if self.what.endswith('.') and not where else '.'}{remedy}"


class StoreError(PlumblineError):
    """The store cannot be used as it is."""


class StoreMissingError(StoreError):
    """There is no store at the path."""


class StoreOutdatedError(StoreError):
    """The store was written by another version of the schema."""


class StoreDamagedError(StoreError):
    """The file at the store's path is not a readable store."""


class StoreBusyError(StoreError):
    """Another process is writing the store."""


class ReadOnlyError(StoreError):
    """Nothing may be written beside the store: it was said so, or the folder does not allow it."""


class StorageError(PlumblineError):
    """Shared storage (a bucket, a folder of several machines) did not do what it was asked; ``code`` names the reason.

    The code is one of ``data.store.vocabulary.StorageFault``.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, remedy=remedy)


class InputError(PlumblineError):
    """Something the user gave (an option, a file, a folder) cannot be used."""


class UnreadableResultError(InputError):
    """One result file cannot be read; the import records why and goes on."""


class NotFoundError(InputError):
    """A name (model, task, benchmark, run) that nothing here knows."""


class NotAllowedError(PlumblineError):
    """Running it would execute code that nobody allowed by name."""


class MissingDependencyError(PlumblineError):
    """An optional package is needed for this and is not installed."""


class OtherPythonError(MissingDependencyError):
    """This Python has none of Plumbline's libraries: whoever ran ``make run`` has them in ``.venv``."""

    def __init__(self, python: str) -> None:
        super().__init__(
            "This Python has none of Plumbline's libraries",
            where=python,
            remedy="make run puts them into .venv; then, once in each terminal: . .venv/bin/activate",
        )


class EncoderError(PlumblineError):
    """An encoder (a library, a server, a command) did not give usable vectors; ``code`` names the reason."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, remedy=remedy)


class EncoderGoneError(EncoderError):
    """The encoder as a whole cannot be used: no other text and no other try would fare better."""


class ModelError(PlumblineError):
    """A model's files, weights, tokenizer or configuration cannot be used."""
