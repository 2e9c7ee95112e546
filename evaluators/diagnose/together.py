"""Causes that act on texts encoded together, proved on calls of which it is known what was in them.

The batches of a whole check are the candidate's own business. Of the few texts asked again each call is known:
together, alone, and without the longest of them. A cause is named where it gives the vectors of all three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.rules.causes import CAUSES
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.match import Match
from evaluators.diagnose.measure import Errors, apart, unit_rows
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.residual import rounding
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.search import Search
from evaluators.diagnose.verdict import Diagnosis, NamedCause, judge

__all__ = ["centred", "of_batches"]

_SAME = 1e-3  # relative distance up to which a call is what a cause gives
_FEWEST = 4  # texts


@dataclass(frozen=True)
class _Calls:
    """The answers to the few texts together and alone, [n, d], and to those of the smaller call, [m, d]."""

    together: Embeddings
    alone: Embeddings
    fewer: Embeddings


@dataclass(frozen=True)
class _Benches:
    """The reference with the few texts in each kind of call."""

    together: Bench
    alone: Bench
    fewer: Bench


def of_batches(bench: Bench, facts: Facts, floor: float) -> Diagnosis | None:
    """The causes that give the candidate's vectors of each call, if any of them acts on a batch."""
    texts = facts.asked()
    smaller = [text for call in facts.of("company")[:1] for text in call.texts]
    answers = (facts.answers(texts, "batch"), facts.answers(texts, "alone"), facts.answers(smaller, "company"))
    if len(texts) < _FEWEST or any(one is None for one in answers):
        return None
    calls = _Calls(*(one for one in answers if one is not None))
    benches = _benches(bench, texts, smaller)
    base = benches.together.vectors(bench.reference.recipe)
    of_calls = [(benches.together, calls.together), (benches.fewer, calls.fewer)]
    return centred(of_calls) or _from_catalogue(benches, calls, base, floor)


def _benches(bench: Bench, texts: Sequence[int], smaller: Sequence[int]) -> _Benches:
    def together(chosen: Sequence[int]) -> Texts:
        every = tuple(bench.texts.texts[text] for text in chosen)
        return Texts(every, tuple(bench.texts.roles[text] for text in chosen), (tuple(range(len(chosen))),))

    whole = together(texts)
    alone = whole.each_alone()
    return _Benches(*(bench.of_texts(one) for one in (whole, alone, together(smaller))))


def _from_catalogue(benches: _Benches, calls: _Calls, base: Embeddings, floor: float) -> Diagnosis | None:
    """The best explanation of the texts together, if it holds alone and in company and is not one without batches."""
    bench, width = benches.together, calls.together.shape[1]
    causes = catalogue(bench.reference, base.shape[1], width, bench.texts.roles)
    matches = Search(bench, calls.together, causes).run()
    diagnosis = judge(matches, floor, lambda best: rounding(bench, calls.together, best, floor))
    stated = diagnosis.verdict in (DiagnosisVerdict.EXPLAINED, DiagnosisVerdict.PRECISION)
    if diagnosis.match is None or not stated or diagnosis.match.solved:
        return None
    recipe, room = diagnosis.match.recipe, max(_SAME, 2 * float(diagnosis.after.max()))
    if float(apart(bench.vectors(recipe), benches.alone.vectors(recipe)).max()) < room:
        return None  # what it names does not depend on the batch, and so does not say why the candidate does
    others = [apart(calls.alone, benches.alone.vectors(recipe)), apart(calls.fewer, benches.fewer.vectors(recipe))]
    return diagnosis if all(float(errors.max()) < room for errors in others) else None


def centred(answers: Sequence[tuple[Bench, Embeddings]]) -> Diagnosis | None:
    """The mean of a call's vectors taken off each, solved exactly; before or after they are brought to length one.

    Args:
        answers: of each call the reference with its texts, and the vectors it got, float [n, d]; the first is judged.
    """
    (bench, candidate), own = answers[0], answers[0][0].reference.recipe
    base = bench.vectors(own)
    if candidate.shape != base.shape:
        return None
    for recipe in (own, replace(own, normalise="no")):
        rows = [one.vectors(recipe).astype(np.float64) for one, _ in answers]
        for code, change in _CENTRED.items():
            made = change(rows[0])
            errors = apart(candidate, made)
            others = zip(answers[1:], rows[1:], strict=True)
            if float(errors.max()) < _SAME and all(
                float(apart(given, change(more)).max()) < _SAME for (_, given), more in others
            ):
                return _solved(code, recipe, np.asarray(made, dtype=np.float32), errors, apart(candidate, base))
    return None


def _solved(code: str, recipe: Recipe, made: Embeddings, after: Errors, before: Errors) -> Diagnosis:
    cause = CAUSES[code]
    left, drift = float(after.mean()), float(before.mean())
    named = NamedCause(cause, (), 1 - left / drift, left)
    sentence = f"{cause.words[0].upper()}{cause.words[1:]} explains {1 - left / drift:.1%} of the drift."
    match = Match((cause,), recipe, after, made)
    return Diagnosis(DiagnosisVerdict.EXPLAINED, sentence, drift, left, 0.0, (named,), (), before, after, match)


def _centred(rows: Errors) -> Errors:
    return np.asarray(rows - rows.mean(0))


def _standard(rows: Errors) -> Errors:
    return np.asarray(_centred(rows) / np.maximum(rows.std(0), 1e-12))


# By the code of the cause.
_CENTRED: dict[str, Callable[[Errors], Errors]] = {
    "mean-of-call-off": _centred,
    "mean-of-call-off-normalised": lambda rows: unit_rows(_centred(rows)),
    "standardised-over-call": _standard,
    "standardised-over-call-normalised": lambda rows: unit_rows(_standard(rows)),
}
