"""Means of models that lack tasks: intervals hold what was masked, nothing is said on too little, ranks stay exact."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.budget.filled_ranks import filled_ranks
from data.rules.budget.filling import Filling, filled_means
from data.rules.budget.prediction import predictor_of
from data.rules.budget.table import TaskTable, task_table
from data.store.database import StoreReader
from tests.data.budget.test_prediction import TASKS, made


def gaps(models: int = 120, seed: int = 0) -> tuple[TaskTable, np.ndarray]:
    """A record of known kind in which every other model lacks tasks by one of four patterns, and the whole of it."""
    table = made(models=models, seed=seed, missing=0.0)
    draw = np.random.default_rng(seed + 50)
    patterns = draw.random((4, TASKS)) < 0.5
    scores = table.scores.copy()
    for row in range(0, models, 4):
        scores[row : row + 2][:, patterns[draw.integers(4)]] = np.nan  # a family of two, as made() names them
    return table._replace(scores=scores, any_scores=scores), table.scores


def test_the_interval_holds_the_mean_that_was_hidden() -> None:
    inside, widths = [], []
    for seed in range(6):
        table, whole = gaps(seed=seed)
        filling = filled_means(predictor_of(table))
        lacking = [m for m, row in zip(table.models, table.scores, strict=True) if np.isnan(row).any()]
        assert set(filling.means) == set(lacking)
        for model, filled in filling.means.items():
            row = table.models.index(model)
            assert filled.missing == np.isnan(table.scores[row]).sum()
            assert filled.measured == pytest.approx(1 - filled.missing / TASKS)
            assert filled.held_out == len(table.models) - len(lacking)
            inside.append(filled.mean.low <= whole[row].mean() <= filled.mean.high)
            widths.append(filled.mean.high - filled.mean.low)
    assert 0.92 <= np.mean(inside) <= 0.985
    assert np.median(widths) < 0.05, "and say something: the means spread by .4"


def test_one_equation_for_all_says_what_each_alone_would_be_told() -> None:
    table, _ = gaps()
    predictor = predictor_of(table)
    filling = filled_means(predictor)
    for model in list(filling.means)[::7]:
        row = table.models.index(model)
        at = np.flatnonzero(~np.isnan(table.scores[row]))
        after = predictor.without[predictor.fold[row]].given(at, table.scores[row, at], np.zeros(len(at)))
        assert filling.means[model].mean.value == pytest.approx(float(table.weights @ after.mean), abs=1e-6)


def test_nothing_is_said_on_too_little() -> None:
    table, _ = gaps()
    scores = table.scores.copy()
    scores[0, 2:] = np.nan  # two tasks
    scores[1, 4:] = np.nan  # a sixth
    few = table._replace(scores=scores, any_scores=scores)
    assert not set(table.models[:2]) & set(filled_means(predictor_of(few)).means)
    complete = np.flatnonzero(~np.isnan(table.scores).any(axis=1))
    lone = [i not in complete[16:] for i in range(len(table.models))]
    assert not filled_means(predictor_of(table.of_models(lone))).means, "nobody has what they lack"
    wild = table._replace(scores=table.scores + 0.3 * np.random.default_rng(0).standard_normal(table.scores.shape))
    assert not filled_means(predictor_of(wild)).means, "so wide an interval says nothing"


def test_own_runs_are_predicted_with_their_noise_and_move_nobody() -> None:
    table, _ = gaps()
    table = table._replace(floors=np.full(TASKS, 0.05))
    predictor = predictor_of(table)
    like = int(np.flatnonzero(np.isnan(table.scores).any(axis=1))[0])
    ours = {t: float(v) for t, v in zip(table.tasks, table.scores[like], strict=True) if not np.isnan(v)}
    filling = filled_means(predictor, own={"me/ours": ours | {"Elsewhere": 0.1}})
    told, published = filling.means["me/ours"], filling.means[table.models[like]]
    assert told.missing == published.missing
    assert told.mean.high - told.mean.low > published.mean.high - published.mean.low, "own figures are less sure"
    ranks, before = filled_ranks(filling), filled_ranks(filled_means(predictor))
    assert {model: rank for model, rank in ranks.items() if model != "me/ours"}.keys() == before.keys()
    assert all(ranks[model].value == before[model].value for model in before)
    assert ranks["me/ours"].low <= ranks["me/ours"].value <= ranks["me/ours"].high
    assert set(filled_means(predictor, only=["me/ours"], own={"me/ours": ours}).means) == {"me/ours"}


@pytest.mark.parametrize("ranked_by", ["borda", "mean_task"])
def test_predicted_ranks_are_near_those_of_the_whole_record(ranked_by: str) -> None:
    table, whole = gaps()
    table = table._replace(ranked_by=ranked_by)
    ranks = filled_ranks(filled_means(predictor_of(table)))
    truth = filled_ranks(filled_means(predictor_of(table._replace(scores=whole, any_scores=whole))))
    lacking = [m for m, row in zip(table.models, table.scores, strict=True) if np.isnan(row).any()]
    assert all(rank.low == rank.value == rank.high for model, rank in ranks.items() if model not in lacking)
    inside = [ranks[model].low <= truth[model].value <= ranks[model].high for model in lacking]
    assert np.mean(inside) >= 0.9
    assert max(abs(ranks[model].value - truth[model].value) for model in lacking) <= 20


@pytest.mark.parametrize("benchmark", ["MTEB(eng, v2)", "MTEB(Multilingual, v2)", "MIEB(lite)", "ViDoRe(v3)"])
def test_with_nobody_filled_in_the_ranks_are_the_records(record_reader: StoreReader, benchmark: str) -> None:
    with record_reader.own_cursor() as cursor:
        table = task_table(cursor, benchmark)
        board = cursor.execute(
            "SELECT model, rank FROM ranking(?, NULL, ?, false) WHERE rank IS NOT NULL", [benchmark, list(table.tasks)]
        ).fetchall()
    filling = Filling(predictor_of(table), table.models, table.scores, {}, ())
    ranks = filled_ranks(filling)
    assert {model: ranks[model].value for model, _ in board} == dict(board)


def masked(table: TaskTable, patterns: np.ndarray, fold: int, seed: int) -> tuple[TaskTable, list[int]]:
    """The record with a fifth of its whole families cut down to what models that lack tasks have."""
    draw = np.random.default_rng(seed)
    complete = np.flatnonzero(~np.isnan(table.scores).any(axis=1))
    names = sorted({table.families[i] for i in complete})
    dealt = dict(zip(draw.permutation(names), np.arange(len(names)) % 5, strict=True))
    rows = [int(i) for i in complete if dealt[table.families[i]] == fold]
    scores = table.scores.copy()
    scores[rows] = np.where(patterns[draw.integers(len(patterns), size=len(rows))], scores[rows], np.nan)
    return table._replace(scores=scores, any_scores=scores), rows


def coverage(record_reader: StoreReader, benchmark: str) -> tuple[int, int, float]:
    """Of models masked with their families: how many intervals hold the mean, of how many, and the RMSE (0-1)."""
    with record_reader.own_cursor() as cursor:
        table = task_table(cursor, benchmark)
    filled = filled_means(predictor_of(table)).means
    patterns = ~np.isnan(table.scores[[table.models.index(model) for model in filled]])
    off, inside = [], 0
    for fold in range(5):
        cut, rows = masked(table, patterns, fold, seed=fold)
        told = filled_means(predictor_of(cut), only={table.models[i] for i in rows}).means
        for i in rows:
            if table.models[i] in told:
                truth, mean = float(table.scores[i] @ table.weights), told[table.models[i]].mean
                inside += mean.low <= truth <= mean.high
                off.append(truth - mean.value)
    return inside, len(off), float(np.sqrt(np.mean(np.square(off))))


def test_on_the_record_intervals_hold_models_cut_down_to_what_others_have(record_reader: StoreReader) -> None:
    counts = [coverage(record_reader, name) for name in ("MTEB(eng, v2)", "BEIR", "MTEB(Medical, v1)")]
    inside, of = (sum(count[i] for count in counts) for i in (0, 1))
    assert of > 450, "hardly any is left blank"
    assert 0.93 <= inside / of <= 0.97
    assert max(rmse for *_, rmse in counts) < 0.012


@pytest.mark.soak
def test_on_many_benchmarks_too(record_reader: StoreReader) -> None:
    names = (
        "MTEB(Multilingual, v2)", "MTEB(Europe, v1)", "MTEB(eng, v1)", "MTEB(eng, v2)", "MTEB(fra, v1)",
        "MTEB(deu, v1)", "MTEB(rus, v1)", "MTEB(Indic, v1)", "MTEB(Scandinavian, v1)", "MTEB(nld, v1)",
        "MTEB(Medical, v1)", "BEIR",
    )  # fmt: skip
    counts = [coverage(record_reader, name) for name in names]
    inside, of = (sum(count[i] for count in counts) for i in (0, 1))
    assert 0.93 <= inside / of <= 0.97
    assert min(count[0] / count[1] for count in counts) > 0.88, "of a benchmark alone, by chance of about a hundred"
