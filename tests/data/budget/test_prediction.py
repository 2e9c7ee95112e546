"""The few tasks that tell the rest: the distribution, the choice and the prediction, on a record that was drawn from a
known one, and on the bundled record."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.families import families, stem
from data.rules.budget.gaussian import fit
from data.rules.budget.prediction import predictor_of
from data.rules.budget.table import TaskTable, task_table
from data.rules.ranking import borda
from data.store.database import StoreReader
from data.store.errors import NotFoundError

TASKS = 24
LEVELS = 0.1 * np.random.default_rng(99).standard_normal(TASKS)


def made(models: int = 90, seed: int = 0, missing: float = 0.1) -> TaskTable:
    """A record of known kind: a common strength, one per type, and a task's own noise."""
    draw = np.random.default_rng(seed)
    types = tuple(["STS"] * 8 + ["Retrieval"] * 8 + ["Clustering"] * 8)
    strength = 0.5 + 0.1 * draw.standard_normal((models, 1))
    by_type = np.repeat(0.05 * draw.standard_normal((models, 3)), 8, axis=1)
    scores = strength + by_type + 0.02 * draw.standard_normal((models, TASKS)) + LEVELS
    scores[draw.random(scores.shape) < missing * (np.arange(models)[:, None] > models // 2)] = np.nan
    names = tuple(f"org{i // 2}/model-{i}" for i in range(models))
    return TaskTable(
        benchmark="made",
        tasks=tuple(f"T{i}" for i in range(TASKS)),
        types=types,
        models=names,
        families=families(names),
        scores=scores,
        any_scores=scores,
        seconds=np.geomspace(1, 500, TASKS)[draw.permutation(TASKS)],
        floors=np.full(TASKS, 0.002),
        numbered=np.ones(models, dtype=bool),
    )


def test_the_distribution_is_recovered_through_missing_cells() -> None:
    table = made(models=2000, missing=0.3)
    fitted = fit(table.scores, table.types)
    assert np.sqrt(np.diag(fitted.cov)) == pytest.approx(np.sqrt(0.1**2 + 0.05**2 + 0.02**2), rel=0.12)
    within, between = fitted.cov[0, 1], fitted.cov[0, 12]
    assert within == pytest.approx(0.1**2 + 0.05**2, rel=0.2)
    assert between == pytest.approx(0.1**2, rel=0.2)


def test_what_was_measured_is_known_and_the_rest_follows() -> None:
    table = made()
    fitted = fit(table.scores, table.types)
    at = np.array([0, 9])
    after = fitted.given(at, fitted.mean[at] + 0.1, np.zeros(2))
    assert after.mean[at] == pytest.approx(fitted.mean[at] + 0.1)
    assert (after.mean > fitted.mean + 0.04).all(), "a model that is strong on two types is strong elsewhere"
    assert np.diag(after.cov)[at] == pytest.approx(0, abs=1e-9)
    assert (np.diag(after.cov) <= np.diag(fitted.cov) + 1e-12).all()
    noisy = fitted.given(at, fitted.mean[at] + 0.1, np.full(2, 0.3))
    assert (noisy.mean[at] < after.mean[at]).all(), "a noisy figure weighs less"


def test_the_choice_is_within_the_budget_and_beats_the_cheapest_and_chance() -> None:
    table = made()
    fitted, nothing = fit(table.scores, table.types), np.zeros(TASKS)
    for share in (0.02, 0.1, 0.3):
        budget = share * table.seconds.sum()
        steps = choose_tasks(fitted, table.weights, table.seconds, nothing, Budget(seconds=budget))
        assert sum(step.seconds for step in steps) <= budget * (1 + 1e-6)
        assert [step.sd for step in steps] == sorted((step.sd for step in steps), reverse=True)
        assert steps[-1].sd <= left(fitted, table, cheapest(table, budget)) + 1e-12
    few = choose_tasks(fitted, table.weights, table.seconds, nothing, Budget(tasks=3))
    assert len({table.types[step.place] for step in few}) == 3, "one of each type says most"
    after = choose_tasks(fitted, table.weights, table.seconds, nothing, Budget(tasks=2), done=(few[0].place,))
    assert few[0].place not in {step.place for step in after}
    assert choose_tasks(fitted, table.weights, table.seconds, nothing, Budget(seconds=0.5)) == []


def cheapest(table: TaskTable, budget: float) -> list[int]:
    order = np.argsort(table.seconds)
    return [int(i) for i, spent in zip(order, np.cumsum(table.seconds[order]), strict=True) if spent <= budget]


def left(fitted, table: TaskTable, at: list[int]) -> float:
    after = fitted.given(np.array(at, dtype=int), fitted.mean[at], np.zeros(len(at)))
    return float(np.sqrt(table.weights @ after.cov @ table.weights))


def test_intervals_hold_those_who_were_never_seen() -> None:
    fresh = made(models=200, seed=2, missing=0.0).scores  # the same tasks, other models
    measured = ["T0", "T9", "T17"]
    places = [int(name[1:]) for name in measured]
    inside, widths = [], []
    for seed in (1, 3, 5):
        predictor = predictor_of(made(seed=seed))
        for row in fresh:
            told = predictor.predict(dict(zip(measured, row[places], strict=True)))
            inside.append(told.mean.low <= row.mean() <= told.mean.high)
            widths.append(told.mean.high - told.mean.low)
    assert 0.93 <= np.mean(inside) <= 0.995, "some tens of families: rather too wide than too narrow"
    assert max(widths) < 0.1, "and say something: the means spread by .4"


def test_with_everything_measured_nothing_is_open() -> None:
    table = made(missing=0.0)
    predictor = predictor_of(table)
    row = table.scores[7]
    told = predictor.predict(dict(zip(table.tasks, row, strict=True)), leave_out=table.models[7])
    assert told.mean == pytest.approx((row.mean(),) * 3)
    assert told.types["Retrieval"] == pytest.approx((row[8:16].mean(),) * 3)
    assert told.rank == (borda(table.scores)[7],) * 3
    assert told.measured == pytest.approx(1)


def test_a_pattern_like_nobodys_is_strange() -> None:
    table = made(missing=0.0)
    predictor = predictor_of(table)
    plain = dict(zip(table.tasks, table.scores[3], strict=True))
    assert predictor.strangeness(plain).p > 0.02
    broken = plain | {"T1": plain["T1"] - 0.3, "T4": plain["T4"] - 0.3}
    assert predictor.strangeness(broken).p < 0.02


def test_families_are_what_gives_each_other_away() -> None:
    names = [
        "BAAI/bge-small-en",
        "BAAI/bge-m3",
        "me/bge-tuned",
        "intfloat/multilingual-e5-large",
        "intfloat/e5-base-v2",
    ]
    scores = np.random.default_rng(0).random((5, 12))
    scores[2] = scores[1] + 0.01
    told = families(names, scores, {"me/bge-tuned": "BAAI/bge-m3", "intfloat/e5-base-v2": "gone/away"})
    assert told == (names[0], names[0], names[0], names[3], names[3])
    assert len(set(families(names, scores, {names[3]: names[0]}))) == 3, (
        "a base that scores otherwise gives nothing away"
    )
    copies = np.vstack([scores, scores[0] + 1e-5])
    assert families([*names, "who/mirror"], copies)[-1] == names[0]
    assert stem("Qwen/Qwen3-Embedding-0.6B") == stem("Qwen/Qwen2-embedding")


@pytest.mark.parametrize("benchmark", ["MTEB(eng, v2)", "MTEB(Multilingual, v2)", "RTEB(beta)", "ViDoRe(v2)"])
def test_the_records_own_ranks_come_out_where_all_is_measured(record_reader: StoreReader, benchmark: str) -> None:
    with record_reader.own_cursor() as cursor:
        table = task_table(cursor, benchmark)
        board = dict(cursor.execute(
            "SELECT model, rank FROM ranking(?, NULL, ?, false) WHERE rank IS NOT NULL", [benchmark, list(table.tasks)]
        ).fetchall())  # fmt: skip
    predictor = predictor_of(table)
    whole = [i for i in range(len(table.models)) if not np.isnan(table.scores[i]).any() and table.models[i] in board]
    assert len(whole) >= 5
    for i in whole[:: max(len(whole) // 8, 1)]:
        name = table.models[i]
        told = predictor.predict(dict(zip(table.tasks, table.scores[i], strict=True)), leave_out=name)
        assert told.rank is not None
        assert told.rank.value == board[name], name


def test_a_benchmark_without_figures_is_said(record_reader: StoreReader) -> None:
    with record_reader.own_cursor() as cursor, pytest.raises(NotFoundError, match="No model has figures"):
        task_table(cursor, "no such benchmark")
