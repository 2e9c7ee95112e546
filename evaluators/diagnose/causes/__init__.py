"""The catalogue: every known cause, one slot a file, each a small entry."""

from __future__ import annotations

from evaluators.diagnose.causes import model, output, pooling, text, tokens
from evaluators.diagnose.recipe import Cause
from evaluators.diagnose.reference import Reference

__all__ = ["catalogue"]


def catalogue(reference: Reference, width: int, wanted: int) -> list[Cause]:
    """The causes that can act on this reference.

    Args:
        reference: the model in question.
        width: dimensions of its vectors.
        wanted: dimensions of the candidate's vectors.
    """
    return [
        *text.causes(reference),
        *tokens.causes(reference),
        *model.causes(reference),
        *pooling.causes(reference),
        *output.causes(reference, width, wanted),
    ]
