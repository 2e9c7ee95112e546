"""What a few tasks say of a benchmark, by models whose families were left out, beside other ways to choose."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from data.rules.budget.table import TaskTable, task_table
from data.store.database import open_reader
from tests.nested import DRAWS, OTHERS, SHARES, trials, with_relatives

BENCHMARKS = (
    "MTEB(Multilingual, v2)",
    "MTEB(eng, v2)",
    "MTEB(eng, v1)",
    "MTEB(Europe, v1)",
    "MTEB(Indic, v1)",
    "MTEB(Scandinavian, v1)",
    "MTEB(deu, v1)",
    "MTEB(fra, v1)",
    "MTEB(kor, v1)",
    "MTEB(nld, v1)",
    "MTEB(rus, v1.1)",
    "MTEB(cmn, v1)",
    "MTEB(Code, v1)",
    "MTEB(Law, v1)",
    "MTEB(Medical, v1)",
    "BEIR",
    "RAR-b",
    "LMEB",
    "LongEmbed",
    "MIEB(lite)",
    "JMTEB(v2)",
)
NOT_ENOUGH = ("MTEB(pol, v1)", "RTEB(eng, beta)")  # asked for, and hardly a model has every task
FEW = 40  # models with every task: below, figures are shown and do not count in the totals
WORST = ("MTEB(Multilingual, v2)", "MTEB(eng, v2)")
SEED = 0


def measure(context: Any) -> None:
    """Print errors, coverage and rank correlation by benchmark and share of the published time, and the ratios."""
    began = time.perf_counter()
    reader = open_reader(context.store)
    with reader.own_cursor() as cursor:
        tables = [task_table(cursor, name) for name in BENCHMARKS]
        scarce = {name: _whole(task_table(cursor, name)) for name in NOT_ENOUGH}
    reader.close()
    frame = nested(tables)
    for lines in (errors(frame, tables), totals(frame, tables), relatives(frame), families(frame)):
        print("\n".join(lines) + "\n")
    print("not measured: " + ", ".join(f"{name} ({n} models with every task)" for name, n in scarce.items()))
    print(f"seed {SEED}; {time.perf_counter() - began:.0f} s")


def nested(tables: list[TaskTable]) -> pd.DataFrame:
    """All trials, and those with random folds under ``by_family`` false; the longest benchmarks first."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes begun here: two of them, a core each
    jobs = [(table, by_family) for by_family in (True, False) for table in sorted(tables, key=lambda t: -t.scores.size)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        return pd.concat(pool.map(_job, jobs), ignore_index=True)


def _job(job: tuple[TaskTable, bool]) -> pd.DataFrame:
    table, by_family = job
    frame = trials(table, seed=SEED) if by_family else with_relatives(table, seed=SEED)
    return frame.assign(benchmark=table.benchmark, by_family=by_family)


def errors(frame: pd.DataFrame, tables: list[TaskTable]) -> list[str]:
    """Of each benchmark: RMSE in points, coverage of the mean and of the rank, rank correlation."""
    lines = [
        "prediction of a left-out family's mean, at "
        + ", ".join(f"{share:.0%}" for share in SHARES)
        + " of the published time",
        f"{'':24}{'models':>7} {'fam.':>4} {'spread':>6}  {'RMSE, points':^30}  {'95% holds the mean, %':^24}  "
        f"{'the rank, %':^24}  {'rank correlation':^29}",
    ]
    ours = frame[(frame.way == "ours") & frame.by_family]
    for table in tables:
        mine = ours[ours.benchmark == table.benchmark]
        cells = [_summary(mine[mine.share == share]) for share in SHARES]
        first = mine[mine.share == SHARES[0]]
        lines.append(
            f"{table.benchmark:24}{len(first):7} {first.family.nunique():4} {100 * first.true.std():6.1f}  "
            + "".join(f"{cell['rmse']:6.2f}" if cell["tasks"] else f"{'-':>6}" for cell in cells)
            + "  "
            + "".join(f"{100 * cell['holds']:5.0f}" for cell in cells)
            + "  "
            + "".join(f"{100 * cell['rank holds']:5.0f}" for cell in cells)
            + "  "
            + "".join(f"{cell['correlation']:6.3f}" if cell["tasks"] else f"{'-':>6}" for cell in cells)
            + (" few" if len(first) < FEW else "")
        )
    return [*lines, "-: no task fits; spread: standard deviation of the true means; few: too few models to count"]


def totals(frame: pd.DataFrame, tables: list[TaskTable]) -> list[str]:
    """Over benchmarks: pooled coverage, and how many times ours the error of other ways is."""
    counted = [table.benchmark for table in tables if _whole(table) >= FEW]
    frame = frame[frame.by_family & frame.benchmark.isin(counted)]
    ours = frame[frame.way == "ours"]
    lines = [f"{f'over {len(counted)} benchmarks':44}" + "".join(f"{share:>9.0%}" for share in SHARES) + "      all"]
    for label, low, value, high in (
        ("95 % intervals hold the mean, %", "low", "true", "high"),
        ("95 % intervals hold the rank, %", "rank_low", "rank", "rank_high"),
    ):
        some = ours[ours[low].notna()]
        inside = (some[low] - 1e-9 <= some[value]) & (some[value] <= some[high] + 1e-9)
        by_share = inside.groupby(some.share).mean()
        lines.append(
            f"{label:44}" + "".join(f"{100 * by_share[s]:9.1f}" for s in SHARES) + f"{100 * inside.mean():9.1f}"
        )
    base = _rmse(ours, "predicted")
    for way in ("ours", *OTHERS):
        for how in ("predicted", "plain"):
            if (way, how) == ("ours", "predicted"):
                continue
            ratio = _rmse(frame[frame.way == way], how) / base
            label = f"{way}{f' (mean of {DRAWS} draws)' if way == 'random' else ''}, {_HOW[how]}"
            lines.append(
                f"{label:44}" + "".join(f"{np.exp(np.log(ratio[s]).mean()):8.2f}x" for s in SHARES)
                + f"{np.exp(np.nanmean(np.log(ratio))):8.2f}x"
                + f"   better than ours in {(ratio < _ALIKE).sum().sum()} of {ratio.notna().sum().sum()}"
                + _where(ratio)
            )  # fmt: skip
    return [
        *lines,
        "x: RMSE as a multiple of ours, geometric mean over the benchmarks where a task fits; better: by 1 %",
    ]


_ALIKE = 0.99  # of our error; where the budget leaves no choice the sets are the same
_HOW = {"predicted": "same prediction", "plain": "plain mean, moved"}


def relatives(frame: pd.DataFrame) -> list[str]:
    """What relatives in the training part give away: random folds beside families."""
    ours = frame[frame.way == "ours"]
    lines = ["RMSE with random folds (relatives stay in the training part) over RMSE with families held out together"]
    ratio = _rmse(ours[~ours.by_family], "predicted") / _rmse(ours[ours.by_family], "predicted")
    lines += [
        f"{name:44}" + "".join(f"{x:9.2f}" for x in row)
        for name, row in zip(ratio.index, ratio.to_numpy(), strict=True)
    ]
    return [*lines, f"{'geometric mean':44}" + "".join(f"{np.exp(np.log(ratio[s]).mean()):9.2f}" for s in SHARES)]


def families(frame: pd.DataFrame) -> list[str]:
    """The families that are missed by most, at 5 % of the time."""
    ours = frame[(frame.way == "ours") & frame.by_family & (frame.share == 0.05)]
    lines = ["families that are missed by most at 5 %: RMSE in points, mean error (over the truth: +), models"]
    for name in WORST:
        mine = ours[ours.benchmark == name]
        off = 100 * (mine.predicted - mine.true)
        table = off.groupby(mine.family).agg(["count", "mean", lambda x: float(np.sqrt((x**2).mean()))])
        table.columns = pd.Index(["models", "mean", "rmse"])
        lines.append(name)
        lines += [
            f"    {family:40} {row.rmse:6.2f} {row['mean']:+6.2f} {int(row.models):3}"
            for family, row in table.sort_values("rmse", ascending=False).head(6).iterrows()
        ]
    return lines


def _summary(mine: pd.DataFrame) -> dict[str, float]:
    ranked = mine[mine["rank"].notna()] if "rank" in mine else mine.head(0)
    return {
        "tasks": float(mine.tasks.mean()),
        "rmse": 100 * float(np.sqrt(((mine.predicted - mine.true) ** 2).mean())),
        "holds": float(((mine.low - 1e-9 <= mine.true) & (mine.true <= mine.high + 1e-9)).mean()),
        "rank holds": float(((ranked.rank_low <= ranked["rank"]) & (ranked["rank"] <= ranked.rank_high)).mean()),
        "correlation": float(mine.predicted.corr(mine.true, method="spearman")),
    }


def _rmse(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    """Benchmarks by shares, in points: over models, the mean over draws; blank where no task fits."""
    some = frame[frame.tasks > 0]
    square = (100 * (some[how] - some.true)) ** 2
    by_draw = np.sqrt(square.groupby([some.benchmark, some.share, some.draw]).mean())
    return by_draw.groupby(level=[0, 1]).mean().unstack()


def _where(ratio: pd.DataFrame) -> str:
    better = [f"{name} {share:.0%}" for name, row in ratio.iterrows() for share, x in row.items() if x < _ALIKE]
    return f" ({', '.join(better)})" if better else ""


def _whole(table: TaskTable) -> int:
    return int((~np.isnan(table.scores).any(axis=1)).sum())
