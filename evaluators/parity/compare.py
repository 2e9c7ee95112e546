"""A candidate's vectors against the reference's, output by output: measures, relation and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.drift import floor_of
from data.rules.measures import Compared, mean_of, measured
from data.rules.vectors.arrays import Floats, sampled
from data.rules.vectors.clouds import Clouds, neighbours_kept, permutation
from data.rules.vectors.per_text import per_text
from data.store.vocabulary import DriftVerdict, Output
from data.store.vocabulary import Outcome as Result
from evaluators.parity.multi import maxsim_matrix, per_multi
from evaluators.parity.selftest import SelfTest
from evaluators.parity.sparse import per_sparse, sparse_similarities
from evaluators.parity.vectors import ProbeVectors
from evaluators.parity.verdict import DriftEvidence, DriftJudgement, give_verdict
from evaluators.probes import Probe

__all__ = ["OutputComparison", "CheckedSide", "compare_outputs"]

_MULTI_RELATED = 64  # texts with a vector a token, each of which is held against each


@dataclass(frozen=True)
class CheckedSide:
    """One encoder's part: its vectors, its settings in use and what it failed."""

    vectors: ProbeVectors
    settings: dict[str, Any]
    protocol: Sequence[SelfTest]


@dataclass(frozen=True)
class OutputComparison:
    """One output of one candidate.

    Attributes:
        columns: measures a text by the names of the table ``drift``, each [n].
        summary: numbers of the whole by the names of the table ``drift_summary``; None where not defined.
        measures: more of them that have no column.
    """

    output: str
    verdict: DriftJudgement
    floor: float
    columns: dict[str, Floats]
    summary: dict[str, float | None]
    measures: dict[str, Any]


def compare_outputs(reference: CheckedSide, candidate: CheckedSide, probes: Sequence[Probe]) -> list[OutputComparison]:
    """Compare every output that the candidate was asked for; what one side lacks is unusable, and says so."""
    comparisons = []
    for output in candidate.settings.get("outputs", ["dense"]):
        ours, theirs = getattr(reference.vectors, output), getattr(candidate.vectors, output)
        floor = floor_of(str(reference.settings["dtype"]), str(candidate.settings["dtype"]))
        if theirs is None or ours is None:
            comparisons.append(_unusable(output, floor, _nothing(reference, candidate, output)))
        else:
            comparisons.append(
                {"dense": _dense, "sparse": _sparse, "multi": _multi}[output](reference, candidate, probes, floor)
            )
    return comparisons


def _nothing(reference: CheckedSide, candidate: CheckedSide, output: str) -> str:
    side, who = (
        (candidate, "The encoder") if getattr(candidate.vectors, output) is None else (reference, "The reference")
    )
    reason = next(iter(side.vectors.failed.values()), "")
    return f"{who} gave no {output} vectors. {reason}".strip()


def _unusable(output: str, floor: float, sentence: str) -> OutputComparison:
    return OutputComparison(output, DriftJudgement(DriftVerdict.UNUSABLE, sentence), floor, {}, {}, {})


def _dense(reference: CheckedSide, candidate: CheckedSide, probes: Sequence[Probe], floor: float) -> OutputComparison:
    ours, theirs = reference.vectors.dense, candidate.vectors.dense
    assert ours is not None and theirs is not None
    widths = ours.shape[1], theirs.shape[1]
    compared = ""
    if widths[0] != widths[1]:
        if not (reference.settings.get("dimensions") or candidate.settings.get("dimensions")):
            return _unusable("dense", floor, f"{widths[0]} dimensions against {widths[1]}.")
        width = min(widths)
        compared = f"on the first {width} of {max(widths)} dimensions"
        ours, theirs = _prefix(ours, width, theirs), _prefix(theirs, width, ours)
    texts = per_text(ours, [theirs])[0]
    related = _related(texts.cosine_distance, probes)
    clouds = Clouds(ours[related], theirs[related])
    columns: dict[str, Floats] = dict(vars(texts))
    columns["max_dimension"] = np.where(texts.max_dimension < 0, np.nan, texts.max_dimension)
    columns["neighbours_kept"] = _at(related, clouds.neighbours_kept(), len(ours))
    summary = measured(Compared(texts.cosine_distance, texts.l2, columns["neighbours_kept"], clouds))
    residual = summary.get("rotation_residual")
    near = residual is not None and residual <= max(floor, 1e-5)
    permuted = near and permutation(ours[related], theirs[related], max(floor, 1e-5)) is not None
    lengths, unit = _lengths(reference, probes)
    lost = _lost(reference, candidate, "dense", probes)
    evidence = DriftEvidence(
        "dense", texts.cosine_distance, texts.norm_ratio, floor, residual, permuted, summary.get("neighbour_overlap"),
        texts.l2, lengths, unit, compared, lost, int((lost & candidate.vectors.finite()).sum()),
    )  # fmt: skip
    more = {"texts_related": len(related), "permuted": permuted, "dimensions": list(widths)}
    verdict = give_verdict(evidence, probes, _both(reference, candidate))
    return OutputComparison("dense", verdict, floor, columns, summary, more)


def _related(distance: Floats, probes: Sequence[Probe], most: int | None = None) -> NDArray[np.int64]:
    """Places of the texts that are related to each other: of the sample, those that both sides have."""
    hashes = [probe.text_hash for probe in probes]
    sample = sampled(hashes) if most is None else sampled(hashes, most)
    return np.asarray(sample[np.isfinite(distance[sample])])


def _at(places: NDArray[np.int64], values: Floats, count: int) -> Floats:
    column = np.full(count, np.nan)
    column[places] = values
    return column


def _prefix(rows: NDArray[np.float32], width: int, other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The leading dimensions, at length 1 again if that is what the other side has."""
    if rows.shape[1] == width:
        return rows
    finite = other[np.isfinite(other).all(1)]
    prefix = rows[:, :width]
    if len(finite) and np.abs(np.linalg.norm(finite[:, :width], axis=1) - 1).max() < 1e-3 and other.shape[1] == width:
        return np.asarray(prefix / np.linalg.norm(prefix, axis=1, keepdims=True), dtype=np.float32)
    return prefix


def _sparse(reference: CheckedSide, candidate: CheckedSide, probes: Sequence[Probe], floor: float) -> OutputComparison:
    ours, theirs = reference.vectors.sparse or [], candidate.vectors.sparse or []
    texts = per_sparse(ours, theirs)
    columns = {
        "cosine_distance": texts.cosine_distance,
        "l2": texts.l2,
        "max_difference": texts.max_difference,
        "norm_ratio": texts.norm_ratio,
        "norm": texts.norm,
        "token_overlap": texts.token_overlap,
    }
    related = _related(texts.cosine_distance, probes)
    cosines = [sparse_similarities([rows[i] or {} for i in related]) for rows in (ours, theirs)]
    columns["neighbours_kept"] = _at(related, neighbours_kept(cosines[0], cosines[1]), len(ours))
    lengths, unit = _lengths(reference, probes)
    lost = _lost(reference, candidate, "sparse", probes)
    evidence = DriftEvidence(
        "sparse", texts.cosine_distance, texts.norm_ratio, floor, lengths=lengths, unit=unit, lost=lost
    )
    summary = measured(Compared(texts.cosine_distance, texts.l2, columns["neighbours_kept"]))
    more = {"token_overlap": mean_of(texts.token_overlap), "max_token": texts.max_token}
    verdict = give_verdict(evidence, probes, _both(reference, candidate))
    return OutputComparison("sparse", verdict, floor, columns, summary, more)


def _multi(reference: CheckedSide, candidate: CheckedSide, probes: Sequence[Probe], floor: float) -> OutputComparison:
    ours, theirs = reference.vectors.multi or [], candidate.vectors.multi or []
    texts = per_multi(ours, theirs)
    columns = {"cosine_distance": texts.distance, "token_ratio": texts.token_ratio, "worst_token": texts.worst_token}
    related = _related(texts.distance, probes, _MULTI_RELATED)
    scores = [maxsim_matrix([matrix for i in related if (matrix := rows[i]) is not None]) for rows in (ours, theirs)]
    columns["neighbours_kept"] = _at(related, neighbours_kept(scores[0], scores[1]), len(ours))
    more: dict[str, Any] = {"token_ratio": mean_of(texts.token_ratio), "worst_token": _worst(texts.worst_token)}
    if len(related) > 1:
        more["maxsim_difference"] = float(np.abs(scores[0] - scores[1]).max())
    lengths, unit = _lengths(reference, probes)
    lost = _lost(reference, candidate, "multi", probes)
    evidence = DriftEvidence("multi", texts.distance, np.ones(len(ours)), floor, lengths=lengths, unit=unit, lost=lost)
    summary = measured(Compared(texts.distance, neighbours_kept=columns["neighbours_kept"]))
    verdict = give_verdict(evidence, probes, _both(reference, candidate))
    return OutputComparison("multi", verdict, floor, columns, summary, more)


def _lost(reference: CheckedSide, candidate: CheckedSide, output: str, probes: Sequence[Probe]) -> NDArray[np.bool_]:
    """Texts for which the reference gave numbers and the candidate none, or zeros, [n]; servers refuse blank ones."""

    def gave(side: CheckedSide) -> NDArray[np.bool_]:
        if output == Output.DENSE:
            dense = side.vectors.dense
            return side.vectors.finite() & (False if dense is None else np.asarray((dense != 0).any(1)))
        rows = getattr(side.vectors, output) or [None] * side.vectors.count
        return np.array([row is not None for row in rows], dtype=bool)

    if candidate.vectors.gone:  # what it was not asked for is said of it as a whole, and is not lost text by text
        return np.zeros(len(probes), dtype=bool)
    blank = np.array([not probe.text.strip() for probe in probes], dtype=bool)
    return np.asarray(gave(reference) & ~gave(candidate) & ~blank)


def _both(reference: CheckedSide, candidate: CheckedSide) -> list[SelfTest]:
    """What either side failed, and all that was seen of the candidate; a reference that changes says nothing."""
    ours = [
        SelfTest(o.test, o.outcome, o.value, f"The reference: {o.detail}", o.outputs, o.observed)
        for o in reference.protocol
        if o.outcome == Result.FAIL
    ]
    own = [outcome for outcome in candidate.protocol if outcome.outcome == Result.FAIL or outcome.observed]
    return [*ours, *own]


def _lengths(reference: CheckedSide, probes: Sequence[Probe]) -> tuple[Floats, str]:
    tokens = reference.vectors.tokens
    if all(entry is not None for entry in tokens):
        return np.array([len(entry.ids) for entry in tokens if entry is not None], dtype=np.float64), "tokens"
    return np.array([len(probe.text) for probe in probes], dtype=np.float64), "characters"


def _worst(values: Floats) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None
