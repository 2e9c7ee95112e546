"""A small store for the pages that help to choose: twelve tasks of three types, gaps, languages, two imports.

Scores are drawn once with a fixed seed, close enough that some models cannot be told apart.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.store.database import writing
from data.store.derive import derive

BENCHMARK = "Choose(all)"
HOSTILE = "evil/<b>bold</b> $x$ [y](javascript:alert(1))"
MODELS = [*(f"org/model-{i:02d}" for i in range(12)), HOSTILE]
LATE = "new/late"
TASKS = {
    **{f"Search{i}": "Retrieval" for i in range(5)},
    **{f"Similar{i}": "STS" for i in range(4)},
    **{f"Sort{i}": "Classification" for i in range(3)},
}
SUBSETS = {"Sort0": {"en": "eng-Latn", "de": "deu-Latn", "fr": "fra-Latn"}, "Search1": {"en-de": "eng-Latn,deu-Latn"}}
DATA = "d" * 40
CHANGED = ("org/model-00", "Search0", 0.125)  # what it has after the second import


def choose_store(path: Path, *, floors: bool = True) -> Path:
    """Publish the store at ``path``."""
    frames = _frames()
    if not floors:
        del frames["noise_floors"]
    with writing(path, fresh=True) as connection:
        connection.execute("DELETE FROM noise_floors")  # a fresh store holds those of real reruns
        for table, frame in frames.items():
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)
    return path


def _frames() -> dict[str, pd.DataFrame]:
    results, scores = _results()
    cells = pd.DataFrame(
        [
            {"task": task, "split": "test", "subset": subset, "languages": languages}
            for task in TASKS
            for subset, languages in SUBSETS.get(task, {"default": "eng-Latn"}).items()
        ]
    )
    return {
        "imports": pd.DataFrame(
            [
                {
                    "import_id": n,
                    "kind": "folder",
                    "source": f"snapshot {n}",
                    "started_at": pd.Timestamp(f"2026-11-0{n}"),
                }
                for n in (1, 2)
            ]
        ),
        "models": pd.DataFrame([_model(i, name) for i, name in enumerate([*MODELS, LATE])]),
        "model_training": pd.DataFrame({"model": [MODELS[0]] * 3, "task": ["Search0", "Search1", "Sort2"]}),
        "tasks": pd.DataFrame([_task(name, kind) for name, kind in TASKS.items()]),
        "task_cells": cells,
        "versions": pd.DataFrame({"mteb_version": ["2.1.0"], "position": [1]}),
        "benchmarks": pd.DataFrame([_benchmark()]),
        "benchmark_tasks": pd.DataFrame(
            [{"benchmark": BENCHMARK, "task": t, "position": i} for i, t in enumerate(TASKS)]
        ),
        "benchmark_cells": cells.drop(columns="languages").assign(benchmark=BENCHMARK),
        "metric_sets": pd.DataFrame([{"metric_set": 1, "names": ["main", "recall_at_100"]}]),
        "noise_floors": pd.DataFrame(
            [
                {"scope": "type", "name": "STS", "n": 50, "floor": 0.035},
                {"scope": "task", "name": "Search0", "n": 20, "floor": 0.3},
            ]
        ),
        "results": results,
        "scores": scores,
    }


def _results() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(7)
    results: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    task_level = {task: rng.uniform(0.45, 0.8) for task in TASKS}
    for i, model in enumerate([*MODELS, LATE]):
        for task in TASKS:
            if (i == 5 and task in ("Similar3", "Sort1")) or (model == LATE and task == "Sort2"):
                continue
            level = task_level[task] - 0.012 * (i % 13) + rng.normal(0, 0.02)
            values = {
                s: (lang, level + rng.normal(0, 0.01)) for s, lang in SUBSETS.get(task, {"default": "eng-Latn"}).items()
            }
            if i == 6 and task == "Sort0":
                del values["fr"]
            changed = (model, task) == CHANGED[:2]
            _add(results, scores, model, task, values, added=2 if model == LATE else 1, gone=2 if changed else None)
            if changed:
                _add(results, scores, model, task, {s: (lang, CHANGED[2]) for s, (lang, _) in values.items()}, added=2)
    return pd.DataFrame(results).astype({"gone_in": "Int64"}), pd.DataFrame(scores)


def _add(
    results: list[dict[str, Any]],
    scores: list[dict[str, Any]],
    model: str,
    task: str,
    values: dict[str, tuple[str, float]],
    *,
    added: int,
    gone: int | None = None,
) -> None:
    number = len(results)
    results.append(
        {
            "result_id": number, "model": model, "experiment": "", "task": task, "revision": "a" * 40,
            "origin": "official", "mteb_version": "2.1.0", "dataset_revision": "e" * 40 if task == "Sort1" else DATA,
            "date": pd.Timestamp("2026-01-01"), "file": f"results/{number}/{task}.json", "notes": None,
            "withdrawn": False, "added_in": added, "gone_in": gone,
        }
    )  # fmt: skip
    scores += [
        {
            "result_id": number, "split": "test", "subset": subset, "languages": languages, "main_score": score,
            "metric_set": 1, "metrics": [score, score / 2],
        }
        for subset, (languages, score) in values.items()
    ]  # fmt: skip


def _model(i: int, name: str) -> dict[str, Any]:
    size = [384, 768, 1024][i % 3]
    return {
        "model": name, "registered": True, "private": False, "release_date": date(2024, 1 + i % 12, 1),
        "languages": ["eng-Latn"], "n_parameters": None if i == 4 else 40_000_000 * (i + 1), "memory_mb": 100.0,
        "max_tokens": [512, 8192, None][i % 3], "dimensions": size,
        "dimension_options": [256, size] if i % 2 else [size],
        "licence": ["apache-2.0", "mit", None][i % 3], "open_weights": i % 4 != 3, "use_instructions": False,
        "training_known": i % 5 != 4,
    }  # fmt: skip


def _task(name: str, kind: str) -> dict[str, Any]:
    return {
        "task": name, "registered": True, "private": False, "type": kind, "metric": "accuracy",
        "languages": ["eng", "deu", "fra"] if name == "Sort0" else ["eng"], "splits": ["test"], "is_public": True,
        "domains": ["Legal"] if name in ("Search0", "Search1") else ["Web"], "is_aggregate": False,
        "dataset": f"made/{name}", "dataset_revision": DATA, "description": f"A made task, {name}.",
    }  # fmt: skip


def _benchmark() -> dict[str, Any]:
    return {
        "benchmark": BENCHMARK, "display_name": "All", "description": "Made.", "position": 0, "menu": "General Purpose",
        "ranked_by": "borda", "sorted_by": "rank", "show_mean_task": True, "show_mean_task_type": True,
        "show_task_types": True, "show_public_private": False, "show_mean_subset": False, "show_zero_shot": True,
        "public_only": False,
    }  # fmt: skip
