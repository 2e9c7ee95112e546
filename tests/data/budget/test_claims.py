"""The sequential test of a claim keeps its error rate however early it stops: simulated reruns, and the record's."""

from __future__ import annotations

from collections import Counter
from statistics import median

import numpy as np
import pytest
from scipy import stats

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.claims import ALPHA, ClaimState, by_mean, by_tasks, level_of_a_look
from data.rules.budget.gaussian import fit
from data.rules.budget.prediction import Predicted, predictor_of
from data.rules.budget.table import TaskTable, task_table
from data.rules.deltas import Thresholds
from data.store.database import StoreReader
from tests.maintain.claims import replay, replayed

LIMIT = Thresholds().drift
EQUAL = np.full(20, 1 / 20)
FLOORS = np.full(20, 0.004)


def seen(**measured: float) -> np.ndarray:
    """Differences of some of twenty tasks, by their number: ``seen(_3=-0.01)``."""
    deltas = np.full(20, np.nan)
    for name, delta in measured.items():
        deltas[int(name[1:])] = delta
    return deltas


def test_nothing_seen_tells_nothing_and_everything_seen_tells_all() -> None:
    nothing = by_tasks(seen(), FLOORS, EQUAL, LIMIT)
    assert nothing.state is ClaimState.OPEN and nothing.sure is None and nothing.tasks == 0
    whole = by_tasks(np.full(20, -0.014), FLOORS, EQUAL, LIMIT)
    assert whole.state is ClaimState.HOLDS and whole.difference == pytest.approx((-0.014,) * 3)
    assert by_tasks(np.full(20, -0.016), FLOORS, EQUAL, LIMIT).state is ClaimState.FAILS


def test_agreement_settles_soon_and_one_odd_task_is_no_verdict_on_all() -> None:
    same = by_tasks(seen(_0=0.0, _1=0.001, _2=-0.001, _3=0.0, _4=0.0, _5=0.0, _6=0.0), FLOORS, EQUAL, LIMIT)
    assert same.state is ClaimState.HOLDS and same.sure is not None and same.sure > 0.98
    assert same.difference.low < 0 < same.difference.high
    one = by_tasks(np.r_[0.0, np.full(129, np.nan)], np.full(130, 0.002), np.full(130, 1 / 130), LIMIT)
    assert one.state is ClaimState.OPEN, "one task of many settles nothing"
    odd = by_tasks(seen(_0=0.0, _1=0.001, _2=-0.16, _3=0.0), FLOORS, EQUAL, LIMIT)
    assert odd.state is ClaimState.OPEN
    off = by_tasks(seen(_0=-0.05, _1=-0.06, _2=-0.045, _3=-0.05, _4=-0.055, _5=-0.05), FLOORS, EQUAL, LIMIT)
    assert off.state is ClaimState.FAILS and off.difference.high < -LIMIT


def test_tasks_count_by_their_weight() -> None:
    """Where one task type is a task alone, being off on it is more than being off on one of many."""
    deltas = np.zeros(20)
    deltas[0] = -0.04
    heavy = np.r_[0.5, np.full(19, 0.5 / 19)]
    assert by_tasks(deltas, FLOORS, EQUAL, LIMIT).state is ClaimState.HOLDS
    assert by_tasks(deltas, FLOORS, heavy, LIMIT).state is ClaimState.FAILS


def test_a_mean_alone_holds_inside_and_fails_outside_and_is_open_between() -> None:
    wide, narrow = Predicted(0.60, 0.57, 0.63), Predicted(0.60, 0.594, 0.606)
    assert by_mean(0.60, narrow, LIMIT, 5, narrow).state is ClaimState.HOLDS
    assert by_mean(0.60, narrow, LIMIT, 5, wide).state is ClaimState.OPEN, "the wider interval of a look decides"
    assert by_mean(0.65, narrow, LIMIT, 5, wide).state is ClaimState.FAILS
    assert by_mean(0.60, narrow, LIMIT, 0, narrow).state is ClaimState.OPEN
    told = by_mean(0.62, narrow, LIMIT, 5, wide)
    assert told.difference == pytest.approx((-0.02, -0.026, -0.014)) and told.sure is None
    levels = [level_of_a_look(10, last=look == 10) for look in range(1, 11)]
    assert sum(1 - level for level in levels) == pytest.approx(ALPHA) and levels[-1] == pytest.approx(0.975)
    assert level_of_a_look(1, last=True) == pytest.approx(0.975)


def simulated(table: TaskTable, shift: float, times: int, seed: int) -> tuple[Counter[str], float]:
    """What the test says of reruns that are off by ``shift`` on every task, and the median number of tasks it took.

    Noise is heavy-tailed (t with three degrees of freedom), 95 % of it within each task's floor.
    """
    random = np.random.default_rng(seed)
    noise = table.floors / stats.t.ppf(0.975, 3)
    gaussian = fit(table.scores, table.types)
    every = Budget(tasks=len(table.tasks))
    order = [step.place for step in choose_tasks(gaussian, table.weights, table.seconds, table.floors / 2, every)]
    answers = [
        replay(shift + noise * random.standard_t(3, len(noise)), table.floors, table.weights, order)
        for _ in range(times)
    ]
    return Counter(state for state, _ in answers), median(tasks for _, tasks in answers)


def most_likely_at_most(wrong: int, times: int) -> float:
    """The rate that so many wrong answers still allow, with 95 % (Clopper and Pearson)."""
    return float(stats.beta.ppf(0.95, wrong + 1, times - wrong))


def holds_its_rate(reader: StoreReader, benchmark: str, times: int) -> None:
    """Both rates are at most the stated one, and most simulations are settled; on a large benchmark soon."""
    with reader.own_cursor() as cursor:
        table = task_table(cursor, benchmark)
    soon = len(table.tasks) / 4 if len(table.tasks) > 40 else len(table.tasks)
    honest, few = simulated(table, 0.0, times, seed=1)
    assert most_likely_at_most(honest[ClaimState.FAILS], times) <= ALPHA, honest
    assert honest[ClaimState.HOLDS] > 0.9 * times and few <= soon
    overstated, needed = simulated(table, -0.03, times, seed=2)
    assert most_likely_at_most(overstated[ClaimState.HOLDS], times) <= ALPHA, overstated
    assert overstated[ClaimState.FAILS] > 0.9 * times and needed <= soon


def test_the_error_rate_holds_although_it_is_looked_at_after_each_task(record_reader: StoreReader) -> None:
    holds_its_rate(record_reader, "MTEB(eng, v2)", 70)


@pytest.mark.soak
@pytest.mark.parametrize("benchmark", ["MTEB(eng, v2)", "MTEB(Multilingual, v2)", "MTEB(fra, v1)", "RTEB(beta)"])
def test_the_error_rate_holds_in_many_simulations(record_reader: StoreReader, benchmark: str) -> None:
    holds_its_rate(record_reader, benchmark, 1000)


def test_stopping_early_agrees_with_all_tasks_of_the_records_own_claims(record_reader: StoreReader) -> None:
    with record_reader.own_cursor() as cursor:
        answers = replayed(cursor, ["MTEB(eng, v1)", "MTEB(eng, v2)"])
    assert len(answers) >= 50
    wrong = [answer for answer in answers if answer.stated not in (answer.full, ClaimState.OPEN)]
    assert len(wrong) <= ALPHA * len(answers), wrong
    assert {answer.stated for answer in answers} >= {ClaimState.HOLDS, ClaimState.FAILS}
    assert median(answer.needed / answer.tasks for answer in answers) < 0.75


@pytest.mark.soak
def test_a_mean_alone_keeps_its_rate_over_the_records_models(record_reader: StoreReader) -> None:
    """Each model as if nobody had seen its family: what it has rarely fails, and three points more rarely hold."""
    with record_reader.own_cursor() as cursor:
        table = task_table(cursor, "MTEB(eng, v2)")
    predictor = predictor_of(table)
    budget = Budget(seconds=0.1 * float(table.seconds.sum()))
    order = [
        step.place for step in choose_tasks(predictor.gaussian, table.weights, table.seconds, table.floors, budget)
    ]
    answers: Counter[tuple[str, ClaimState]] = Counter()
    rows = np.flatnonzero(~np.isnan(table.scores).any(axis=1))[::3]
    for row in rows:
        model, scores = table.models[row], table.scores[row]
        stranger, mean = predictor.as_stranger(model), float(table.weights @ scores)
        right = over = ClaimState.OPEN
        for looks in range(1, len(order) + 1):
            seen = {table.tasks[place]: float(scores[place]) for place in order[:looks]}
            told = stranger.predict(seen, level=level_of_a_look(len(order), looks == len(order)), leave_out=model).mean
            right = right if right.settled else by_mean(mean, told, LIMIT, looks, told).state
            over = over if over.settled else by_mean(mean + 0.03, told, LIMIT, looks, told).state
        answers["right", right] += 1
        answers["over", over] += 1
    assert answers["right", ClaimState.FAILS] <= ALPHA * len(rows), answers
    assert answers["over", ClaimState.HOLDS] <= ALPHA * len(rows), answers
