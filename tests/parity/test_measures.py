from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group, spearmanr

from data.rules.vectors.arrays import directions, nearest_texts, sampled, spearman
from data.rules.vectors.clouds import Clouds, neighbours_kept, permutation
from data.rules.vectors.per_text import per_text
from evaluators.parity.multi import maxsim, per_multi
from evaluators.parity.sparse import per_sparse

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 24)).astype(np.float32)
Y = (X + 0.3 * rng.normal(size=X.shape)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 7, 60, 1000])
def test_per_text_is_the_textbook_whatever_the_block(block: int) -> None:
    found = per_text(X, [Y, X], block)[0]
    left, right = X.astype(np.float64), Y.astype(np.float64)
    norms = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    np.testing.assert_allclose(found.cosine_distance, 1 - (left * right).sum(1) / norms[0] / norms[1], atol=1e-12)
    np.testing.assert_allclose(found.l2, np.linalg.norm(right - left, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.norm_ratio, norms[1] / norms[0], rtol=1e-12)
    np.testing.assert_allclose(found.norm, norms[1], rtol=1e-12)
    units = left / norms[0][:, None] - right / norms[1][:, None]
    np.testing.assert_allclose(found.l2_normalised, np.linalg.norm(units, axis=1), rtol=1e-9)
    where = np.abs(right - left).argmax(1)
    np.testing.assert_array_equal(found.max_dimension, where)
    np.testing.assert_allclose(found.max_difference, (right - left)[np.arange(60), where])


def test_a_tiny_drift_is_not_lost_in_rounding() -> None:
    ours = np.zeros((1, 3), np.float32) + np.array([[1, 0, 0]], np.float32)
    theirs = np.array([[1, 1e-6, 0]], np.float32)
    assert per_text(ours, [theirs])[0].cosine_distance[0] == pytest.approx(5e-13, rel=1e-4)


def test_nan_and_zero_vectors_stay_in_their_row() -> None:
    ours, theirs = X[:4].copy(), X[:4].copy()
    theirs[1, 3] = np.nan
    theirs[2] = 0
    ours[3] = theirs[3] = 0
    found = per_text(ours, [theirs])[0]
    np.testing.assert_array_equal(np.isnan(found.cosine_distance), [False, True, True, False])
    assert found.cosine_distance[3] == 0
    assert found.max_dimension[1] == -1
    assert found.norm[2] == 0


def test_a_rotation_leaves_the_relation_alone() -> None:
    turned = (X @ ortho_group.rvs(24, random_state=1)).astype(np.float32) * 3
    found = Clouds(X, turned)
    assert (found.neighbours_kept().mean(), found.cka()) == pytest.approx((1, 1))
    assert found.rank_correlation() == pytest.approx(1)
    assert found.rotation_residual() == pytest.approx(0, abs=1e-7)
    assert permutation(X, turned, 1e-5) is None


@pytest.mark.parametrize("count", [10, 60])
def test_the_residual_is_what_the_best_rotation_leaves(count: int) -> None:
    left, right = (rows[:count].astype(np.float64) for rows in (X, Y))
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    u, _, v = np.linalg.svd(left.T @ right)
    rest = ((left @ (u @ v) - right) ** 2).sum(1).mean() / 2
    assert Clouds(X[:count], Y[:count]).rotation_residual() == pytest.approx(rest, rel=1e-6)


def test_a_permutation_with_signs_is_found() -> None:
    order = rng.permutation(24)
    shuffled = X[:, order] * np.where(rng.random(24) < 0.5, -1, 1).astype(np.float32)
    np.testing.assert_array_equal(permutation(X, shuffled, 1e-6), order)


def test_relations_are_the_textbooks() -> None:
    found = Clouds(X, Y)
    cosines = [rows @ rows.T for rows in (_unit(X), _unit(Y))]
    upper = np.triu_indices(60, 1)
    assert found.rank_correlation() == pytest.approx(spearmanr(cosines[0][upper], cosines[1][upper]).statistic)
    left, right = (_unit(rows) - _unit(rows).mean(0) for rows in (X, Y))
    cka = np.linalg.norm(right.T @ left) ** 2 / np.linalg.norm(left.T @ left) / np.linalg.norm(right.T @ right)
    assert found.cka() == pytest.approx(cka)
    assert Clouds(X[:10], Y[:10]).cka() is not None
    values = np.linalg.eigvalsh(np.cov(_unit(Y).T))
    assert found.effective_dimension() == pytest.approx(values.sum() ** 2 / (values**2).sum())
    assert found.anisotropy() == pytest.approx(cosines[1][upper].mean())


def test_neighbours_by_hand() -> None:
    line = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.5], [0.1, 0.5, 1.0]])
    other = np.array([[1.0, 0.1, 0.9], [0.1, 1.0, 0.5], [0.9, 0.5, 1.0]])
    np.testing.assert_array_equal(neighbours_kept(line, line, 1), [1, 1, 1])
    np.testing.assert_array_equal(neighbours_kept(line, other, 1), [0, 0, 0])
    np.testing.assert_array_equal(neighbours_kept(line, other, 10), [1, 1, 1])


def test_fewer_than_three_texts_say_nothing() -> None:
    found = Clouds(X[:2], Y[:2])
    figures = (found.rank_correlation, found.cka, found.rotation_residual, found.effective_dimension, found.anisotropy)
    assert [figure() for figure in figures] == [None] * 5
    assert np.isnan(found.neighbours_kept()).all()


def test_of_texts_equally_near_the_first_are_nearest() -> None:
    alike = np.ones((5, 5))
    assert [np.flatnonzero(row).tolist() for row in nearest_texts(alike, 2)] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]
    alike[2] = alike[:, 2] = np.nan
    found = nearest_texts(alike, 2)
    assert [np.flatnonzero(row).tolist() for row in found] == [[1, 3], [0, 3], [], [0, 1], [0, 1]]
    many = np.random.default_rng(4).normal(size=(40, 40))
    for row, chosen in enumerate(nearest_texts(many)):
        others = np.delete(np.arange(40), row)
        assert set(np.flatnonzero(chosen)) == set(others[np.argsort(-many[row, others], kind="stable")[:10]])


def test_ranks_that_tie_share_their_mean() -> None:
    left, right = np.round(rng.normal(size=(2, 300)), 1)
    assert spearman(left, right) == pytest.approx(spearmanr(left, right).statistic, abs=1e-12)
    assert spearman(np.ones(5), np.arange(5.0)) is None


def test_the_sample_is_the_same_texts_in_any_order() -> None:
    hashes = [f"{value:064x}" for value in rng.permutation(50)]
    assert [hashes[i] for i in sampled(hashes)] == sorted(hashes)
    assert [hashes[i] for i in sampled(hashes, 7)] == sorted(hashes)[:7]
    assert sampled(sorted(hashes), 7).tolist() == list(range(7))


def test_zeros_have_no_direction() -> None:
    np.testing.assert_array_equal(directions(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [0.6, 0.8]])


def test_sparse_weights() -> None:
    found = per_sparse(
        [{"a": 3.0, "b": 4.0}, {"a": 1.0}, {}, {"a": 1.0}, None], [{"a": 3.0, "c": 4.0}, {"a": 2.0}, {}, {}, {"a": 1.0}]
    )
    np.testing.assert_allclose(found.cosine_distance, [1 - 9 / 25, 0, 0, 1, np.nan], atol=1e-12)
    np.testing.assert_allclose(found.token_overlap, [1 / 3, 1, 1, 0, np.nan])
    np.testing.assert_allclose(found.norm_ratio, [1, 2, 1, 0, np.nan])
    assert found.max_token[0] in ("b", "c")


def test_multi_vectors_by_maxsim() -> None:
    matrix = rng.normal(size=(5, 8)).astype(np.float32)
    shuffled = matrix[::-1] * 2
    found = per_multi([matrix, matrix, None], [shuffled, matrix[:4], matrix])
    np.testing.assert_allclose(found.distance[0], 0, atol=1e-12)
    assert found.distance[1] > 0.01
    assert found.token_ratio[1] == 0.8
    assert np.isnan(found.distance[2])
    assert maxsim(matrix, matrix) == pytest.approx(1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
