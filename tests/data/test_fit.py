"""Weights, robustness and index sizes against arithmetic done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.weighting import (
    PRESETS,
    entry_weights,
    factors,
    index_bytes,
    monthly_cost,
    ordinal,
    pareto,
    ratio_in_words,
    robustness,
    weighted_scores,
)
from data.store.errors import InputError

NAN = np.nan
TYPES = ["Retrieval", "Retrieval", "STS"]
SCORES = np.array([[0.5, 0.7, 0.9], [0.9, 0.7, 0.2], [0.5, NAN, 0.9]])


def test_types_alike_is_the_mean_of_type_means() -> None:
    weights = entry_weights(TYPES, {}, np.ones(3))
    assert weights.tolist() == [0.25, 0.25, 0.5]
    assert weighted_scores(SCORES, weights)[:2].tolist() == pytest.approx([(0.6 + 0.9) / 2, (0.8 + 0.2) / 2])


def test_shares_are_of_types_and_own_weights_divide_them() -> None:
    weights = entry_weights(TYPES, {"Retrieval": 80, "STS": 20}, np.array([3.0, 1.0, 5.0]))
    assert weights.tolist() == pytest.approx([0.6, 0.2, 0.2])


def test_a_type_not_named_and_a_task_at_zero_count_nothing() -> None:
    weights = entry_weights(TYPES, {"Retrieval": 1}, np.array([1.0, 0.0, 1.0]))
    assert weights.tolist() == [1, 0, 0]
    assert weighted_scores(SCORES, weights).tolist() == [0.5, 0.9, 0.5]


def test_a_missing_score_that_counts_gives_no_score() -> None:
    assert np.isnan(weighted_scores(SCORES, entry_weights(TYPES, {}, np.ones(3)))[2])


@pytest.mark.parametrize(
    ("shares", "own"),
    [({"Retrieval": -1}, np.ones(3)), ({"Other": 1}, np.ones(3)), ({}, np.zeros(3)), ({}, -np.ones(3))],
)
def test_weights_that_weigh_nothing_are_refused(shares: dict[str, float], own: np.ndarray) -> None:
    with pytest.raises(InputError):
        entry_weights(TYPES, shares, own)


def test_factors_take_the_largest_weight_named() -> None:
    assert factors([["Legal", "Web"], ["Web"], []], {"Legal": 3, "Web": 0}).tolist() == [3, 0, 1]


def test_a_model_ahead_everywhere_is_always_first() -> None:
    scores = np.array([[0.9, 0.9, 0.9], [0.5, 0.6, 0.7], [NAN, 0.9, 0.9]])
    found = robustness(scores, entry_weights(TYPES, {}, np.ones(3)), TYPES, top=1)
    assert found.first.tolist()[:2] == [1, 0] and np.isnan(found.first[2])


def test_a_close_call_is_about_even_and_a_one_type_use_moves_its_tasks() -> None:
    scores = np.array([[0.9, 0.5, 0.5], [0.5, 0.5, 0.9]])
    even = robustness(scores, entry_weights(TYPES, {"Retrieval": 2, "STS": 1}, np.ones(3)), TYPES, top=1)
    assert 0.4 < even.first[0] < 0.6 and even.first.sum() == 1
    tasks = robustness(np.array([[0.6, 0.5], [0.5, 0.6]]), np.array([0.5, 0.5]), ["Retrieval", "Retrieval"], top=2)
    assert 0.4 < tasks.first[0] < 0.6 and tasks.among_top.tolist() == [1, 1]


def test_weights_move_as_far_as_documented() -> None:
    # two models that split on the one share: the first leads while the share stays above .45
    scores = np.array([[1.0, 0.0], [0.45, 0.45]])
    found = robustness(scores, np.array([0.5, 0.5]), ["A", "B"], top=1, draws=20_000)
    assert found.first[0] == pytest.approx(0.76, abs=0.02)  # Phi(.05 / .07)


def test_index_size() -> None:
    assert index_bytes(1e6, 768.0, "float32") == 3.072e9
    assert index_bytes(1e6, 768.0, "binary") == 96e6
    assert index_bytes(10, np.array([100.0, NAN]), "int8")[0] == 1000
    assert np.isnan(index_bytes(10, np.array([100.0, NAN]), "int8")[1])
    assert index_bytes(1, 9.0, "binary") == 2
    assert monthly_cost(np.array([3.072e9]), 0.25).tolist() == [0.768]
    with pytest.raises(InputError):
        index_bytes(1, 1.0, "float8")


def test_words() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 21, 102, 113)] == [
        "first", "second", "third", "4th", "11th", "21st", "102nd", "113th",
    ]  # fmt: skip
    assert ratio_in_words(384, 768) == "half"
    assert ratio_in_words(768, 768) == "the same"
    assert ratio_in_words(4096, 1024) == "4 times"
    assert ratio_in_words(NAN, 2) == ""


def test_presets_name_weights_above_zero() -> None:
    assert len({p.name for p in PRESETS}) == len(PRESETS)
    assert all(share > 0 for p in PRESETS for share in [*p.types.values(), *p.domains.values()])


def test_the_pareto_front_has_nobody_beaten_by_a_smaller_one() -> None:
    quality = np.array([0.9, 0.8, 0.8, 0.7, NAN, 0.95])
    size = np.array([10.0, 5.0, 6.0, 5.0, 1.0, NAN])
    assert pareto(quality, size).tolist() == [True, True, False, False, False, False]


def test_models_with_the_same_scores_share_their_places() -> None:
    scores = np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]])
    found = robustness(scores, np.array([0.1, 0.9]), ["A", "B"], top=1)
    assert found.first[1] == found.first[2] == 1
