"""Find the causes that bring the reference onto the candidate: every late variant of each pass, then greedily on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.causes.space import solve
from evaluators.diagnose.forward import Bench, finished
from evaluators.diagnose.measure import ROUNDING, Errors, apart, apart_each, closeness, even
from evaluators.diagnose.recipe import Recipe, combine
from evaluators.diagnose.reference import Embeddings

__all__ = ["EACH", "Match", "Search", "compatible"]

# What one more cause must gain to be worth naming, in units of ``closeness``: noise alone gains less on 16 texts.
EACH = 0.12
_BEAM = 3  # the true cause is among the best three singles in 99 % of pairs
_DEEPEST = 4  # causes in the text, tokens and model slots at once
_LATE_AT_ONCE = 3  # causes in the pooling and output slots at once
_DONE = 2 * ROUNDING
_HALF_PRECISION = 0.02  # mean distance that bf16 arithmetic leaves at most
_QUICK = 6  # texts that a cause must show itself on before it gets a whole pass
_NEARER = 0.8


@dataclass(frozen=True)
class Match:
    """A set of causes, and how far from the candidate it leaves each text."""

    causes: tuple[Cause, ...]
    recipe: Recipe
    errors: Errors
    vectors: Embeddings

    @cached_property
    def score(self) -> float:
        """Closeness with a price on every cause; the lowest is the best explanation."""
        return closeness(self.errors) + EACH * len(self.causes)

    @property
    def names(self) -> tuple[str, ...]:
        """The causes in words."""
        return tuple(cause.words for cause in self.causes)

    @property
    def early(self) -> tuple[Cause, ...]:
        """The causes that change what goes through the model."""
        return tuple(cause for cause in self.causes if cause.forward)

    @property
    def solved(self) -> bool:
        """Whether one of the causes was solved from all texts together, not tried."""
        return any(cause.family == "space" for cause in self.causes)


def compatible(causes: Iterable[Cause]) -> bool:
    """Whether the causes can act together: no two of one family."""
    families = [cause.family for cause in causes]
    return len(families) == len(set(families))


class Search:
    """Match a candidate's vectors against the catalogue.

    Args:
        bench: the reference and its texts.
        candidate: float [n, d]; a row that is not finite matches nothing.
        causes: the catalogue.
        progress: called with (done, total) as forward variants are tried.
        without: solved causes to leave out, in words.
    """

    def __init__(
        self,
        bench: Bench,
        candidate: Embeddings,
        causes: Sequence[Cause],
        progress: Callable[[int, int], None] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.bench, self.candidate = bench, np.asarray(candidate, dtype=np.float32)
        self.base = bench.reference.recipe
        self.early = [cause for cause in causes if cause.forward]
        late = [cause for cause in causes if not cause.forward and _possible(cause, candidate)]
        self.late = _distinct(bench, _late_sets(late))
        self._progress = progress or (lambda done, total: None)
        self.tried: dict[tuple[str, ...], Match] = {}
        self._solving, self._without = False, without

    def run(self) -> list[Match]:
        """Matches tried, best first; the first names the explanation."""
        singles: list[tuple[Cause, ...]] = [(), *((cause,) for cause in self.early)]
        best = self._try(singles)
        if not _finished(best[0]):
            # Scale, shuffle, permutation and rotation are looked for where no setting alone explains the drift.
            self._solving = True
            best = self._try(singles)
            self._solving = best[0].solved
        self.early = [cause for cause in self.early if self._acts(cause)]
        while float(best[0].errors.max()) >= _DONE and (level := list(self._extend(best))):
            larger = self._try(level)
            if larger[0].score >= best[0].score:
                break
            best = sorted([*larger, *best], key=lambda match: match.score)
        return sorted(self.tried.values(), key=lambda match: match.score)

    def _try(self, sets: Sequence[tuple[Cause, ...]]) -> list[Match]:
        matches = []
        for done, early in enumerate(sets):
            matches.append(self._best_late(early))
            self._progress(done + 1, len(sets))
        return sorted(matches, key=lambda match: match.score)

    def _acts(self, cause: Cause) -> bool:
        """Whether the cause changes any vector of this model and these texts."""
        plain, changed = (self.bench.vectors(self.bench.under(causes)) for causes in ((), (cause,)))
        return float(apart(plain, changed).max()) > _DONE

    def _best_late(self, early: tuple[Cause, ...]) -> Match:
        """The best pooling and output variants on top of one forward pass, each kept for the ranking."""
        pooled = self.bench.pooled(self.bench.under(early))
        lates = [late for late in self.late if compatible((*early, *late))]
        matches = self._matches(pooled, early, lates)
        best = min(matches, key=lambda match: match.score)
        for match, late in zip(matches, lates, strict=True):
            if len(late) < 2:
                self._remember(match)
        if self._solving:
            best = self._solved(pooled, early, best)
        self._remember(best)
        return best

    def _matches(
        self, pooled: dict[str, Embeddings], early: tuple[Cause, ...], lates: Sequence[tuple[Cause, ...]]
    ) -> list[Match]:
        sets = [(*early, *late) for late in lates]
        recipes = [self.bench.under(causes) for causes in sets]
        made = [self.bench.finish(pooled, recipe) for recipe in recipes]
        return [*map(Match, sets, recipes, apart_each(self.candidate, made), made)]

    def _solved(self, pooled: dict[str, Embeddings], early: tuple[Cause, ...], best: Match) -> Match:
        """Scale, shuffle, permutation and rotation on top of each late variant that has the candidate's width."""
        lates = [late for late in self.late if len(late) <= 2 and compatible((*early, *late))]
        for plain in self._matches(pooled, early, lates):
            for solution in solve(self.candidate.astype(np.float64), plain.vectors.astype(np.float64)):
                if solution.cause.words in self._without:
                    continue
                vectors = solution.vectors.astype(np.float32)
                match = Match((*plain.causes, solution.cause), plain.recipe, apart(self.candidate, vectors), vectors)
                if match.score < best.score:
                    best = match
        return best

    def _remember(self, match: Match) -> None:
        self.tried[match.names] = match

    def _extend(self, best: Sequence[Match]) -> Iterator[tuple[Cause, ...]]:
        """The best few sets, each with one more early cause, where a quick look finds it worth a whole pass."""
        looked_at: set[frozenset[Cause]] = set()
        # Where only an even rest is left it can be a matter of precision, and of nothing else.
        more = [cause for cause in self.early if cause.precision] if _finished(best[0]) else self.early
        for match in best[: 1 if _finished(best[0]) else _BEAM]:
            if len(match.early) >= _DEEPEST:
                continue
            for cause in more:
                larger = (*match.early, cause)
                if frozenset(larger) not in looked_at and compatible(larger) and self._promising(match, cause):
                    yield larger
                looked_at.add(frozenset(larger))

    def _promising(self, match: Match, cause: Cause) -> bool:
        """Whether the cause brings any text it changes nearer; asked of short texts when it changes long ones too."""
        recipe = self.bench.under((*match.causes, cause))
        now, then = self.bench.rows(match.recipe), self.bench.rows(recipe)
        changed = [i for i in range(len(now)) if now[i] != then[i] or recipe.weights != match.recipe.weights]
        if not changed:
            return False
        short = sorted(changed, key=lambda index: len(then[index].ids))[: max(_QUICK, len(changed) // 2)]
        if match.solved:
            return True  # a few of the texts tell nothing of it
        late = tuple(one for one in match.causes if not one.forward)
        pooled, before = self.bench.pooled(recipe, short), match.errors[short]
        projections = self.bench.reference.projections
        made = (combine(recipe, extra) for extra in self._others(late))
        errors = apart_each(self.candidate[short], [finished(pooled[one.pooling], one, projections) for one in made])
        return any(bool((after < _NEARER * before).any()) for after in errors)

    def _others(self, late: tuple[Cause, ...]) -> list[tuple[Cause, ...]]:
        """The late sets that differ from one in no more than one cause."""
        return [one for one in self.late if len(set(one) ^ set(late)) <= 2]


def _finished(match: Match) -> bool:
    """Whether what is left is rounding: nothing, or evenly little on every text after a cause was found."""
    if float(match.errors.max()) < _DONE:
        return True
    return bool(match.causes) and even(match.errors) and float(match.errors.mean()) < _HALF_PRECISION


def _possible(cause: Cause, candidate: Embeddings) -> bool:
    """Whether a candidate's numbers can have come of a cause: single bits are all of one size."""
    sizes = np.abs(candidate)
    return cause.changes.get("rounding") != "binary" or float(sizes.std()) < 1e-3 * float(sizes.mean())


def _distinct(bench: Bench, sets: Iterable[tuple[Cause, ...]]) -> list[tuple[Cause, ...]]:
    """One set of each that make the same recipe, the smallest; single ones stay, for the ranking."""
    first: dict[Recipe, tuple[Cause, ...]] = {}
    return [one for one in sets if first.setdefault(bench.under(one), one) == one or len(one) == 1]


def _late_sets(causes: Sequence[Cause]) -> Iterator[tuple[Cause, ...]]:
    """Every set of up to three pooling and output causes that can act together, the empty one first."""
    for size in range(min(_LATE_AT_ONCE, len(causes)) + 1):
        yield from (chosen for chosen in combinations(causes, size) if compatible(chosen))
