"""What a budget says, held against models whose families it never saw; and the other ways, done as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from data.rules.budget.families import dealt
from data.rules.budget.table import TaskTable, task_table
from data.store.database import StoreReader
from tests.nested import OTHERS, filled, kept_longest, parts, trials

SHARES = (0.02, 0.05, 0.2)


@pytest.fixture(scope="module")
def table(record_reader: StoreReader) -> TaskTable:
    with record_reader.own_cursor() as cursor:
        return task_table(cursor, "MTEB(fra, v1)")


@pytest.fixture(scope="module")
def frame(table: TaskTable) -> pd.DataFrame:
    return trials(table, shares=SHARES, folds=3)


def test_a_family_is_never_on_both_sides(table: TaskTable) -> None:
    seen = []
    for inside, held_out in parts(table, 3, seed=0):
        assert not set(inside.families) & set(held_out.families)
        assert not set(inside.models) & set(held_out.models)
        assert not np.isnan(held_out.scores).any()
        seen += held_out.models
    whole = ~np.isnan(table.scores).any(axis=1)
    assert sorted(seen) == sorted(table.of_models(whole).models), "every model is held out once"
    relatives = [set(inside.families) & set(held.families) for inside, held in parts(table, 3, 0, by_family=False)]
    assert all(relatives), "and else relatives would give each other away"


def test_folds_are_even_and_a_family_is_in_one() -> None:
    members = ["a"] * 6 + ["b"] * 5 + ["c"] * 4 + list("defgh")
    fold_of = dealt(members, 4, seed=1)
    assert sorted(np.bincount([fold_of[name] for name in members])) == [4, 5, 5, 6]


def test_our_choice_beats_every_other_way(frame: pd.DataFrame) -> None:
    rmse = np.sqrt(((frame.predicted - frame.true) ** 2).groupby([frame.way, frame.share]).mean()).unstack(0)
    plain = np.sqrt(((frame.plain - frame.true) ** 2).groupby([frame.way, frame.share]).mean()).unstack(0)
    for way in OTHERS:
        assert (rmse["ours"] < rmse[way]).all(), way
        assert (rmse["ours"] < plain[way]).all(), way
    assert (rmse["ours"] < plain["ours"]).all(), "what tasks say of one another is worth more than their mean"
    assert rmse.loc[0.05, "ours"] < 0.018 and rmse.loc[0.2, "ours"] < 0.009


def test_intervals_hold_the_mean_and_the_rank(frame: pd.DataFrame) -> None:
    ours = frame[frame.way == "ours"]
    assert 0.88 <= ((ours.low <= ours.true) & (ours.true <= ours.high)).mean() <= 0.99
    assert ((ours.rank_low <= ours["rank"]) & (ours["rank"] <= ours.rank_high)).mean() >= 0.88
    width = (ours.high - ours.low).groupby(ours.share).mean()
    assert width[0.2] < width[0.05] < width[0.02], "the more is run, the surer it is"
    for _, part in ours.groupby("share"):
        assert stats.spearmanr(part.predicted, part.true)[0] > 0.95


def test_no_way_runs_more_than_the_budget(frame: pd.DataFrame, table: TaskTable) -> None:
    assert set(frame.way) == {"ours", *OTHERS}
    order = np.argsort(-table.seconds)
    budget = 0.05 * float(table.seconds.sum())
    chosen = filled(order, table.seconds, budget)
    assert table.seconds[chosen].sum() <= budget
    left = budget - table.seconds[chosen].sum()
    assert (np.delete(table.seconds, chosen) > left).all(), "what still fits is run"


@pytest.mark.parametrize(("models", "tasks", "until"), [(12, 6, 1), (7, 14, 10)])
def test_thinning_is_as_a_linear_regression_for_each_model_would_have_it(models: int, tasks: int, until: int) -> None:
    draw = np.random.default_rng(models)
    scores = 0.5 + 0.1 * draw.standard_normal((models, 1)) + 0.05 * draw.standard_normal((models, tasks))
    types = ["STS"] * (tasks // 2) + ["Retrieval"] * (tasks - tasks // 2)
    left, order = list(range(tasks)), kept_longest(scores, types)
    assert sorted(order) == left
    while len(left) > until:  # with about as many tasks as models a regression hangs on the last digit
        kinds = [types[i] for i in left]
        removable = [i for i in left if kinds.count(types[i]) > 1] or left
        told = {task: _predictability(scores[:, left], left.index(task)) for task in removable}
        goes = order[len(left) - 1]
        assert told[goes] == pytest.approx(max(told.values()), abs=1e-9), "of few models several may be alike"
        left.remove(goes)


def _predictability(scores: np.ndarray, task: int) -> float:
    others = np.delete(scores, task, axis=1)
    told = [
        LinearRegression().fit(np.delete(others, i, axis=0), np.delete(scores[:, task], i)).predict(others[i : i + 1])
        for i in range(len(scores))
    ]
    return float(stats.spearmanr(scores[:, task], np.ravel(told))[0])
