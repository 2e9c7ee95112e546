"""A small store made by hand: a few dozen models on two benchmarks, with everything awkward a real record has.

Real names and figures come from the bundled record; this one has what that lacks or must not have: names with markup in
them, a store of an older schema, figures whose ranks can be worked out on paper.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from data.store.database import writing
from data.store.derive import derive

HOSTILE = [
    "<img src=x onerror=alert(1)>/model",
    "evil/[x](javascript:alert(1))",
    "evil/:red[loud] :smile: :material/home:",
    "evil/$a_{latex}$ `code` **bold**",
    'Robert\'); DROP TABLE models;--/"quoted"',
    "www.evil.example/a@b.example",
]
TASKS = {
    "TinySTS": ("STS", ["eng"], ["Web", "Written"]),
    "TinyClass": ("Classification", ["eng", "deu"], ["Reviews", "Written"]),
    "TinyRetrieval": ("Retrieval", ["eng"], ["Web"]),
    "TinyCluster": ("Clustering", ["deu"], ["News"]),
}
PRIVATE_MODEL, PRIVATE_TASK = "local/<b>ours</b>", "Our [questions](x)"
REVISION = "a" * 40
DATASET_REVISION = "d" * 40


def make_store(path: Path, *, plain_models: int = 24) -> Path:
    """Publish the made store at ``path``: scores fall from one model to the next, so ranks are the order of names."""
    names = [f"org/model-{i:02d}" for i in range(plain_models)] + HOSTILE
    with writing(path, fresh=True) as connection:
        for table, frame in _frames(names).items():
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)
    return path


def add_private(path: Path) -> None:
    """Own runs: a private model on public tasks and on an own one, twice, and a public model on the own one.

    The own task is in the store as ``reproduce --own`` leaves it, in no benchmark.
    """
    ran = [
        (PRIVATE_MODEL, "run-1", {**dict.fromkeys(TASKS, 0.5), PRIVATE_TASK: 0.6}),
        (PRIVATE_MODEL, "run-2", {**dict.fromkeys(TASKS, 0.5), PRIVATE_TASK: 0.4}),
        ("org/model-00", "run-3", {PRIVATE_TASK: 0.7}),
    ]
    results = [
        {"result_id": 10_000 + i, "model": model, "revision": f"local-{run}", "experiment": "", "task": task,
         "origin": "reproduced", "dataset_revision": DATASET_REVISION, "mteb_version": "2.1.0", "file": f"{task}.json",
         "run_id": run, "withdrawn": False, "added_in": 2, "score": score,
         "date": pd.Timestamp("2026-11-20") + pd.Timedelta(minutes=i)}
        for i, (model, run, task, score) in enumerate((m, r, t, s) for m, r, of in ran for t, s in of.items())
    ]  # fmt: skip
    cells = [
        {"result_id": r["result_id"], "split": "test", "subset": "default", "languages": "eng-Latn",
         "main_score": r.pop("score")}
        for r in results
    ]  # fmt: skip
    runs = [
        {"run_id": run, "kind": "reproduce", "model": model, "private": model == PRIVATE_MODEL, "command": "again",
         "settings": "{}", "environment": "{}", "files": "[]", "warnings": "[]", "status": "done",
         "started_at": pd.Timestamp("2026-11-20")}
        for model, run, _ in ran
    ]  # fmt: skip
    local = {"model": PRIVATE_MODEL, "registered": False, "private": True, "training_known": False}
    own = _task(PRIVATE_TASK, "STS", ["eng"], []) | {"registered": False, "private": True, "is_public": False}
    later = {"import_id": 2, "kind": "run", "source": "run-1", "started_at": pd.Timestamp("2026-11-20")}
    with writing(path) as connection:
        for table, rows in {
            "imports": [later],
            "models": [local], "tasks": [own], "task_cells": _cells([PRIVATE_TASK]).assign(languages="eng-Latn"),
            "runs": runs, "results": results, "scores": cells,
        }.items():  # fmt: skip
            connection.register("frame", pd.DataFrame(rows))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
            connection.unregister("frame")
        derive(connection)


def _frames(names: list[str]) -> dict[str, pd.DataFrame]:
    results, scores = _results(names)
    return {
        "imports": pd.DataFrame(
            [
                {
                    "import_id": 1,
                    "kind": "folder",
                    "source": "made by tests/make_store.py",
                    "mteb_version": "2.26.24",
                    "started_at": pd.Timestamp("2026-11-01"),
                    "source_date": pd.Timestamp("2026-10-31"),
                }
            ]
        ),
        "models": pd.DataFrame([_model(i, name) for i, name in enumerate(names)]),
        "model_training": pd.DataFrame({"model": names[:3], "task": ["TinySTS"] * 3}),
        "tasks": pd.DataFrame([_task(name, *facts) for name, facts in TASKS.items()]),
        "task_cells": _cells().assign(languages="eng-Latn"),
        "versions": pd.DataFrame({"mteb_version": ["1.12.0", "2.1.0"], "position": [1, 2]}),
        "benchmarks": pd.DataFrame(
            [
                _benchmark("Tiny(all)", "All of it", 0),
                _benchmark("Tiny(half)", "Half of it", 1) | {"menu": "Language-specific"},
            ]
        ),
        "benchmark_tasks": pd.DataFrame(
            [{"benchmark": "Tiny(all)", "task": t, "position": i} for i, t in enumerate(TASKS)]
            + [{"benchmark": "Tiny(half)", "task": t, "position": i} for i, t in enumerate(list(TASKS)[:2])]
        ),
        "benchmark_cells": pd.concat(
            [_cells().assign(benchmark="Tiny(all)"), _cells(list(TASKS)[:2]).assign(benchmark="Tiny(half)")]
        ),
        "results": results,
        "scores": scores,
    }


def _results(names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    results: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for i, model in enumerate(names):
        for j, task in enumerate(TASKS):
            if i == 5 and task == "TinyCluster":  # one incomplete model
                continue
            reported = i == 1 and j == 0  # one figure of a model card
            result = {
                "result_id": len(results),
                "model": model,
                "experiment": "",
                "task": task,
                "revision": "external" if reported else "b" * 40 if i == 2 and j == 1 else REVISION,
                "origin": "reported" if reported else "official",
                "mteb_version": None if reported else "2.1.0",
                "dataset_revision": "e" * 40 if i == 3 and j == 2 else DATASET_REVISION,
                "date": pd.NaT if reported else pd.Timestamp("2026-01-01"),
                "file": f"results/{i}/{task}.json",
                "notes": None,
                "withdrawn": False,
                "added_in": 1,
            }
            results.append(result)
            scores.append(
                {
                    "result_id": result["result_id"],
                    "split": "test",
                    "subset": "default",
                    "languages": "eng-Latn",
                    "main_score": 0.9 - 0.01 * i - 0.1 * j,
                }
            )
    return pd.DataFrame(results), pd.DataFrame(scores)


def _model(i: int, name: str) -> dict[str, Any]:
    return {
        "model": name,
        "registered": True,
        "private": False,
        "revision": REVISION,
        "release_date": date(2023 + i % 3, 1 + i % 12, 1),
        "languages": ["eng-Latn"],
        "n_parameters": None if i == 4 else 10_000_000 * (i + 1) ** 2,
        "memory_mb": 40.0 * (i + 1),
        "max_tokens": [512, 8192, None][i % 3],
        "dimensions": [384, 768, 1024][i % 3],
        "licence": ["apache-2.0", "mit", None][i % 3],
        "open_weights": i % 4 != 3,
        "use_instructions": i % 2 == 0,
        "training_known": i % 5 != 4,
        "reference": "javascript:alert(1)" if name in HOSTILE else f"https://huggingface.co/{name}",
    }


def _task(name: str, kind: str, languages: list[str], domains: list[str]) -> dict[str, Any]:
    return {
        "task": name,
        "registered": True,
        "private": False,
        "type": kind,
        "metric": "main_score",
        "languages": languages,
        "domains": domains,
        "splits": ["test"],
        "is_public": True,
        "is_aggregate": False,
        "dataset": f"made/{name}",
        "dataset_revision": DATASET_REVISION,
        "description": f"A made task, {name}.",
    }


def _benchmark(name: str, display: str, position: int) -> dict[str, Any]:
    return {
        "benchmark": name,
        "display_name": display,
        "description": "Made by hand.",
        "position": position,
        "menu": "General Purpose",
        "ranked_by": "borda",
        "sorted_by": "rank",
        "show_mean_task": True,
        "show_mean_task_type": True,
        "show_task_types": True,
        "show_public_private": False,
        "show_mean_subset": False,
        "show_zero_shot": True,
        "public_only": False,
    }


def _cells(tasks: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame([{"task": t, "split": "test", "subset": "default"} for t in tasks or TASKS])
