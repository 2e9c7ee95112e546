"""Whole numbers: whoever made them, the reference's vectors become the same ones to the last number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evaluators.diagnose.directions import left, possible
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.lattice import Lattice, lattice_of
from evaluators.diagnose.numbers import as_numbers, cuts_off, ranges_of
from evaluators.diagnose.reference import Embeddings


def _unit(count: int = 64, width: int = 384, seed: int = 7) -> Embeddings:
    rows = np.random.default_rng(seed).normal(0.003, 1, (count, width))
    rows[:, 3] *= 6  # as in real models one dimension is far larger than the others
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _peaks(rows: Embeddings, axis: int | None) -> Embeddings:
    return np.asarray(np.abs(rows).max(axis=axis, keepdims=True))


MADE: dict[str, tuple[Callable[[Embeddings], Embeddings], int | None]] = {
    "rounded, a scale a vector": (lambda rows: np.round(rows * 127 / _peaks(rows, 1)), 1),
    "cut off, a scale a vector": (lambda rows: np.trunc(rows * 127 / _peaks(rows, 1)), 1),
    "rounded, from 0 to 255": (lambda rows: np.round(rows * 127 / _peaks(rows, 1)) + 128, 1),
    "rounded down": (lambda rows: np.floor(rows * 127 / _peaks(rows, 1)), 1),
    "rounded, one scale": (lambda rows: np.round(rows * 400), None),
    "rounded, one scale, cut at the ends": (lambda rows: np.clip(np.round(rows * 900), -127, 127), None),
    "cut off, one scale": (lambda rows: np.trunc(rows * 400), None),
}


@pytest.mark.parametrize("case", MADE)
def test_the_scale_is_the_one_that_all_numbers_agree_on(case: str) -> None:
    make, axis = MADE[case]
    rows = _unit()
    given = np.asarray(make(rows), dtype=np.float32)
    lattice = lattice_of(given)
    assert lattice is not None
    lattice = lattice.fitted_to([np.roll(rows, 1, axis=1), rows])
    assert lattice.cut == ("cut off" in case)
    same = as_numbers(given, rows, axis, cut=lattice.cut) == given
    assert float(same.mean()) > 0.995  # of some vectors the peak alone tells the last digit of the scale
    other = as_numbers(given, _unit(seed=8), axis, cut=lattice.cut) == given
    assert float(other.mean()) < 0.1


@pytest.mark.parametrize("cut", [True, False])
def test_numbers_say_by_themselves_that_they_were_cut_off(cut: bool) -> None:
    given = (np.trunc if cut else np.round)(_unit() * 400)
    assert cuts_off(given, [_unit(seed=9)]) == cut


@pytest.mark.parametrize("cut", [True, False])
def test_ranges_are_those_of_the_texts_that_agree(cut: bool) -> None:
    """A third of the texts have other vectors: the ranges do not follow them."""
    rows = _unit()
    low, high = rows.min(0), rows.max(0)
    theirs = rows.copy()
    theirs[::3] = _unit(seed=10)[::3]
    numbers = (theirs - low) / (high - low) * 255 - 128
    given = np.clip((np.trunc if cut else np.round)(numbers), -128, 127).astype(np.float32)
    ways = [_unit(seed=11), rows]
    ranges = ranges_of(given, ways, cut=cut)
    assert ranges is not None
    assert cuts_off(given, ways) == cut
    lattice = Lattice(("numbers-whole", "numbers-by-vector", "numbers-by-dimension"), given, cut=cut, ranges=ranges)
    some = [place for place in range(len(rows)) if place % 3][:4]
    assert float((lattice.snapped(rows[some], "numbers-dimension", some) != given[some]).mean()) < 0.07
    assert float((lattice.snapped(rows[:1], "numbers-dimension", [0]) != given[:1]).mean()) > 0.9
    assert ranges_of(given, [_unit(seed=11)], cut=cut) is None


def test_without_ranges_few_texts_are_given_none() -> None:
    """Two numbers of each dimension are free: three texts could be given any vectors."""
    given = np.round(_unit(3) * 400)
    lattice = lattice_of(given)
    assert lattice is not None
    other = _unit(3, seed=12)
    assert (lattice.snapped(other, "numbers-dimension") == other).all()


@pytest.mark.parametrize(
    "store",
    [lambda rows: np.round(rows * 127 / _peaks(rows, 1)), np.sign, lambda rows: np.round(rows * 300) / 300],
    ids=["whole numbers", "bits", "steps"],
)
def test_directions_are_right_on_what_they_were_rounded_to(
    minilm: Bench, store: Callable[[Embeddings], Embeddings]
) -> None:
    """Texts that are right but for the rounding are known to be, and rule out what would move them."""
    base = minilm.vectors(minilm.reference.recipe)
    given = np.asarray(store(base), dtype=np.float32)
    given[0] = store(base[1:2])[0]  # another text's vector
    bench = minilm.beside(lattice_of(given))
    off = left(bench, given, minilm.reference.recipe)
    assert (off.best <= np.maximum(2e-4, off.grain))[1:].all()
    assert off.best[0] > 0.1
    from evaluators.diagnose.causes import catalogue

    causes = catalogue(minilm.reference, 384, 384)
    spared = possible(bench, given, causes)
    # Single bits are the same under many an arithmetic, and under no other weights.
    bits = bool((np.abs(given) == 1).all())
    assert not any(cause.weights and not (bits and cause.precision) for cause in spared)
    assert len(spared) < len(causes) / 2
