"""A small store for the page on what a budget tells: enough models to be sure, times, own runs and own tasks.

Scores are one strength a model, one a type, and a task's own noise, so that a few tasks tell the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.store.database import writing
from data.store.derive import derive

BENCHMARK, SMALL = "Known(all)", "Known(few models)"
TYPES = ("Retrieval", "STS", "Classification")
TASKS = {f"{kind}{i}": kind for kind in TYPES for i in range(5)}
SMALL_TASKS = ("Small0", "Small1", "Small2")
MODELS = [f"org{i}/model-{i}" for i in range(40)]
HOSTILE = "evil/<b>bold</b> $x$ [y](javascript:alert(1))"
WHOLE, PARTLY, RUN_HERE = MODELS[3], MODELS[38], MODELS[5]  # what is known of each
COPY, ALONE, FEW = "Our copy", "Our own <i>kind</i>", "Our few"
DATA = "d" * 40
HERE = ("STS0", "Retrieval1")  # run here of that one
SLOWER = 3.0  # times as long as published


def budget_store(path: Path) -> Path:
    """Publish the store at ``path``."""
    with writing(path, fresh=True) as connection:
        for table, frame in _frames().items():
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)
    return path


def _frames() -> dict[str, pd.DataFrame]:
    rows, runs, timed = _results()
    cells, small, own = (_cells(names) for names in (TASKS, SMALL_TASKS, (COPY, ALONE, FEW)))
    return {
        "imports": pd.DataFrame([{"import_id": 1, "kind": "folder", "source": "made", "started_at": _day(1)}]),
        "models": pd.DataFrame(
            [{"model": name, "registered": True, "private": False, "training_known": False}
             for name in [*MODELS, HOSTILE]]
        ),
        "tasks": pd.DataFrame(
            [_task(name, kind) for name, kind in {**TASKS, **dict.fromkeys(SMALL_TASKS, "STS")}.items()]
            + [_task(name, "STS") | {"registered": False, "private": True, "is_public": False}
               for name in (COPY, ALONE, FEW)]
        ),
        "task_cells": pd.concat([cells, small, own]).assign(languages="eng-Latn"),
        "versions": pd.DataFrame({"mteb_version": ["2.1.0"], "position": [1]}),
        "benchmarks": pd.DataFrame([_benchmark(BENCHMARK, 0), _benchmark(SMALL, 1)]),
        "benchmark_tasks": pd.DataFrame(
            [{"benchmark": name, "task": task, "position": i}
             for name, tasks in ((BENCHMARK, TASKS), (SMALL, SMALL_TASKS)) for i, task in enumerate(tasks)]
        ),
        "benchmark_cells": pd.concat([cells.assign(benchmark=BENCHMARK), small.assign(benchmark=SMALL)]),
        "results": pd.DataFrame(rows).drop(columns="score"),
        "scores": pd.DataFrame(
            [{"result_id": row["result_id"], "split": "test", "subset": "default", "languages": "eng-Latn",
              "main_score": row["score"]} for row in rows]
        ),
        "runs": pd.DataFrame(runs),
        "run_tasks": pd.DataFrame(timed),
    }  # fmt: skip


def _results() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    draw = np.random.default_rng(11)
    names = [*MODELS, HOSTILE]
    strength, of_type = 0.1 * draw.standard_normal(len(names)), 0.04 * draw.standard_normal((len(names), len(TYPES)))
    seconds = dict(zip(TASKS, np.geomspace(2, 900, len(TASKS))[draw.permutation(len(TASKS))].tolist(), strict=True))
    rows: list[dict[str, Any]] = []
    for i, model in enumerate(names):
        for task, kind in TASKS.items():
            own = 0.02 * draw.standard_normal()
            score = float(0.5 + strength[i] + of_type[i, TYPES.index(kind)] + own)
            if model == PARTLY and kind == "Classification":
                continue
            rows.append(_result(len(rows), model, task, score) | {"evaluation_time": seconds[task] * (1 + i % 3)})
            if model == RUN_HERE and task in HERE:
                rows.append(_own(len(rows), model, task, score + 0.001))
            if task == "STS2" and i < 30:
                rows.append(_own(len(rows), model, COPY, score + 0.0005 * draw.standard_normal()))
                rows.append(_own(len(rows), model, ALONE, 0.5 + 0.1 * draw.standard_normal()))
            if task == "STS3" and i < 5:
                rows.append(_own(len(rows), model, FEW, score))
        if i < 4:
            rows += [_result(len(rows) + j, model, task, 0.4 + strength[i]) for j, task in enumerate(SMALL_TASKS)]
    run = {
        "run_id": "run-1", "kind": "reproduce", "model": RUN_HERE, "private": False, "command": "again",
        "settings": "{}", "environment": "{}", "files": "[]", "warnings": "[]", "status": "done",
        "started_at": _day(3),
    }  # fmt: skip
    timed = [
        {"run_id": "run-1", "task": task, "status": "done", "seconds": SLOWER * 2 * seconds[task], "texts": 100}
        for task in HERE
    ]
    return rows, [run], timed


def _cells(tasks: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame([{"task": task, "split": "test", "subset": "default"} for task in tasks])


def _result(number: int, model: str, task: str, score: float) -> dict[str, Any]:
    return {
        "result_id": number, "model": model, "experiment": "", "task": task, "revision": "a" * 40,
        "origin": "official", "mteb_version": "2.1.0", "dataset_revision": DATA, "date": _day(1),
        "file": f"{number}.json", "withdrawn": False, "added_in": 1, "score": score,
    }  # fmt: skip


def _own(number: int, model: str, task: str, score: float) -> dict[str, Any]:
    return _result(number, model, task, score) | {"origin": "reproduced", "run_id": "run-1"}


def _task(name: str, kind: str) -> dict[str, Any]:
    return {
        "task": name, "registered": True, "private": False, "type": kind, "metric": "main_score",
        "languages": ["eng"], "splits": ["test"], "is_public": True, "domains": ["Web"], "is_aggregate": False,
        "dataset": "made/data", "dataset_revision": DATA, "description": "A made task.",
    }  # fmt: skip


def _benchmark(name: str, position: int) -> dict[str, Any]:
    return {
        "benchmark": name, "display_name": name, "description": "Made.", "position": position,
        "menu": "General Purpose", "ranked_by": "borda", "sorted_by": "rank", "show_mean_task": True,
        "show_mean_task_type": True, "show_task_types": True, "show_public_private": False, "show_mean_subset": False,
        "show_zero_shot": True, "public_only": False,
    }  # fmt: skip


def _day(n: int) -> pd.Timestamp:
    return pd.Timestamp(f"2026-11-0{n}")
