"""Causes that act on texts encoded together, proved on calls of which it is known what was in them.

The batches of a whole check are the candidate's own business. Of the few texts asked again each call is known:
together, alone, and without the longest of them. A cause is named where it gives the vectors of all three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import Errors, apart
from evaluators.diagnose.recipe import Cause, Recipe, combine
from evaluators.diagnose.reference import Vectors
from evaluators.diagnose.residual import rounding
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.search import Match, Search
from evaluators.diagnose.verdict import Diagnosis, Named, judge

__all__ = ["of_batches"]

_SAME = 1e-3  # relative distance up to which a call is what a cause gives
_FEWEST = 4  # texts
_BATCH_MEAN = "Leave each vector as it is: what is taken off depends on the other texts of the call."


@dataclass(frozen=True)
class _Calls:
    """The answers to the few texts together and alone, [n, d], and to those of the smaller call, [m, d]."""

    together: Vectors
    alone: Vectors
    fewer: Vectors


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
    return _mean_taken_off(benches, calls, base) or _from_catalogue(benches, calls, base, floor)


def _benches(bench: Bench, texts: Sequence[int], smaller: Sequence[int]) -> _Benches:
    def together(chosen: Sequence[int]) -> Texts:
        every = tuple(bench.texts.texts[text] for text in chosen)
        return Texts(every, tuple(bench.texts.roles[text] for text in chosen), (tuple(range(len(chosen))),))

    whole = together(texts)
    alone = whole._replace(batches=tuple((place,) for place in whole.batches[0]))
    return _Benches(*(bench.of_texts(one) for one in (whole, alone, together(smaller))))


def _from_catalogue(benches: _Benches, calls: _Calls, base: Vectors, floor: float) -> Diagnosis | None:
    """The best explanation of the texts together, if it holds alone and in company and is not one without batches."""
    bench, width = benches.together, calls.together.shape[1]
    causes = catalogue(bench.reference, base.shape[1], width)
    found = judge(
        Search(bench, calls.together, causes).run(), floor, lambda best: rounding(bench, calls.together, best, floor)
    )
    if found.match is None or found.verdict not in (DiagnosisVerdict.EXPLAINED, DiagnosisVerdict.PRECISION):
        return None
    recipe, room = found.match.recipe, max(_SAME, 2 * float(found.after.max()))
    if any(cause.family == "space" for cause in found.match.causes):
        return None
    if float(apart(bench.vectors(recipe), benches.alone.vectors(recipe)).max()) < room:
        return None  # what it names does not depend on the batch, and so does not say why the candidate does
    held = [apart(calls.alone, benches.alone.vectors(recipe)), apart(calls.fewer, benches.fewer.vectors(recipe))]
    return found if all(float(errors.max()) < room for errors in held) else None


def _mean_taken_off(benches: _Benches, calls: _Calls, base: Vectors) -> Diagnosis | None:
    """The mean of a call's vectors taken off each, solved exactly; before or after they are brought to length one."""
    if calls.together.shape[1] != base.shape[1]:
        return None
    reference = benches.together.reference
    for recipe in (reference.recipe, replace(reference.recipe, normalise="no")):
        rows, more = (one.vectors(recipe).astype(np.float64) for one in (benches.together, benches.fewer))
        for name, change in _CENTRED.items():
            made = change(rows)
            errors = apart(calls.together, made)
            if float(errors.max()) < _SAME and float(apart(calls.fewer, change(more)).max()) < _SAME:
                return _solved(name, recipe, np.asarray(made, dtype=np.float32), errors, apart(calls.together, base))
    return None


def _solved(name: str, recipe: Recipe, made: Vectors, after: Errors, before: Errors) -> Diagnosis:
    def same(given: Recipe) -> Recipe:
        return given

    cause = Cause(name, "output", "batch", same, _BATCH_MEAN)
    left, drift = float(after.mean()), float(before.mean())
    named = Named(cause, (), 1 - left / drift, left)
    sentence = f"{name[0].upper()}{name[1:]} explains {1 - left / drift:.1%} of the drift."
    match = Match((cause,), combine(recipe, ()), after, made)
    return Diagnosis("explained", sentence, drift, left, 0.0, (named,), (), before, after, match)


def _unit(rows: Errors) -> Errors:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _centred(rows: Errors) -> Errors:
    return np.asarray(rows - rows.mean(0))


def _standard(rows: Errors) -> Errors:
    return np.asarray(_centred(rows) / np.maximum(rows.std(0), 1e-12))


_CENTRED: dict[str, Callable[[Errors], Errors]] = {
    "the mean of the call's vectors taken off each": _centred,
    "the mean of the call's vectors taken off each, and normalised again": lambda rows: _unit(_centred(rows)),
    "every dimension standardised over the call": _standard,
    "every dimension standardised over the call, and normalised again": lambda rows: _unit(_standard(rows)),
}
