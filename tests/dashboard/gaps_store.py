"""A small store full of gaps: figures that the strict switch leaves out, a task nobody has finished, close models.

Made so that by points for present figures alone, LOSER would be first of the strict board, though BETTER beats it on
every task they share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.store.database import writing
from data.store.derive import derive

BENCHMARK, BY_TYPE = "Gaps", "Gaps by type"
TASKS = [f"Task{i:02d}" for i in range(10)]
UNFINISHED = "Unfinished"
BETTER, LOSER = "org/better", "org/loser"
MODELS = [BETTER, LOSER, *(f"org/close-{i}" for i in range(6))]
OLD_DATA = (BETTER, "org/close-2", "org/close-3", "org/close-4")
LICENCES = ["apache-2.0", "cc-by-nc-4.0", "gemma", None, "CC-BY-NC-SA", "https://own.example/terms", "mit", "llama3.1"]
DATA = "d" * 40


def gaps_store(path: Path) -> Path:
    """Publish the store at ``path``."""
    with writing(path, fresh=True) as connection:
        for table, frame in _frames().items():
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)
    return path


def _frames() -> dict[str, pd.DataFrame]:
    results, scores = _results()
    tasks = [*TASKS, UNFINISHED]
    cells = pd.DataFrame(
        [
            {"task": t, "split": "test", "subset": s}
            for t in tasks
            for s in (["a", "b"] if t == UNFINISHED else ["default"])
        ]
    )
    both = (BENCHMARK, BY_TYPE)
    return {
        "imports": pd.DataFrame(
            [{"import_id": 1, "kind": "folder", "source": "made", "started_at": pd.Timestamp("2026-11-01")}]
        ),
        "models": pd.DataFrame([_model(i, name) for i, name in enumerate(MODELS)]),
        "model_training": pd.DataFrame({"model": [BETTER, BETTER, LOSER], "task": [TASKS[0], TASKS[1], TASKS[0]]}),
        "tasks": pd.DataFrame([_task(i, name) for i, name in enumerate(tasks)]),
        "task_cells": cells.assign(languages="eng-Latn"),
        "versions": pd.DataFrame({"mteb_version": ["2.1.0"], "position": [1]}),
        "benchmarks": pd.DataFrame([_benchmark(i, name) for i, name in enumerate(both)]),
        "benchmark_tasks": pd.DataFrame(
            [{"benchmark": b, "task": t, "position": i} for b in both for i, t in enumerate(tasks)]
        ),
        "benchmark_cells": pd.concat([cells.assign(benchmark=b) for b in both]),
        "results": results,
        "scores": scores,
    }  # fmt: skip


def _results() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(11)
    results: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for i, model in enumerate(MODELS):
        for j, task in enumerate([*TASKS, UNFINISHED]):
            if model == "org/close-5" and j < 3:
                continue
            # Scores of few digits tie at the half of a hundredth, where roundings part.
            score = round(0.70 - 0.004 * i + 0.01 * (j % 3) + rng.normal(0, 0.006), 4)
            if model == BETTER:
                score = 0.75 + 0.001 * j
            old_data = model in OLD_DATA and j >= 7  # left out by the strict switch
            results.append(
                {
                    "result_id": len(results), "model": model, "experiment": "", "task": task, "revision": "a" * 40,
                    "origin": "official", "mteb_version": "2.1.0", "dataset_revision": "e" * 40 if old_data else DATA,
                    "date": pd.Timestamp("2026-01-01"), "file": f"results/{i}/{task}.json", "withdrawn": False,
                    "added_in": 1,
                }
            )  # fmt: skip
            subsets = [["a", "b"][i % 2]] if task == UNFINISHED else ["default"]
            scores += [
                {"result_id": len(results) - 1, "split": "test", "subset": subset, "languages": "eng-Latn",
                 "main_score": score}
                for subset in subsets
            ]  # fmt: skip
    return pd.DataFrame(results), pd.DataFrame(scores)


def _model(i: int, name: str) -> dict[str, Any]:
    return {
        "model": name, "registered": True, "private": False, "n_parameters": 24_500_000 * (i + 1), "dimensions": 384,
        "max_tokens": 512, "licence": LICENCES[i], "open_weights": True, "use_instructions": False,
        "training_known": i != 3,
    }  # fmt: skip


def _task(i: int, name: str) -> dict[str, Any]:
    return {
        "task": name, "registered": True, "private": False, "type": "STS" if i < 7 else "Retrieval",
        "metric": "accuracy", "languages": ["eng"], "splits": ["test"], "is_public": True, "domains": ["Web"],
        "is_aggregate": False, "dataset": f"made/{name}", "dataset_revision": DATA,
    }  # fmt: skip


def _benchmark(i: int, name: str) -> dict[str, Any]:
    ranked_by = "mean_task_type" if name == BY_TYPE else "borda"
    return {
        "benchmark": name, "display_name": name, "description": "Made.", "position": i, "menu": "General Purpose",
        "ranked_by": ranked_by, "sorted_by": "rank", "show_mean_task": True, "show_mean_task_type": True,
        "show_task_types": True, "show_public_private": False, "show_mean_subset": False, "show_zero_shot": True,
        "public_only": False,
    }  # fmt: skip
