"""How claims and later runs of them differ in the record, and what the sequential test would have called them.

The constants of ``data/rules/budget/claims.py`` come from here.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from data.rules.budget import claims
from data.rules.budget.choice import Budget, choose_tasks
from data.rules.budget.gaussian import fit
from data.rules.budget.table import task_table
from data.rules.deltas import Thresholds, deltas
from data.store.vocabulary import Comparison

__all__ = ["Replayed", "pairs_by_task", "prior_weights", "replay", "replayed", "with_enough_tasks"]

Floats = npt.NDArray[np.float64]

FEWEST_FOR_PRIOR, FEWEST_FOR_REPLAY = 5, 8  # tasks of a model
LIMIT = Thresholds().drift


class Replayed(NamedTuple):
    """One claim of the record: what all its tasks say, what the test said, after how many tasks and at what cost."""

    benchmark: str
    model: str
    tasks: int
    full: str
    stated: str
    needed: int
    cost: float  # share of the seconds of its tasks


def pairs_by_task(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Columns model, task, delta (run minus claim, mean over cells), floor: claims and runs on the same data."""
    frame = deltas(cursor, Comparison.REPORTED)
    frame = frame[frame["same_data"].fillna(False).astype(bool) & frame["obstacle"].isna() & frame["delta"].notna()]
    return frame.groupby(["model", "task"], as_index=False).agg(delta=("delta", "mean"), floor=("floor", "max"))


def prior_weights(pairs: pd.DataFrame) -> tuple[Floats, Floats]:
    """How often a model is off by each size, and each share of its tasks by a lot: expectation maximisation.

    One more model that is spread evenly over all of them stands for what eighty-five have not shown.
    """
    worlds = claims._worlds()
    shape = (len(claims._SIZES), -1, len(claims._OFF_SHARES))
    bell = worlds.weight.reshape(shape) / worlds.weight.reshape(shape).sum(axis=1, keepdims=True)
    models = [group for _, group in pairs.groupby("model") if len(group) >= FEWEST_FOR_PRIOR]
    likely = np.array(
        [
            (claims._likelihood(worlds, g["delta"].to_numpy(), g["floor"].to_numpy()).reshape(shape) * bell).sum(axis=1)
            for g in models
        ]
    )
    sizes, shares = np.full(shape[0], 1 / shape[0]), np.full(shape[2], 1 / shape[2])
    for _ in range(500):
        each = likely * sizes[:, None] * shares
        each /= each.sum(axis=(1, 2), keepdims=True)
        sizes = (each.sum(axis=(0, 2)) + 1 / shape[0]) / (len(models) + 1)
        shares = (each.sum(axis=(0, 1)) + 1 / shape[2]) / (len(models) + 1)
    return sizes, shares


def replay(deltas: Floats, floors: Floats, weights: Floats, order: list[int]) -> tuple[str, int]:
    """What the test says of these differences, run in this order, and after how many."""
    seen = np.full(len(deltas), np.nan)
    for place in order:
        seen[place] = deltas[place]
        verdict = claims.by_tasks(seen, floors, weights, LIMIT)
        if verdict.state.settled:
            break
    return str(verdict.state), verdict.tasks


def replayed(cursor: duckdb.DuckDBPyConnection, benchmarks: list[str]) -> list[Replayed]:
    """Every claim of the record that was run on enough tasks of a benchmark, the same tasks of a model once."""
    pairs, once, rows = pairs_by_task(cursor), set(), []
    for benchmark in benchmarks:
        table = task_table(cursor, benchmark)
        gaussian = fit(table.scores, table.types)
        place = {task: i for i, task in enumerate(table.tasks)}
        for model, group in pairs[pairs["task"].isin(table.tasks)].groupby("model"):
            key = (model, *sorted(group["task"]))
            if len(group) < FEWEST_FOR_REPLAY or key in once:
                continue
            once.add(key)
            at = np.array([place[task] for task in group["task"]])
            weights, floors, own = np.full(len(at), 1 / len(at)), table.floors[at], group["delta"].to_numpy()
            part = gaussian._replace(mean=gaussian.mean[at], cov=gaussian.cov[np.ix_(at, at)])
            chosen = choose_tasks(part, weights, table.seconds[at], floors / 2, Budget(tasks=len(at)))
            order = [choice.place for choice in chosen]
            order += sorted(set(range(len(at))) - set(order))
            stated, needed = replay(own, floors, weights, order)
            full = claims.ClaimState.HOLDS if abs(own.mean()) <= LIMIT else claims.ClaimState.FAILS
            cost = table.seconds[at][order[:needed]].sum() / table.seconds[at].sum()
            rows.append(Replayed(benchmark, str(model), len(at), str(full), stated, needed, float(cost)))
    return rows


def with_enough_tasks(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Benchmarks on which there is something to stop early."""
    query = "SELECT benchmark FROM benchmark_tasks GROUP BY ALL HAVING count(*) >= ? ORDER BY benchmark"
    names = [name for (name,) in cursor.execute(query, [FEWEST_FOR_REPLAY]).fetchall()]
    ranked = "SELECT 1 FROM board_cells(?, NULL, NULL, false) WHERE score IS NOT NULL LIMIT 1"
    return [name for name in names if cursor.execute(ranked, [name]).fetchall()]
