"""The smoke run: a right run is not called broken, a fault it says it shows is shown, and what it misses is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.rules.budget.faults import FAULTS_FILE, FaultTable, fault_table
from data.rules.budget.prediction import Predictor, predictor_of
from data.rules.budget.reruns import ALARM, RERUN_TAIL, carriers, far_off, rerun_p, runs_p
from data.rules.budget.smoke import SMOKE_SHARE, Smoke, smoke_plan, smoke_verdict
from data.rules.budget.table import TaskTable
from data.rules.words import Phrase
from data.store.errors import InputError
from tests.bench.smoke import false_alarms, honest_tasks, reruns_file, tail_of

FLOOR = {"STS": 0.0023, "Classification": 0.0026, "Clustering": 0.0104, "Retrieval": 0.0046, "BitextMining": 0.0049}


@pytest.fixture(scope="module")
def faults() -> FaultTable:
    return fault_table()


def table_of(tasks: tuple[str, ...], types: tuple[str, ...], seconds: list[float], scores: Any = None) -> TaskTable:
    """A benchmark of these tasks; what models scored matters to none but the pattern."""
    many = 0 if scores is None else len(scores)
    given = np.empty((0, len(tasks))) if scores is None else np.asarray(scores)
    names = tuple(f"org{i}/m{i}" for i in range(many))
    floors = np.array([FLOOR.get(kind, 0.005) for kind in types])
    return TaskTable(
        benchmark="B",
        tasks=tasks,
        types=types,
        models=names,
        families=names,
        scores=given,
        any_scores=given,
        seconds=np.array(seconds),
        floors=floors,
        numbered=np.ones(many, dtype=bool),
    )


@pytest.fixture(scope="module")
def measured(faults: FaultTable) -> TaskTable:
    """The tasks that were run whole with every fault, a benchmark by themselves."""
    whole = [i for i, part in enumerate(faults.parts) if not part and not np.isnan(faults.deltas[:, i]).any()]
    return table_of(tuple(faults.tasks[i] for i in whole), tuple(faults.types[i] for i in whole), [1.0] * len(whole))


def scores_of(faults: FaultTable, deltas: Any = 0.0) -> dict[str, float]:
    return dict(zip(faults.tasks, faults.right + deltas, strict=True))


def test_there_are_runs_enough_to_judge_by(faults: FaultTable, measured: TaskTable) -> None:
    assert len(faults.harmless) >= 3 and len(faults.faults) >= 16
    assert {"STSBenchmark", "STS13", "PoemSentimentClassification"} <= set(measured.tasks)
    assert len({fault.words for fault in faults.faults}) == len(faults.faults)
    assert all(isinstance(fault.words, Phrase) for fault in faults.faults if fault.cause != "tokenizer")


def test_the_right_runs_are_the_published_figures(faults: FaultTable) -> None:
    right = scores_of(faults)
    assert right["STSBenchmark"] == pytest.approx(0.820325, abs=1e-5)
    assert right["PoemSentimentClassification"] == pytest.approx(0.457486, abs=1e-5)
    assert right["STS13"] == pytest.approx(0.806032, abs=1e-4)


def test_no_right_run_is_called_broken_on_any_tasks(faults: FaultTable, measured: TaskTable) -> None:
    plan = smoke_plan(measured, faults, share=1.0)
    judged = 0
    for name, deltas in zip(faults.harmless, faults.harmless_deltas, strict=True):
        known = {t: s for t, s in scores_of(faults, deltas).items() if not np.isnan(s)}
        alone = [{task: score} for task, score in known.items() if task in plan.tasks]
        for scores in [known, *alone]:
            assert smoke_verdict(plan, scores, scores_of(faults)).code is Smoke.NOTHING_SEEN, (name, scores)
            judged += 1
    assert judged > 2 * len(faults.harmless)


def test_a_fault_is_seen_or_listed_as_missed(faults: FaultTable, measured: TaskTable) -> None:
    plan = smoke_plan(measured, faults, share=1.0)
    seen = {
        fault
        for fault, deltas in zip(faults.faults, faults.deltas, strict=True)
        if smoke_verdict(plan, scores_of(faults, deltas), scores_of(faults)).code is Smoke.BROKEN
    }
    assert set(plan.shown) | set(plan.missed) == set(faults.faults) and not set(plan.shown) & set(plan.missed)
    assert set(plan.shown) <= seen  # what it promises it holds; on the edge it may see one more
    edge = {fault.code for fault in seen - set(plan.shown)}
    assert len(edge) <= 3, edge
    assert {"pooling-cls", "weights-random-all", "rows-shuffled", "tokenizer-other"} <= {f.code for f in plan.shown}
    assert "max-length-64" in {fault.code for fault in plan.missed}  # no text of these is as long
    assert str(len(plan.shown)) in plan.coverage and all(fault.words in plan.coverage for fault in plan.missed)


def test_a_plan_keeps_to_its_share_and_to_what_can_be_compared(faults: FaultTable, measured: TaskTable) -> None:
    tasks = (*measured.tasks, "Dear")
    table = table_of(tasks, (*measured.types, "STS"), [*np.linspace(3, 9, len(measured.tasks)), 900.0])
    plan = smoke_plan(table, faults)
    assert plan.tasks and sum(plan.seconds) <= SMOKE_SHARE * table.seconds.sum() and plan.share <= SMOKE_SHARE
    assert list(plan.seconds) == sorted(plan.seconds) and "Dear" not in plan.tasks
    one = smoke_plan(table, faults, usable={"STS13", "Dear"})
    assert one.tasks == ("STS13",) and set(one.missed) >= set(plan.missed)
    none = smoke_plan(table, faults, share=1e-6)
    assert not none.tasks and not none.shown and none.share == 0
    assert smoke_verdict(none, {}, {}).code is Smoke.CANNOT_TELL


def test_more_time_never_shows_less(faults: FaultTable, measured: TaskTable) -> None:
    table = table_of(measured.tasks, measured.types, list(np.linspace(1, 9, len(measured.tasks))))
    counts = [len(smoke_plan(table, faults, share=share).shown) for share in (0.05, 0.2, 0.5, 1.0)]
    assert counts == sorted(counts) and counts[-1] > 15


def test_a_task_nobody_ran_stands_for_less_and_is_named(faults: FaultTable) -> None:
    known, strange = smoke_plan(table_of(("STSBenchmark",), ("STS",), [1.0]), faults, share=1.0), "NewSTS"
    plan = smoke_plan(table_of((strange, "Odd"), ("STS", "Speech"), [1.0, 1.0]), faults, share=1.0)
    assert plan.tasks == (strange,) and plan.assumed == (strange,) and strange in plan.standing
    assert known.assumed == () and known.standing == ""
    assert (np.abs(plan.effects) <= np.abs(known.effects) / 2 + 1e-12).all() and plan.shown
    both = smoke_plan(table_of((strange, "STSBenchmark"), ("STS", "STS"), [1.0, 1.0]), faults, share=0.5)
    assert both.tasks == ("STSBenchmark",)  # of two that cost the same, the one that is known


def test_a_verdict_of_part_of_the_tasks_says_what_that_part_shows(faults: FaultTable, measured: TaskTable) -> None:
    plan = smoke_plan(measured, faults, share=1.0)
    assert len(plan.tasks) > 1
    scores = scores_of(faults) | {plan.tasks[0]: np.nan}
    verdict = smoke_verdict(plan, scores, scores_of(faults))
    assert verdict.code is Smoke.NOTHING_SEEN and verdict.plan.tasks == plan.tasks[1:]
    assert [task.task for task in verdict.tasks] == list(plan.tasks[1:])
    assert verdict.plan.share < plan.share and verdict.plan.coverage in verdict.sentence
    assert "does not say that the run is right" in verdict.sentence


def test_a_broken_run_names_the_tasks_that_make_it_so(faults: FaultTable, measured: TaskTable) -> None:
    plan = smoke_plan(measured, faults, share=1.0)
    off = plan.tasks[-1]
    verdict = smoke_verdict(plan, scores_of(faults) | {off: scores_of(faults)[off] + 0.2}, scores_of(faults))
    assert verdict.code is Smoke.BROKEN and verdict.p <= ALARM  # a score may be too good as well
    assert [task.task for task in verdict.tasks if task.beyond] == [
        off
    ] and f"{off} by +20.0 points" in verdict.sentence
    assert f"1 of {len(plan.tasks)} tasks" in verdict.sentence


def test_the_limit_of_one_task_is_where_the_verdict_turns() -> None:
    floors = np.array([0.002, 0.004, 0.01, 0.003])
    for task, floor in enumerate(floors):
        limit = far_off(float(floor), len(floors))
        deltas = np.zeros(len(floors))
        for size, broken in ((0.999 * limit, False), (1.001 * limit, True)):
            deltas[task] = -size
            assert (runs_p(deltas, floors) <= ALARM) == broken
            assert list(carriers(deltas, floors)) == [broken and other == task for other in range(len(floors))]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("tasks", [1, 2, 5, 12])
def test_false_alarms_of_the_whole_run(tasks: int, together: bool) -> None:
    """Reruns drawn from the tail, each by itself or all of one model alike: at most 1 % are called broken."""
    rng = np.random.default_rng(4)
    shares = rng.random((200_000, 1 if together else tasks)).repeat(tasks if together else 1, axis=1)
    off = RERUN_TAIL.start * (shares / RERUN_TAIL.beyond) ** (-1 / RERUN_TAIL.power)
    rate = float((runs_p(off, np.ones(tasks)) <= ALARM).mean())
    assert rate <= ALARM + 3 * np.sqrt(ALARM / 200_000)
    assert rate > (ALARM / 20 if together else ALARM / 1.5)  # and it is not bought by seeing nothing


def test_further_off_is_rarer() -> None:
    off = np.linspace(0, 30, 200)
    p = rerun_p(off)
    assert (np.diff(p) <= 0).all() and p[0] == 1 and p[-1] < 1e-3 and (rerun_p(-off) == p).all()


@pytest.mark.skipif(reruns_file() is None, reason="needs the reruns beside the checkout")
def test_the_tail_lies_above_the_reruns_of_the_record() -> None:
    tasks = honest_tasks(reruns_file() or Path())
    moved = tasks[tasks["moved"] > 0]
    assert len(moved) > 400
    tail = tail_of(tasks)
    assert tail.power == pytest.approx(RERUN_TAIL.power, abs=0.01)
    assert 0.95 * RERUN_TAIL.beyond < tail.beyond <= RERUN_TAIL.beyond
    for count in (1, 3, 6):
        alarms = false_alarms(moved, count)
        assert alarms.rate <= ALARM and alarms.batches > 30


def test_without_published_figures_the_models_of_the_record_judge(faults: FaultTable, measured: TaskTable) -> None:
    plan, predictor = smoke_plan(measured, faults, share=1.0), strangers(measured, faults, 200)
    right = {task: score for task, score in scores_of(faults).items() if task in measured.tasks}
    fine = smoke_verdict(plan, right, {}, predictor)
    assert fine.code is Smoke.NOTHING_SEEN and fine.plan.coverage in fine.sentence and not fine.tasks
    shown = {fault.code for fault in fine.plan.shown}
    assert "tokenizer-missing" in shown and shown < {fault.code for fault in plan.shown}
    for code in ("tokenizer-missing", "max-length-64"):
        [deltas] = [d for fault, d in zip(faults.faults, faults.deltas, strict=True) if fault.code == code]
        faulty = smoke_verdict(plan, scores_of(faults, deltas), {}, predictor)
        assert (faulty.code is Smoke.BROKEN) == (code in shown)
    assert smoke_verdict(plan, right, {}).code is Smoke.CANNOT_TELL
    blind = smoke_verdict(
        plan.of_tasks(["PoemSentimentClassification"]), right, {}, strangers(measured, faults, 120, 0.3)
    )
    assert blind.code is Smoke.CANNOT_TELL and not blind.plan.shown and "None of the" in blind.plan.coverage
    few = smoke_verdict(plan, right, {}, strangers(measured, faults, 60))
    assert few.code is Smoke.CANNOT_TELL and "too few" in few.sentence


def strangers(measured: TaskTable, faults: FaultTable, models: int, spread: float = 0.03) -> Predictor:
    """A record of so many models that are better or worse on all tasks together, and the measured one among them."""
    rng = np.random.default_rng(3)
    right = np.array([scores_of(faults)[task] for task in measured.tasks])
    skill, own = rng.normal(0, spread, (models, 1)), rng.normal(0, 0.01, (models, len(right)))
    table = table_of(measured.tasks, measured.types, [1.0] * len(right), np.vstack([right, right + skill + own]))
    names = (faults.model, *table.models[1:])
    return predictor_of(table._replace(models=names, families=names))


def test_the_table_of_faults_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no table of measured faults"):
        fault_table(tmp_path / "none.parquet")
    (tmp_path / "some.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="no table of measured faults"):
        fault_table(tmp_path / "some.parquet")
    assert FAULTS_FILE.stat().st_size < 60_000
