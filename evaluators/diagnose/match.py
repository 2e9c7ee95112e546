"""A set of causes, and how near it brings the reference to a candidate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.causes.places import SINGLE
from evaluators.diagnose.measure import ROUNDING, Errors, closeness, even
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings

__all__ = ["ALIKE", "EACH", "RIGHT", "Match", "Larger", "compatible"]

# What one more cause must gain to be worth naming, in units of ``closeness``: noise alone gains less on 16 texts.
EACH = 0.12
ALIKE = 0.5  # cosine between what two arithmetics of as many bits do
RIGHT = 2 * ROUNDING  # distance of a text that needs no further explanation
_HALF_PRECISION = 0.02  # mean distance that bf16 arithmetic leaves at most


@dataclass(frozen=True)
class Match:
    """A set of causes, and how far from the candidate it leaves each text."""

    causes: tuple[Cause, ...]
    recipe: Recipe
    errors: Errors
    vectors: Embeddings
    grain: Errors | float = ROUNDING  # of each text's distance, by what the candidate's numbers were rounded to

    @cached_property
    def score(self) -> float:
        """Closeness with a price on every cause; the lowest is the best explanation."""
        # Where single rows are other texts' vectors, each of them was free to be any: an edit that makes two texts one
        # is the better reason.
        free = any(cause.code in SINGLE for cause in self.causes)
        return closeness(self.errors, self.grain) + EACH * (len(self.causes) + free)

    @property
    def names(self) -> tuple[str, ...]:
        """The causes in words."""
        return tuple(cause.words for cause in self.causes)

    @property
    def early(self) -> tuple[Cause, ...]:
        """The causes that change what goes through the model."""
        return tuple(cause for cause in self.causes if cause.forward)

    @property
    def late(self) -> tuple[Cause, ...]:
        """The others."""
        return tuple(cause for cause in self.causes if not cause.forward)

    @property
    def solved(self) -> bool:
        """Whether one of the causes was solved from all texts together, not tried."""
        return any(cause.family == "space" for cause in self.causes)

    @cached_property
    def exact(self) -> bool:
        """Whether every text comes right."""
        return bool((self.errors < np.maximum(self.grain, RIGHT)).all())

    @cached_property
    def finished(self) -> bool:
        """Whether what is left is rounding: nothing, or evenly little on every text after a cause was named."""
        if self.exact:
            return True
        return bool(self.causes) and even(self.errors) and float(self.errors.mean()) < _HALF_PRECISION


@dataclass(frozen=True)
class Larger:
    """A set of causes with one more in the early slots."""

    match: Match
    cause: Cause

    @property
    def early(self) -> tuple[Cause, ...]:
        """The causes in the early slots, the new one among them."""
        return (*self.match.early, self.cause)


def compatible(causes: Iterable[Cause]) -> bool:
    """Whether the causes can act together: no two of one family."""
    families = [cause.family for cause in causes]
    return len(families) == len(set(families))
