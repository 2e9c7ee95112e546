"""From a candidate's vectors to a diagnosis: facts of chance first, then the search, then the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from data.rules.causes import Cause
from data.store.errors import InputError
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes import HALVES, catalogue
from evaluators.diagnose.causes.places import out_of_order
from evaluators.diagnose.described import described
from evaluators.diagnose.directions import every_way
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.lattice import lattice_of
from evaluators.diagnose.match import Match
from evaluators.diagnose.measure import apart, unit_rows
from evaluators.diagnose.narrow import searched_for
from evaluators.diagnose.nondeterminism import seeded_dropout
from evaluators.diagnose.put_before import learned_before
from evaluators.diagnose.reading import Reading, read_otherwise
from evaluators.diagnose.recipe import Recipe, combine
from evaluators.diagnose.reference import Embeddings, Reference, load_reference
from evaluators.diagnose.residual import rounding
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.together import centred, of_batches
from evaluators.diagnose.unstable import by_repeats, not_by_itself, with_observed
from evaluators.diagnose.verdict import (
    IDENTICAL_WITHIN,
    Diagnosis,
    NamedCause,
    judge,
    settles,
    stated_as_stored,
    with_reading,
)

__all__ = [
    "BATCH", "Bench", "Cause", "Diagnosis", "Facts", "Match", "NamedCause", "Recipe", "Reference", "Texts", "batched",
    "diagnose", "load_reference",
]  # fmt: skip

_STORED = 0.2  # of a drift that is next to nothing: what is left once vectors are stored as the candidate's are
_USUAL_FLOOR = 5e-3  # mean distance
BATCH = 32  # texts at once, where an encoder does not say


def diagnose(
    bench: Bench,
    candidate: Embeddings,
    *,
    facts: Facts | None = None,
    without: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """Name the causes of the drift between the reference and a candidate's vectors of the same texts.

    Args:
        bench: the reference with its texts; keeps what it computes, so that a second candidate costs little.
        candidate: float [n, d], one row a text; rows of a failed text are NaN and left out.
        facts: what the protocol tests of the candidate found (do two loads agree? is it deterministic?).
        without: causes to leave out of the catalogue, in words.
        progress: called with (done, total).

    Raises:
        InputError: the candidate has another number of rows, or no finite one.
    """
    candidate = np.asarray(candidate, dtype=np.float32)
    count = len(bench.texts.texts)
    if candidate.ndim != 2 or len(candidate) != count:
        raise InputError(f"The candidate has shape {candidate.shape}, the texts are {count}", remedy="One row a text.")
    # Zeros alone are no vector either: a text that has them is not the others' business.
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(candidate).all(axis=1) & (candidate != 0).any(axis=1))
    if not finite.any():
        raise InputError("None of the candidate's vectors is finite", remedy="Look at the protocol tests first.")
    # Thousands of products of some sixty rows: a second thread of numpy's only waits, ten times as long on a busy
    # machine. torch's own threads stay.
    with ThreadpoolController().select(prefix="libscipy_openblas").limit(limits=1):
        if finite.all():
            return _of_numbers(bench, candidate, facts, without, progress)
        places = np.flatnonzero(finite).tolist()
        known = None if facts is None else facts.only(places)
        diagnosis = _of_numbers(bench.only(places), candidate[finite], known, without, progress)
        return _with_lost(diagnosis, bench, np.asarray(~finite))


def _of_numbers(
    bench: Bench,
    candidate: Embeddings,
    facts: Facts | None,
    without: Sequence[str],
    progress: Callable[[int, int], None] | None,
) -> Diagnosis:
    """The diagnosis of texts that all have vectors of numbers."""
    base = bench.vectors(bench.reference.recipe)
    if (reading := read_otherwise(candidate, base)) is not None:
        return with_reading(reading, _of_numbers(bench, reading.vectors, None, without, progress))
    units, ways = every_way(bench, bench.reference.recipe)
    if (lattice := lattice_of(candidate)) is not None:
        lattice = lattice.fitted_to([*units, *ways])
    bench = bench.beside(lattice)
    plain = Match((), bench.reference.recipe, apart(candidate, base), base)
    floor = _floor(bench, base)
    if facts is not None and (unstable := by_repeats(bench, candidate, base, facts, floor)) is not None:
        return unstable
    if (ordered := _in_order(bench, candidate, units)) is not None:
        diagnosis = with_reading(ordered, _of_numbers(bench, ordered.vectors, None, without, progress))
        return with_observed(diagnosis, facts, bench)
    mean_off = centred([(bench, candidate)])
    if mean_off is not None and mean_off.causes[0].cause.words not in without:
        return with_observed(mean_off, facts, bench)
    every = catalogue(bench.reference, base.shape[1], candidate.shape[1], bench.texts.roles)
    causes = [cause for cause in every if cause.words not in without]
    claimed = (facts.revision or "")[:12] if facts else ""
    # Of causes that vectors cannot tell apart the first is stated: let that be one of the revision it says it is.
    causes.sort(key=lambda cause: not claimed or cause.blanks.get("revision") != claimed)
    diagnosis = _looked_for(bench, candidate, causes, plain, floor, without, progress)
    further = with_observed(_further(diagnosis, bench, candidate, base, facts, floor), facts, bench)
    return _described(further, bench, candidate, base, facts, floor)


def _in_order(bench: Bench, candidate: Embeddings, units: Sequence[Embeddings]) -> Reading | None:
    """The candidate's rows in the order of their texts, where they are in another and that is not all."""
    ways = [way.astype(np.float64) for way in units if way.shape == candidate.shape]
    ordered = out_of_order(unit_rows(candidate.astype(np.float64)), ways, bench.sent())
    if ordered is None:
        return None
    cause, places = ordered
    vectors = np.empty_like(candidate)
    vectors[places] = candidate
    return Reading(vectors, cause)


def _described(
    diagnosis: Diagnosis, bench: Bench, candidate: Embeddings, base: Embeddings, facts: Facts | None, floor: float
) -> Diagnosis:
    """A diagnosis that leaves drift without a cause, with what can be said of it."""
    unknown = diagnosis.verdict is DiagnosisVerdict.UNKNOWN
    if not unknown and diagnosis.verdict is not DiagnosisVerdict.PARTLY:
        return diagnosis
    made = base if diagnosis.match is None else diagnosis.match.vectors
    tried = diagnosis.tried if unknown else 0
    texts, roles, _ = bench.texts
    before = learned_before(bench, candidate) if unknown else None
    statements = tuple(described(candidate, made, texts, facts, roles=roles, floor=floor, tried=tried, before=before))
    left = "" if unknown else "Of what is left: "
    sentence = f"{diagnosis.sentence} {left}{' '.join(one.sentence for one in statements)}"
    return replace(diagnosis, sentence=sentence, described=statements)


def _looked_for(
    bench: Bench,
    candidate: Embeddings,
    causes: Sequence[Cause],
    plain: Match,
    floor: float,
    without: Sequence[str],
    progress: Callable[[int, int], None] | None,
) -> Diagnosis:
    def judged(ranked: Sequence[Match], bench: Bench, candidate: Embeddings) -> Diagnosis:
        return judge(ranked, floor, lambda best: rounding(bench, candidate, best, floor))

    if float(plain.errors.max()) < IDENTICAL_WITHIN:
        stored = _as_stored(bench, candidate, plain)
        return judged([plain], bench, candidate) if stored is None else stated_as_stored(stored, plain, floor)
    diagnosis, best = searched_for(bench, candidate, causes, judged, progress=progress, without=without)
    if best.early and not settles(diagnosis.verdict) and bench.lattice is not None:
        # The ranges of whole numbers were read off texts of which most may be changed: now all of them tell.
        units, ways = every_way(bench, bench.under(best.early))
        fitted = bench.lattice.fitted_to([*units, *ways])
        if fitted is not bench.lattice:
            again = bench.beside(fitted)
            diagnosis, best = searched_for(again, candidate, causes, judged, progress=progress, without=without)
    return replace(diagnosis, searched=best.errors.size, tried=len(causes))


def _as_stored(bench: Bench, candidate: Embeddings, plain: Match) -> Match | None:
    """What vectors were stored as, where that alone keeps them from being the same to the last digits."""
    for cause in [] if bench.lattice is None else bench.lattice.causes:
        recipe = combine(plain.recipe, (cause,))
        vectors = bench.vectors(recipe)
        errors = apart(candidate, vectors)
        if float(errors.mean()) < _STORED * float(plain.errors.mean()):
            return Match((cause,), recipe, errors, vectors)
    return None


def _further(
    diagnosis: Diagnosis, bench: Bench, candidate: Embeddings, base: Embeddings, facts: Facts | None, floor: float
) -> Diagnosis:
    """Where the catalogue leaves the cause open: what acts on a batch, and dropout that depends on the text alone."""
    if facts is None or diagnosis.verdict in (DiagnosisVerdict.EXPLAINED, DiagnosisVerdict.PRECISION):
        return diagnosis
    if facts.observation("batch-differs") is not None:
        return of_batches(bench, facts, floor) or diagnosis
    unknown = diagnosis.verdict is DiagnosisVerdict.UNKNOWN
    if unknown and not_by_itself(facts) and (named := seeded_dropout(bench, candidate, base)):
        sentence = (
            "A text has the same vector whenever it is asked for, and from text to text the vectors are those of the "
            "reference with dropout on, in size and direction: its random numbers depend on the text alone."
        )
        verdict, after = DiagnosisVerdict.EXPLAINED, diagnosis.before * 0
        return replace(diagnosis, verdict=verdict, sentence=sentence, remaining=0.0, causes=(named,), after=after)
    return diagnosis


def _with_lost(diagnosis: Diagnosis, bench: Bench, lost: NDArray[np.bool_]) -> Diagnosis:
    """A diagnosis that says which texts have no vector of numbers: not the reference's, whatever the others are.

    Blank texts are no fault of the candidate: many servers refuse them.
    """
    texts = [bench.texts.texts[index] for index in np.flatnonzero(lost) if bench.texts.texts[index].strip()]
    if not texts:
        return diagnosis
    without = f"No vector of numbers, or zeros alone, for {len(texts)} of {len(lost)} texts{_how_long(bench, lost)}."
    if diagnosis.verdict in (DiagnosisVerdict.IDENTICAL, DiagnosisVerdict.PRECISION):
        sentence = f"{without} On the others: {diagnosis.sentence}"
        return replace(diagnosis, verdict=DiagnosisVerdict.UNKNOWN, sentence=sentence)
    return replace(diagnosis, sentence=f"{diagnosis.sentence} {without}")


def _how_long(bench: Bench, lost: NDArray[np.bool_]) -> str:
    lengths = np.array([len(text) for text in bench.texts.texts])
    shortest, longest = int(lengths[lost].min()), int(lengths[~lost].max())
    return f", exactly those of more than {longest} characters" if shortest > longest else ""


def batched(
    texts: Sequence[str], roles: Sequence[str | None] | None = None, size: int = BATCH, *, by_length: bool = True
) -> Texts:
    """Texts in batches of ``size``, each of one role, as a parity check has them made.

    Args:
        texts: in the order they are asked for.
        roles: of each; each role is encoded by itself, because each has its own prompt.
        size: of a batch at most.
        by_length: whether the longest come first, as sentence-transformers sorts them, or as they are asked for.
    """
    roles = tuple(roles or [None] * len(texts))
    batches: list[tuple[int, ...]] = []
    for role in dict.fromkeys(roles):
        order = [place for place, own in enumerate(roles) if own == role]
        if by_length:
            order.sort(key=lambda place: -len(texts[place]))
        batches += [tuple(order[start : start + size]) for start in range(0, len(order), size)]
    return Texts(tuple(texts), roles, tuple(batches))


def _floor(bench: Bench, base: Embeddings) -> float:
    """Mean distance that bf16 arithmetic leaves on this model and these texts; what is usual where it runs in none."""
    half = combine(bench.reference.recipe, HALVES[:1])
    return float(apart(bench.vectors(half), base).mean()) or _USUAL_FLOOR
