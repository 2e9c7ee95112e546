"""Chosen models side by side: facts, scores task by task, and whether the data can tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.queries import leaderboard
from dashboard.queries.intervals import headline_weights
from dashboard.queries.own_cells import OWN_CELLS
from dashboard.queries.question import Question
from dashboard.queries.rows import Cursor, first_column
from dashboard.queries.training import training
from dashboard.queries.use import Use, weighed
from data.rules.bootstrap import paired_differences
from data.rules.ranking import Matrix

__all__ = ["ANY_TASKS", "compared", "head_to_head", "registry_facts", "shared_weights", "shared_wide", "top_models"]

# In place of a benchmark: hand-picked tasks, each on the cells mteb scores it on by default.
ANY_TASKS = "Hand-picked tasks"

_OF_BENCHMARK = """
WITH wanted AS (
    SELECT DISTINCT c.task FROM board_cells($benchmark, NULL, $tasks, false) c
    UNION SELECT task FROM benchmark_tasks
    WHERE benchmark = $benchmark AND ($tasks IS NULL OR list_contains($tasks, task))
),
cells AS (FROM board_cells($benchmark, $models, $tasks, $strict))
SELECT t.task, t.type, m.model, c.score, c.result_id, c.reported, c.other_dataset, c.other_revision,
    f.floor
FROM wanted JOIN tasks t USING (task) CROSS JOIN (SELECT unnest($models) AS model) m
LEFT JOIN cells c ON c.task = t.task AND c.model = m.model
JOIN task_floors f ON f.task = t.task ORDER BY t.type, t.task
"""

_OF_TASKS = f"""
WITH {OWN_CELLS}
SELECT t.task, t.type, m.model, c.score, c.result_id, c.reported, c.other_dataset, false AS other_revision,
    f.floor
FROM tasks t CROSS JOIN (SELECT unnest($models) AS model) m
LEFT JOIN own c ON c.task = t.task AND c.model = m.model AND NOT ($strict AND (c.reported OR c.other_dataset))
JOIN task_floors f ON f.task = t.task WHERE list_contains($tasks, t.task) ORDER BY t.type, t.task
"""

_FACTS = """
SELECT m.model, n_parameters, n_active_parameters, dimensions, dimension_options, max_tokens, memory_mb, licence,
    open_weights, release_date, languages, use_instructions, training_known, framework
FROM models m WHERE list_contains($models, m.model)
"""


def compared(
    cursor: Cursor,
    benchmark: str,
    models: tuple[str, ...],
    tasks: tuple[str, ...] = (),
    strict: bool = False,
    question: Question | None = None,
) -> pd.DataFrame:
    """Score of each model on each task: one row a task and model, missing scores NaN.

    Columns: task, entry (the task, with its language where languages are weighed), type, model, score (0-1), weight,
    result_id, reported, other_dataset, other_revision, floor (noise floor of the task or its type, NaN if none is
    known), shared (whether all these models have a score on the entry).

    Args:
        cursor: on the store.
        benchmark: its name, or :data:`ANY_TASKS`.
        models: those compared.
        tasks: empty for all of the benchmark.
        strict: leave out what the leaderboard's strict switch leaves out.
        question: the weights of one's own use: only what they weigh counts, scored as that page scores it.

    Raises:
        InputError: the question weighs nothing of this benchmark.
    """
    parameters: dict[str, object] = {"models": list(models), "strict": strict, "tasks": list(tasks) or None}
    if benchmark == ANY_TASKS:
        frame = cursor.execute(_OF_TASKS, parameters | {"tasks": list(tasks)}).df()
    else:
        frame = cursor.execute(_OF_BENCHMARK, parameters | {"benchmark": benchmark}).df()
    if question is not None and benchmark != ANY_TASKS:
        frame = _weighed(cursor, frame, question.use(benchmark, strict), models)
    else:
        frame = frame.assign(entry=frame["task"], weight=np.nan)
    frame["shared"] = frame["score"].notna().groupby(frame["entry"]).transform("all")
    return frame


def _weighed(cursor: Cursor, frame: pd.DataFrame, use: Use, models: tuple[str, ...]) -> pd.DataFrame:
    """The frame's rows by what a use weighs, with its scores and weights."""
    scores, weights, _ = weighed(cursor, use)
    long = scores.reindex(list(models)).T.set_axis(list(models), axis=1)
    entries = weights.assign(
        entry=weights["task"] + weights["language"].map(lambda language: f" ({language})" if language else "")
    )[["task", "entry", "weight"]]
    cells = pd.concat([entries.assign(model=model, weighed=long[model].to_numpy()) for model in models])
    rows = frame.merge(cells, on=["task", "model"], validate="1:m")
    return rows.assign(score=rows["weighed"]).drop(columns="weighed")


def shared_wide(frame: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Scores on what all have: index (type, task, which is its entry), a column a model in the order given."""
    shared = frame[frame["shared"]]
    wide = shared.pivot(index=["type", "entry"], columns="model", values="score")
    return wide.rename_axis(index=["type", "task"]).reindex(columns=list(models))


def shared_weights(cursor: Cursor, benchmark: str, frame: pd.DataFrame, wide: pd.DataFrame) -> Matrix:
    """Weight of each row of :func:`shared_wide`: that of one's own use, else that of the benchmark's headline mean."""
    own = frame.drop_duplicates("entry").set_index("entry")["weight"].reindex(wide.index.get_level_values("task"))
    if own.notna().any():
        return own.to_numpy(dtype=np.float64)
    return headline_weights(cursor, benchmark, wide.index.to_frame(index=False)["type"])


def head_to_head(
    cursor: Cursor,
    benchmark: str,
    models: tuple[str, ...],
    baseline: str,
    tasks: tuple[str, ...] = (),
    strict: bool = False,
    question: Question | None = None,
) -> pd.DataFrame:
    """Each model against the baseline on the tasks that all of them have: one row a model, the baseline left out.

    Columns: model, tasks, wins, losses, ties (a difference within the noise floor, or none where no floor is known),
    mean (of the model), difference (model - baseline, 0-1), low, high (95%, paired bootstrap over tasks; NaN below six
    tasks), standing (to the baseline: a code of ``data.rules.bootstrap``). Means and differences weigh tasks as
    :func:`shared_weights` says.
    """
    frame = compared(cursor, benchmark, models, tasks, strict, question)
    wide = shared_wide(frame, models)
    entry = wide.index.get_level_values("task")
    by_entry = frame.drop_duplicates("entry").set_index("entry")
    noise = by_entry["floor"].reindex(entry).fillna(0.0).to_numpy(dtype=np.float64)
    weights = shared_weights(cursor, benchmark, frame, wide)
    scores = wide.to_numpy(dtype=np.float64).T
    place = models.index(baseline)
    clusters = pd.factorize(by_entry["task"].reindex(entry))[0]
    paired = paired_differences(scores, place, weights=weights, clusters=clusters)
    gaps = scores - scores[place]
    wins, losses = (gaps > noise).sum(axis=1), (gaps < -noise).sum(axis=1)
    frame = pd.DataFrame(
        {"model": models, "tasks": len(entry), "wins": wins, "losses": losses, "ties": len(entry) - wins - losses,
         "mean": scores @ weights / weights.sum() if len(weights) else np.nan,
         "difference": [pair.mean for pair in paired], "low": [pair.low for pair in paired],
         "high": [pair.high for pair in paired], "standing": [pair.standing for pair in paired]}
    )  # fmt: skip
    return frame.drop(index=place).reset_index(drop=True)


def registry_facts(
    cursor: Cursor, models: tuple[str, ...], benchmark: str = "", tasks: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """What the registry says of each model, in the order given, with ``trained_on``, ``judged`` and ``zero_shot``.

    These are the tasks it was trained on, of those judged by (:func:`dashboard.queries.training.training`), and the
    share it was not, in percent. A model nobody knows facts of has a row of blanks; they are blank where nobody said
    what it was trained on.
    """
    frame = cursor.execute(_FACTS, {"models": list(models)}).df().set_index("model").reindex(list(models))
    trained = training(cursor, benchmark, tasks).rename(columns={"tasks": "judged"})
    return frame.join(trained, on="model").reset_index()


def top_models(cursor: Cursor, benchmark: str, n: int) -> list[str]:
    """The first ``n`` complete models of a benchmark by rank, as the leaderboard opens."""
    selection = leaderboard.selected(cursor, benchmark, leaderboard.Filter())
    query = "SELECT model FROM ranking($benchmark, $models, $tasks, $trusted) WHERE mean_task IS NOT NULL"
    query += " ORDER BY rank, mean_task DESC, model LIMIT $n"
    return first_column(cursor, query, selection.parameters(benchmark) | {"n": n})
