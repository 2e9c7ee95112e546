"""The result of one test of an encoder's own behaviour, before it is compared with anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.store.vocabulary import Outcome
from evaluators.parity.observations import Observation, in_sentences

__all__ = ["TESTS", "SelfTest", "with_observations"]

TESTS = ("loads", "deterministic", "batch", "order", "distinct", "shape", "finite", "norms")


@dataclass(frozen=True)
class SelfTest:
    """One test's result: pass, fail or skipped, the number it rests on, a sentence, and the outputs it is about.

    Attributes:
        observed: what repeated asking showed, of which the sentence is the words.
    """

    test: str
    outcome: Outcome
    value: float | None
    detail: str
    outputs: tuple[str, ...] = ("dense", "sparse", "multi")
    observed: tuple[Observation, ...] = ()


def with_observations(tests: Sequence[SelfTest], observations: Sequence[Observation]) -> list[SelfTest]:
    """The tests with what was observed in the place of their bare sentences.

    Where one load does not agree with itself, what differs between batches or loads shows nothing about either.
    """
    of_repeats = [one for one in observations if one.test == "deterministic"]
    restless = any(one.is_fault and not one.entry.of_others for one in of_repeats) or any(
        test.test == "deterministic" and test.outcome == Outcome.FAIL and not of_repeats for test in tests
    )
    # How far two calls are apart that are the same; what differs by more shows something in spite of that.
    apart = max((2 * one.numbers["worst"] for one in of_repeats if not one.is_fault), default=0.0)
    apart = math.inf if restless else apart
    return [_told(test, [one for one in observations if one.test == test.test], apart) for test in tests]


def _told(test: SelfTest, observations: Sequence[Observation], apart: float) -> SelfTest:
    if observations:
        # Of several outputs that disagree only the dense one is looked at closely.
        every = (*(test.observed if test.outputs != ("dense",) else ()), *observations)
        numbers = observations[0].numbers
        value = test.value if test.value is not None else numbers.get("worst", numbers.get("times"))
        value = float(value) if isinstance(value, int | float) else None
        outputs = test.outputs if test.outcome == Outcome.FAIL else ("dense",)
        outcome = Outcome.FAIL if any(one.is_fault for one in observations) else Outcome.PASS
        return SelfTest(test.test, outcome, value, in_sentences(every), outputs, every)
    # One without a value failed without a comparison: a load or a batch was not to be had.
    unsure = test.test in ("loads", "batch", "order") and test.outcome != Outcome.PASS
    if unsure and test.value is not None and test.value < apart:
        words = "Not told: the same call twice gives other vectors."
        return replace(test, outcome=Outcome.SKIPPED, detail=words, observed=())
    return test
