"""A verdict in words: what kind of difference it is, relative to what the declared precision explains by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.rules.drift import FLOORS, SAME_VECTORS, norm_floor
from data.rules.vectors.arrays import Floats
from data.store.vocabulary import DriftVerdict, Outcome
from evaluators.parity.selftest import SelfTest
from evaluators.parity.traits import common_trait
from evaluators.probes import Probe

__all__ = ["DriftEvidence", "DriftJudgement", "give_verdict", "said_by_protocol"]

_EVERYWHERE = 0.9  # share of texts above the floor from which "some texts" would be the wrong word
_FAR = 1e-3  # mean cosine distance from which it is worth looking for a rotation
_LEFT = 0.02  # share of the drift that may be left after the rotation
_FEWEST = 8  # texts below which a rotation would fit by chance
_NAMED = 6  # texts that a sentence names
_KEPT = 0.95  # share of neighbours that a rotation keeps; where all vectors are alike a rotation fits anything


@dataclass(frozen=True)
class DriftJudgement:
    """A verdict and the sentence that says what it rests on."""

    verdict: DriftVerdict
    sentence: str


@dataclass(frozen=True)
class DriftEvidence:
    """What a verdict rests on.

    Attributes:
        output: dense, sparse or multi.
        distance: cosine distance (or 1 - MaxSim) a text, [n]; NaN where a side failed.
        norm_ratio: candidate's length by the reference's, [n].
        floor: distance that the coarser of the two declared precisions explains.
        rotation_residual: mean distance left after the best rotation, if that was computed.
        permuted: whether the candidate's dimensions are the reference's in another order.
        neighbours: mean share of a text's nearest texts that both sides agree on, 0 to 1.
        l2: Euclidean distance a text, as the vectors came, [n].
        lengths: tokens a text (characters where the reference has no tokenizer to ask), [n].
        unit: tokens or characters.
        compared: said after the verdict, e.g. "on the first 128 of 384 dimensions".
        lost: texts that are not blank, for which the reference gave a vector of numbers and the candidate none, [n].
        zeros: how many of those have a vector of zeros.
    """

    output: str
    distance: Floats
    norm_ratio: Floats
    floor: float
    rotation_residual: float | None = None
    permuted: bool = False
    neighbours: float | None = None
    l2: Floats | None = None
    lengths: Floats | None = None
    unit: str = "tokens"
    compared: str = ""
    lost: NDArray[np.bool_] | None = None
    zeros: int = 0


def give_verdict(evidence: DriftEvidence, probes: Sequence[Probe], protocol: Sequence[SelfTest]) -> DriftJudgement:
    """The verdict on a candidate's output, and a sentence that says what it rests on."""
    there = np.isfinite(evidence.distance)
    if not there.any():
        return DriftJudgement(DriftVerdict.UNUSABLE, "No text has a vector on both sides.")
    if (broken := said_by_protocol(protocol, evidence.output)) is not None:
        return DriftJudgement(DriftVerdict.UNSTABLE, broken)
    missing = int((~there).sum())
    lost = f" {missing} of {len(there)} texts have no vector to compare." if missing else ""
    verdict = _not_quite(_of_direction(evidence, probes, there), protocol)
    if evidence.lost is not None and evidence.lost.any():
        return _with_lost(verdict, evidence, evidence.lost, probes)
    return DriftJudgement(verdict.verdict, verdict.sentence + lost)


def _not_quite(verdict: DriftJudgement, protocol: Sequence[SelfTest]) -> DriftJudgement:
    """Vectors that are not quite the same when asked for twice are not called identical, however near they are."""
    barely = [one for outcome in protocol for one in outcome.observed if one.code == "repeats-within-precision"]
    if verdict.verdict != DriftVerdict.IDENTICAL or not barely:
        return verdict
    return DriftJudgement(DriftVerdict.PRECISION, f"{verdict.sentence} {barely[0].in_words()}")


def _with_lost(
    verdict: DriftJudgement, evidence: DriftEvidence, lost: NDArray[np.bool_], probes: Sequence[Probe]
) -> DriftJudgement:
    """A text without a vector is one on which it differs, however well the others agree."""
    named = [probe.probe for probe, gone in zip(probes, lost, strict=True) if gone]
    trait = common_trait(lost, lost | np.isfinite(evidence.distance), probes, evidence.lengths, evidence.unit)
    what = "No vector but zeros" if evidence.zeros == len(named) else "No vector of numbers"
    what += " (or zeros alone)" if 0 < evidence.zeros < len(named) else ""
    words = (
        f"{what} for {len(named)} of {len(lost)} texts that the reference has one for"
        f"{f', {trait}' if trait else ''}: {_few_of(named)}. On the others: {verdict.sentence}"
    )
    some = verdict.verdict in (DriftVerdict.IDENTICAL, DriftVerdict.PRECISION, DriftVerdict.SCALE)
    return DriftJudgement(DriftVerdict.SOME_TEXTS if some else verdict.verdict, words)


def _few_of(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def said_by_protocol(protocol: Sequence[SelfTest], output: str = "dense") -> str | None:
    """The failures that make an encoder unstable, as a sentence; None if it agrees with itself."""
    failed = {
        outcome.test: outcome.detail
        for outcome in protocol
        if outcome.outcome == Outcome.FAIL and output in outcome.outputs
    }
    reasons = [failed[test] for test in ("order", "loads", "deterministic", "batch", "distinct") if test in failed]
    return " ".join(reasons) if reasons else None


def _of_direction(evidence: DriftEvidence, probes: Sequence[Probe], there: NDArray[np.bool_]) -> DriftJudgement:
    distance, floor = evidence.distance[there], evidence.floor
    worst, mean = float(distance.max()), float(distance.mean())
    count = len(distance)
    on = f" {evidence.compared}" if evidence.compared else ""
    if worst <= floor:
        ratio = evidence.norm_ratio[there & np.isfinite(evidence.norm_ratio)]
        scaled = float(np.abs(ratio - 1).max()) if len(ratio) else 0.0
        if scaled > norm_floor(floor):
            return DriftJudgement(DriftVerdict.SCALE, _scale(ratio, count, on))
        if worst <= SAME_VECTORS and scaled <= norm_floor(SAME_VECTORS):
            return DriftJudgement(
                DriftVerdict.IDENTICAL,
                f"The same vectors{on} on all {count} texts (worst cosine distance {worst:.1g}).",
            )
        within = f"Within what precision explains{on} on all {count} texts"
        return DriftJudgement(
            DriftVerdict.PRECISION, f"{within}: worst cosine distance {worst:.1g}, floor {floor:.0e}."
        )
    if (space := _space(evidence, mean, count)) is not None:
        return space
    affected = there & (evidence.distance > floor)
    lengths = _also_lengths(evidence, there)
    if affected.sum() >= _EVERYWHERE * count:
        return DriftJudgement(DriftVerdict.EVERYWHERE, _everywhere(distance, floor, on) + lengths)
    named = [probe.probe for probe, hit in zip(probes, affected, strict=True) if hit]
    trait = common_trait(affected, there, probes, evidence.lengths, evidence.unit)
    place = int(np.nanargmax(evidence.distance))
    euclidean = f", Euclidean {evidence.l2[place]:.2g}" if evidence.l2 is not None else ""
    sentence = (
        f"Differs{on} on {len(named)} of {count} texts{f', {trait}' if trait else ''}: {_few_of(named)}. "
        f"Worst: {probes[place].probe} (cosine distance {worst:.2g}{euclidean}); "
        f"the other {count - len(named)} agree within {floor:.0e}."
    )
    return DriftJudgement(DriftVerdict.SOME_TEXTS, sentence + lengths)


def _scale(ratio: Floats, count: int, on: str) -> str:
    words = f"The same directions{on} on all {count} texts, {_as_long(ratio)}"
    return f"{words}: one side normalises and the other does not."


def _as_long(ratio: Floats) -> str:
    low, high = float(ratio.min()), float(ratio.max())
    return f"{low:.3g} times as long" if high - low < 0.01 * high else f"{low:.3g} to {high:.3g} times as long"


def _also_lengths(evidence: DriftEvidence, there: NDArray[np.bool_]) -> str:
    """Said where every length differs by more than what moved the directions would change it by."""
    known = there & np.isfinite(evidence.norm_ratio)
    ratio, distance = evidence.norm_ratio[known], evidence.distance[known]
    if not len(ratio) or np.abs(ratio - 1).min() <= norm_floor(max(evidence.floor, float(distance.max()))):
        return ""
    return f" Apart from that its vectors are {_as_long(ratio)}: one side normalises and the other does not."


def _space(evidence: DriftEvidence, mean: float, count: int) -> DriftJudgement | None:
    left = evidence.rotation_residual
    if left is None or mean < _FAR or count < _FEWEST or not _kept(evidence):
        return None
    # With fewer texts than dimensions a rotation takes up some of any noise, so most of the drift must go with it.
    if left > max(evidence.floor, 1e-5) or left > _LEFT * mean:
        return None
    how = "its dimensions are in another order" if evidence.permuted else "a rotation of the axes"
    words = (
        f"The same geometry in other axes ({how}): mean cosine distance {mean:.2g}, {left:.1g} after the best rotation."
    )
    return DriftJudgement(
        DriftVerdict.SPACE, f"{words} Within itself it is sound; never mix it with the reference's vectors."
    )


def _kept(evidence: DriftEvidence) -> bool:
    return evidence.neighbours is None or evidence.neighbours >= _KEPT


def _everywhere(distance: Floats, floor: float, on: str) -> str:
    mean, worst, median = float(distance.mean()), float(distance.max()), float(np.median(distance))
    hit = int((distance > floor).sum())
    words = f"Differs{on} on {hit} of {len(distance)} texts: mean cosine distance {mean:.2g}, worst {worst:.2g}."
    coarser = [name for name, level in FLOORS.items() if level > floor and worst <= level and name != "auto"]
    if coarser and worst < 20 * median:
        return f"{words} Alike on every text and no more than {coarser[0]} arithmetic leaves, but that is not declared."
    return words
