"""A benchmark for a part of its cost, as typed: which tasks are run, what is told after each, when it stops, and how it
ends. The record is made by hand; the model and mteb's tasks are real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.rules.budget.spelled import mteb_definition
from data.rules.budget.table import task_table
from data.store.database import reading, writing
from data.store.derive import derive
from data.store.errors import InputError
from evaluators.reproduce.budget_asked import BudgetKind, asked_budget, asked_claim
from evaluators.reproduce.budget_claim import claim_on
from evaluators.reproduce.budget_screen import tasks_text
from tests.make_store import _benchmark, _cells, _model, _task
from tests.reproduce.conftest import MINILM, REAL_DATA, Command, pairs, rows, write_pairs

BENCHMARK = "MTEB(eng, v2)"
# Of the benchmark's tasks those whose data are our own pairs; the data of the others are not there.
FOLDERS = {
    "STS12": "sts12-sts", "STS13": "sts13-sts", "STS14": "sts14-sts", "STS15": "sts15-sts",
    "STSBenchmark": "stsbenchmark-sts", "SICK-R": "sickr-sts",
}  # fmt: skip
ACME = "acme/tiny"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our pairs under the names of six of mteb's data sets."""
    folder = tmp_path_factory.mktemp("budget-hub")
    for name in FOLDERS.values():
        write_pairs(folder / "mteb" / name, pairs())
    return folder


@cache
def tasks() -> dict[str, tuple[str, str]]:
    """Type and data set revision of the benchmark's tasks."""
    import mteb

    return {
        task.metadata.name: (task.metadata.type, task.metadata.dataset["revision"])
        for task in mteb.get_benchmark(BENCHMARK).tasks
    }


def made_record(store: Path, claims: Mapping[str, float], models: int = 30) -> None:
    """Thirty models of thirty makers on the benchmark, and what ``acme/tiny`` claims on them."""
    random = np.random.default_rng(0)
    strength = 0.5 + 0.1 * random.standard_normal((models, 1))
    scores = strength + 0.02 * random.standard_normal((models, len(tasks())))
    figures = [
        (f"{chr(97 + i % 26)}{i}/{i}model", dict(zip(tasks(), row, strict=True))) for i, row in enumerate(scores)
    ]
    figures += [(ACME, dict(claims))] if claims else []
    revision = {task: at for task, (_, at) in tasks().items()}
    results, cells = [], []
    for model, of_model in figures:
        for task, score in of_model.items():
            number = len(results)
            results.append({
                "result_id": number, "model": model, "revision": "a" * 40, "experiment": "", "origin": "official",
                "task": task, "mteb_version": "2.1.0", "dataset_revision": revision[task], "withdrawn": False,
                "file": f"{model}/{task}.json", "added_in": 1, "evaluation_time": 2.0 if task in FOLDERS else 20.0,
                "date": pd.Timestamp("2026-01-01"),
            })  # fmt: skip
            cells.append({
                "result_id": number, "split": "test", "subset": "default", "languages": "eng-Latn", "main_score": score,
            })  # fmt: skip
    names = [{"benchmark": BENCHMARK, "task": task, "position": place} for place, task in enumerate(tasks())]
    tables: dict[str, Any] = {
        "models": [_model(i + 5, model) for i, (model, _) in enumerate(figures)],
        "tasks": [_task(name, kind, ["eng"], []) | {"dataset_revision": at} for name, (kind, at) in tasks().items()],
        "task_cells": _cells(list(tasks())).assign(languages="eng-Latn"),
        "benchmarks": [_benchmark(BENCHMARK, "English", 0), _benchmark("Ours", "Ours", 1)],
        "benchmark_tasks": names, "benchmark_cells": _cells(list(tasks())).assign(benchmark=BENCHMARK),
        "versions": [{"mteb_version": "2.1.0", "position": 1}], "results": results, "scores": cells,
    }  # fmt: skip
    with writing(store, fresh=True) as connection:
        for table, content in tables.items():
            connection.register("frame", pd.DataFrame(content))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)


@pytest.fixture(scope="module")
def tinys_score(tiny: Path, hub: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """What the small model scores on our pairs, whatever they are called."""
    home = tmp_path_factory.mktemp("score")
    store = home / "store.duckdb"
    status, said = Command(home, store).run_here(
        "reproduce", tiny, "--as", ACME, "--datasets", hub, "--tasks", "STS12", "--out", home / "runs"
    )
    assert status == 0, said
    return float(rows(store, "SELECT main_score FROM scores")[0][0])


def asked(tiny: Path, hub: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("reproduce", tiny, "--as", ACME, "--benchmark", BENCHMARK, "--datasets", hub, *more)


def budgets(store: Path) -> dict[str, Any]:
    [(settings,)] = rows(store, "SELECT settings FROM runs WHERE json_exists(settings, '$.budgets')")
    return json.loads(settings)["budgets"][BENCHMARK]


@pytest.mark.slow
def test_a_claim_that_holds_is_settled_before_the_budget_is_spent(
    command: Command, tiny: Path, hub: Path, tinys_score: float
) -> None:
    made_record(command.store, dict.fromkeys(tasks(), tinys_score))
    status, said = command.run_here(*asked(tiny, hub, "--budget", "6 tasks", "--fail-on", "gap"))
    assert status == 0, said
    assert f"Only those tasks are offered that have their data set in {hub}: 6 of 41 tasks" in said
    assert f"official figures on all 41 tasks, mean {100 * tinys_score:.2f}" in said
    assert "Settled: the claim holds." in said and "at most 5% of honest reruns" in said
    record = budgets(command.store)
    assert record["state"] == "holds" and len(record["ran"]) < 6 and record["sure"] > 0.95
    assert record["mean"][1] <= record["mean"][0] <= record["mean"][2] and set(record["ran"]) < set(FOLDERS)
    assert "What only Retrieval, Classification" in said or "would show was not looked at" in said
    steps = [line for line in said.splitlines() if line.startswith("  after ")]
    assert len(steps) == len(record["ran"]) and "rank" in steps[0] and "Retrieval" in steps[0]
    assert "cannot tell yet" in steps[0] and "claim: holds" in steps[-1]
    # Nothing predicted is a score, and the run goes on where it stopped.
    assert rows(command.store, "SELECT count(*) FROM results WHERE origin = 'reproduced'") == [(len(record["ran"]),)]
    status, again = command.run_here(*asked(tiny, hub, "--budget", "6 tasks"))
    assert status == 0 and "done already" in again and "--go-on runs on" in again
    status, again = command.run_here(*asked(tiny, hub, "--budget", "6 tasks", "--go-on"))
    assert status == 0 and len(budgets(command.store)["ran"]) == 6 and "Every task that could be run was run" in again


@pytest.mark.slow
def test_a_claim_that_does_not_hold_ends_with_1_where_that_is_asked_for(
    command: Command, tiny: Path, hub: Path, tinys_score: float
) -> None:
    made_record(command.store, dict.fromkeys(tasks(), tinys_score + 0.06))
    status, said = command.run_here(*asked(tiny, hub, "--budget", "100%", "--fail-on", "broken"))
    assert status == 1 and "Settled: the claim does not hold." in said, said
    assert "To go on: python -m evaluators reproduce" in said and "--go-on" in said
    record = budgets(command.store)
    assert record["state"] == "does not hold" and record["difference"][0] < -0.015 and record["sure"] < 0.05
    status, _ = command.run_here(*asked(tiny, hub, "--budget", "100%"))
    assert status == 0


@pytest.mark.slow
def test_a_task_that_fails_is_made_up_for_and_no_claim_is_said(
    command: Command, tiny: Path, hub: Path, tmp_path: Path
) -> None:
    data = tmp_path / "hub"
    shutil.copytree(hub, data)
    made_record(command.store, {})
    for name in ("STS12", "STS13", "STS14"):  # the folders are there, and nothing is in them
        (data / "mteb" / FOLDERS[name] / "test.jsonl").unlink()
    status, said = command.run_here(*asked(tiny, data, "--budget", "3 tasks"))
    assert status == 0, said
    record = budgets(command.store)
    assert len(record["ran"]) == 3 and set(record["failed"]) <= {"STS12", "STS13", "STS14"}
    assert "there is no claim to hold it against" in said and record["state"] is None
    before = record["ran"]
    status, said = command.run_here(*asked(tiny, data, "--budget", "6 tasks", "--claim", "99.9"))
    record = budgets(command.store)
    assert status == 0 and record["ran"] == before and record["claim"] == pytest.approx(0.999)
    assert "The claim: a mean of 99.90" in said and record["state"] == "does not hold"


@pytest.mark.slow
def test_a_budget_of_time_is_this_machines(command: Command, tiny: Path, hub: Path, tmp_path: Path) -> None:
    made_record(command.store, {})
    two = tmp_path / "two"
    (two / "mteb").mkdir(parents=True)
    for name in ("STS12", "STS15"):
        (two / "mteb" / FOLDERS[name]).symlink_to(hub / "mteb" / FOLDERS[name])
    status, said = command.run_here(*asked(tiny, two, "--budget", "1000h"))
    assert status == 0 and len(budgets(command.store)["ran"]) == 2, said
    status, said = command.run_here(*asked(tiny, two, "--budget", "0.001s", "--again"))
    assert status == 0 and "No task fits into 0.001s: the quickest" in said


@pytest.mark.slow
def test_a_smoke_run_tells_a_broken_run(command: Command, tiny: Path, hub: Path, tinys_score: float) -> None:
    made_record(command.store, dict.fromkeys(tasks(), tinys_score))
    status, said = command.run_here(*asked(tiny, hub, "--budget", "smoke"))
    assert status == 0 and "Nothing broken was seen" in said and "measured faults would be noticed" in said, said
    assert budgets(command.store)["smoke"] == "nothing-seen"
    made_record(command.store, dict.fromkeys(tasks(), tinys_score + 0.3))
    status, said = command.run_here(*asked(tiny, hub, "--budget", "smoke", "--again"))
    assert status == 1 and "Broken:" in said and "At most 1% of right runs" in said, said
    assert "--budget 5%" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--budget", "0%"], "A budget of nothing runs nothing"),
        (["--budget", "300%"], "A budget of more than the whole benchmark"),
        (["--budget", "five"], "That is no budget"),
        (["--budget", "5 parsecs"], "That is no budget"),
        (["--budget", "2.5 tasks"], "A number of tasks is a whole one"),
        (["--budget", "5%", "--claim", "much"], "A claim is a number"),
        (["--budget", "5%", "--claim", "-3"], "No benchmark has such a mean"),
        (["--budget", "smoke", "--claim", "60"], "A smoke run judges no mean"),
        (["--budget", "5%", "--compare-to", "20260101-000000-abcdef12"], "held against official or reported figures"),
        (["--budget", "5%", "--languages", "eng"], "tells the mean of a benchmark as it is"),
        (["--claim", "60"], "--claim goes with --budget"),
        (["--go-on"], "--go-on goes with --budget"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_loaded(
    command: Command, options: list[str], sentence: str
) -> None:
    status, said = command.run_here("reproduce", "no/model", "--benchmark", BENCHMARK, *options)
    assert status == 2 and sentence in said and "Loading" not in said and "Traceback" not in said


def test_a_benchmark_without_figures_or_tasks_is_named(command: Command) -> None:
    made_record(command.store, {})
    status, said = command.run_here("reproduce", "no/model", "--budget", "5%")
    assert status == 2 and "A budget is for a benchmark" in said
    for benchmark, sentence in (
        ("Ours", "This benchmark is one of this store, and mteb has no tasks of it (Ours)"),
        ("MTEB(Nowhere)", "There is no such benchmark"),
        ("MTEB(deu, v1)", "No model has figures on this benchmark"),
    ):
        status, said = command.run_here("reproduce", "no/model", "--benchmark", benchmark, "--budget", "5%")
        assert status == 2 and sentence in said and "Loading" not in said, said


def test_budgets_and_claims_are_read_as_people_write_them() -> None:
    read = {text: asked_budget(text) for text in ("5%", "2.5 %", "90s", "20min", "2h", "8 tasks", "1 task", "Smoke")}
    assert [(budget.kind, budget.amount) for budget in read.values()] == [
        (BudgetKind.SHARE, 0.05), (BudgetKind.SHARE, 0.025), (BudgetKind.SECONDS, 90), (BudgetKind.SECONDS, 1200),
        (BudgetKind.SECONDS, 7200), (BudgetKind.TASKS, 8), (BudgetKind.TASKS, 1), (BudgetKind.SMOKE, 0.01),
    ]  # fmt: skip
    assert asked_claim("65.2") == asked_claim("0.652") == asked_claim("65.2%") == pytest.approx(0.652)
    with pytest.raises(InputError):
        asked_claim("165")


def test_the_claim_is_what_the_record_says_on_todays_data(record_store: Path) -> None:
    with reading(record_store) as cursor:
        claim = claim_on(task_table(cursor, BENCHMARK), MINILM, None, "official", record_store)
    assert claim.mean == pytest.approx(0.5867, abs=0.005) and len(claim.tasks) == 37


def test_the_definition_is_one_that_mteb_takes() -> None:
    """Each task on the languages and splits the benchmark asks for, in the order to run them."""
    import mteb

    names = ["STS22.v2", "BIOSSES", "ArguAna"]
    given: dict[str, object] = {}
    exec(mteb_definition('few: "5%"\'s', "MTEB(eng, v2)", names), given)
    few, whole = given["few"], mteb.get_benchmark("MTEB(eng, v2)")
    assert isinstance(few, mteb.Benchmark) and few.name == 'few: "5%"\'s'
    assert [task.metadata.name for task in few.tasks] == names
    asked = {task.metadata.name: task for task in whole.tasks}
    assert few.tasks[0].hf_subsets == asked["STS22.v2"].hf_subsets != mteb.get_task("STS22.v2").hf_subsets


@pytest.mark.parametrize(
    ("count", "part", "words"),
    [(1, None, "1 task"), (41, None, "41 tasks"), (41, 41, "all 41 tasks"), (41, 1, "1 of 41 tasks"),
     (1, 1, "1 of 1 task"), (41, 0, "0 of 41 tasks")],
)  # fmt: skip
def test_tasks_are_counted_in_one_way(count: int, part: int | None, words: str) -> None:
    assert tasks_text(count, part=part) == words


@pytest.mark.soak  # with made models and data the same is looked for above, and the record's claim as well
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="needs the real data sets beside the checkout")
def test_real_weights_and_data_keep_what_the_record_says(command: Command, minilm: Path, record_store: Path) -> None:
    shutil.copyfile(record_store, command.store)
    options = ("--as", MINILM, "--benchmark", BENCHMARK, "--datasets", REAL_DATA, "--budget", "1 task")
    status, said = command.run_here("reproduce", minilm, *options, "--fail-on", "gap")
    assert status == 0, said
    record = budgets(command.store)
    assert ": 7 of 41 tasks" in said and len(record["ran"]) == 1
    assert record["claim"] == pytest.approx(0.5867, abs=0.005) and record["claim_tasks"] == 37
    assert record["mean"][1] < record["claim"] < record["mean"][2]
    assert record["difference"][1] < 0 < record["difference"][2] and record["state"] == "cannot tell yet"
