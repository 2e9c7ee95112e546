"""Find the causes that bring the reference onto the candidate: every late variant of each pass, then greedily on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from data.rules.causes import Cause
from evaluators.diagnose.causes.space import solve
from evaluators.diagnose.forward import Bench
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
_MOST_LOOKS = 8
_NEARER = 0.8
_COARSER, _LEAST = 2.0, 0.25  # times what is open of the quarter of the texts that is moved least
_ROOM = 4.0  # how much further a cause may move a text together with others than alone: a broken model rounds thrice
_RIGHT = 10 * _DONE  # of one text, where a set that explains all is found already


@dataclass(frozen=True)
class Match:
    """A set of causes, and how far from the candidate it leaves each text."""

    causes: tuple[Cause, ...]
    recipe: Recipe
    errors: Errors
    vectors: Embeddings
    grain: Errors | float = ROUNDING  # of each text's distance, by what the candidate's numbers were rounded to

    @cached_property
    def score(self) -> float:
        """Closeness with a price on every cause; the lowest is the best explanation."""
        return closeness(self.errors, self.grain) + EACH * len(self.causes)

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


@dataclass(frozen=True)
class Step:
    """A set of causes with one more in the early slots.

    Attributes:
        changed: the texts it changes, the shortest first.
        least: a score that the larger set cannot come below.
    """

    match: Match
    cause: Cause
    changed: tuple[int, ...] = ()
    least: float = 0.0

    @property
    def early(self) -> tuple[Cause, ...]:
        """The causes in the early slots, the new one among them."""
        return (*self.match.early, self.cause)


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
        read_off = [] if bench.lattice is None else bench.lattice.causes
        late = [cause for cause in causes if not cause.forward and _possible(cause, candidate, read_off=bool(read_off))]
        late += [cause for cause in read_off if cause.words not in without]
        self.late = _distinct(bench, _late_sets(late))
        self._progress = progress or (lambda done, total: None)
        self.tried: dict[tuple[str, ...], Match] = {}
        self._errors: dict[tuple[tuple[Cause, ...], tuple[Cause, ...]], Errors] = {}
        self._solving, self._without = False, without

    def run(self) -> list[Match]:
        """Matches tried, best first; the first names the explanation."""
        apiece = [cause for cause in self.early if not self.bench.is_dear((cause,))]
        best = self._try([(), *((cause,) for cause in apiece)])
        if float(best[0].errors.max()) >= _DONE:
            # What acts on whole batches or takes a model of its own is looked at on the shortest texts first.
            worth = self._of_dear(best, [cause for cause in self.early if cause not in apiece])
            best = sorted([*best, *self._try([(cause,) for cause in worth])], key=lambda match: match.score)
            apiece += worth
        if not _finished(best[0]):
            # Scale, shuffle, permutation and rotation are looked for where no setting alone explains the drift.
            self._solving = True
            best = self._try([(), *((cause,) for cause in apiece)])
            self._solving = best[0].solved
        self.early = [cause for cause in self.early if cause not in apiece or self._acts(cause)]
        while float(best[0].errors.max()) >= _DONE and self._brings_nearer(best):
            larger = sorted(self._larger(best), key=lambda match: match.score)
            if not larger or larger[0].score >= best[0].score:
                break
            best = sorted([*larger, *best], key=lambda match: match.score)
        return sorted(self.tried.values(), key=lambda match: match.score)

    def with_early(self, sets: Iterable[tuple[Cause, ...]], *, solving: bool) -> list[Match]:
        """All matches tried, with those of the late causes on top of each of these sets of early ones; best first."""
        self._solving = solving
        for early in sets:
            self._best_late(early)
        return sorted(self.tried.values(), key=lambda match: match.score)

    def _of_dear(self, best: Sequence[Match], causes: Sequence[Cause]) -> list[Cause]:
        """Those of the dear causes that are worth a whole pass; of a kind, the coarser come after the finer."""
        worth: list[Cause] = []
        beyond: set[str] = set()
        for cause in causes:
            if cause.code in beyond:
                continue
            if self._worth(best, cause):
                worth.append(cause)
            elif self._too_coarse(best[0], cause):
                beyond.add(cause.code)
        return worth

    def _too_coarse(self, match: Match, cause: Cause) -> bool:
        """Whether an arithmetic moves every text further than an explanation without it leaves open."""
        if not cause.precision:
            return False
        order = sorted(range(len(match.errors)), key=lambda place: len(self.bench.texts.texts[place]))
        far = self._moved(cause, (), order[:_MOST_LOOKS])
        return float(np.quantile(far, _LEAST)) > _COARSER * float(np.quantile(match.errors, _LEAST))

    def _worth(self, best: Sequence[Match], cause: Cause) -> bool:
        """Whether a cause by itself brings any of the shortest texts nearer."""
        plain = min((match for match in best if not match.early), key=lambda match: match.score)
        return any(self._promising(step) for step in self._measured(Step(plain, cause), np.inf))

    def _brings_nearer(self, best: Sequence[Match]) -> bool:
        """Whether any cause tried brings any text nearer; where none does, no two of them are looked for."""
        plain = min((match for match in best if not match.early), key=lambda match: match.score)
        return any(bool((match.errors < _NEARER * plain.errors).any()) for match in best if match.early)

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
        return [*map(Match, sets, recipes, apart_each(self.candidate, made), made, map(self.bench.grain, recipes))]

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

    def _larger(self, best: Sequence[Match]) -> list[Match]:
        """The best few sets, each with one more early cause, where a quick look finds it worth a whole pass.

        The likeliest first. Once one is proven, the others are only looked at for being the same.
        """
        steps = sorted(self._steps(best), key=lambda step: step.least)
        matches: list[Match] = []
        for done, step in enumerate(steps):
            proven = any(float(match.errors.max()) < _DONE for match in matches)
            if self._alike(step) if proven else self._promising(step):
                matches.append(self._best_late(step.early))
            self._progress(done + 1, len(steps))
        return matches

    def _steps(self, best: Sequence[Match]) -> Iterator[Step]:
        looked_at: set[frozenset[Cause]] = set()
        # Where only an even rest is left it can be a matter of precision, and of nothing else.
        more = [cause for cause in self.early if cause.precision] if _finished(best[0]) else self.early
        for match in best[: 1 if _finished(best[0]) else _BEAM]:
            if len(match.early) >= _DEEPEST:
                continue
            for cause in more:
                step = Step(match, cause)
                if frozenset(step.early) in looked_at or not compatible(step.early):
                    continue
                looked_at.add(frozenset(step.early))
                yield from self._measured(step, best[0].score)

    def _measured(self, step: Step, beaten: float) -> Iterator[Step]:
        """The step with the texts it changes and the least score it can have; nothing where it can come to nothing."""
        recipe = self.bench.under((*step.match.causes, step.cause))
        now, then = self.bench.rows(step.match.recipe), self.bench.rows(recipe)
        changed = [i for i in range(len(now)) if now[i] != then[i] or recipe.weights != step.match.recipe.weights]
        if not changed:
            return
        changed.sort(key=lambda index: len(then[index].ids))
        least = -np.inf if step.match.solved or beaten == np.inf else self._least(step, changed)
        if least < beaten:
            yield Step(step.match, step.cause, tuple(changed), least)

    def _least(self, step: Step, changed: Sequence[int]) -> float:
        """A score that the step cannot come below: how far the cause alone moves a text bounds how near it brings it.

        Of a text that it changes for the first time together with the others nothing is known, and the best assumed.
        """
        places = list(changed)
        alone = [self.bench.rows(self.bench.under(early)) for early in ((), (step.cause,))]
        known = np.array([bool(step.cause.weights) or alone[0][place] != alone[1][place] for place in places])
        late = tuple(one for one in step.match.causes if not one.forward)
        lates = [one for one in self._others(late) if compatible((*step.early, *one))]
        if not lates:
            return np.inf
        errors = np.stack([self._left(step.match.early, one) for one in lates])
        before, far = errors[:, places], np.stack([self._moved(step.cause, one, places) for one in lates])
        after = np.where(before < _DONE, far / _ROOM, before - _ROOM * far)
        errors[:, places] = np.where(known, after, 0.0)
        price = np.array([EACH * (len(step.early) + len(one)) for one in lates])
        return float((np.log(np.maximum(errors, ROUNDING)).mean(1) + price).min())

    def _left(self, early: tuple[Cause, ...], late: tuple[Cause, ...]) -> Errors:
        if (early, late) not in self._errors:
            made = self.bench.vectors(self.bench.under((*early, *late)))
            self._errors[early, late] = apart(self.candidate, made)
        return self._errors[early, late]

    def _moved(self, cause: Cause, late: tuple[Cause, ...], places: Sequence[int]) -> Errors:
        """How far a cause alone moves texts, under late causes; of what acts on batches the shortest texts tell."""
        plain, moved = (self.bench.under((*early, *late)) for early in ((), (cause,)))
        if not self.bench.is_dear((cause,)):
            if (cause, late) not in self.bench.moved:
                self.bench.moved[cause, late] = apart(self.bench.vectors(moved), self.bench.vectors(plain))
            return self.bench.moved[cause, late][places]
        few = places[:_MOST_LOOKS]
        pooled = self.bench.pooled(moved, few)
        own = self.bench.vectors(plain)[few]
        far = apart(self.bench.finish_some(pooled, moved, few), own)
        return np.append(far, np.full(len(places) - len(few), far.max(initial=0.0)))

    def _promising(self, step: Step) -> bool:
        """Whether the cause brings any text it changes nearer; asked of short texts when it changes long ones too."""
        if step.match.solved:
            return True  # a few of the texts tell nothing of it
        # Beside a coarse arithmetic it must do so without that as well, which costs no pass through another model.
        if (light := self._without_dear(step)) is not None and not self._promising(light):
            return False
        looks = max(_QUICK, min(len(step.changed) // 2, _MOST_LOOKS))
        return self._look(step, step.changed[:looks], lambda after, before: after < _NEARER * before)

    def _without_dear(self, step: Step) -> Step | None:
        """The step without the dear causes of its match; None where there are none, or it is one more."""
        dear = [cause for cause in step.match.early if self.bench.is_dear((cause,))]
        if not dear or self.bench.is_dear((step.cause,)):
            return None
        causes = tuple(cause for cause in step.match.causes if cause not in dear)
        early, late = (tuple(one for one in causes if one.forward is forward) for forward in (True, False))
        recipe = self.bench.under(causes)
        match = Match(causes, recipe, self._left(early, late), self.bench.vectors(recipe))
        return Step(match, step.cause, step.changed)

    def _alike(self, step: Step) -> bool:
        """Whether the cause makes the shortest text it changes right: so does whatever gives the same vectors."""
        if self.bench.by_batch(step.early):
            return False  # another arithmetic gives nothing to the last digit
        return step.match.solved or self._look(step, step.changed[:1], lambda after, before: after < _RIGHT)

    def _look(self, step: Step, texts: Sequence[int], well: Callable[[Errors, Errors], NDArray[np.bool_]]) -> bool:
        recipe, chosen = self.bench.under((*step.match.causes, step.cause)), list(texts)
        late = tuple(one for one in step.match.causes if not one.forward)
        pooled, before = self.bench.pooled(recipe, chosen), step.match.errors[chosen]
        made = (combine(recipe, extra) for extra in self._others(late))
        errors = apart_each(self.candidate[chosen], [self.bench.finish_some(pooled, one, chosen) for one in made])
        return any(bool(well(after, before).any()) for after in errors)

    def _others(self, late: tuple[Cause, ...]) -> list[tuple[Cause, ...]]:
        """The late sets that differ from one in no more than one cause."""
        return [one for one in self.late if len(set(one) ^ set(late)) <= 2]


def _finished(match: Match) -> bool:
    """Whether what is left is rounding: nothing, or evenly little on every text after a cause was found."""
    if float(match.errors.max()) < _DONE:
        return True
    return bool(match.causes) and even(match.errors) and float(match.errors.mean()) < _HALF_PRECISION


def _possible(cause: Cause, candidate: Embeddings, *, read_off: bool) -> bool:
    """Whether a candidate's numbers can have come of a cause: single bits are all of one size.

    Where it was read off the numbers what they were rounded to, they were rounded to nothing else.
    """
    rounding, sizes = cause.changes.get("rounding"), np.abs(candidate)
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
