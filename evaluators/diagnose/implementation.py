"""Another implementation of the tokenizer, put together from its habits: solved text by text from the vectors.

Each habit touches few texts, and a text is touched by few habits. So of each text that differs the ids under every
set of the habits that touch it are encoded (most sets give ids that others give), and the sets whose ids give the
candidate's vector are what the text allows. The habits that all texts allow are the answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

import numpy as np

from data.rules.causes import Cause
from data.rules.causes.habits import EXCLUSIVE, HABITS
from evaluators.diagnose.causes.generated import implementation
from evaluators.diagnose.directions import left, off_by_rows
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import pieces
from evaluators.diagnose.tokenizers import rebuilt

__all__ = ["composed"]

_RIGHT = 2e-4
_MOST_TOUCHING = 7  # habits of one text
_AT_ONCE = 3  # of them in one set
_TEXTS, _SHORT = 16, 400  # so many that differ, of so many characters
_NEAR = 0.2  # of the distance before: what a text allows
_AS_NEAR = 2.0  # times the least
_STATES = 32
_FEWEST = 2  # habits: one alone is a cause of the catalogue

Habits = frozenset[str]


def composed(bench: Bench, candidate: Embeddings, early: tuple[Cause, ...]) -> list[Cause]:
    """The implementation whose habits bring most texts near on top of early causes; nothing where one habit does."""
    if not rebuilt(bench.reference) or any(cause.family == "tokenizer" for cause in early):
        return []
    short = [place for place, length in enumerate(bench.characters) if length <= _SHORT]
    bench, candidate = bench.only(short), candidate[short]
    before = left(bench, candidate, bench.under(early))
    differing = [int(place) for place in np.flatnonzero(before.best > before.tolerance)]
    right = [int(place) for place in np.flatnonzero(before.best <= before.tolerance)]
    own = bench.rows(bench.under(early))
    alone = {habit: bench.rows(bench.under((*early, implementation((habit,))))) for habit in HABITS}
    possible = [habit for habit, rows in alone.items() if all(rows[place] == own[place] for place in right)]
    touching = {place: [habit for habit in possible if alone[habit][place] != own[place]] for place in differing}
    touched = sorted((place for place in differing if touching[place]), key=lambda place: len(own[place].ids))[:_TEXTS]
    allowed = {}
    for place in touched:
        sets = _allowed(bench, candidate, early, place, touching[place], before.way, float(before.best[place]))
        if sets:
            allowed[place] = sets
    best = _common(allowed, touching)
    return [implementation(sorted(best))] if len(best) >= _FEWEST else []


def _sets(habits: Sequence[str]) -> Iterator[Habits]:
    """Every set of a few habits that can go together, the small ones first."""
    for size in range(min(_AT_ONCE, len(habits)) + 1):
        for chosen in map(frozenset, combinations(habits, size)):
            if together(chosen):
                yield chosen


def together(habits: Collection[str]) -> bool:
    """Whether habits exclude none of each other."""
    return all(len(set(habits).intersection(group)) < 2 for group in EXCLUSIVE)


def _allowed(
    bench: Bench,
    candidate: Embeddings,
    early: tuple[Cause, ...],
    place: int,
    habits: Sequence[str],
    way: int,
    far: float,
) -> list[Habits]:
    """The sets of habits whose ids give a text the candidate's vector; none where no set brings it near."""
    one = bench.only([place])
    recipe = bench.under(early)
    rows = {}
    for chosen in _sets(habits[:_MOST_TOUCHING]):
        causes = (*early, implementation(sorted(chosen))) if chosen else early
        rows[chosen] = pieces(one.rows(bench.under(causes))[0])[0]
    distinct = list(dict.fromkeys(rows.values()))
    errors = off_by_rows(bench, recipe, distinct, way, candidate[[place]])
    if errors.min() > _NEAR * far:
        return []
    good = {row for row, error in zip(distinct, errors, strict=True) if error <= max(_RIGHT, _AS_NEAR * errors.min())}
    return [chosen for chosen, row in rows.items() if row in good]


def _common(allowed: dict[int, list[Habits]], touching: dict[int, list[str]]) -> Habits:
    """The smallest set of habits of which each text allows what touches it; of as many texts as can be had."""
    states: list[tuple[int, Habits, Habits]] = [(0, frozenset(), frozenset())]  # texts missed, habits in, habits out
    for place in sorted(allowed, key=lambda place: len(allowed[place])):
        around = frozenset(touching[place])
        longer: dict[tuple[Habits, Habits], int] = {}
        for missed, have, without in states:
            longer[have, without] = min(missed + 1, longer.get((have, without), missed + 1))
            for chosen in allowed[place]:
                more, less = have | chosen, without | (around - chosen)
                if not more & less and together(more):
                    longer[more, less] = min(missed, longer.get((more, less), missed))
        order = sorted((missed, len(have), sorted(have), have, less) for (have, less), missed in longer.items())
        states = [(missed, have, less) for missed, _, _, have, less in order[:_STATES]]
    return states[0][1]
