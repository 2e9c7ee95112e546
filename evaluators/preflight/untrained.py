"""Weights as they are before training: independent draws of one distribution, which training never leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evaluators.preflight.finding import Finding
from evaluators.preflight.tensor_summary import TensorSummary
from evaluators.preflight.tensor_values import is_table, reported

__all__ = ["never_trained"]

_LARGE = 1 << 14  # values: less tells too little
# A normal distribution has 3, a uniform one 1.8; trained matrices that look drawn by their rows have outliers.
_NO_OUTLIERS = 3.3
# Standard errors by which the rows' strengths may vary more than those of independent draws do. Of the trained matrices
# of all-MiniLM-L6-v2, all-mpnet-base-v2 and multilingual-e5-small without outliers none is below 20.
_ERRORS = 6.0
# Below this a model is one that somebody made to try something, and random on purpose.
_REAL_MODEL = 5_000_000


def never_trained(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """Matrices drawn at random beside trained ones, or in all of a model of a real one's size."""
    matrices = [s for s in summaries if s.matrix and s.size >= _LARGE and s.finite and not s.one_value]
    drawn = [summary for summary in matrices if _is_drawn(summary)]
    if len(drawn) == len(matrices) and sum(summary.size for summary in matrices) < _REAL_MODEL:
        return
    yield from reported("weights-untrained", "look as before training, drawn at random", drawn)


def _is_drawn(summary: TensorSummary) -> bool:
    """Whether rows and columns differ in strength no more than those of independent draws."""
    if summary.kurtosis > _NO_OUTLIERS or (is_table(summary) and not summary.rows.all()):
        return False
    one = summary.rms**4 * (summary.kurtosis - 1)
    return all(
        abs(np.var(strengths) * length / one - 1) < _ERRORS * np.sqrt(2 / (len(strengths) - 1))
        for strengths, length in ((summary.rows, len(summary.columns)), (summary.columns, len(summary.rows)))
    )
