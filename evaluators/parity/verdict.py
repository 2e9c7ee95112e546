"""A verdict in words: what kind of difference it is, relative to what the declared precision explains by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from data.rules.drift import FLOORS, SAME_VECTORS, norm_floor
from data.store.vocabulary import DriftVerdict
from data.store.vocabulary import Outcome as Result
from evaluators.parity.selftest import SelfTest
from evaluators.probes import Probe

__all__ = ["DriftEvidence", "DriftJudgement", "common_trait", "give_verdict", "said_by_protocol"]

_EVERYWHERE = 0.9  # share of texts above the floor from which "some texts" would be the wrong word
_FAR = 1e-3  # mean cosine distance from which it is worth looking for a rotation
_LEFT = 0.02  # share of the drift that may be left after the rotation
_FEWEST = 8  # texts below which a rotation would fit by chance
_KEPT = 0.95  # share of neighbours that a rotation keeps; where all vectors are alike a rotation fits anything

Floats = NDArray[np.float64]
_ROLES = {"query": "the queries", "document": "the documents"}


@dataclass(frozen=True)
class DriftJudgement:
    """One of ``data.rules.drift.VERDICTS`` and the sentence that goes with it."""

    verdict: str
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
        return DriftJudgement("unusable", "No text has a vector on both sides.")
    if (broken := said_by_protocol(protocol, evidence.output)) is not None:
        return DriftJudgement("unstable", broken)
    missing = int((~there).sum())
    lost = f" {missing} of {len(there)} texts have no vector to compare." if missing else ""
    verdict = _not_quite(_of_direction(evidence, probes, there), protocol)
    if evidence.lost is not None and evidence.lost.any():
        return _with_lost(verdict, evidence, evidence.lost, probes)
    return DriftJudgement(verdict.verdict, verdict.sentence + lost)


def _not_quite(verdict: DriftJudgement, protocol: Sequence[SelfTest]) -> DriftJudgement:
    """Vectors that are not quite the same when asked for twice are not called identical, however near they are."""
    seen = [one for outcome in protocol for one in outcome.observed if one.code == "repeats-within-precision"]
    if verdict.verdict != DriftVerdict.IDENTICAL or not seen:
        return verdict
    return DriftJudgement("precision only", f"{verdict.sentence} {seen[0].in_words()}")


def _with_lost(
    verdict: DriftJudgement, evidence: DriftEvidence, lost: NDArray[np.bool_], probes: Sequence[Probe]
) -> DriftJudgement:
    """A text without a vector is one on which it differs, however well the others agree."""
    named = [probe.probe for probe, gone in zip(probes, lost, strict=True) if gone]
    trait = common_trait(lost, lost | np.isfinite(evidence.distance), probes, evidence.lengths, evidence.unit)
    shown = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
    what = "No vector but zeros" if evidence.zeros == len(named) else "No vector of numbers"
    what += " (or zeros alone)" if 0 < evidence.zeros < len(named) else ""
    said = (
        f"{what} for {len(named)} of {len(lost)} texts that the reference has one for"
        f"{f', {trait}' if trait else ''}: {shown}. On the others: {verdict.sentence}"
    )
    some = verdict.verdict in (DriftVerdict.IDENTICAL, DriftVerdict.PRECISION, DriftVerdict.SCALE)
    return DriftJudgement("differs on some texts" if some else verdict.verdict, said)


def said_by_protocol(protocol: Sequence[SelfTest], output: str = "dense") -> str | None:
    """The failures that make an encoder unstable, as a sentence; None if it agrees with itself."""
    failed = {
        outcome.test: outcome.detail
        for outcome in protocol
        if outcome.outcome == Result.FAIL and output in outcome.outputs
    }
    said = [failed[test] for test in ("order", "loads", "deterministic", "batch", "distinct") if test in failed]
    return " ".join(said) if said else None


def _of_direction(evidence: DriftEvidence, probes: Sequence[Probe], there: NDArray[np.bool_]) -> DriftJudgement:
    distance, floor = evidence.distance[there], evidence.floor
    worst, mean = float(distance.max()), float(distance.mean())
    count = len(distance)
    on = f" {evidence.compared}" if evidence.compared else ""
    if worst <= floor:
        ratio = evidence.norm_ratio[there & np.isfinite(evidence.norm_ratio)]
        scaled = float(np.abs(ratio - 1).max()) if len(ratio) else 0.0
        if scaled > norm_floor(floor):
            return DriftJudgement("scale only", _scale(ratio, count, on))
        if worst <= SAME_VECTORS and scaled <= norm_floor(SAME_VECTORS):
            return DriftJudgement(
                "identical", f"The same vectors{on} on all {count} texts (worst cosine distance {worst:.1g})."
            )
        within = f"Within what precision explains{on} on all {count} texts"
        return DriftJudgement("precision only", f"{within}: worst cosine distance {worst:.1g}, floor {floor:.0e}.")
    if (space := _space(evidence, mean, count)) is not None:
        return space
    affected = there & (evidence.distance > floor)
    lengths = _also_lengths(evidence, there)
    if affected.sum() >= _EVERYWHERE * count:
        return DriftJudgement("differs everywhere", _everywhere(distance, floor, on) + lengths)
    named = [probe.probe for probe, hit in zip(probes, affected, strict=True) if hit]
    trait = common_trait(affected, there, probes, evidence.lengths, evidence.unit)
    place = int(np.nanargmax(evidence.distance))
    euclidean = f", Euclidean {evidence.l2[place]:.2g}" if evidence.l2 is not None else ""
    shown = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
    sentence = (
        f"Differs{on} on {len(named)} of {count} texts{f', {trait}' if trait else ''}: {shown}. "
        f"Worst: {probes[place].probe} (cosine distance {worst:.2g}{euclidean}); "
        f"the other {count - len(named)} agree within {floor:.0e}."
    )
    return DriftJudgement("differs on some texts", sentence + lengths)


def _scale(ratio: Floats, count: int, on: str) -> str:
    said = f"The same directions{on} on all {count} texts, {_as_long(ratio)}"
    return f"{said}: one side normalises and the other does not."


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
    said = (
        f"The same geometry in other axes ({how}): mean cosine distance {mean:.2g}, {left:.1g} after the best rotation."
    )
    return DriftJudgement(
        "different space", f"{said} Within itself it is sound; never mix it with the reference's vectors."
    )


def _kept(evidence: DriftEvidence) -> bool:
    return evidence.neighbours is None or evidence.neighbours >= _KEPT


def _everywhere(distance: Floats, floor: float, on: str) -> str:
    mean, worst, median = float(distance.mean()), float(distance.max()), float(np.median(distance))
    hit = int((distance > floor).sum())
    said = f"Differs{on} on {hit} of {len(distance)} texts: mean cosine distance {mean:.2g}, worst {worst:.2g}."
    coarser = [name for name, level in FLOORS.items() if level > floor and worst <= level and name != "auto"]
    if coarser and worst < 20 * median:
        return f"{said} Alike on every text and no more than {coarser[0]} arithmetic leaves, but that is not declared."
    return said


def common_trait(
    affected: NDArray[np.bool_],
    there: NDArray[np.bool_],
    probes: Sequence[Probe],
    lengths: Floats | None = None,
    unit: str = "tokens",
) -> str:
    """What the affected texts share and the others do not, in words; an empty string if nothing sets them apart."""
    spared = there & ~affected
    roles, others = ({probe.role for probe, one in zip(probes, of, strict=True) if one} for of in (affected, spared))
    # Before lengths: a prompt makes the texts of its role the longest.
    if others and len(roles) == 1 and roles.isdisjoint(others) and (role := roles.pop()):
        return f"exactly {_ROLES.get(role, f'those in the role {role}')}"
    if lengths is not None and spared.any() and affected.sum() > 1:
        shortest, longest = float(lengths[affected].min()), float(lengths[spared].max())
        if shortest > longest:
            return f"exactly those of more than {longest:.0f} {unit}"
        longest_hit, shortest_spared = float(lengths[affected].max()), float(lengths[spared].min())
        if longest_hit < shortest_spared:
            return f"exactly those of fewer than {shortest_spared:.0f} {unit}"
    having = {
        trait: has
        for trait in dict.fromkeys(trait for probe in probes for trait in probe.traits)
        if ((has := np.array([trait in probe.traits for probe in probes]) & there) & affected).any()
    }
    best, score = "", 0.0
    for trait, has in having.items():
        both = int((has & affected).sum())
        precision, recall = both / int(has.sum()), both / int(affected.sum())
        f1 = 2 * precision * recall / (precision + recall)
        if f1 > score:
            best, score = _in_words(trait, precision, recall, int(has.sum())), f1
    if score < 1:  # two causes at once: two traits that together are the affected texts and no other
        certain = {trait: has for trait, has in having.items() if not (has & ~affected).any()}
        for one, other in combinations(certain, 2):
            if ((certain[one] | certain[other]) == affected).all():
                return f"exactly those with the trait {one} or {other}"
    return best if score >= 0.75 else ""


def _in_words(trait: str, precision: float, recall: float, size: int) -> str:
    if precision == recall == 1:
        return f"exactly those with the trait {trait}"
    if recall == 1:
        return f"all of them with the trait {trait}"
    if precision == 1:
        return f"among them all {size} with the trait {trait}"
    return f"mostly those with the trait {trait}"
