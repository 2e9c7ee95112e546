"""A look before a cause is tried: does it bring any text that it changes nearer, and leave alone what is right?

Most of what may be done to a text touches few texts, and what touches a text that is right already is not what
happened. What is left is looked at on the shortest texts it changes, all causes in one pass, by direction alone and
under every pooling, so that what was done to finished vectors does not hide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.rules.causes import Cause
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import ROUNDING, Errors, unit_rows
from evaluators.diagnose.outputs import POOLINGS, SELDOM, finished
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Row, Texts, pieces
from evaluators.preflight.configuration import is_causal

__all__ = ["Left", "Nearer", "every_way", "left", "of_rows", "off_by_rows", "possible", "rows_alike", "worth_trying"]

_RIGHT = 2e-4  # of a direction, relative: a text that is right
_EXACT = 1e-4  # of a direction: less than any change of weights or arithmetic leaves
_BLANK = 2  # characters of a text that tells nothing
_SURE = 2  # texts
_NEARER = 0.8
_LOOKS = 3
_NEARER_POOLED, _SOME = 0.95, 0.25  # of the distance under the own pooling; of the texts
_RIGHT_ONES, _WRONG_ONES = 16, 40  # texts read under each cause


class Left(NamedTuple):
    """How far directions are off, float [ways, texts], one way for each pooling with and without Dense modules.

    Attributes:
        grain: distance of each text under which nothing is told, by what the candidate's numbers were rounded to.
    """

    ways: Errors
    grain: Errors

    @property
    def best(self) -> Errors:
        """The errors under the way that brings most texts near."""
        return np.asarray(self.ways[self.way])

    @property
    def tolerance(self) -> Errors:
        """Distance of each text up to which it is right, float [texts]."""
        return np.maximum(_RIGHT, self.grain)

    @property
    def way(self) -> int:
        """Which that is."""
        return int(np.log(np.maximum(self.ways, ROUNDING)).mean(1).argmin())


def left(bench: Bench, candidate: Embeddings, recipe: Recipe, only: Sequence[int] | None = None) -> Left:
    """What a recipe leaves of the texts, or of some of them.

    Args:
        bench: the reference and the texts.
        candidate: float [n, d], of all texts of the bench.
        recipe: how the reference is encoded; how its vectors are pooled and finished does not count.
        only: places of texts.
    """
    own = candidate if only is None else candidate[list(only)]
    wanted = unit_rows(np.asarray(own, dtype=np.float32))
    ways = _ways(bench, bench.pooled(recipe, only))
    errors = np.stack([_apart(wanted, made) for made in ways])
    lattice = bench.lattice
    if lattice is None:
        return Left(errors, np.zeros(len(own)))
    rows = slice(None) if only is None else list(only)
    near = lattice.near[rows]
    for made, off in zip(ways, errors, strict=True):
        # Numbers over ranges of their own have another direction than what they were made of.
        if lattice.ranges is not None or bool((off < near).any()):
            for snapped in lattice.directed(made, only):
                np.minimum(off, _apart(wanted, snapped), out=off)
    return Left(errors, lattice.right[rows])


def of_rows(bench: Bench, recipe: Recipe, rows: Sequence[Row], way: int) -> Embeddings:
    """Vectors of rows that are no whole text's, in one of the ways of :class:`Left`, float32 [rows, d]."""
    return _ways(bench, bench.of_rows(recipe, rows))[way]


def rows_alike(bench: Bench, texts: Sequence[str], role: str | None, recipe: Recipe) -> tuple[Bench, list[Row]]:
    """A bench of other texts, all of one role and in one batch, and the first row of each."""
    others = bench.of_texts(Texts(tuple(texts), (role,) * len(texts), (tuple(range(len(texts))),)))
    return others, [pieces(row)[0] for row in others.rows(recipe)]


def off_by_rows(bench: Bench, recipe: Recipe, rows: Sequence[Row], way: int, wanted: Embeddings) -> Errors:
    """How far the direction of one text's vector, float [1, d], is from those of rows in one of the ways, [rows]."""
    made = of_rows(bench, recipe, rows, way)[:, : wanted.shape[1]]
    return np.asarray(np.linalg.norm(unit_rows(made) - unit_rows(wanted[:, : made.shape[1]]), axis=1))


def every_way(bench: Bench, recipe: Recipe) -> tuple[list[Embeddings], list[Embeddings]]:
    """The vectors of all texts, pooled in every way, with and without Dense modules; of length one, and not."""
    ways = _ways(bench, bench.pooled(recipe))
    return [unit_rows(way) for way in ways], ways


def _ways(bench: Bench, pooled: dict[str, Embeddings]) -> list[Embeddings]:
    projections = bench.reference.projections
    plain = Recipe(normalise="no", dense=False)
    both = (plain, Recipe(normalise="no")) if projections else (plain,)
    return [finished(one, how, projections) for one in pooled.values() for how in both]


def _seeing(bench: Bench) -> list[int]:
    """The ways that see a whole text: the first token of a causal model sees nothing but itself."""
    each = 2 if bench.reference.projections else 1
    blind = {"cls"} if is_causal(bench.reference.target.config) else set()
    return [place for place in range(each * len(POOLINGS)) if POOLINGS[place // each] not in blind]


def _apart(wanted: Embeddings, made: Embeddings) -> Errors:
    """Distances of unit vectors, of the dimensions that both have; 2 where one of them is nothing."""
    shared = min(wanted.shape[1], made.shape[1])
    one, other = unit_rows(wanted[:, :shared]), unit_rows(made[:, :shared])
    distance = np.linalg.norm(one.astype(np.float64) - other, axis=1)
    return np.where(np.isfinite(distance) & (np.abs(other).max(1) > 0), distance, 2.0)


class Nearer(NamedTuple):
    """What a look at a cause showed.

    Attributes:
        places: of the texts looked at that it brings nearer.
        right: whether it makes every text looked at right.
    """

    places: list[int]
    right: bool


def worth_trying(
    bench: Bench, candidate: Embeddings, causes: Sequence[Cause], early: tuple[Cause, ...]
) -> dict[Cause, Nearer]:
    """The causes that on top of others bring a text nearer.

    Args:
        bench: the reference and the texts.
        candidate: float [n, d].
        causes: those in question.
        early: those taken for granted, of the slots before pooling.
    """
    every = left(bench, candidate, bench.under(early))
    # A blank text has the vector of its special tokens alone, whatever is done to places beside them.
    right = (every.ways[_seeing(bench)].min(0) < every.tolerance) & (np.asarray(bench.characters) > _BLANK)
    base = bench.under(early)
    places = _telling(bench.characters, np.asarray(right))
    part, own, before, right = bench.among(places), candidate[places], every.ways[:, places], right[places]
    rows, families = part.rows(base), {cause.family for cause in early}
    looks: list[tuple[Cause, Recipe, list[int]]] = []
    for cause in causes:
        if cause.family in families:
            continue
        recipe = bench.under((*early, cause))
        now = part.rows(recipe)
        changed = [place for place, row in enumerate(now) if row != rows[place]]
        if changed and not right[changed].any():
            short = sorted((len(now[place].ids) + now[place].pads, place) for place in changed)[:_LOOKS]
            looks.append((cause, recipe, [place for _, place in short]))
    part.ahead((recipe, chosen) for _, recipe, chosen in looks)
    worth = {}
    for cause, recipe, chosen in looks:
        after = left(part, own, recipe, chosen)
        nearer = [bool(one) for one in np.atleast_1d((after.ways < _NEARER * before[:, chosen]).any(axis=0))]
        if any(nearer):
            exact = bool((after.ways < after.tolerance).all(axis=1).any())
            shown = [places[place] for place, better in zip(chosen, nearer, strict=True) if better]
            worth[cause] = Nearer(shown, exact)
    return worth


def possible(bench: Bench, candidate: Embeddings, causes: Sequence[Cause]) -> list[Cause]:
    """The causes that can have had part in it: none that moves texts which are right as they are.

    Where two texts have the direction that the reference gives them under some pooling, to the last digits, its
    weights and its arithmetic are the candidate's: those move every text.
    """
    off = left(bench, candidate, bench.reference.recipe)
    causes = [cause for cause in causes if _may_pool(cause, off, bench)]
    exact = off.ways[_seeing(bench)].min(0) < np.maximum(_EXACT, off.grain)
    right = [place for place in np.flatnonzero(exact) if bench.characters[place] > _BLANK]
    if len(right) < _SURE:
        return causes
    rows, bits = bench.rows(bench.reference.recipe), bench.lattice is not None and not bench.lattice.codes

    def spares(cause: Cause) -> bool:
        if not cause.forward:
            return True
        if cause.weights:
            return bits and cause.precision  # single bits are the same under many an arithmetic
        now = bench.rows(bench.under((cause,)))
        return all(now[place] == rows[place] for place in right)

    return [cause for cause in causes if spares(cause)]


def _may_pool(cause: Cause, off: Left, bench: Bench) -> bool:
    """Whether a cause is no pooling that is seldom met, or one that brings texts nearer than the reference's own."""
    pooling = cause.changes.get("pooling")
    if pooling not in SELDOM:
        return True
    each = 2 if bench.reference.projections else 1

    def under(name: str) -> Errors:
        first = each * POOLINGS.index(name)
        return np.asarray(off.ways[first : first + each].min(0))

    nearer = under(str(pooling)) < _NEARER_POOLED * under(bench.reference.recipe.pooling)
    return bool(nearer.mean() >= _SOME)


def _telling(lengths: Sequence[int], right: NDArray[np.bool_]) -> list[int]:
    """The shorter ones of the texts that are right, and of those that are not: what a look needs."""
    order = sorted(range(len(lengths)), key=lambda place: (lengths[place], place))
    return sorted(
        [place for place in order if right[place]][:_RIGHT_ONES]
        + [place for place in order if not right[place]][:_WRONG_ONES]
    )
