"""Stores with a few results for the tests of deltas: official, reported and own ones, said in one line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from data.store.database import writing
from data.store.derive import derive

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "mteb"
if not SHARED.exists():  # a worktree lies one folder deeper than the checkout
    SHARED = ROOT.parents[1] / "shared" / "mteb"

DATA = "d" * 40
MODEL = "org/model"
TYPES = {"STSBenchmark": ("STS", "cosine_spearman"), "SciFact": ("Retrieval", "ndcg_at_10")}


def result(origin: str, score: float | None = 0.5, task: str = "STSBenchmark", model: str = MODEL, **more: Any) -> dict:
    """One result of one cell; ``more`` overrides columns of results, or split, subset, cells and metrics."""
    return {
        "origin": origin,
        "score": score,
        "task": task,
        "model": model,
        "revision": "a" * 40,
        "dataset_revision": DATA,
        "mteb_version": "2.1.0",
        "experiment": "",
        "withdrawn": False,
        **more,
    }


def store_of(path: Path, results: list[dict], *, floors: bool = True, runs: bool = True) -> Path:
    """Publish a store with these results, the noise floors every store has, and one run for each run_id named."""
    with writing(path, fresh=True) as connection:
        if not floors:
            connection.execute("DELETE FROM noise_floors")
        for task in dict.fromkeys(r["task"] for r in results):
            kind, metric = TYPES.get(task, ("Classification", "accuracy"))
            connection.execute(
                "INSERT INTO tasks BY NAME SELECT ? AS task, true AS registered, false AS private, ? AS type, "
                "? AS metric, false AS is_aggregate",
                [task, kind, metric],
            )
        for number, each in enumerate(results, 1):
            _insert(connection, number, each)
        if runs:
            for run in dict.fromkeys((r["run_id"], r["model"]) for r in results if r.get("run_id")):
                _insert_run(connection, *run)
        derive(connection)
    return path


def _insert(connection: duckdb.DuckDBPyConnection, number: int, each: dict) -> None:
    row = {
        "result_id": number,
        "added_in": 1,
        "file": f"results/{number}.json",
        **{k: v for k, v in each.items() if k not in ("score", "split", "subset", "cells", "metrics")},
    }
    names = ", ".join(row)
    connection.execute(
        f"INSERT INTO results ({names}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 -- names from this file
        list(row.values()),
    )
    metric_set, figures = None, None
    if metrics := each.get("metrics"):
        metric_set, figures = number, list(metrics.values())
        connection.execute("INSERT INTO metric_sets VALUES (?, ?)", [number, list(metrics)])
    for subset, score in each.get("cells", {each.get("subset", "default"): each["score"]}).items():
        connection.execute(
            "INSERT INTO scores (result_id, split, subset, main_score, metric_set, metrics) VALUES (?, ?, ?, ?, ?, ?)",
            [number, each.get("split", "test"), subset, score, metric_set, figures],
        )


def _insert_run(connection: duckdb.DuckDBPyConnection, run_id: str, model: str) -> None:
    settings = {"asked": {"dtype": None}, "in_use": {"dtype": "float32", "max_seq_length": 256, "prompts": {}}}
    connection.execute(
        "INSERT INTO runs VALUES (?, 'reproduce', ?, ?, false, ?, ?, ?, '[]', ?, ?, ?, 'done')",
        [
            run_id,
            model,
            "a" * 40,
            f"python -m evaluators reproduce {model}",
            json.dumps(settings),
            json.dumps({"libraries": {"mteb": "2.26.24"}}),
            json.dumps(["a warning of the run"]),
            pd.Timestamp("2026-11-20 10:00"),
            pd.Timestamp("2026-11-20 11:00"),
        ],
    )


def real_record(path: Path) -> Path:
    """A store of every model card's figure that overlaps with an official run, from shared/mteb."""
    with writing(path, fresh=True) as connection:
        connection.execute(
            "CREATE TEMP TABLE pairs AS SELECT * REPLACE (replace(model, '__', '/') AS model) FROM read_parquet(?)",
            [str(SHARED / "reported-vs-run.parquet")],
        )
        connection.execute(
            """INSERT INTO tasks BY NAME SELECT task, true AS registered, false AS private,
                   coalesce(any_value(task_type), 'unknown') AS type, any_value(metric) AS metric, false AS is_aggregate
               FROM pairs GROUP BY task"""
        )
        for offset, origin, data, score in (
            (0, "reported", "dr_ext", "score_external"),
            (1, "official", "dr_run", "score_run"),
        ):
            connection.execute(
                f"""CREATE OR REPLACE TEMP TABLE one AS
                    SELECT 2 * row_number() OVER (ORDER BY model, task) + {offset} AS result_id, model, task,
                        any_value(revision) AS revision, any_value({data}) AS dataset_revision,
                        any_value(mteb_version) AS mteb_version, any_value(run_path) AS file
                    FROM pairs GROUP BY model, task"""
            )
            connection.execute(
                f"""INSERT INTO results BY NAME SELECT * EXCLUDE (revision, mteb_version),
                        CASE WHEN '{origin}' = 'official' THEN revision END AS revision,
                        CASE WHEN '{origin}' = 'official' THEN mteb_version END AS mteb_version,
                        '' AS experiment, '{origin}' AS origin, '{origin}' = 'reported' AS withdrawn, 1 AS added_in
                    FROM one"""
            )
            connection.execute(
                f"""INSERT INTO scores BY NAME
                    SELECT one.result_id, p.split, p.subset, p.{score} AS main_score
                    FROM pairs p JOIN one USING (model, task)"""
            )
        connection.execute(
            """INSERT INTO models BY NAME SELECT DISTINCT model, true AS registered, false AS private,
                   false AS training_known FROM pairs"""
        )
        derive(connection)
    return path


HOSTILE = "<img src=x onerror=alert(1)>/[x](javascript:alert(1))"
BROKEN, MOVED = "org/broken", "MovedTask"
PAGE_TASKS = ["STSBenchmark", "SciFact", "Banking77Classification", "EmotionClassification", "TaskE", MOVED]
PAGE_MODELS = [*(f"org/model-{n:02d}" for n in range(14)), BROKEN, HOSTILE]
RIGHT_RUN, WRONG_RUN = "20261120-100000-aaaa11", "20261120-120000-bbbb22"


def page_results() -> list[dict]:
    """Sixteen models' cards against official runs on six tasks, and two runs of one of them on five tasks.

    One model is broken, one task moved for half of the models to other data, one result is of another metric, and one
    cell is a plain gap. The first run agrees with what is published; the second lost half of everything.
    """
    found = []
    for i, model in enumerate(PAGE_MODELS):
        for j, task in enumerate(PAGE_TASKS):
            claim = 0.8 - 0.01 * i - 0.02 * j
            moved = task == MOVED and i % 2 == 0
            check = claim - 0.4 if model == BROKEN else claim - 0.09 if moved else claim + 0.0001 * (i - j)
            if (i, j) == (3, 1):
                check = claim - 0.05
            metric = {"metric": "ap"} if (i, j) == (5, 4) else {}
            found.append(result("reported", claim, task, model, revision=None, mteb_version=None, withdrawn=True))
            found.append(
                result("official", check - (0.3 if metric else 0), task, model, **metric)
                | ({"dataset_revision": "e" * 40} if moved else {})
            )
    official = {r["task"]: r["score"] for r in found if r["model"] == PAGE_MODELS[1] and r["origin"] == "official"}
    for run, factor, hour in ((RIGHT_RUN, 1.0, 10), (WRONG_RUN, 0.5, 12)):
        for task in PAGE_TASKS[:5]:
            score = official[task] * factor
            found.append(
                result(
                    "reproduced", score, task, PAGE_MODELS[1], run_id=run, mteb_version="2.26.24",
                    date=pd.Timestamp(f"2026-11-20 {hour}:00"), metrics={"main": score, "extra": score / 3},
                )
            )  # fmt: skip
    return found
