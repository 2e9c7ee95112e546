"""What keeps a model's folder from being opened at all."""

from __future__ import annotations

from typing import NamedTuple

from data.store.errors import ModelError

__all__ = ["Fault"]


class Fault(NamedTuple):
    """One reason: a code for programs, the file, and the three sentences for people.

    Attributes:
        code: stable name of the kind of fault.
        file: the file at fault, relative to the folder.
        seen: what is wrong with it.
        why: what would come of it.
        remedy: what to do.
    """

    code: str
    file: str
    seen: str
    why: str
    remedy: str

    def as_error(self, model: str) -> ModelError:
        """The same as an error: nothing of the model was loaded."""
        return ModelError(f"The model is not opened: {self.seen}", where=model, remedy=f"{self.why} {self.remedy}")
