"""Measures over every pair of encoders and every block of dimensions, against pictures that are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from data.rules.vectors.matrices import clustered, differences_by_block, distances_between, nearest_to, pairwise_cosines
from tests.make_parity import synthetic, unit


@pytest.fixture(scope="module")
def base():
    return synthetic(60)


def rotation(width: int):
    return np.linalg.qr(np.random.default_rng(3).normal(size=(width, width)))[0]


def test_the_same_vectors_are_nowhere_apart(base):
    for measure in ("cosine_distance", "neighbours_lost", "similarities"):
        assert_allclose(distances_between([base, base * 3], measure), 0, atol=1e-12)


def test_a_rotation_moves_every_vector_and_no_neighbour(base):
    turned = unit(base @ rotation(base.shape[1]))
    assert distances_between([base, turned], "cosine_distance")[0, 1] > 0.5
    assert_allclose(distances_between([base, turned], "neighbours_lost"), 0, atol=1e-12)
    assert distances_between([base, turned], "similarities")[0, 1] < 1e-6


def test_distance_between_is_the_mean_of_the_texts(base):
    other = unit(base + np.random.default_rng(1).normal(scale=0.1, size=base.shape))
    ours, theirs = base.astype(float), other.astype(float)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    found = distances_between([base, other], "cosine_distance")
    assert_allclose(found[0, 1], (1 - cosines).mean(), rtol=1e-5)
    assert found[0, 1] == found[1, 0] and found[0, 0] == 0


def test_tiny_distances_keep_their_digits(base):
    nudged = base.astype(np.float64) + 1e-6 * np.roll(np.eye(1, base.shape[1]), 5)
    found = distances_between([base, nudged], "cosine_distance")[0, 1]
    assert 1e-14 < found < 1e-11


def test_other_widths_have_neighbours_but_no_distance(base):
    cut = base[:, :16]
    assert np.isnan(distances_between([base, cut], "cosine_distance")[0, 1])
    assert 0 < distances_between([base, cut], "neighbours_lost")[0, 1] < 1


def test_a_failed_text_counts_nowhere(base):
    failed = base.copy()
    failed[7] = np.nan
    assert_allclose(distances_between([base, failed], "cosine_distance"), 0, atol=1e-12)
    assert distances_between([base, failed], "neighbours_lost")[0, 1] < 0.05
    assert_allclose(distances_between([base, failed], "similarities"), 0, atol=1e-12)


def test_blocks_show_the_largest_difference_with_its_sign():
    ours = np.zeros((2, 64), dtype=np.float32)
    theirs = ours.copy()
    theirs[0, 3], theirs[0, 2], theirs[1, 63] = -0.5, 0.25, 0.125
    values, edges = differences_by_block(ours, theirs, most=32)
    assert values.shape == (2, 32) and edges[0] == (0, 1) and edges[-1] == (62, 63)
    assert values[0, 1] == -0.5 and values[1, 31] == 0.125
    assert np.count_nonzero(values) == 2


def test_blocks_of_a_shorter_vector_end_where_it_ends():
    values, edges = differences_by_block(np.ones((1, 40), dtype=np.float32), np.ones((1, 10), dtype=np.float32), most=4)
    assert edges == [(0, 2), (3, 5), (6, 8), (9, 9)] and not values.any()


def test_blocks_of_a_failed_text_are_blank():
    failed = np.full((1, 8), np.nan, dtype=np.float32)
    assert np.isnan(differences_by_block(np.ones((1, 8), dtype=np.float32), failed)[0]).all()


def test_nearest_leaves_out_itself_and_what_failed():
    rows = unit(np.array([[1, 0], [0.9, 0.1], [0, 1], [0.8, 0.3]]))
    rows[2] = np.nan
    order, cosines = nearest_to(rows, 0, k=10)
    assert order.tolist() == [1, 3]
    assert_allclose(cosines[0], 1) and np.isnan(cosines[2])


def test_pairwise_cosines_are_one_each_pair():
    found = pairwise_cosines(unit(np.array([[1.0, 0], [0, 1], [1, 1], [np.nan, 1]])))
    assert_allclose(sorted(found), [0, 0.5**0.5, 0.5**0.5], atol=1e-7)


def test_clustering_puts_alike_rows_side_by_side():
    low, high = [0.0, 0.1, 0.0], [9.0, 9.1, 8.9]
    rows, columns = clustered(np.array([low, high, low, high, [0.1, np.nan, 0.1]]))
    assert {frozenset(rows[:2]), frozenset(rows[-2:])} & {frozenset({1, 3})}
    assert sorted(rows) == [0, 1, 2, 3, 4] and sorted(columns) == [0, 1, 2]


def test_clustering_of_almost_nothing():
    assert clustered(np.empty((0, 0))) == ([], [])
    assert clustered(np.full((4, 2), np.nan))[1] == [0, 1]
