"""What keeps a model's folder from being opened at all: a table of the reasons, and one of them in one file."""

from __future__ import annotations

from typing import NamedTuple

from data.store.errors import ModelError

__all__ = ["REFUSALS", "Fault"]

_ENDLESS = "A loader that opened it could wait or read without end."
_HARMLESS = "Files of a model decide what a loader reads and runs only as far as is known to be harmless."
_WITHOUT = "Remove it from the file if you can do without; otherwise take another model."
_REPOSITORY = "Take the file from the model's repository."

# What would come of opening it and what to do, by the code of the reason.
REFUSALS: dict[str, tuple[str, str]] = {
    "file-special": (_ENDLESS, "Put the file itself in its place, or delete it."),
    "file-too-large": (_ENDLESS, _REPOSITORY),
    "file-sparse": (_ENDLESS, "Its bytes were never written: download the file again."),
    "file-unreadable": (_ENDLESS, "Give yourself leave to read it, or copy the model to where you have it."),
    "files-without-end": ("Reading them would not end.", "Name the folder of the model alone."),
    "name-unprintable": ("Such a name cannot be written down, printed or kept.", "Rename or delete it."),
    "settings-refused": (_HARMLESS, _WITHOUT),
    "class-refused": (_HARMLESS, _WITHOUT),
    "kernel-refused": (_HARMLESS, _WITHOUT),
    "leads-elsewhere": (_HARMLESS, _WITHOUT),
    "size-unfounded": ("Whatever is built from it would take memory or time without end.", _REPOSITORY),
    "tokens-without-end": ("A short text would fill the memory, or take without end.", _REPOSITORY),
    "weights-hoard": (
        "Loading it would fill the memory before a tensor is there.",
        "Delete it, or take the .safetensors file of the same revision.",
    ),
}


class Fault(NamedTuple):
    """One reason in one file.

    Attributes:
        code: a key of ``REFUSALS``.
        file: the file at fault, relative to the folder.
        seen: what is wrong with it, in one sentence.
    """

    code: str
    file: str
    seen: str

    def as_error(self, model: str) -> ModelError:
        """The same as an error: nothing of the model was loaded."""
        return ModelError(f"The model is not opened: {self.seen}", where=model, remedy=" ".join(REFUSALS[self.code]))
