"""The bootstrap against scipy's, against simulated boards with known truth, and against the clock."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from data.rules import bootstrap, weighting
from data.rules.bootstrap import (
    AHEAD,
    BEHIND,
    FEW,
    FEWEST_TASKS,
    TIED,
    PairedDifference,
    borda_intervals,
    mean_intervals,
    paired_differences,
    resample,
)
from data.rules.ranking import borda, borda_points, ranks
from data.rules.weighting import robustness
from tests.data.pairs import paired_difference
from tests.work import calls

NAN = np.nan


def test_draws_are_seeded_and_draw_as_many_tasks_as_there_are() -> None:
    counts = resample(41, draws=100)
    assert (counts.sum(axis=1) == 41).all()
    assert np.array_equal(counts, resample(41, draws=100))
    assert not np.array_equal(counts, resample(41, draws=100, seed=1))


def test_subsets_of_one_task_are_drawn_together() -> None:
    counts = resample(5, draws=50, clusters=np.array([7, 7, 2, 2, 9]))
    assert np.array_equal(counts[:, 0], counts[:, 1])
    assert np.array_equal(counts[:, 2], counts[:, 3])
    assert (counts[:, [0, 2, 4]].sum(axis=1) == 3).all()


@pytest.mark.parametrize("n", [8, 41, 131])
def test_the_mean_difference_agrees_with_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.beta(5, 2, n), rng.beta(5, 2, n)
    # scipy takes a level where ours moves the percentiles outwards for few tasks: ask it for the same percentiles
    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    theirs = stats.bootstrap(
        (a - b,),
        np.mean,
        n_resamples=20_000,
        confidence_level=1 - 2 * tail,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    ours = paired_difference(a, b, draws=20_000)
    assert ours.mean == pytest.approx((a - b).mean(), abs=1e-15)
    # Monte Carlo error of a quantile: sqrt(q (1 - q) / draws) / density, here of a normal with this spread
    spread = theirs.standard_error
    error = np.sqrt(tail / 20_000) / stats.norm.pdf(stats.norm.ppf(tail)) * spread
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=4 * np.sqrt(2) * error)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=4 * np.sqrt(2) * error)


def simulated(n_tasks: int, rng: np.random.Generator, models: int = 8) -> np.ndarray:
    """A board of close models: skewed task difficulty, heavy-tailed interaction; true means rise by .01 a model."""
    task = rng.beta(2, 2, n_tasks) * 0.5
    interaction = rng.standard_t(5, size=(models, n_tasks)) * 0.04
    return 0.2 + 0.01 * np.arange(models)[:, None] + task + interaction


SEEDS = 10  # draws of tasks that boards take by turns: making them takes most of the time, and they are kept
BOARDS = pytest.mark.parametrize("boards", [200, pytest.param(1000, marks=pytest.mark.soak)])
TASKS = pytest.mark.parametrize("n_tasks", [12, 41, 131])


@pytest.mark.slow
@TASKS
def test_intervals_of_differences_cover_over_a_thousand_simulated_boards(n_tasks: int) -> None:
    rng = np.random.default_rng(n_tasks)
    hits = 0
    for board in range(1000):
        scores = simulated(n_tasks, rng)
        difference = paired_difference(scores[5], scores[2], draws=1000, seed=board % SEEDS)
        hits += difference.low <= 0.03 <= difference.high
    print(f"{n_tasks} tasks: differences {hits / 10:.1f} %")
    assert 930 <= hits <= 970


@pytest.mark.slow
@BOARDS
@TASKS
def test_intervals_of_means_and_ranks_cover_over_simulated_boards(n_tasks: int, boards: int) -> None:
    rng = np.random.default_rng(n_tasks)
    true_means, true_ranks = 0.2 + 0.25 + 0.01 * np.arange(8), 8 - np.arange(8)
    mean_hits, rank_hits = 0.0, 0.0
    for board in range(boards):
        scores = simulated(n_tasks, rng)
        means = mean_intervals(scores, draws=1000, seed=board % SEEDS, ranked=False)
        mean_hits += ((means.low <= true_means) & (true_means <= means.high)).mean() / boards
        found = borda_intervals(scores, draws=1000, seed=board % SEEDS)
        rank_hits += ((found.rank_low <= true_ranks) & (true_ranks <= found.rank_high)).mean() / boards
    print(f"{n_tasks} tasks: means {mean_hits:.1%}, ranks {rank_hits:.1%}")
    assert 0.93 <= mean_hits <= 0.97
    assert rank_hits >= 0.93  # ranks are whole numbers: their intervals can only err on the wide side


def test_ranks_far_apart_are_sure() -> None:
    rng = np.random.default_rng(0)
    scores = np.array([[0.80], [0.799], [0.30]]) + rng.normal(0, 0.02, size=(3, 30))
    for found in (borda_intervals(scores), mean_intervals(scores)):
        assert found.rank_low[2] == found.rank_high[2] == 3
    assert (found.low <= scores.mean(axis=1)).all() and (scores.mean(axis=1) <= found.high).all()


def test_no_mean_interval_where_a_task_is_missing_but_a_rank_interval() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.1, size=(6, 20))
    scores[2, 4] = NAN
    scores[5] = NAN
    means, found = mean_intervals(scores), borda_intervals(scores)
    assert np.isnan(means.low).tolist() == [False, False, True, False, False, True]
    assert np.isnan(found.rank_low).tolist() == [False] * 5 + [True]


def test_a_board_ranked_by_its_mean_ranks_only_complete_models() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.02, size=(4, 20)) + np.array([[0.3], [0.2], [0.1], [0.0]])
    scores[1, 0] = NAN
    found = mean_intervals(scores)
    assert found.rank_low[[0, 2, 3]].tolist() == [1, 2, 3]
    assert np.isnan(found.rank_low[1])


def test_who_is_not_in_the_pool_has_a_mean_and_no_rank() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.02, size=(3, 20)) + np.array([[0.3], [0.2], [0.1]])
    found = mean_intervals(scores, numbered=np.array([False, True, True]))
    assert np.isnan(found.rank_low[0]) and found.low[0] < scores[0].mean() < found.high[0]
    assert found.rank_low[1:].tolist() == [1, 2]


def test_weights_make_the_mean_over_types() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.1, size=(3, 20))
    weights = np.where(np.arange(20) < 15, 1 / 15, 1 / 5)
    found = mean_intervals(scores, weights=weights)
    by_type = (scores[:, :15].mean(axis=1) + scores[:, 15:].mean(axis=1)) / 2
    assert ((found.low < by_type) & (by_type < found.high)).all()
    difference = paired_difference(scores[0], scores[1], weights=weights)
    assert difference.mean == pytest.approx(by_type[0] - by_type[1], abs=1e-12)


def test_too_few_tasks_say_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(4, FEWEST_TASKS - 1))
    assert np.isnan(borda_intervals(scores).rank_low).all()
    difference = paired_difference(scores[0], scores[1])
    assert difference.tasks == FEWEST_TASKS - 1 and np.isnan(difference.low) and not np.isnan(difference.mean)
    assert difference.standing == FEW


def test_a_difference_is_signed_and_of_the_shared_tasks() -> None:
    a = np.array([0.9, 0.8, NAN, 0.7, 0.9, 0.8, 0.7, 0.95])
    b = np.array([0.5, NAN, 0.1, 0.4, 0.5, 0.5, 0.4, 0.60])
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert there.tasks == 6 and there.mean == pytest.approx(2.05 / 6)
    assert back.mean == -there.mean and there.low > 0 and there.standing == AHEAD
    assert paired_difference(a, np.full(8, NAN)).tasks == 0


def test_rank_intervals_contain_the_rank() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(50, 41)) + rng.normal(size=(50, 1))
    scores[rng.random(scores.shape) < 0.1] = NAN
    found = borda_intervals(scores)
    rank = borda(scores)
    assert ((found.rank_low <= rank) & (rank <= found.rank_high)).mean() > 0.95
    assert np.array_equal(rank, ranks(borda_points(scores).sum(axis=1)))


def test_a_whole_leaderboard_in_about_two_seconds() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(400, 131))
    scores[rng.random(scores.shape) < 0.001] = NAN  # about one model in eight incomplete
    tracemalloc.start()
    asked = calls(lambda: (borda_intervals(scores), mean_intervals(scores)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 2,271 calls and 124 MB: all models at a time, and not all resamples of all pairs at a time.
    assert asked < 10_000 and most < 250e6


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [(0.01, 0.1, AHEAD), (-0.1, -0.01, BEHIND), (-0.1, 0.1, TIED), (0.0, 0.1, TIED), (np.nan, np.nan, FEW)],
)
def test_a_difference_is_told_by_the_side_of_zero_its_interval_is_on(low: float, high: float, standing: str) -> None:
    assert PairedDifference((low + high) / 2, low, high, 20).standing == standing


def test_many_models_are_drawn_some_at_a_time_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(5).random((23, 9))
    scores[3, 2] = scores[8, 4] = NAN
    types = ["a"] * 4 + ["b"] * 5

    def answers() -> list[np.ndarray]:
        pairs = paired_differences(scores, 6, draws=300)
        robust = robustness(scores, np.full(9, 1 / 9), types, top=3, draws=300)
        means = mean_intervals(scores, ranked=False, draws=300)
        ranked = (*mean_intervals(scores, draws=300), *borda_intervals(scores, draws=300))
        return [np.array(pairs, dtype=float), np.array(robust), means.low, means.high, *ranked]

    whole = answers()
    monkeypatch.setattr(bootstrap, "_AT_A_TIME", 5)
    monkeypatch.setattr(bootstrap, "_RANKED_AT_A_TIME", 50)
    monkeypatch.setattr(weighting, "_HELD", 50)
    for some, all_of_them in zip(answers(), whole, strict=True):
        np.testing.assert_allclose(some, all_of_them, rtol=0, atol=1e-12)
