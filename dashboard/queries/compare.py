"""Chosen models side by side: facts, scores task by task, and whether the data can tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

from dashboard.queries.own_cells import OWN_CELLS
from data.uncertainty import paired_difference

__all__ = ["ANY_TASKS", "compared", "facts", "head_to_head", "shared_wide", "top_models"]

# In place of a benchmark: hand-picked tasks, each on the cells mteb scores it on by default.
ANY_TASKS = "Hand-picked tasks"

_FLOOR = """
LEFT JOIN noise_floors ft ON ft.scope = 'task' AND ft.name = t.task
LEFT JOIN noise_floors fy ON fy.scope = 'type' AND fy.name = t.type
LEFT JOIN noise_floors fa ON fa.scope = 'all'
"""

_OF_BENCHMARK = f"""
WITH asked AS (
    SELECT DISTINCT c.task FROM board_cells($benchmark, NULL, $tasks, false) c
    UNION SELECT task FROM benchmark_tasks
    WHERE benchmark = $benchmark AND ($tasks IS NULL OR list_contains($tasks, task))
),
cells AS (FROM board_cells($benchmark, $models, $tasks, $strict))
SELECT t.task, t.type, m.model, c.score, c.result_id, c.reported, c.other_dataset, c.other_revision,
    coalesce(ft.floor, fy.floor, fa.floor) AS floor
FROM asked JOIN tasks t USING (task) CROSS JOIN (SELECT unnest($models) AS model) m
LEFT JOIN cells c ON c.task = t.task AND c.model = m.model
{_FLOOR} ORDER BY t.type, t.task
"""

_OF_TASKS = f"""
WITH {OWN_CELLS}
SELECT t.task, t.type, m.model, c.score, c.result_id, c.reported, c.other_dataset, false AS other_revision,
    coalesce(ft.floor, fy.floor, fa.floor) AS floor
FROM tasks t CROSS JOIN (SELECT unnest($models) AS model) m
LEFT JOIN own c ON c.task = t.task AND c.model = m.model AND NOT ($strict AND (c.reported OR c.other_dataset))
{_FLOOR} WHERE list_contains($tasks, t.task) ORDER BY t.type, t.task
"""

_FACTS = """
SELECT m.model, n_parameters, n_active_parameters, dimensions, dimension_options, max_tokens, memory_mb, licence,
    open_weights, release_date, languages, use_instructions, training_known, framework,
    CASE WHEN training_known THEN (
        SELECT count(DISTINCT task) FROM model_training x WHERE x.model = m.model AND list_contains($tasks, x.task)
    ) END AS trained_on
FROM models m WHERE list_contains($models, m.model)
"""


def compared(
    cursor: duckdb.DuckDBPyConnection,
    benchmark: str,
    models: tuple[str, ...],
    tasks: tuple[str, ...] = (),
    strict: bool = False,
) -> pd.DataFrame:
    """Score of each model on each task: one row a task and model, missing scores NaN.

    Columns: task, type, model, score (0-1), result_id, reported, other_dataset, other_revision, floor (noise floor of
    the task or its type, NaN if none is known), shared (whether all these models have a score on the task).

    Args:
        cursor: on the store.
        benchmark: its name, or :data:`ANY_TASKS`.
        models: those compared.
        tasks: empty for all of the benchmark.
        strict: leave out what the leaderboard's strict switch leaves out.
    """
    given: dict[str, object] = {"models": list(models), "strict": strict, "tasks": list(tasks) or None}
    if benchmark == ANY_TASKS:
        frame = cursor.execute(_OF_TASKS, given | {"tasks": list(tasks)}).df()
    else:
        frame = cursor.execute(_OF_BENCHMARK, given | {"benchmark": benchmark}).df()
    frame["shared"] = frame["score"].notna().groupby(frame["task"]).transform("all")
    return frame


def shared_wide(frame: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Scores on the tasks all have: index (type, task), a column a model in the order given."""
    shared = frame[frame["shared"]]
    wide = shared.pivot(index=["type", "task"], columns="model", values="score")
    return wide.reindex(columns=list(models))


def head_to_head(
    cursor: duckdb.DuckDBPyConnection,
    benchmark: str,
    models: tuple[str, ...],
    baseline: str,
    tasks: tuple[str, ...] = (),
    strict: bool = False,
) -> pd.DataFrame:
    """Each model against the baseline on the tasks that all of them have: one row a model, the baseline left out.

    Columns: model, tasks, wins, losses, ties (a difference within the noise floor, or none where no floor is known),
    mean (of the model), difference (model - baseline, 0-1), low, high (95 %, paired bootstrap over tasks; NaN below six
    tasks), told_apart.
    """
    frame = compared(cursor, benchmark, models, tasks, strict)
    wide = shared_wide(frame, models)
    floor = frame.drop_duplicates("task").set_index("task")["floor"].reindex(wide.index.get_level_values("task"))
    noise = floor.fillna(0.0).to_numpy(dtype=np.float64)
    rows = []
    for model in models:
        if model == baseline:
            continue
        mine, theirs = (wide[name].to_numpy(dtype=np.float64) for name in (model, baseline))
        apart = np.abs(mine - theirs) > noise
        found = paired_difference(mine, theirs)
        wins, losses = int((apart & (mine > theirs)).sum()), int((apart & (mine < theirs)).sum())
        rows.append(
            {"model": model, "tasks": found.tasks, "wins": wins, "losses": losses, "ties": found.tasks - wins - losses,
             "mean": mine.mean() if found.tasks else np.nan, "difference": found.mean, "low": found.low,
             "high": found.high, "told_apart": found.told_apart}
        )  # fmt: skip
    return pd.DataFrame(rows)


def facts(cursor: duckdb.DuckDBPyConnection, models: tuple[str, ...], tasks: tuple[str, ...]) -> pd.DataFrame:
    """What the registry says of each model, in the order given; ``trained_on`` counts those of ``tasks`` it saw.

    A model nobody knows facts of has a row of blanks; ``trained_on`` is blank where nobody said what it was trained on.
    """
    frame = cursor.execute(_FACTS, {"models": list(models), "tasks": list(tasks)}).df()
    return frame.set_index("model").reindex(list(models)).reset_index()


def top_models(cursor: duckdb.DuckDBPyConnection, benchmark: str, n: int) -> list[str]:
    """The first ``n`` complete models of a benchmark by rank."""
    rows = cursor.execute(
        "SELECT model FROM ranking(?, NULL, NULL, false) WHERE mean_task IS NOT NULL ORDER BY rank, model LIMIT ?",
        [benchmark, n],
    ).fetchall()
    return [model for (model,) in rows]
