"""Matrices out of place: transposed, or exchanged between layers, seen by the company their rows and columns keep.

Training ties matrices of a layer together: what a query's row gains in strength its key's row does, a value's row and
the output's column, and columns that read one stream of states are strong at the same dimensions. Which of a model's
matrices are so tied is learnt from the model itself, by correlating the strengths of rows and columns over its layers;
a matrix that breaks ties which hold in the other layers, and would keep them if it were turned or moved, is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.tensor_names import SHOWN
from evaluators.preflight.tensor_summary import TensorSummary
from evaluators.preflight.tensor_values import is_table

__all__ = ["out_of_place"]

_LAYERS, _WIDE = 3, 128  # fewer layers or narrower matrices tell chance from a tie too badly
_TIED = 0.5  # correlation in the middle layer from which two sides count as tied
# By how much the ties have to be better with the matrix turned, or moved. In brackets the most that any sound matrix of
# all-MiniLM-L6-v2, all-mpnet-base-v2 and multilingual-e5-small comes to.
_TURNED = 0.4  # (.07)
_MOVED = 0.3  # (.14)

Layers = dict[tuple[int, ...], TensorSummary]


class _Tie(NamedTuple):
    """Two sides of two kinds of matrices whose strengths go together in the model's layers."""

    one: str
    side: str
    other: str
    other_side: str


def out_of_place(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """Square matrices that were transposed, and matrices of two layers that were exchanged."""
    kinds = _kinds(summaries)
    ties = _ties(kinds)
    turned = [kinds[kind][layer].name for kind, layer in _turned(kinds, ties)]
    if turned:
        # Of two that are tied to one another alone, either may be the one.
        seen = f"{' or '.join(turned[:3])} looks transposed" + (f", of {len(turned)}" if len(turned) > 3 else "")
        yield finding("weights-transposed", seen, {"tensors": turned[:SHOWN]})
    moved = [(kinds[kind][one].name, kinds[kind][two].name) for kind, one, two in _moved(kinds, ties)]
    if moved:
        seen = f"{' and '.join(moved[0])} look exchanged" + (f", and {len(moved) - 1} more" if len(moved) > 1 else "")
        yield finding("weights-swapped", seen, {"exchanged": [list(pair) for pair in moved[:SHOWN]]})


def _kinds(summaries: Sequence[TensorSummary]) -> dict[str, Layers]:
    """The large matrices by kind, and in each kind by layer."""
    kinds: dict[str, Layers] = defaultdict(dict)
    for summary in summaries:
        wide = summary.matrix and len(summary.shape) == 2 and min(summary.shape) >= _WIDE
        if wide and summary.finite and summary.rows.all() and summary.columns.all() and not is_table(summary):
            kinds[summary.pattern][summary.place] = summary
    return {kind: layers for kind, layers in kinds.items() if len(layers) >= _LAYERS}


def _ties(kinds: dict[str, Layers]) -> list[_Tie]:
    ties = []
    for one, other in combinations(kinds, 2):
        shared = kinds[one].keys() & kinds[other].keys()
        for side, other_side in product(("rows", "columns"), repeat=2):
            tie = _Tie(one, side, other, other_side)
            cosines = [_together(kinds[one][at], side, kinds[other][at], other_side) for at in shared]
            if len(cosines) >= _LAYERS and np.median(cosines) > _TIED:
                ties.append(tie)
    return ties


def _together(one: TensorSummary, side: str, other: TensorSummary, other_side: str) -> float:
    """Correlation of the logarithms of the two sides' strengths; 0 where they are of different lengths."""
    left, right = one.strengths(side), other.strengths(other_side)
    return float(left @ right) if len(left) == len(right) else 0.0


def _ties_of(kind: str, ties: list[_Tie]) -> list[_Tie]:
    """The ties of a kind of matrices, seen from its side."""
    own = [_Tie(kind, tie.side, tie.other, tie.other_side) for tie in ties if tie.one == kind]
    return own + [_Tie(kind, tie.other_side, tie.one, tie.side) for tie in ties if tie.other == kind]


def _turned(kinds: dict[str, Layers], ties: list[_Tie]) -> Iterator[tuple[str, tuple[int, ...]]]:
    turn = {"rows": "columns", "columns": "rows"}
    for kind, layers in kinds.items():
        for at, summary in layers.items():
            gains = [
                _together(summary, turn[tie.side], kinds[tie.other][at], tie.other_side)
                - _together(summary, tie.side, kinds[tie.other][at], tie.other_side)
                for tie in _ties_of(kind, ties)
                if at in kinds[tie.other]
            ]
            if summary.shape[0] == summary.shape[1] and gains and np.mean(gains) > _TURNED:
                yield kind, at


def _moved(kinds: dict[str, Layers], ties: list[_Tie]) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    for kind, layers in kinds.items():
        for one, two in combinations(sorted(layers), 2):
            gains = [
                (_tied(kinds, tie, one, two) + _tied(kinds, tie, two, one))
                - (_tied(kinds, tie, one, one) + _tied(kinds, tie, two, two))
                for tie in _ties_of(kind, ties)
                if {one, two} <= kinds[tie.other].keys()
            ]
            if gains and np.mean(gains) > _MOVED:
                yield kind, one, two


def _tied(kinds: dict[str, Layers], tie: _Tie, at: tuple[int, ...], other_at: tuple[int, ...]) -> float:
    return _together(kinds[tie.one][at], tie.side, kinds[tie.other][other_at], tie.other_side)
