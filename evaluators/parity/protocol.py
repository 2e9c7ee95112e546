"""What is asked of an encoder before it is compared with anything: does it agree with itself?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.rules.drift import floor_of
from data.rules.vectors.arrays import Floats, Vectors
from data.store.errors import EncoderError
from data.store.vocabulary import Outcome
from evaluators.encoders.base import Encoder
from evaluators.parity.asking import (
    CallLog,
    ask_again,
    ask_all_again,
    ask_at_last,
    ask_more,
    ask_of_beginnings,
    ask_twice,
    disagrees,
)
from evaluators.parity.outputs import distance, rows_out_of_place, usable, worst_of
from evaluators.parity.selftest import SelfTest
from evaluators.parity.stability import differs_from_all, strayed
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.probes import Probe

__all__ = ["few_probes", "self_agreement", "shape_of_answers"]

_OF_CALLS = ("deterministic", "batch", "order", "distinct")  # tests that several calls of one load decide
_FEW, _SHORT = 8, 300  # texts, characters
_REPEATED = 1e-5  # distance from which the same call is said to give other vectors, however coarse the precision


def few_probes(probes: Sequence[Probe]) -> list[Probe]:
    """A few probes to ask an encoder about itself with: of one role and not blank, since some servers refuse those.

    Short ones where there are any: the questions are the same and each is asked many times.
    """
    texts = [probe for probe in probes if probe.text.strip() and probe.role != "query"]
    roles = [probe.role for probe in texts]
    most = max(dict.fromkeys(roles), key=roles.count, default=None)
    return sorted((probe for probe in texts if probe.role == most), key=lambda probe: len(probe.text) > _SHORT)[:_FEW]


def self_agreement(
    encoder: Encoder, log: CallLog, first: ProbeVectors, refused: Sequence[str] = (), reference: CallLog | None = None
) -> list[SelfTest]:
    """Deterministic, batch, order and distinct: the same texts twice, alone, in reverse, and others like them.

    Args:
        encoder: an open one.
        log: what it was asked; every call is added.
        first: vectors of the chosen texts from one call.
        refused: batches that had to be made smaller before, with the reason.
        reference: what the reference was asked, if this is not it.
    """
    texts = [log.texts[index] for index in log.chosen]
    floor = floor_of(encoder.settings.dtype)
    log.add("batch", 1, log.chosen, first.dense)
    if not usable(first).any():
        reason = next(iter(first.failed.values()), "The encoder gave no vectors.")
        return [SelfTest(test, Outcome.SKIPPED, None, reason) for test in _OF_CALLS]
    again = encode_probes(encoder, texts)
    log.add("batch", 1, log.chosen, again.dense)
    alone = _alone(encoder, texts)
    for position, index in enumerate(log.chosen):
        log.add("alone", 1, [index], None if alone.dense is None else alone.dense[[position]])
    back = encode_probes(encoder, texts[::-1])
    log.add("reversed", 1, log.chosen[::-1], back.dense)
    several = len({probe.role for probe in texts}) > 1  # each role is a call of its own
    log.split = bool(several or first.refused or again.refused or back.refused)
    _ask_on(encoder, log, reference)
    moved = rows_out_of_place(first.dense, alone.dense, floor)
    forth = None if back.dense is None else back.dense[::-1]
    return [
        _deterministic(distance(first, again), floor),
        _batch(distance(first, alone), floor, texts, [*refused, *first.refused], shuffled=moved is not None),
        _order(rows_out_of_place(first.dense, forth, floor) if moved is None else moved),
        SelfTest("distinct", Outcome.PASS, None, "Texts that share their first characters have vectors of their own.")
        if log.beginnings
        else SelfTest("distinct", Outcome.SKIPPED, None, "Not told: no vectors of other texts were to be had."),
    ]


def _ask_on(encoder: Encoder, log: CallLog, reference: CallLog | None) -> None:
    """What the first calls do not tell: the order of calls, other company, more of what varies, texts alike."""
    ask_twice(encoder, log)
    if reference is not None:
        ask_again(encoder, log, strayed(log, reference))
    restless = disagrees(log)
    if restless:
        ask_more(encoder, log)
    ask_of_beginnings(encoder, log)
    ask_at_last(encoder, log)
    if not restless and disagrees(log):
        ask_more(encoder, log)
    if reference is not None and differs_from_all(log, floor_of(encoder.settings.dtype), reference):
        ask_all_again(encoder, log)


def _alone(encoder: Encoder, probes: Sequence[Probe]) -> ProbeVectors:
    alone = ProbeVectors(len(probes))
    for position, probe in enumerate(probes):
        try:
            alone.put([position], encoder.encode([probe.text], probe.role))
        except EncoderError as error:
            alone.failed[position] = str(error)
    return alone


def _deterministic(distances: Floats, floor: float) -> SelfTest:
    worst = worst_of(distances)
    if worst is None:
        return SelfTest(
            "deterministic", Outcome.FAIL, None, "The same texts gave vectors once and none the second time."
        )
    if worst > min(floor, _REPEATED):
        words = f"The same texts twice give other vectors (worst distance {worst:.2g})."
        return SelfTest("deterministic", Outcome.FAIL, worst, words)
    return SelfTest("deterministic", Outcome.PASS, worst, "The same texts twice give the same vectors.")


def _batch(
    distances: Floats, floor: float, probes: Sequence[Probe], refused: Sequence[str], *, shuffled: bool
) -> SelfTest:
    if refused:
        return SelfTest("batch", Outcome.FAIL, None, refused[0])
    worst = worst_of(distances)
    if worst is None:
        return SelfTest("batch", Outcome.SKIPPED, None, "No text gave a vector both alone and in a batch.")
    if shuffled:
        return SelfTest(
            "batch", Outcome.SKIPPED, worst, "Rows come back in another order, so a text cannot be followed."
        )
    if worst > floor:
        name = probes[int(np.nanargmax(distances))].probe
        words = f"The same text alone and in a batch gives other vectors (worst distance {worst:.2g}, text {name})."
        return SelfTest("batch", Outcome.FAIL, worst, words)
    return SelfTest("batch", Outcome.PASS, worst, "A text gives the same vector alone and in a batch.")


def _order(moved: int | None) -> SelfTest:
    if moved is not None:
        words = f"Rows come back shuffled: {moved} texts of a batch have another text's vector."
        return SelfTest("order", Outcome.FAIL, float(moved), words)
    return SelfTest("order", Outcome.PASS, 0.0, "Each vector of a batch is at its own text's place.")


def shape_of_answers(vectors: ProbeVectors, dimensions: int | None, normalised: bool | None) -> list[SelfTest]:
    """Shape, finite and norms, from the vectors of all probes."""
    if vectors.dense is None:
        other = [name for name in ("sparse", "multi") if getattr(vectors, name) is not None]
        words = f"It gives {' and '.join(other)} vectors only." if other else "It gave no vectors."
        return [SelfTest("shape", Outcome.PASS if other else Outcome.FAIL, None, words)]
    width, finite = vectors.dense.shape[1], vectors.finite()
    there = vectors.count - len(vectors.failed)
    words = f"{there} of {vectors.count} texts have a vector of {width} dimensions."
    shape = SelfTest("shape", Outcome.PASS, float(width), words)
    if dimensions is not None and width != dimensions:
        shape = SelfTest("shape", Outcome.FAIL, float(width), f"{dimensions} dimensions were asked for, {width} came.")
    bad = int((~finite).sum())
    reason = next(iter(vectors.failed.values()), "")
    words = f"{bad} of {vectors.count} texts have no usable vector. The first: {reason}"
    numbers = SelfTest(
        "finite", Outcome.FAIL if bad else Outcome.PASS, float(bad), words if bad else "All values are numbers."
    )
    return [shape, numbers, _norms(vectors.dense[finite], normalised)]


def _norms(rows: Vectors, normalised: bool | None) -> SelfTest:
    if not len(rows):
        return SelfTest("norms", Outcome.SKIPPED, None, "There are no vectors.")
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    mean, spread = float(norms.mean()), float(norms.std())
    units = bool(np.abs(norms - 1).max() < 2e-2)
    words = "All vectors have length 1." if units else f"Lengths are {mean:.3g} on average, spread {spread:.2g}."
    if normalised and not units:
        return SelfTest("norms", Outcome.FAIL, mean, f"{words} The settings say they are normalised.")
    return SelfTest("norms", Outcome.PASS, mean, words)
