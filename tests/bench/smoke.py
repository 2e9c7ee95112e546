"""The smoke run: which measured faults 1 % of a benchmark shows, and how often honest reruns would be called broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

from data.rules.budget.faults import fault_table
from data.rules.budget.reruns import ALARM, RERUN_TAIL, RerunTail, runs_p
from data.rules.budget.smoke import smoke_plan
from data.rules.budget.table import task_table
from data.store.database import reading
from tests.maintain.noise import honest_pairs, read_pairs

BENCHMARKS = ("MTEB(eng, v2)", "MTEB(Multilingual, v2)", "MTEB(eng, v1)", "MTEB(cmn, v1)")
ROOT = Path(__file__).resolve().parents[2]
TASKS, DRAWS = (1, 3, 6), 500


class FalseAlarms(NamedTuple):
    """Share of smoke runs called broken with its 95 % interval; batches of reruns, and how many were ever called so."""

    rate: float
    low: float
    high: float
    batches: int
    alarmed: int


def measure(context: Any) -> None:
    """Print the plans and, where the reruns are at hand, their tail and the false alarms."""
    faults = fault_table()
    with reading(context.store) as cursor:
        for benchmark in BENCHMARKS:
            plan = smoke_plan(task_table(cursor, benchmark), faults)
            print(f"{benchmark:24} {plan.share:7.3%} of the time, {sum(plan.seconds):.0f} s: {', '.join(plan.tasks)}")
            print(f"{'':24} {plan.coverage} {plan.standing}")
    if (reruns := reruns_file()) is None:
        print("the reruns are not beside the checkout: no rate of false alarms")
        return
    tasks = honest_tasks(reruns)
    tail = tail_of(tasks)
    print(f"tail of honest reruns: {tail}; used {RERUN_TAIL}")
    for name, some in (("all", tasks), ("that moved", tasks[tasks["moved"] > 0])):
        for count in TASKS:
            rate, low, high, batches, alarmed = false_alarms(some, count)
            print(
                f"honest reruns, {name}, {count} tasks a run: {rate:.3%} called broken, 95 % {low:.3%} to {high:.3%}"
                f" ({batches} batches of one model and day, {alarmed} of them ever called broken)"
            )


def reruns_file() -> Path | None:
    """The reruns beside the checkout, or a worktree's; None where they are not."""
    places = [folder / "shared" / "mteb" / "reruns.parquet" for folder in (ROOT.parent, ROOT.parents[1])]
    return next((path for path in places if path.is_file()), None)


def honest_tasks(reruns: Path) -> pd.DataFrame:
    """Honest reruns, a row a model, day and task: ``off`` in noise floors, ``moved`` the largest cell's difference."""
    honest = honest_pairs(read_pairs(reruns))
    keys = ["model", "day", "task", "task_type"]
    tasks = honest.groupby(keys, as_index=False).agg(delta=("delta", "mean"), moved=("moved", "max"))
    floors = duckdb.execute("SELECT scope, name, floor FROM 'data/record/noise_floors.parquet'").fetchall()
    by = {(scope, name): floor for scope, name, floor in floors}
    every = by["all", ""]
    return tasks.assign(
        off=[
            abs(delta) / by.get(("task", task), by.get(("type", kind), every))
            for delta, task, kind in tasks[["delta", "task", "task_type"]].itertuples(index=False, name=None)
        ]
    )


def tail_of(tasks: pd.DataFrame) -> RerunTail:
    """The power law that nowhere lies below the reruns that moved, from two floors on."""
    off = np.sort(tasks.loc[tasks["moved"] > 0, "off"].to_numpy(float))
    start = RERUN_TAIL.start
    far = off[off > start]
    power = 1 / float(np.log(far / start).mean())
    shares = np.arange(len(far), 0, -1) / len(off)
    return RerunTail(float((shares * (far / start) ** power).max()), start, power)


def false_alarms(tasks: pd.DataFrame, count: int) -> FalseAlarms:
    """Share of smoke runs of so many tasks that would be called broken, with its interval.

    A smoke run is drawn among the tasks that one model had rerun on one day; each such batch counts the same. The
    interval is Clopper and Pearson's (1934) of as many runs as there are batches.
    """
    rng = np.random.default_rng(1)
    rates = []
    for _, batch in tasks.groupby(["model", "day"]):
        off = batch["off"].to_numpy(float)
        few = min(count, len(off))
        drawn = np.stack([rng.choice(off, few, replace=False) for _ in range(DRAWS)])
        rates.append(float((runs_p(drawn, np.ones(few)) <= ALARM).mean()))
    alarms, n = float(np.sum(rates)), len(rates)
    low = float(stats.beta.ppf(0.025, alarms, n - alarms + 1)) if alarms else 0.0
    high = float(stats.beta.ppf(0.975, alarms + 1, n - alarms))
    return FalseAlarms(alarms / n, low, high, n, int((np.array(rates) > 0).sum()))
