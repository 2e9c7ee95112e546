"""Whether to replace a model: who holds up against it on the tasks both have, what is gained, lost, and not known."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from dashboard.queries.compare import compared
from dashboard.queries.intervals import headline_weighing
from dashboard.queries.rows import Cursor, first_column, wide
from dashboard.queries.training import overlap
from dashboard.queries.use import candidates
from data.rules.bootstrap import FEW, paired_differences
from data.rules.migration import Work, mean_characters, tokens_per_second
from data.rules.ranking import Matrix

__all__ = [
    "ENOUGH",
    "USUAL",
    "Doubt",
    "Lack",
    "boards_of",
    "by_language",
    "by_task",
    "by_type",
    "every_model",
    "has_tasks",
    "rivals",
    "speeds",
]


USUAL = "openai/text-embedding-3-large"  # what most who ask have
ENOUGH = 0.5  # of its tasks a candidate shares, unless somebody asks for another share: a mean over few says little


class Lack(StrEnum):
    """Why a task of the benchmark is not compared."""

    BOTH = "both lack it"
    INCUMBENT = "incumbent lacks it"
    CANDIDATE = "candidate lacks it"
    PARTLY = "cells missing"
    CARD = "card left out"
    DATA = "data left out"
    REVISION = "revision left out"


class Doubt(StrEnum):
    """What a comparison that was made on a task rests on."""

    CARD = "card"
    DATA = "data"
    METRIC = "metric"


_BOARDS = """
SELECT benchmark FROM board JOIN benchmarks k USING (benchmark) WHERE model = ?
GROUP BY benchmark, menu, superseded_by, position HAVING count(score) > 0
ORDER BY menu IS NOT NULL AND len(coalesce(superseded_by, [])) = 0 DESC, count(score) DESC, position
"""

_CELLS = """
SELECT c.model, c.task, c.score
FROM board_cells($benchmark, NULL, NULL, $strict) c SEMI JOIN task_floors f ON f.task = c.task
WHERE c.score IS NOT NULL
"""

# In the order Compare has them: of tasks that differ as much the first is drawn first.
_TASKS = "SELECT t.task, t.type, f.floor FROM tasks t JOIN task_floors f USING (task) ORDER BY t.type, t.task"

_FACTS = "SELECT model, use_instructions, memory_mb FROM models"

_EVIDENCE = """
WITH sides AS (
    SELECT c.model, c.task, c.score, c.any_score, c.reported, c.other_dataset, c.other_revision, r.dataset_revision,
        coalesce(r.metric, t.metric) AS metric
    FROM board_cells($benchmark, [$incumbent, $candidate], NULL, false) c
    JOIN results r USING (result_id) JOIN tasks t ON t.task = c.task
)
SELECT w.task, o.score AS old_score, n.score AS new_score, o.any_score AS old_any, n.any_score AS new_any,
    coalesce(o.reported, false) OR coalesce(n.reported, false) AS reported,
    coalesce(o.other_dataset, false) OR coalesce(n.other_dataset, false) AS other_dataset,
    same_dataset(o.dataset_revision, n.dataset_revision) AS same_data, o.metric = n.metric AS same_metric
FROM (SELECT unnest($tasks) AS task) w
LEFT JOIN sides o ON o.task = w.task AND o.model = $incumbent
LEFT JOIN sides n ON n.task = w.task AND n.model = $candidate
"""

_LANGUAGES = """
WITH cells AS (
    SELECT c.model, c.task, s.split, s.subset, any_value(s.languages) AS languages, avg(s.main_score) AS score
    FROM board_cells($benchmark, [$incumbent, $candidate], NULL, $strict) c
    JOIN scores s USING (result_id)
    SEMI JOIN benchmark_cells k
        ON k.benchmark = $benchmark AND k.task = c.task AND k.split = s.split AND k.subset = s.subset
    WHERE c.score IS NOT NULL AND s.main_score IS NOT NULL AND NOT isnan(s.main_score)
    GROUP BY ALL
),
pairs AS (
    SELECT o.task, o.languages, n.score - o.score AS difference, f.floor
    FROM cells o JOIN cells n ON n.task = o.task AND n.split = o.split AND n.subset = o.subset
    JOIN task_floors f ON f.task = o.task
    WHERE o.model = $incumbent AND n.model = $candidate
),
spoken AS (
    -- A cell of two languages counts for both, once of each.
    SELECT task, difference, floor,
        unnest(list_distinct(list_transform(string_split(languages, ','), lambda x: split_part(x, '-', 1)))) AS language
    FROM pairs
)
SELECT language, count(DISTINCT task) AS tasks, count(*) AS cells, avg(difference) AS difference, avg(floor) AS floor
FROM spoken WHERE language <> '' GROUP BY language ORDER BY tasks DESC, cells DESC, language
"""

_WORK = """
SELECT r.model, r.run_id, k.texts, k.seconds, t.statistics, t.splits, m.max_tokens
FROM runs r JOIN run_tasks k USING (run_id) JOIN tasks t ON t.task = k.task LEFT JOIN models m ON m.model = r.model
WHERE r.kind = 'reproduce' AND k.texts > 0 AND k.seconds > 0
QUALIFY r.started_at = max(r.started_at) OVER (PARTITION BY r.model)
"""


def every_model(cursor: Cursor) -> list[str]:
    """Every model of the store by name, those without a score too."""
    query = "SELECT model FROM models UNION SELECT model FROM model_counts WHERE tasks > 0"
    return sorted(first_column(cursor, query), key=lambda name: (name.lower(), name))


def boards_of(cursor: Cursor, model: str) -> list[str]:
    """Benchmarks the model has a whole score on: those of today's menu first, the one it has most tasks of before."""
    return first_column(cursor, _BOARDS, [model])


def has_tasks(cursor: Cursor, model: str, benchmark: str, strict: bool = False) -> tuple[int, int]:
    """How many tasks of a benchmark the model has a whole score on, and how many anybody has any on."""
    query = "SELECT count(DISTINCT task) FILTER (model = $model AND score IS NOT NULL), count(DISTINCT task)"
    query += " FROM board_cells($benchmark, NULL, NULL, $strict)"
    (row,) = cursor.execute(query, {"model": model, "benchmark": benchmark, "strict": strict}).fetchall()
    return int(row[0]), int(row[1])


def rivals(cursor: Cursor, incumbent: str, benchmark: str, strict: bool = False) -> pd.DataFrame:
    """Every other model of a benchmark against the incumbent, each on the tasks both have: one row a model.

    Columns: model; tasks (shared); wins, losses, ties (within the noise floor); mean (of the model on these, 0-1);
    difference (model - incumbent), low, high (95%, NaN below six tasks), standing (a code of
    ``data.rules.bootstrap``), weighed as Compare weighs; worst_type and worst (its mean difference, blank where no
    type is lost); trained (shared tasks the model was trained on; NaN where nobody said), unseen_tasks and unseen
    (mean difference on the shared tasks that neither is known to be trained on); and the facts of
    :func:`dashboard.queries.use.candidates` but for the dimensions to choose from. A model that shares no task has none
    of these figures and tasks 0.
    """
    scores = wide(cursor, _CELLS, {"benchmark": benchmark, "strict": strict}, "task", "score")
    facts = candidates(cursor, benchmark).drop(columns="dimension_options")
    facts = facts.merge(cursor.execute(_FACTS).df(), on="model", how="left")
    facts = facts[facts["model"] != incumbent].reset_index(drop=True)
    if incumbent not in scores.index:
        return facts.assign(tasks=0)
    of_task = cursor.execute(_TASKS).df().set_index("task")
    of_task = of_task[of_task.index.isin(scores.columns)]
    mine = scores[scores.index == incumbent].iloc[0].reindex(of_task.index).dropna()
    of_task, scores = of_task.loc[mine.index], scores[mine.index]
    others = scores.drop(index=incumbent).reindex(facts["model"])
    weights = _weights(cursor, benchmark, others, of_task["type"])
    trained = overlap(cursor, [incumbent, *others.index], list(scores.columns)).to_numpy()
    parts = [_against(mine, others, of_task, weights), _seen(mine, others, trained, weights)]
    return pd.concat([*parts, facts.drop(columns="model")], axis=1)


def by_task(cursor: Cursor, incumbent: str, candidate: str, benchmark: str, strict: bool = False) -> pd.DataFrame:
    """Both models on every task of the benchmark: one row a task.

    Columns: task, type, old and new (scores, 0-1, of Compare), difference (new - old), floor, shared, old_trained and
    new_trained (1, 0, or NaN: nobody said), lack (a :class:`Lack`, empty for a shared task), doubts (of
    :class:`Doubt`, of a shared task).
    """
    pair = (incumbent, candidate)
    scores = compared(cursor, benchmark, pair, (), strict)
    rows = scores.pivot(index="task", columns="model", values="score").reindex(columns=list(pair))
    frame = scores.drop_duplicates("task")[["task", "type", "floor", "shared"]].reset_index(drop=True)
    frame["old"], frame["new"] = (rows[model].reindex(frame["task"]).to_numpy() for model in pair)
    frame["difference"] = frame["new"] - frame["old"]
    names = {"benchmark": benchmark, "incumbent": incumbent, "candidate": candidate}
    evidence = cursor.execute(_EVIDENCE, names | {"tasks": list(frame["task"])}).df()
    known = evidence.set_index("task").reindex(frame["task"]).to_dict("records")
    frame["lack"] = ["" if shared else _lack(row) for shared, row in zip(frame["shared"], known, strict=True)]
    frame["doubts"] = [_doubts(row) if shared else [] for shared, row in zip(frame["shared"], known, strict=True)]
    trained = overlap(cursor, pair, list(frame["task"]))
    frame["old_trained"], frame["new_trained"] = (trained.loc[model].to_numpy() for model in pair)
    return frame


def by_type(tasks: pd.DataFrame) -> pd.DataFrame:
    """Gain and loss by task type, every shared task alike, as Compare has it: type, tasks, difference, floor.

    ``tasks`` is as :func:`by_task` has it; ``floor`` is the mean noise floor of the type's tasks. The biggest gain
    stands first.
    """
    shared = tasks[tasks["shared"]]
    means = shared.groupby("type", as_index=False).agg(
        tasks=("task", "size"), difference=("difference", "mean"), floor=("floor", "mean")
    )
    return means.sort_values(["difference", "type"], ascending=[False, True], ignore_index=True)


def by_language(cursor: Cursor, incumbent: str, candidate: str, benchmark: str, strict: bool = False) -> pd.DataFrame:
    """Gain and loss by language over the cells both have: language (ISO 639-3), tasks, cells, difference, floor.

    The language with most tasks stands first; ``floor`` is the mean noise floor of its cells' tasks.
    """
    names = {"benchmark": benchmark, "incumbent": incumbent, "candidate": candidate, "strict": strict}
    return cursor.execute(_LANGUAGES, names).df()


def speeds(cursor: Cursor) -> pd.DataFrame:
    """Tokens a second that runs of this machine measured, by model: the latest run that timed any task.

    Columns: speed (:func:`data.rules.migration.tokens_per_second`), run_id; a model nobody timed has no row.
    """
    work = cursor.execute(_WORK).df()
    rows = {}
    for (model, run), part in work.groupby(["model", "run_id"]):
        done = [
            Work(row["texts"], row["seconds"], mean_characters(row["statistics"], list(row["splits"])))
            for row in part.to_dict("records")
        ]
        longest = part["max_tokens"].iloc[0]
        rows[model] = (tokens_per_second(done, np.nan if pd.isna(longest) else float(longest)), run)
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["speed", "run_id"]).rename_axis("model")
    return frame.dropna(subset=["speed"])


def _weights(cursor: Cursor, benchmark: str, others: pd.DataFrame, types: pd.Series) -> Matrix:
    """[models x tasks]: what each task weighs in the mean of what a model shares, 0 where it has no score."""
    present = others.notna().to_numpy()
    # Where types weigh alike a task's weight hangs on how many of its type are shared: one question a pattern of those.
    patterns, of = np.unique(present, axis=0, return_inverse=True)
    weights, weighing = np.zeros(patterns.shape), headline_weighing(cursor, benchmark)
    for row, pattern in zip(weights, patterns, strict=True):
        if pattern.any():
            row[pattern] = weighing(types[pattern])
    every: Matrix = weights[of.ravel()]
    return every


def _against(mine: pd.Series, others: pd.DataFrame, of_task: pd.DataFrame, weights: Matrix) -> pd.DataFrame:
    """The paired figures of :func:`rivals`."""
    scores, base = others.to_numpy(dtype=np.float64), mine.to_numpy(dtype=np.float64)
    noise = of_task["floor"].fillna(0.0).to_numpy(dtype=np.float64)
    gaps = scores - base
    tasks = (~np.isnan(gaps)).sum(axis=1)
    wins, losses = (gaps > noise).sum(axis=1), (gaps < -noise).sum(axis=1)
    mass = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(mass > 0, (np.nan_to_num(scores) * weights).sum(axis=1) / mass, np.nan)
    pairs = _paired(base, scores, weights)
    types = pd.DataFrame(gaps.T, index=of_task["type"].to_numpy()).groupby(level=0).mean().T
    worst = types.min(axis=1).where(lambda least: least < 0)
    lost = worst.notna()
    return pd.DataFrame(
        {"model": others.index, "tasks": tasks, "wins": wins, "losses": losses, "ties": tasks - wins - losses,
         "mean": mean, "worst_type": types[lost].idxmin(axis=1).reindex(types.index), "worst": worst}
    ).assign(**pairs)  # fmt: skip


def _paired(base: Matrix, scores: Matrix, weights: Matrix) -> dict[str, list[Any]]:
    """Difference, ends and standing of each model: the one rule of Compare, for all that weigh tasks alike at once."""
    result: dict[str, list[Any]] = {
        "difference": [np.nan] * len(scores), "low": [np.nan] * len(scores), "high": [np.nan] * len(scores),
        "standing": [FEW] * len(scores),
    }  # fmt: skip
    # Where every task weighs 1 whatever is shared, one question serves all.
    alike = (weights[~np.isnan(scores)] == 1).all()
    own = np.ones(scores.shape) if alike else np.where(np.isnan(scores), 0.0, weights)
    patterns, of = np.unique(own, axis=0, return_inverse=True)
    for group, pattern in enumerate(patterns):
        rows = np.flatnonzero(of.ravel() == group)
        pairs = paired_differences(np.vstack([base, scores[rows]]), 0, weights=pattern)[1:]
        for row, pair in zip(rows, pairs, strict=True):
            if pair.tasks:
                result["difference"][row], result["low"][row] = pair.mean, pair.low
                result["high"][row], result["standing"][row] = pair.high, pair.standing
    return result


def _seen(mine: pd.Series, others: pd.DataFrame, trained: Matrix, weights: Matrix) -> pd.DataFrame:
    """How many shared tasks each was trained on, and the difference on those that neither is known to have seen.

    ``trained`` has the incumbent's row, then a row for each of the others.
    """
    gaps = others.to_numpy(dtype=np.float64) - mine.to_numpy(dtype=np.float64)
    shared, known = ~np.isnan(gaps), ~np.isnan(trained[1:]).any(axis=1)
    seen = trained[1:] == 1
    unseen = shared & ~seen & (trained[0] != 1)
    mass = (weights * unseen).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(mass > 0, (np.nan_to_num(gaps) * weights * unseen).sum(axis=1) / mass, np.nan)
    return pd.DataFrame(
        {
            "trained": np.where(known, (seen & shared).sum(axis=1), np.nan),
            "unseen_tasks": np.where(known, unseen.sum(axis=1), np.nan),
            "unseen": np.where(known, mean, np.nan),
        }
    )


def _lack(row: dict[Any, Any]) -> Lack:
    """Why a task is not compared, by what either side has of it."""
    old, new = pd.notna(row["old_any"]), pd.notna(row["new_any"])
    if not old or not new:
        return Lack.BOTH if not old and not new else Lack.INCUMBENT if not old else Lack.CANDIDATE
    if pd.isna(row["old_score"]) or pd.isna(row["new_score"]):
        return Lack.PARTLY
    return Lack.CARD if row["reported"] else Lack.DATA if row["other_dataset"] else Lack.REVISION


def _doubts(row: dict[Any, Any]) -> list[Doubt]:
    doubts = {
        Doubt.CARD: row["reported"] is True,
        Doubt.DATA: pd.notna(row["same_data"]) and not row["same_data"],
        Doubt.METRIC: pd.notna(row["same_metric"]) and not row["same_metric"],
    }
    return [doubt for doubt, there in doubts.items() if there]
