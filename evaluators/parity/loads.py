"""Do two loads of a model give the same vectors, and if not, how do they differ?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data.rules.drift import floor_of
from data.store.errors import PlumblineError
from data.store.vocabulary import Outcome
from evaluators.encoders.base import Backend, Encoder
from evaluators.parity.answers import Answers
from evaluators.parity.asking import SAME, CallLog
from evaluators.parity.observations import Observation
from evaluators.parity.outputs import distance, distance_by_output, worst_of
from evaluators.parity.scatter import gap, same_products, together
from evaluators.parity.selftest import SelfTest
from evaluators.parity.vectors import ProbeVectors, encode_probes

__all__ = ["differing_loads", "two_loads"]

_ONE_OFFSET = 0.95  # mean cosine between the deviations of two texts from which one offset moves them


def two_loads(
    first: ProbeVectors, reopen: Callable[[], Encoder], log: CallLog, backend: Backend, dtype: str
) -> SelfTest:
    """Do two loads of the model agree? The second is asked twice, so that noise is not taken for it."""
    if backend.one_load:
        return SelfTest("loads", Outcome.SKIPPED, None, f"Not asked: {backend.one_load}.")
    try:
        second, again = _asked_twice(reopen, log)
    except PlumblineError as error:
        return SelfTest("loads", Outcome.FAIL, None, f"It could not be loaded a second time: {error}")
    floor = floor_of(dtype)
    if (apart := worst_of(distance(second, again))) is not None and apart > floor:
        as_first = worst_of(distance(first, again))
        numbers = {"worst": apart, "then_as_first": as_first is not None and as_first <= floor}
        return _failed(apart, Observation("second-load-restless", numbers))
    worst = {output: worst_of(values) for output, values in distance_by_output(first, second).items()}
    broken = {output: value for output, value in worst.items() if value is not None and value > floor}
    value = max((value for value in worst.values() if value is not None), default=None)
    if broken:
        sound = [output for output in worst if output not in broken]
        return _failed(value, Observation("loads-outputs", {"broken": broken, "sound": sound}), tuple(broken))
    return SelfTest("loads", Outcome.PASS, value, "Two loads give the same vectors.")


def _asked_twice(reopen: Callable[[], Encoder], log: CallLog) -> list[ProbeVectors]:
    encoder = reopen()
    try:
        calls = [encode_probes(encoder, [log.texts[index] for index in log.chosen]) for _ in range(2)]
    finally:
        encoder.close()
    for call in calls:
        log.add("batch", 2, log.chosen, call.dense)
    return calls


def _failed(value: float | None, observation: Observation, outputs: tuple[str, ...] = SelfTest.outputs) -> SelfTest:
    return SelfTest("loads", Outcome.FAIL, value, observation.in_words(), outputs, (observation,))


def differing_loads(answers: Answers) -> list[Observation]:
    """How a second load differs from the first, which is said only where each agrees with itself."""
    calls = answers.log.of("batch", load=2)
    first = answers.log.of("batch")
    if not calls or not first or answers.repeated() > SAME:
        return []
    ours, theirs = first[0].vectors, calls[0].vectors
    again = [call.vectors for call in calls[1:] if call.vectors.shape == theirs.shape]
    if ours.shape != theirs.shape or any(bool((gap(theirs, vectors) > SAME).any()) for vectors in again):
        return []
    finite = np.flatnonzero(np.isfinite(ours + theirs).all(1))
    left, right = ours[finite], theirs[finite]
    apart = gap(left, right)
    if not len(finite) or float(apart.max()) <= answers.tolerance:
        return []
    numbers: dict[str, Any] = {"worst": float(apart.max()), "mean": float(apart.mean())}
    if answers.known is not None:
        known = answers.known[[first[0].texts[place] for place in finite]]
        numbers["reference"] = [float(gap(rows, known).max()) <= answers.tolerance for rows in (left, right)]
        numbers["products_of_reference"] = same_products(left, known) and same_products(right, known)
        if any(numbers["reference"]):
            return [Observation("loads-another-answer", numbers)]
    if same_products(left, right):
        return [Observation("loads-rotated", numbers)]
    offset = together([right - left])
    code = "loads-offset" if offset > _ONE_OFFSET else "loads-differ"
    return [Observation(code, numbers | {"together": offset})]
