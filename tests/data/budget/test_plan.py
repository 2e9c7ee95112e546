"""What a budget buys: the tasks with how surely they tell the mean, what they leave untold, and the curve."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.curve import Picking, budget_curve
from data.rules.budget.plan import plan_of, speed_here
from data.rules.budget.prediction import Predictor, predictor_of
from tests.data.budget.test_prediction import TASKS, made


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return predictor_of(made(seed=1))


def test_a_plan_is_the_choice_with_how_surely_each_step_tells(predictor: Predictor) -> None:
    table, budget = predictor.table, Budget(seconds=0.2 * predictor.table.seconds.sum())
    plan = plan_of(predictor, budget)
    chosen = choose_tasks(predictor.gaussian, table.weights, table.seconds, np.zeros(TASKS), budget)
    assert [step.task for step in plan.steps] == [table.tasks[one.place] for one in chosen]
    assert plan.seconds == pytest.approx(sum(one.seconds for one in chosen)) and 0 < plan.share <= 0.2 + 1e-9
    assert plan.before == predictor.expected([]) and plan.after.half == plan.steps[-1].half < plan.before.half
    assert {one.task for one in plan.rest} | {one.task for one in plan.steps} == set(table.tasks)
    assert plan.cheapest == table.seconds.min()


def test_what_is_expected_is_what_a_prediction_then_has(predictor: Predictor) -> None:
    table = predictor.table
    names, row = table.tasks[:4], table.scores[3]
    expected = predictor.expected(names)
    mean = predictor.predict(dict(zip(names, row[:4], strict=True))).mean
    assert expected.half == pytest.approx(mean.high - mean.value) and expected.models >= 40
    assert predictor.expected(table.tasks).half == 0


def test_done_tasks_cost_nothing_and_are_not_run_again(predictor: Predictor) -> None:
    first = plan_of(predictor, Budget(tasks=2))
    done = [step.task for step in first.steps]
    more = plan_of(predictor, Budget(tasks=3), done)
    assert more.before == first.after and not {step.task for step in more.steps} & set(done)
    assert set(more.done) == set(done) and more.seconds == pytest.approx(sum(step.seconds for step in more.steps))
    nothing = plan_of(predictor, Budget(seconds=more.cheapest / 2), done)
    assert nothing.steps == () and nothing.after == nothing.before


def test_the_rest_is_known_from_relatives_and_a_task_of_its_own_is_not() -> None:
    table = made(seed=3)
    scores = table.scores.copy()
    scores[:, 5] = np.random.default_rng(8).normal(0.5, 0.1, len(scores))  # goes with nobody
    scores[:, 7] = scores[:, 6] + 1e-3  # of the same kind as one that is chosen below
    predictor = predictor_of(table._replace(scores=scores, any_scores=scores))
    plan = plan_of(predictor, Budget(tasks=0), done=["T6", "T10", "T20"])
    rest = {one.task: one for one in plan.rest}
    assert plan.rest[0].task == "T5" and rest["T5"].known < 0.1
    assert rest["T7"].known > 0.95 and rest["T7"].relative == "T6" and rest["T7"].correlation > 0.95
    assert np.isnan(plan_of(predictor, Budget(tasks=0)).rest[0].correlation), "nothing was run that it could go with"


def test_the_curve_falls_and_the_method_is_above_nobody(predictor: Predictor) -> None:
    points = budget_curve(predictor, shares=(0.001, 0.01, 0.05, 0.2, 0.5))
    by_picking = {picking: [point for point in points if point.picking is picking] for picking in Picking}
    assert all(point.spent <= point.budget + 1e-9 and point.tasks >= 1 for point in points)
    for some in by_picking.values():
        assert some[-1].half < some[0].half
    halves = [np.mean([point.half for point in by_picking[picking] if point.budget >= 0.05]) for picking in Picking]
    assert halves[0] < min(halves[1:])
    assert points == budget_curve(predictor, shares=(0.001, 0.01, 0.05, 0.2, 0.5)), "the same at every visit"
    only = budget_curve(predictor, [Picking.TELLING], shares=(0.05,))
    assert only == tuple(point for point in points if point.picking is Picking.TELLING and point.budget == 0.05)


def test_speed_is_the_usual_ratio_of_what_was_timed() -> None:
    typical = {"a": 10.0, "b": 20.0, "c": 5.0}
    assert speed_here(typical, {"a": 30.0, "b": 60.0, "c": 500.0, "other": 1.0}) == pytest.approx(3)
    assert np.isnan(speed_here(typical, {"other": 1.0}))
