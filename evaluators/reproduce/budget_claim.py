"""The claim a budget run is held against: which figures it is made of, and how far the tasks run are from them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import duckdb

from data.rules.budget.table import TaskTable
from data.rules.deltas import deltas
from data.store.database import reading
from data.store.vocabulary import Comparison, Origin

__all__ = ["BenchmarkClaim", "claim_on", "measured_on"]


class BenchmarkClaim(NamedTuple):
    """What is claimed of a model on a benchmark.

    Attributes:
        tasks: published score by task, 0-1 scale: those that can be compared, since the data are what they are today;
            empty where only a mean is claimed, or nothing.
        mean: the claimed mean, 0-1 scale: the one given, or of ``tasks``; None where nothing is claimed.
        origin: official, reported, or given.
        elsewhere: tasks with a published figure that is of other data, or whose data are not known.
        other: tasks with figures of the other origin, official or reported.
    """

    tasks: dict[str, float]
    mean: float | None
    origin: str
    elsewhere: int = 0
    other: int = 0


class Measured(NamedTuple):
    """What a run has of a benchmark so far.

    Attributes:
        scores: by task, 0-1 scale, mean over its cells.
        deltas: measured minus claimed by task, of those that can be compared.
        seconds: by task.
    """

    scores: dict[str, float]
    deltas: dict[str, float]


def claim_on(table: TaskTable, model: str, given: float | None, origin: str, store: Path | None) -> BenchmarkClaim:
    """The claim on a benchmark: the mean that was given, else the published figures of one origin."""
    if given is not None:
        return BenchmarkClaim({}, given, "given")
    with reading(store) as cursor:
        rows = cursor.execute(_CLAIMED, {"benchmark": table.benchmark, "model": model}).fetchall()
    own = {task: score for task, score, same, theirs in rows if theirs == origin and same}
    elsewhere = sum(theirs == origin and not same for _, _, same, theirs in rows)
    other = sum(theirs != origin for _, _, _, theirs in rows)
    weights = dict(zip(table.tasks, table.weights, strict=True))
    own = {task: score for task, score in own.items() if task in weights}
    total = sum(weights[task] for task in own)
    mean = sum(weights[task] * score for task, score in own.items()) / total if own else None
    return BenchmarkClaim(own, mean, origin, elsewhere, other)


def measured_on(run_id: str, model: str, claim: BenchmarkClaim, tasks: list[str], store: Path | None) -> Measured:
    """What the store has of a run, task by task.

    Which tasks can be compared is settled by their data alone: tasks on other data whose scores happen to match would
    speak for a claim, and those that do not would be left out.
    """
    with reading(store) as cursor:
        scores = dict(cursor.execute(_SCORES, {"run": run_id, "tasks": tasks}).fetchall())
        return Measured(scores, _deltas(cursor, run_id, model, claim) if claim.tasks else {})


def _deltas(cursor: duckdb.DuckDBPyConnection, run_id: str, model: str, claim: BenchmarkClaim) -> dict[str, float]:
    kind = Comparison.REPRODUCED if claim.origin == Origin.OFFICIAL else Comparison.CARD
    frame = deltas(cursor, kind, model=model, run_id=run_id)
    frame = frame[(frame["claim_origin"] == claim.origin) & frame["obstacle"].isna() & frame["delta"].notna()]
    by_task: dict[str, list[float]] = {}
    for task, claim_id, check_id, delta in frame[["task", "claim_id", "check_id", "delta"]].itertuples(index=False):
        same = cursor.execute(_SAME_DATA, [int(claim_id), int(check_id)]).fetchall()
        if task in claim.tasks and same == [(True,)]:
            by_task.setdefault(task, []).append(delta)
    return {task: fmean(cells) for task, cells in by_task.items()}


# A figure is held against a run of today's data: one of other data, or of data nobody knows, is no claim on them.
_CLAIMED = """
SELECT b.task, b.score, coalesce(same_dataset(r.dataset_revision, t.dataset_revision), false), r.origin
FROM board_cells($benchmark, NULL, NULL, false) b
JOIN results r USING (result_id) JOIN tasks t ON t.task = b.task
WHERE b.model = $model AND b.score IS NOT NULL AND r.origin <> 'reproduced'
ORDER BY b.task
"""

_SCORES = """
SELECT r.task, avg(s.main_score)
FROM current_results r JOIN scores s USING (result_id)
WHERE r.run_id = $run AND list_contains($tasks, r.task)
GROUP BY r.task HAVING count(s.main_score) = count(*)
ORDER BY min(r.date), r.task
"""

_SAME_DATA = """
SELECT same_dataset(claim.dataset_revision, checked.dataset_revision)
FROM results claim, results checked WHERE claim.result_id = ? AND checked.result_id = ?
"""
