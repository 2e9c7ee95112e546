"""Find the causes that bring the reference onto the candidate: every late variant of each pass, then greedily on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.causes.places import SINGLE
from evaluators.diagnose.causes.space import solve
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.looks import NEARER, Glance, Looks
from evaluators.diagnose.match import Larger, Match, compatible
from evaluators.diagnose.measure import apart, apart_each
from evaluators.diagnose.outputs import normalised_as
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Sent

__all__ = ["Search"]

_BEAM = 3  # the true cause is among the best three singles in 99% of pairs
_DEEPEST = 4  # causes in the text, tokens and model slots at once
_LATE_AT_ONCE = 3  # causes in the pooling and output slots at once
_WHOLE = 8  # causes more that get a whole pass at a time, the likeliest; three of them are gone on with
_WORSE = 0.4  # than the best set so far, of what is promised by a look at what is dear: it gets no whole pass


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
        self.early = [cause for cause in causes if cause.forward]
        read_off = [] if bench.lattice is None else bench.lattice.causes
        late = [cause for cause in causes if not cause.forward and _possible(cause, candidate, read_off=bool(read_off))]
        late += [cause for cause in read_off if cause.words not in without]
        self.late = _distinct(bench, _late_sets(late))
        self._progress = progress or (lambda done, total: None)
        self.tried: dict[tuple[str, ...], Match] = {}
        self._looks = Looks(bench, self.candidate, self.late)
        self._looked_at: set[frozenset[Cause]] = set()
        self._solving, self._without = False, without

    def run(self, likely: Iterable[tuple[Cause, ...]] = ()) -> list[Match]:
        """Matches tried, best first; the first names the explanation.

        Args:
            likely: sets of early causes that are tried before all others; nothing else is where one is exact.
        """
        best = _sorted([self._best_late(early) for early in ((), *filter(compatible, likely))])
        if not best[0].exact:
            best = _sorted([*best, *self._larger(best, self.early)])
        if not best[0].finished:
            # Scale, shuffle, permutation and rotation are looked for where no setting alone explains the drift.
            best = _sorted([*best, *self._with_solved([(), *(match.early for match in best if match.early)])])
        while not best[0].exact and self._brings_nearer(best):
            # Where only an even rest is left it can be a matter of precision, and of nothing else.
            done = best[0].finished
            more = [cause for cause in self.early if cause.precision or not done]
            larger = _sorted(self._larger(best[: 1 if done else _BEAM], more))
            if not larger or larger[0].score >= best[0].score:
                break
            best = _sorted([*larger, *best])
        return _sorted(self.tried.values())

    def with_early(self, sets: Iterable[tuple[Cause, ...]], *, solving: bool) -> list[Match]:
        """All matches tried, with those of the late causes on top of each of these sets of early ones; best first."""
        self._solving = solving
        for early in sets:
            self._best_late(early)
        return _sorted(self.tried.values())

    def _with_solved(self, sets: Sequence[tuple[Cause, ...]]) -> list[Match]:
        """The sets again with what is solved on top of them, and every cause on top of which a few texts allow that."""
        self._solving = True
        matches = [self._best_late(early) for early in sets]
        if not min(matches, key=_score).finished:
            single = [(cause,) for cause in self.early if (cause,) not in sets and self._looks.solvable(cause)]
            matches += [self._best_late(early) for early in single]
        self._solving = min(matches, key=_score).solved
        if self._solving:
            self._looked_at.clear()
        return matches

    def _brings_nearer(self, best: Sequence[Match]) -> bool:
        """Whether any cause tried brings any text nearer; where none does, no two of them are looked for."""
        plain = min((match for match in best if not match.early), key=_score)
        return any(bool((match.errors < NEARER * plain.errors).any()) for match in best if match.early)

    def _best_late(self, early: tuple[Cause, ...]) -> Match:
        """The best pooling and output variants on top of one forward pass, each kept for the ranking."""
        pooled = self.bench.pooled(self.bench.under(early))
        lates = [late for late in self.late if compatible((*early, *late))]
        matches = self._matches(pooled, early, lates)
        best = min(matches, key=_score)
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
        return [*map(Match, sets, recipes, apart_each(self.candidate, made), made, map(self.bench.grain, recipes))]

    def _solved(self, pooled: dict[str, Embeddings], early: tuple[Cause, ...], best: Match) -> Match:
        """Scale, shuffle, permutation and rotation on top of each late variant that has the candidate's width."""
        lates = [late for late in self.late if len(late) <= 2 and compatible((*early, *late))]
        for plain in self._matches(pooled, early, lates):
            for solution in solve(self.candidate.astype(np.float64), plain.vectors.astype(np.float64), self._sent):
                if solution.cause.words in self._without:
                    continue
                vectors = solution.vectors.astype(np.float32)
                causes, errors = (*plain.causes, solution.cause), apart(self.candidate, vectors)
                match = Match(causes, plain.recipe, errors, vectors, plain.grain)
                if match.score < best.score:
                    best = match
        return best

    @cached_property
    def _sent(self) -> Sent:
        """How the texts that are looked at went to the candidate."""
        return self.bench.sent()

    def _remember(self, match: Match) -> None:
        self.tried[match.names] = match

    def _larger(self, best: Sequence[Match], causes: Sequence[Cause]) -> list[Match]:
        """Each of the sets with one more early cause, where a look finds it worth a whole pass; the likeliest first.

        What acts on whole batches, or takes a model of its own, costs as much as ten others: it is looked at where none
        of those explains all, and not as the third beside what was solved, where no look tells.
        """
        steps = list(self._steps(best, causes))
        apiece = [step for step in steps if not self.bench.is_dear((step.cause,))]
        matches = self._whole(self._looked(apiece))
        if not any(match.exact for match in matches):
            by_look = [step for step in steps if not (step.match.solved and step.match.early)]
            dear = self._looked([step for step in by_look if step not in apiece])
            matches += self._whole(dear, min(map(_score, [*best, *matches])))
        return matches

    def _steps(self, best: Sequence[Match], causes: Sequence[Cause]) -> Iterator[Larger]:
        for match in map(self._own_rows, best):
            if len(match.early) >= _DEEPEST:
                continue
            for cause in causes:
                step = Larger(match, cause)
                if frozenset(step.early) not in self._looked_at and compatible(step.early):
                    self._looked_at.add(frozenset(step.early))
                    yield step

    def _own_rows(self, match: Match) -> Match:
        """A match without the rows of other texts: the others tell what else was done to them."""
        return self.tried.get(tuple(cause.words for cause in match.causes if cause.code not in SINGLE), match)

    def _looked(self, steps: Sequence[Larger]) -> list[Glance]:
        """Looks that promise more, the likeliest first; of a solved match a few of the texts tell nothing."""
        looks = []
        beyond: set[tuple[tuple[Cause, ...], str]] = set()
        for done, step in enumerate(steps):
            kind = step.match.causes, step.cause.code.partition("-weights")[0]
            if kind in beyond:
                continue
            look = Glance(step, -np.inf, True) if step.match.solved else self._looks.looked(step)
            looks += [look] if look else []
            # Of a kind of arithmetic the coarser come after the finer, and no two of one kind are the same.
            if look is None and self._looks.too_coarse(step) or look is not None and look.right and _single(step.cause):
                beyond.add(kind)
            self._progress(done + 1, len(steps))
        return sorted(looks, key=lambda look: look.score)

    def _whole(self, looks: Sequence[Glance], reached: float | None = None) -> list[Match]:
        """A whole pass for the likeliest. Once one is proven, the others are only held to be the same or not.

        Args:
            looks: the likeliest first.
            reached: of what is dear, the best score so far: what promises much less gets no pass.
        """
        matches: list[Match] = []
        for place, look in enumerate(looks):
            proven = any(match.exact for match in matches)
            if reached is not None and look.score > min([reached, *map(_score, matches)]) + _WORSE:
                continue
            if look.right if proven else place < _WHOLE or look.step.match.solved:
                matches.append(self._best_late(look.step.early))
        return matches


def _single(cause: Cause) -> bool:
    """Whether no other arithmetic of its kind gives the same vectors: formats of weights alone, at so many bits."""
    return cause.precision and "-weights" in cause.code


def _score(match: Match) -> float:
    return match.score


def _sorted(matches: Iterable[Match]) -> list[Match]:
    return sorted(matches, key=_score)


def _possible(cause: Cause, candidate: Embeddings, *, read_off: bool) -> bool:
    """Whether a candidate's numbers can have come of a cause: single bits are all of one size, sums or ranges are one.

    Where it was read off the numbers what they were rounded to, they were rounded to nothing else.
    """
    rounding, sizes = cause.changes.get("rounding"), np.abs(candidate)
    if cause.family == "normalisation" and cause.changes["normalise"] not in ("yes", "no"):
        return bool(normalised_as(candidate) == cause.changes["normalise"])
    if rounding == "binary":
        return float(sizes.std()) < 1e-3 * float(sizes.mean())
    return not (rounding == "int8" and read_off)


def _distinct(bench: Bench, sets: Iterable[tuple[Cause, ...]]) -> list[tuple[Cause, ...]]:
    """One set of each that make the same recipe, the smallest; single ones stay, for the ranking."""
    first: dict[Recipe, tuple[Cause, ...]] = {}
    return [one for one in sets if first.setdefault(bench.under(one), one) == one or len(one) == 1]


def _late_sets(causes: Sequence[Cause]) -> Iterator[tuple[Cause, ...]]:
    """Every set of up to three pooling and output causes that can act together, the empty one first."""
    for size in range(min(_LATE_AT_ONCE, len(causes)) + 1):
        yield from (chosen for chosen in combinations(causes, size) if compatible(chosen))
