"""What is asked of an encoder before it is compared with anything: does it agree with itself?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.drift import floor_of
from data.rules.vectors.per_text import per_text
from data.store.errors import EncoderError, PlumblineError
from data.store.vocabulary import Outcome as Result
from evaluators.encoders.base import Backend, Encoder
from evaluators.parity.asking import (
    Asked,
    ask_again,
    ask_all_again,
    ask_at_last,
    ask_more,
    ask_of_beginnings,
    ask_twice,
    disagrees,
)
from evaluators.parity.multi import per_multi
from evaluators.parity.observed import in_words, sentences
from evaluators.parity.sparse import per_sparse
from evaluators.parity.stability import NO_FAULT, OF_OTHERS, Observation, differs_from_all, strayed
from evaluators.parity.vectors import Vectors, encode_probes
from evaluators.probes import Probe

__all__ = ["TESTS", "Outcome", "described", "few", "self_agreement", "shape_of_answers", "two_loads"]

TESTS = ("loads", "deterministic", "batch", "order", "distinct", "shape", "finite", "norms")
_FEW, _SHORT = 8, 300  # texts, characters

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """One test's result: pass, fail or skipped, the number it rests on, a sentence, and the outputs it is about.

    Attributes:
        observed: what repeated asking showed, of which the sentence is the words.
    """

    test: str
    outcome: str
    value: float | None
    detail: str
    outputs: tuple[str, ...] = ("dense", "sparse", "multi")
    observed: tuple[Observation, ...] = field(default=())


def few(probes: Sequence[Probe]) -> list[Probe]:
    """A few probes to ask an encoder about itself with: of one role and not blank, since some servers refuse those.

    Short ones where there are any: the questions are the same and each is asked many times.
    """
    texts = [probe for probe in probes if probe.text.strip() and probe.role != "query"]
    roles = [probe.role for probe in texts]
    most = max(dict.fromkeys(roles), key=roles.count, default=None)
    return sorted((probe for probe in texts if probe.role == most), key=lambda probe: len(probe.text) > _SHORT)[:_FEW]


def self_agreement(
    encoder: Encoder, asked: Asked, first: Vectors, refused: Sequence[str] = (), reference: Asked | None = None
) -> list[Outcome]:
    """Deterministic, batch and order: the same texts twice, alone, and in reverse.

    Args:
        encoder: an open one.
        asked: what it was asked; every call is added.
        first: vectors of the chosen texts from one call.
        refused: batches that had to be made smaller before, with the reason.
        reference: what the reference was asked, if this is not it.
    """
    texts, whole = [asked.texts[index] for index in asked.chosen], _Outputs(first)
    floor = floor_of(encoder.settings.dtype)
    asked.add("batch", 1, asked.chosen, first.dense)
    if not whole.usable.any():
        reason = next(iter(whole.vectors.failed.values()), "The encoder gave no vectors.")
        return [Outcome(test, "skipped", None, reason) for test in ("deterministic", "batch", "order", "distinct")]
    again = _Outputs(encode_probes(encoder, texts))
    asked.add("batch", 1, asked.chosen, again.vectors.dense)
    alone = _Outputs(_alone(encoder, texts))
    for position, index in enumerate(asked.chosen):
        asked.add("alone", 1, [index], None if alone.vectors.dense is None else alone.vectors.dense[[position]])
    back = _Outputs(encode_probes(encoder, texts[::-1]))
    asked.add("reversed", 1, asked.chosen[::-1], back.vectors.dense)
    several = len({probe.role for probe in texts}) > 1  # each role is a call of its own
    asked.split = bool(several or first.refused or again.vectors.refused or back.vectors.refused)
    _ask_on(encoder, asked, reference)
    return [
        _deterministic(whole.distance(again), floor),
        _batch(whole, alone, floor, texts, [*refused, *whole.vectors.refused]),
        _order(whole, back.reversed(), alone, floor),
        Outcome("distinct", "pass", None, "Texts that share their first characters have vectors of their own.")
        if asked.beginnings
        else Outcome("distinct", "skipped", None, "Not told: no vectors of other texts were to be had."),
    ]


def _ask_on(encoder: Encoder, asked: Asked, reference: Asked | None) -> None:
    """What the first calls do not tell: the order of calls, other company, more of what varies, texts alike."""
    ask_twice(encoder, asked)
    if reference is not None:
        ask_again(encoder, asked, strayed(asked, reference))
    restless = disagrees(asked)
    if restless:
        ask_more(encoder, asked)
    ask_of_beginnings(encoder, asked)
    ask_at_last(encoder, asked)
    if not restless and disagrees(asked):
        ask_more(encoder, asked)
    if reference is not None and differs_from_all(asked, floor_of(encoder.settings.dtype), reference):
        ask_all_again(encoder, asked)


def described(outcomes: Sequence[Outcome], found: Sequence[Observation]) -> list[Outcome]:
    """The outcomes with what was observed in the place of their bare sentences.

    Where one load does not agree with itself, what differs between batches or loads shows nothing about either.
    """
    restless = any(one.test == "deterministic" and one.code not in OF_OTHERS for one in found) or any(
        outcome.test == "deterministic" and outcome.outcome == Result.FAIL for outcome in outcomes
    )
    return [_described(outcome, [one for one in found if one.test == outcome.test], restless) for outcome in outcomes]


def _described(outcome: Outcome, found: Sequence[Observation], restless: bool) -> Outcome:
    if found:
        fault = any(one.code not in NO_FAULT and one.numbers.get("first_kept", True) for one in found)
        # Of several outputs that disagree only the dense one is looked at closely.
        every = (*(outcome.observed if outcome.outputs != ("dense",) else ()), *found)
        numbers: dict[str, Any] = found[0].numbers
        value = outcome.value if outcome.value is not None else numbers.get("worst", numbers.get("times"))
        value = float(value) if isinstance(value, int | float) else None
        outputs = outcome.outputs if outcome.outcome == Result.FAIL else ("dense",)
        return Outcome(outcome.test, "fail" if fault else "pass", value, sentences(every), outputs, every)
    if (
        restless
        and outcome.outcome != Result.PASS
        and outcome.test in ("loads", "batch", "order")
        and not _refused(outcome)
    ):
        said = "Not told: the same call twice gives other vectors."
        return replace(outcome, outcome="skipped", detail=said, observed=())
    return outcome


def _refused(outcome: Outcome) -> bool:
    """Whether it failed without a comparison: a load or a batch that was not to be had."""
    return outcome.value is None


def two_loads(first: Vectors, reopen: Callable[[], Encoder], asked: Asked, backend: Backend, dtype: str) -> Outcome:
    """Do two loads of the model agree? The second is asked twice, so that noise is not taken for it."""
    if backend.one_load:
        return Outcome("loads", "skipped", None, f"Not asked: {backend.one_load}.")
    probes = [asked.texts[index] for index in asked.chosen]
    try:
        encoder = reopen()
        try:
            second, again = encode_probes(encoder, probes), encode_probes(encoder, probes)
            asked.add("batch", 2, asked.chosen, second.dense)
            asked.add("batch", 2, asked.chosen, again.dense)
        finally:
            encoder.close()
    except PlumblineError as error:
        return Outcome("loads", "fail", None, f"It could not be loaded a second time: {error}")
    if (apart := _worst(_Outputs(second).distance(_Outputs(again)))) is not None and apart > floor_of(dtype):
        as_first = _worst(_Outputs(first).distance(_Outputs(again)))
        numbers = {"worst": apart, "then_as_first": as_first is not None and as_first <= floor_of(dtype)}
        own = Observation("second-load-restless", numbers)
        return Outcome("loads", "fail", apart, in_words(own), observed=(own,))
    distances = _Outputs(first).by_output(_Outputs(second))
    worst = {output: _worst(values) for output, values in distances.items()}
    broken = [output for output, value in worst.items() if value is not None and value > floor_of(dtype)]
    value = max((value for value in worst.values() if value is not None), default=None)
    if broken:
        sound = [output for output in worst if output not in broken]
        seen = Observation("loads-outputs", {"broken": {output: worst[output] for output in broken}, "sound": sound})
        return Outcome("loads", "fail", value, in_words(seen), tuple(broken), (seen,))
    return Outcome("loads", "pass", value, "Two loads give the same vectors.")


def shape_of_answers(vectors: Vectors, dimensions: int | None, normalised: bool | None) -> list[Outcome]:
    """Shape, finite and norms, from the vectors of all probes."""
    given = vectors.count - len(vectors.failed)
    if vectors.dense is None:
        other = [name for name in ("sparse", "multi") if getattr(vectors, name) is not None]
        said = f"It gives {' and '.join(other)} vectors only." if other else "It gave no vectors."
        return [Outcome("shape", "pass" if other else "fail", None, said)]
    width = vectors.dense.shape[1]
    shape = Outcome(
        "shape", "pass", float(width), f"{given} of {vectors.count} texts have a vector of {width} dimensions."
    )
    if dimensions is not None and width != dimensions:
        shape = Outcome("shape", "fail", float(width), f"{dimensions} dimensions were asked for, {width} came.")
    finite = vectors.finite()
    bad = int((~finite).sum())
    first = next(iter(vectors.failed.values()), "")
    said = (
        f"{bad} of {vectors.count} texts have no usable vector. The first: {first}"
        if bad
        else "All values are numbers."
    )
    return [
        shape,
        Outcome("finite", "fail" if bad else "pass", float(bad), said),
        _norms(vectors.dense[finite], normalised),
    ]


def _norms(rows: Matrix, normalised: bool | None) -> Outcome:
    if not len(rows):
        return Outcome("norms", "skipped", None, "There are no vectors.")
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    mean, spread = float(norms.mean()), float(norms.std())
    units = bool(np.abs(norms - 1).max() < 2e-2)
    said = "All vectors have length 1." if units else f"Lengths are {mean:.3g} on average, spread {spread:.2g}."
    if normalised and not units:
        return Outcome("norms", "fail", mean, f"{said} The settings say they are normalised.")
    return Outcome("norms", "pass", mean, said)


class _Outputs:
    """The outputs of one call, to be compared with those of another on the texts that both have."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    @property
    def usable(self) -> NDArray[np.bool_]:
        if self.vectors.dense is not None:
            return self.vectors.finite()
        rows = self.vectors.sparse or self.vectors.multi or [None] * self.vectors.count
        return np.array([row is not None for row in rows], dtype=bool)

    def by_output(self, other: _Outputs) -> dict[str, NDArray[np.float64]]:
        ours, theirs, found = self.vectors, other.vectors, {}
        if ours.dense is not None and theirs.dense is not None and ours.dense.shape == theirs.dense.shape:
            found["dense"] = _difference(ours.dense, theirs.dense)
        if ours.sparse is not None and theirs.sparse is not None:
            found["sparse"] = per_sparse(ours.sparse, theirs.sparse).cosine_distance
        if ours.multi is not None and theirs.multi is not None:
            found["multi"] = per_multi(ours.multi, theirs.multi).distance
        return found

    def distance(self, other: _Outputs) -> NDArray[np.float64]:
        """Largest distance over the outputs, a text; NaN where one side failed."""
        found = list(self.by_output(other).values())
        return np.fmax.reduce(found) if found else np.full(self.vectors.count, np.nan)

    def reversed(self) -> _Outputs:
        flipped = Vectors(self.vectors.count)
        for name in ("dense", "sparse", "multi", "tokens"):
            rows = getattr(self.vectors, name)
            setattr(flipped, name, None if rows is None else rows[::-1])
        return _Outputs(flipped)


def _difference(ours: Matrix, theirs: Matrix) -> NDArray[np.float64]:
    """Cosine distance, or what a change of length alone would count as (see ``data.rules.drift.norm_floor``)."""
    found = per_text(ours, [theirs])[0]
    return np.asarray(np.fmax(found.cosine_distance, (found.norm_ratio - 1) ** 2 / 2))


def _alone(encoder: Encoder, probes: Sequence[Probe]) -> Vectors:
    alone = Vectors(len(probes))
    for position, probe in enumerate(probes):
        try:
            alone.put([position], encoder.encode([probe.text], probe.role))
        except EncoderError as error:
            alone.failed[position] = str(error)
    return alone


def _worst(values: NDArray[np.float64]) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None


def _deterministic(distances: NDArray[np.float64], floor: float) -> Outcome:
    worst = _worst(distances)
    if worst is None:
        return Outcome("deterministic", "fail", None, "The same texts gave vectors once and none the second time.")
    if worst > min(floor, 1e-5):
        return Outcome(
            "deterministic", "fail", worst, f"The same texts twice give other vectors (worst distance {worst:.2g})."
        )
    return Outcome("deterministic", "pass", worst, "The same texts twice give the same vectors.")


def _batch(whole: _Outputs, alone: _Outputs, floor: float, probes: Sequence[Probe], refused: Sequence[str]) -> Outcome:
    if refused:
        return Outcome("batch", "fail", None, refused[0])
    distances = whole.distance(alone)
    worst = _worst(distances)
    if worst is None:
        return Outcome("batch", "skipped", None, "No text gave a vector both alone and in a batch.")
    if _shuffled(whole, alone, floor) is not None:
        return Outcome("batch", "skipped", worst, "Rows come back in another order, so a text cannot be followed.")
    if worst > floor:
        name = probes[int(np.nanargmax(distances))].probe
        said = f"The same text alone and in a batch gives other vectors (worst distance {worst:.2g}, text {name})."
        return Outcome("batch", "fail", worst, said)
    return Outcome("batch", "pass", worst, "A text gives the same vector alone and in a batch.")


def _order(whole: _Outputs, back: _Outputs, alone: _Outputs, floor: float) -> Outcome:
    moved = _shuffled(whole, alone, floor)
    if moved is None:
        moved = _shuffled(whole, back, floor)
    if moved is not None:
        said = f"Rows come back shuffled: {moved} texts of a batch have another text's vector."
        return Outcome("order", "fail", float(moved), said)
    return Outcome("order", "pass", 0.0, "Each vector of a batch is at its own text's place.")


def _shuffled(whole: _Outputs, truth: _Outputs, floor: float) -> int | None:
    """How many rows of a batch are another text's vector, None if none: each is found, but elsewhere."""
    rows, single = whole.vectors.dense, truth.vectors.dense
    if rows is None or single is None or rows.shape != single.shape:
        return None
    usable = whole.usable & truth.usable
    own = per_text(single, [rows])[0].cosine_distance
    tolerance = max(10 * floor, 1e-4)
    moved = 0
    for i in np.flatnonzero(usable & (own > tolerance)):
        others = per_text(np.broadcast_to(rows[i], single.shape), [single])[0].cosine_distance
        moved += bool(np.nanmin(others) <= tolerance)
    return moved or None
