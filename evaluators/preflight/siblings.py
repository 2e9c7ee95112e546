"""A tensor against its like in other layers, which do the same work: training leaves them of one kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from evaluators.preflight.finding import Finding
from evaluators.preflight.tensor_summary import TensorSummary
from evaluators.preflight.tensor_values import is_norm, is_table, reported

__all__ = ["exchanged_norms", "unlike_siblings"]

# How far apart neighbours may lie, as a factor. In brackets what all-MiniLM-L6-v2, all-mpnet-base-v2 and
# multilingual-e5-small reach: layers change smoothly, the first and the last most.
_SCALE = {"matrix": 4.0, "norm": 6.0, "bias": 25.0}  # root mean square (1.7, 2.6, 5.8)
# The first and the last layer may be unlike all others: of multilingual-e5-small's last the feed-forward matrix has a
# seventh of the scale, and its largest value eleven times the strength against the rest.
_AT_AN_END = 3.0
_HUGE = 8.0, 50.0  # largest value: against the siblings' largest (2), and against the typical row (337)
_LONELY = 0.5  # share of its row's strength: a whole row that is strong is another fault
_LOUD = 6.0, 8.0  # strongest row or column: against the siblings' strongest (3.7), and the typical one (37)
_FAINT = 8.0, 0.05  # faintest row: against the siblings' faintest (2), and the typical one (.17)
_ZEROS = 1e-3  # share of exact zeros (0)
_CLIPPED = 0.1  # share of the rows that hold the largest value (.01)
_NEIGHBOURS = 2

Rule = Callable[[TensorSummary, Sequence[TensorSummary], float], bool]


def unlike_siblings(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """Tensors with holes, outliers, another scale or another sign than their like in other layers."""
    groups: dict[tuple[str, tuple[int, ...]], list[TensorSummary]] = defaultdict(list)
    for summary in summaries:
        if summary.finite and not summary.one_value and summary.rms > 0:
            groups[summary.pattern, summary.shape].append(summary)
    faulty: dict[str, list[TensorSummary]] = defaultdict(list)
    for group in groups.values():
        group.sort(key=lambda summary: summary.place)
        for at, summary in enumerate(group):
            others = group[:at] + group[at + 1 :]
            room = _AT_AN_END if at in (0, len(group) - 1) and len(group) > 2 else 1.0
            code = next((code for code, (rule, _) in _RULES.items() if others and rule(summary, others, room)), None)
            if code is None and _off_scale(group, at):
                code = "weights-scale"
            if code:
                faulty[code].append(summary)
    for code, (_, words) in _RULES.items():
        yield from reported(code, words, faulty[code])
    yield from reported("weights-scale", "are far larger or smaller than their like", faulty["weights-scale"])


def _holed(summary: TensorSummary, others: Sequence[TensorSummary], _: float) -> bool:
    if not summary.matrix or is_table(summary):
        return False
    most = max(other.zeros for other in others)
    rows, columns = _dead(summary)
    return summary.zeros > max(_ZEROS, 10 * most) or (rows + columns > 0 and not any(map(any, map(_dead, others))))


def _dead(summary: TensorSummary) -> tuple[int, int]:
    """How many rows and columns are zero throughout."""
    return int((summary.rows == 0).sum()), int((summary.columns == 0).sum())


def _huge(summary: TensorSummary, others: Sequence[TensorSummary], room: float) -> bool:
    factor, floor = _HUGE
    most = max(other.peak / other.typical for other in others)
    own = summary.peak / summary.typical
    if summary.matrix:
        strongest = int(summary.peaks.argmax())
        lonely = summary.peak > _LONELY * np.sqrt(summary.rows[strongest] * len(summary.columns))
        return lonely and own > max(floor, room * factor * most)
    return own > max(floor, 4 * room * factor * most) and summary.peak > 4 * factor * max(
        other.peak for other in others
    )


def _uneven(summary: TensorSummary, others: Sequence[TensorSummary], room: float) -> bool:
    """Whether some rows or columns are far stronger or fainter than the rest, and no sibling's are."""
    if not summary.matrix or is_table(summary) or len(summary.rows) < 16:
        return False
    for side in ("rows", "columns"):
        own, like = _range(getattr(summary, side)), [_range(getattr(other, side)) for other in others]
        factor, floor = _LOUD
        if own[1] > max(floor, room * factor * max(top for _, top in like)):
            return True
        factor, floor = _FAINT
        if own[0] < min(floor, min(low for low, _ in like) / factor / room):
            return True
    return False


def _range(squares: np.ndarray) -> tuple[float, float]:
    """The faintest and the strongest row against the typical one."""
    typical = float(np.sqrt(np.median(squares))) or 1.0
    return float(np.sqrt(squares.min())) / typical, float(np.sqrt(squares.max())) / typical


def _clipped(summary: TensorSummary, others: Sequence[TensorSummary], _: float) -> bool:
    def share(held: TensorSummary) -> float:
        return float(np.mean(held.peaks == held.peak))

    return (
        summary.matrix
        and len(summary.rows) >= 64
        and not is_table(summary)
        and share(summary) > _CLIPPED
        and max(map(share, others)) < _CLIPPED / 2
    )


def _negated(summary: TensorSummary, others: Sequence[TensorSummary], _: float) -> bool:
    def leaning(held: TensorSummary) -> float:
        return held.mean / held.rms

    lean = leaning(summary)
    return is_norm(summary) and abs(lean) > 0.5 and all(leaning(other) * lean < -0.25 for other in others)


def exchanged_norms(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """Normalisations whose scale is like all the others' biases, and whose bias like all the others' scales."""
    held = {summary.name: summary for summary in summaries if summary.finite}
    pairs = [
        (summary, bias)
        for name, summary in held.items()
        if is_norm(summary) and (bias := held.get(name.removesuffix("weight") + "bias"))
    ]
    wrong = [scale for scale, bias in pairs if _around_one(bias) and not _around_one(scale)]
    if len(wrong) < len(pairs) / 2:
        yield from reported("norms-exchanged", "have the values of their biases, which have theirs", wrong)


def _around_one(summary: TensorSummary) -> bool:
    """Whether its values lie on one side of zero, nearly all, as those of a scale do and those of a bias do not."""
    return abs(summary.mean) > 0.3 and abs(summary.mean) > 0.8 * summary.rms


_RULES: dict[str, tuple[Rule, str]] = {
    "weights-zero-block": (_holed, "have rows, columns or blocks of zeros, which their like in other layers have not"),
    "weights-huge": (_huge, "hold far larger numbers than their like in other layers"),
    "weights-uneven": (_uneven, "have rows or columns of another scale than the rest of them"),
    "weights-clipped": (_clipped, "are cut off at one value, which their like in other layers are not"),
    "weights-negated": (_negated, "have the opposite sign of their like in other layers"),
}


def _off_scale(group: Sequence[TensorSummary], at: int) -> bool:
    """Whether it is far larger, or far smaller, than each of its neighbours."""
    own = group[at]
    if is_table(own) or len(group) < 3:
        return False
    near = [*group[max(0, at - _NEIGHBOURS) : at], *group[at + 1 : at + 1 + _NEIGHBOURS]]
    limit = _SCALE["matrix" if own.matrix else "norm" if is_norm(own) else "bias"]
    if at in (0, len(group) - 1):
        limit *= _AT_AN_END
    ratios = [own.rms / other.rms for other in near]
    return min(ratios) > limit or max(ratios) < 1 / limit
