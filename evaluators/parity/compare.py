"""A candidate's vectors against the reference's, output by output: measures, relation and verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.drift import floor_of
from data.rules.measures import Compared, mean_of, measured
from data.rules.vectors.arrays import Floats, Vectors, sampled
from data.rules.vectors.clouds import Clouds, neighbours_kept, permutation
from data.rules.vectors.per_text import per_text
from data.store.vocabulary import DriftVerdict, Outcome, Output
from evaluators.parity.multi import maxsim_matrix, per_multi
from evaluators.parity.outputs import worst_of
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
    floor = floor_of(str(reference.settings["dtype"]), str(candidate.settings["dtype"]))
    outputs = candidate.settings.get("outputs", ["dense"])
    return [_compared(_Pair(reference, candidate, probes, floor, output)) for output in outputs]


@dataclass(frozen=True)
class _Pair:
    """One output of two encoders."""

    reference: CheckedSide
    candidate: CheckedSide
    probes: Sequence[Probe]
    floor: float
    output: str

    @property
    def vectors(self) -> tuple[Any, Any]:
        """What either side gave, None where nothing."""
        return getattr(self.reference.vectors, self.output), getattr(self.candidate.vectors, self.output)

    def related(self, distance: Floats, most: int | None = None) -> NDArray[np.int64]:
        """Places of the texts that are related to each other: of the sample, those that both sides have."""
        hashes = [probe.text_hash for probe in self.probes]
        sample = sampled(hashes) if most is None else sampled(hashes, most)
        return np.asarray(sample[np.isfinite(distance[sample])])

    def column(self, places: NDArray[np.int64], values: Floats) -> Floats:
        """Values of some texts as a column of all."""
        column = np.full(len(self.probes), np.nan)
        column[places] = values
        return column

    def judged(
        self, columns: dict[str, Floats], summary: dict[str, float | None], more: dict[str, Any], **facts: Any
    ) -> OutputComparison:
        """The comparison with its verdict; ``facts`` are what else the verdict may rest on."""
        lengths, unit = _lengths(self.reference, self.probes)
        distance = columns["cosine_distance"]
        evidence = DriftEvidence(
            self.output,
            distance,
            columns.get("norm_ratio", np.ones(len(distance))),
            self.floor,
            neighbours=summary.get("neighbour_overlap"),
            lengths=lengths,
            unit=unit,
            lost=_lost(self),
            **facts,
        )
        verdict = give_verdict(evidence, self.probes, _both(self.reference, self.candidate))
        return OutputComparison(self.output, verdict, self.floor, columns, summary, more)

    def unusable(self, sentence: str) -> OutputComparison:
        """Nothing to compare, and why."""
        judgement = DriftJudgement(DriftVerdict.UNUSABLE, sentence)
        return OutputComparison(self.output, judgement, self.floor, {}, {}, {})


def _compared(pair: _Pair) -> OutputComparison:
    ours, theirs = pair.vectors
    if ours is None or theirs is None:
        side, who = (pair.candidate, "The encoder") if theirs is None else (pair.reference, "The reference")
        reason = next(iter(side.vectors.failed.values()), "")
        return pair.unusable(f"{who} gave no {pair.output} vectors. {reason}".strip())
    return _COMPARE[Output(pair.output)](pair, ours, theirs)


def _dense(pair: _Pair, ours: Vectors, theirs: Vectors) -> OutputComparison:
    widths = ours.shape[1], theirs.shape[1]
    compared = ""
    if widths[0] != widths[1]:
        if not (pair.reference.settings.get("dimensions") or pair.candidate.settings.get("dimensions")):
            return pair.unusable(f"{widths[0]} dimensions against {widths[1]}.")
        width = min(widths)
        compared = f"on the first {width} of {max(widths)} dimensions"
        ours, theirs = _prefix(ours, width, theirs), _prefix(theirs, width, ours)
    texts = per_text(ours, [theirs])[0]
    related = pair.related(texts.cosine_distance)
    clouds = Clouds(ours[related], theirs[related])
    columns: dict[str, Floats] = dict(vars(texts))
    columns["max_dimension"] = np.where(texts.max_dimension < 0, np.nan, texts.max_dimension)
    columns["neighbours_kept"] = pair.column(related, clouds.neighbours_kept())
    summary = measured(Compared(texts.cosine_distance, texts.l2, columns["neighbours_kept"], clouds))
    residual, tolerance = summary.get("rotation_residual"), max(pair.floor, 1e-5)
    near = residual is not None and residual <= tolerance
    permuted = near and permutation(ours[related], theirs[related], tolerance) is not None
    more = {"texts_related": len(related), "permuted": permuted, "dimensions": list(widths)}
    return pair.judged(
        columns, summary, more, rotation_residual=residual, permuted=permuted, l2=texts.l2, compared=compared,
        zeros=int((_lost(pair) & pair.candidate.vectors.finite()).sum()),
    )  # fmt: skip


def _prefix(rows: Vectors, width: int, other: Vectors) -> Vectors:
    """The leading dimensions, at length 1 again if that is what the other side has."""
    if rows.shape[1] == width:
        return rows
    finite = other[np.isfinite(other).all(1)]
    prefix = rows[:, :width]
    if len(finite) and np.abs(np.linalg.norm(finite[:, :width], axis=1) - 1).max() < 1e-3 and other.shape[1] == width:
        return np.asarray(prefix / np.linalg.norm(prefix, axis=1, keepdims=True), dtype=np.float32)
    return prefix


def _sparse(pair: _Pair, ours: list[Any], theirs: list[Any]) -> OutputComparison:
    texts = per_sparse(ours, theirs)
    columns = {name: values for name, values in vars(texts).items() if name != "max_token"}
    related = pair.related(texts.cosine_distance)
    cosines = [sparse_similarities([rows[i] or {} for i in related]) for rows in (ours, theirs)]
    columns["neighbours_kept"] = pair.column(related, neighbours_kept(cosines[0], cosines[1]))
    summary = measured(Compared(texts.cosine_distance, texts.l2, columns["neighbours_kept"]))
    more = {"token_overlap": mean_of(texts.token_overlap), "max_token": texts.max_token}
    return pair.judged(columns, summary, more)


def _multi(pair: _Pair, ours: list[Any], theirs: list[Any]) -> OutputComparison:
    texts = per_multi(ours, theirs)
    columns = {"cosine_distance": texts.distance, "token_ratio": texts.token_ratio, "worst_token": texts.worst_token}
    related = pair.related(texts.distance, _MULTI_RELATED)
    scores = [maxsim_matrix([rows[i] for i in related]) for rows in (ours, theirs)]
    columns["neighbours_kept"] = pair.column(related, neighbours_kept(scores[0], scores[1]))
    summary = measured(Compared(texts.distance, neighbours_kept=columns["neighbours_kept"]))
    more: dict[str, Any] = {"token_ratio": mean_of(texts.token_ratio), "worst_token": worst_of(texts.worst_token)}
    if len(related) > 1:
        more["maxsim_difference"] = float(np.abs(scores[0] - scores[1]).max())
    return pair.judged(columns, summary, more)


def _lost(pair: _Pair) -> NDArray[np.bool_]:
    """Texts for which the reference gave numbers and the candidate none, or zeros, [n]; servers refuse blank ones."""

    def gave(side: CheckedSide) -> NDArray[np.bool_]:
        if pair.output == Output.DENSE:
            dense = side.vectors.dense
            return side.vectors.finite() & (False if dense is None else np.asarray((dense != 0).any(1)))
        rows = getattr(side.vectors, pair.output) or [None] * side.vectors.count
        return np.array([row is not None for row in rows], dtype=bool)

    if pair.candidate.vectors.gone:  # what it was not asked for is said of it as a whole, and is not lost text by text
        return np.zeros(len(pair.probes), dtype=bool)
    blank = np.array([not probe.text.strip() for probe in pair.probes], dtype=bool)
    return np.asarray(gave(pair.reference) & ~gave(pair.candidate) & ~blank)


def _both(reference: CheckedSide, candidate: CheckedSide) -> list[SelfTest]:
    """What either side failed, and all that was seen of the candidate; a reference that changes says nothing."""
    ours = [
        SelfTest(o.test, o.outcome, o.value, f"The reference: {o.detail}", o.outputs, o.observed)
        for o in reference.protocol
        if o.outcome == Outcome.FAIL
    ]
    own = [outcome for outcome in candidate.protocol if outcome.outcome == Outcome.FAIL or outcome.observed]
    return [*ours, *own]


def _lengths(reference: CheckedSide, probes: Sequence[Probe]) -> tuple[Floats, str]:
    tokens = reference.vectors.tokens
    if all(entry is not None for entry in tokens):
        return np.array([len(entry.ids) for entry in tokens if entry is not None], dtype=np.float64), "tokens"
    return np.array([len(probe.text) for probe in probes], dtype=np.float64), "characters"


_COMPARE: dict[Output, Callable[[_Pair, Any, Any], OutputComparison]] = {
    Output.DENSE: _dense,
    Output.SPARSE: _sparse,
    Output.MULTI: _multi,
}
