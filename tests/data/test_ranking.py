"""Borda in numpy against the rule written out by hand, and against the store's SQL on the whole record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.rules.ranking import borda, borda_points, ranks

NAN = np.nan


def by_hand(scores: np.ndarray) -> list[float]:
    """mteb's rule with pandas' own ranks: get_borda_rank of mteb/benchmarks/_create_table.py in two lines."""
    frame = pd.DataFrame(scores).dropna(how="all")
    points = (len(frame) - frame.rank(ascending=False, method="average")).fillna(0).sum(axis=1)
    return points.rank(ascending=False, method="min").reindex(range(len(scores))).tolist()


def test_ties_share_the_average_and_missing_earns_nothing() -> None:
    scores = np.array([[0.9, 0.5], [0.9, NAN], [0.1, 0.7]])
    assert borda_points(scores).tolist() == [[1.5, 1.0], [1.5, 0.0], [0.0, 2.0]]
    assert borda(scores).tolist() == [1, 3, 2]


def test_a_model_without_scores_is_not_ranked_and_does_not_count() -> None:
    scores = np.array([[0.9, 0.5], [NAN, NAN], [0.1, 0.7]])
    assert borda_points(scores).tolist() == [[1, 0], [0, 0], [0, 1]]
    assert np.array_equal(borda(scores), [1, NAN, 1], equal_nan=True)


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_rule_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, size=(30, 12)) / 8  # few values: many ties
    scores[rng.random(scores.shape) < 0.3] = NAN
    scores[3] = NAN
    assert np.array_equal(borda(scores), by_hand(scores), equal_nan=True)


def test_ranks_work_row_by_row_and_share_the_best() -> None:
    totals = np.array([[3.0, 3.0, 1.0], [1.0, 2.0, 3.0]])
    assert ranks(totals).tolist() == [[1, 1, 3], [3, 2, 1]]
    assert np.array_equal(ranks(totals, present=np.array([True, False, True]))[0], [1, NAN, 2], equal_nan=True)
