"""A look at one more cause on the shortest texts that it changes, before any other text is encoded under it.

Most causes are ruled out by what is known already: they change no text that is still open, or they move a text that is
right. What is left is looked at on a few texts, and only what brings one of them nearer gets a whole pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.causes.space import may_solve
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.match import ALIKE, EACH, RIGHT, Larger, compatible
from evaluators.diagnose.measure import Errors, apart, apart_each, closeness, cosine
from evaluators.diagnose.reference import Embeddings

__all__ = ["NEARER", "Glance", "Looks"]

NEARER = 0.8  # of the distance before, under which a text has come nearer
_LIKELY = 0.9  # the same where what two causes do is added up
_FEWEST, _MOST = 6, 8  # texts looked at
_COMPANY = 3  # of them, where each runs with its whole batch
_ROOM = 4.0  # how much further a cause may move a text together with others than alone: a broken model rounds thrice
_ROOM_WHOLE = 1.5  # the same of an arithmetic, of a model that is whole
_POINTS = 0.1  # cosine; .02 of what has nothing to do with it
_OF_ALL = 1 / 3  # of the texts, that an arithmetic brings nearer: it moves them all
_LESS = 16.0  # how much less it may: a text cut short holds little of what an edit changes
_COARSER, _LEAST = 2.0, 0.25  # times what is open of the quarter of the texts that is moved least
_SAME = 10 * RIGHT  # of a text, under which another cause may be the same one

Late = tuple[Cause, ...]


class Glance(NamedTuple):
    """What a look showed.

    Attributes:
        step: what was looked at.
        score: that of the larger set, if all texts that it changes come as much nearer as those looked at.
        right: whether the shortest of them comes right.
    """

    step: Larger
    score: float
    right: bool


class Looks:
    """Looks at causes for one candidate.

    Args:
        bench: the reference and its texts.
        candidate: float [n, d].
        late: every set of late causes.
    """

    def __init__(self, bench: Bench, candidate: Embeddings, late: Sequence[Late]) -> None:
        self.bench, self.candidate, self.late = bench, candidate, late
        self._errors: dict[tuple[Late, Late], Errors] = {}

    def looked(self, step: Larger) -> Glance | None:
        """What a few texts say of one more cause; None where it brings none of them nearer, or breaks one."""
        settled, unsettled = self._changed(step)
        # Other weights or another arithmetic move every text: where some are right, it is not that; but for what was
        # stored so coarsely that it does not show.
        if not unsettled or (step.cause.weights and len(settled) > 1 and self.bench.lattice is None):
            return None
        if step.cause.weights:
            unsettled = self._shortest_first(unsettled)
        by_batch = self.bench.by_batch(step.early)
        asked = self.bench.sharing(unsettled, _COMPANY) if by_batch else unsettled
        few = asked[: max(_FEWEST, min(len(unsettled) // 2, _MOST))]
        lates = [one for one in self._near(step) if compatible((*step.early, *one))]
        if step.match.early:
            lates = self._possible(step, settled[:1], few, lates)
        if settled and lates:
            made = self._made(settled[:1], step.early, lates)
            right = apart_each(self.candidate[settled[:1]], made)
            lates = [late for late, errors in zip(lates, right, strict=True) if float(errors[0]) < _SAME]
        if lates and self.bench.is_dear(step.match.early) and not self.bench.is_dear((step.cause,)):
            lates = self._likely(step, few, lates)
        return self._seen(step, few, len(unsettled), lates) if lates else None

    def _shortest_first(self, places: list[int]) -> list[int]:
        """Texts in their order, those first that other candidates are looked at on: a copy of the model is dear."""
        ran = set(self.bench.shortest)
        return sorted(places, key=lambda place: place not in ran)

    def too_coarse(self, step: Larger) -> bool:
        """Whether an arithmetic alone moves every text further than what is left open without it."""
        if not (step.cause.precision and self.bench.is_dear((step.cause,))):
            return False
        errors = step.match.errors
        short = sorted(range(len(errors)), key=self.bench.characters.__getitem__)[:_MOST]
        (far,) = self._moved(step.cause, [step.match.late], short)
        # A prompt before a short text halves what an arithmetic moves it.
        coarser = _COARSER**2 if step.match.early else _COARSER
        return float(np.quantile(far, _LEAST)) > coarser * float(np.quantile(errors, _LEAST))

    @cached_property
    def solvable_plain(self) -> bool:
        """Whether the texts let it be that something is to be solved on top of nothing."""
        return any(may_solve(self.candidate, range(len(self.candidate)), self._plain(one)) for one in self._small)

    def solvable(self, cause: Cause) -> bool:
        """Whether the shortest texts let it be that something is to be solved on top of a cause."""
        if cause.precision and not self.solvable_plain:
            return False  # which moves vectors too little to hide it
        recipe = self.bench.under((cause,))
        rows = self.bench.rows(recipe)
        few = sorted(range(len(rows)), key=lambda place: (len(rows[place].ids), place))[:_MOST]
        if self.bench.by_batch((cause,)):
            few = self.bench.sharing(few, _COMPANY)
        lates = [one for one in self._small if compatible((cause, *one))]
        made = self._made(few, (cause,), lates)
        return any(
            may_solve(self.candidate, few, vectors, self._plain(one)[few])
            for vectors, one in zip(made, lates, strict=True)
        )

    @property
    def _small(self) -> list[Late]:
        return [one for one in self.late if len(one) <= 2]

    def _plain(self, late: Late) -> Embeddings:
        return self.bench.vectors(self.bench.under(late))

    def _changed(self, step: Larger) -> tuple[list[int], list[int]]:
        """The texts that a cause more changes: those that are right without it and the others, the shortest first."""
        recipe = self.bench.under((*step.match.causes, step.cause))
        now, then = self.bench.rows(step.match.recipe), self.bench.rows(recipe)
        every = recipe.weights != step.match.recipe.weights
        changed = [place for place in range(len(now)) if every or now[place] != then[place]]
        changed.sort(key=lambda place: (len(then[place].ids), place))
        right = step.match.errors < RIGHT
        return [place for place in changed if right[place]], [place for place in changed if not right[place]]

    def _near(self, step: Larger) -> list[Late]:
        """The late sets that differ from the step's own in no more than one cause; all where nothing is named yet."""
        if not step.match.early:
            return list(self.late)
        return [one for one in self.late if len(set(one) ^ set(step.match.late)) <= 2]

    def _possible(self, step: Larger, settled: Sequence[int], few: Sequence[int], lates: Sequence[Late]) -> list[Late]:
        """The late sets under which the cause may bring a text nearer and leave the settled right.

        That is bounded by how far it moves each alone. Of a text that it changes for the first time together with the
        others nothing is known, and the best assumed.
        """
        places, cause, first = [*settled, *few], step.cause, len(settled)
        alone = [self.bench.rows(self.bench.under(early)) for early in ((), (cause,))]
        known = np.array([bool(cause.weights) or alone[0][place] != alone[1][place] for place in places])
        before, possible = step.match.errors[places], []
        broken = any(one.weights for one in step.match.early)
        room = _ROOM if broken or not cause.precision else _ROOM_WHOLE
        for late, far in zip(lates, self._moved(cause, lates, places), strict=True):
            own = self._left(step.match.early, late)[places]
            least = np.where(known, np.maximum(np.maximum(own - room * far, far / _LESS - own), 0.0), 0.0)
            if _nearer(cause, least[first:], before[first:]) and bool((least[:first] < _SAME).all()):
                possible.append(late)
        # Where nothing but an even rest is left, each arithmetic is worth a model of its own.
        pointed = cause.precision and not step.match.finished
        return [late for late in possible if self._points_there(step, few, late)] if pointed else possible

    def _points_there(self, step: Larger, few: Sequence[int], late: Late) -> bool:
        """Whether what is left points where an arithmetic moves the texts by itself, however weakly.

        It moves a text that was changed otherwise much as the whole one, and to see how takes a model of its own.
        """
        places = list(few)
        (made,) = self._made(places, (step.cause,), [late])
        now = self.bench.vectors(self.bench.under((*step.match.early, *late)))[places]
        if now.shape[1] != self.candidate.shape[1]:
            return True
        return cosine(self.candidate[places] - now, made - self._plain(late)[places]) > _POINTS

    def _likely(self, step: Larger, few: Sequence[int], lates: Sequence[Late]) -> list[Late]:
        """The late sets under which the cause brings a text nearer if it adds to what is dear.

        To see what it does together with that takes a whole batch, or a pass through another model, for each cause.
        """
        places, early = list(few), step.match.early
        bare = tuple(cause for cause in early if not self.bench.is_dear((cause,)))
        moved = zip(self._made(places, (*bare, step.cause), lates), self._made(places, bare, lates), strict=True)
        before, likely = step.match.errors[places], []
        for late, (then, now) in zip(lates, moved, strict=True):
            made = self.bench.vectors(self.bench.under((*early, *late)))[places] + then - now
            if bool((apart(self.candidate[places], made) < _LIKELY * before).any()):
                likely.append(late)
        return likely

    def _seen(self, step: Larger, few: Sequence[int], unsettled: int, lates: Sequence[Late]) -> Glance | None:
        places, match = list(few), step.match
        before = match.errors[places]
        best: Glance | None = None
        made = self._made(places, step.early, lates)
        errors = apart_each(self.candidate[places], made)
        for late, after, vectors in zip(lates, errors, made, strict=True):
            if not (_nearer(step.cause, after, before) or self._like(step, places, vectors)):
                continue
            gained = closeness(before) - closeness(after)
            price = EACH * (len(step.early) + len(late))
            score = closeness(match.errors) - gained * unsettled / len(match.errors) + price
            right = bool(after[0] < _SAME) and not self.bench.by_batch(step.early)
            if best is None or (right, -score) > (best.right, -best.score):
                best = Glance(step, score, right)
        return best

    def _like(self, step: Larger, places: Sequence[int], made: Embeddings) -> bool:
        """Whether an arithmetic points where what others leave points: one of as many bits, computed otherwise."""
        if not (step.cause.precision and step.match.causes and step.match.finished):
            return False
        now = step.match.vectors[list(places)]
        same = now.shape == made.shape == self.candidate[list(places)].shape
        return same and cosine(self.candidate[list(places)] - now, made - now) > ALIKE

    def _made(self, few: Sequence[int], early: Late, lates: Sequence[Late]) -> list[Embeddings]:
        """The vectors of a few texts under early causes and each of the late sets."""
        pooled = self.bench.pooled(self.bench.under(early), few)
        return [self.bench.finish_some(pooled, self.bench.under((*early, *late)), few) for late in lates]

    def _left(self, early: Late, late: Late) -> Errors:
        if (early, late) not in self._errors:
            made = self.bench.vectors(self.bench.under((*early, *late)))
            self._errors[early, late] = apart(self.candidate, made)
        return self._errors[early, late]

    def _moved(self, cause: Cause, lates: Sequence[Late], places: Sequence[int]) -> list[Errors]:
        """How far a cause alone moves texts, under each of the sets of late causes."""
        moved = [self.bench.moved.setdefault((cause, late), np.full(len(self.candidate), np.nan)) for late in lates]
        new = [place for place in places if any(np.isnan(one[place]) for one in moved)]
        if new:
            for one, late, made in zip(moved, lates, self._made(new, (cause,), lates), strict=True):
                one[new] = apart(made, self.bench.vectors(self.bench.under(late))[new])
        return [one[list(places)] for one in moved]


def _nearer(cause: Cause, after: Errors, before: Errors) -> bool:
    """Whether a cause brings a text nearer; a share of them, where it is one that moves all."""
    nearer = after < NEARER * before
    return bool(nearer.mean() >= _OF_ALL if cause.precision else nearer.any())
