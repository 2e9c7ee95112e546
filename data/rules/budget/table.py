"""What the record knows of a benchmark: models by tasks, what a task costs, how far honest reruns of it differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from data.rules.budget.families import families, stem
from data.store.errors import NotFoundError

__all__ = ["FLOOR_IN_SDS", "MOST_FITTED", "TaskTable", "task_table"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_UNKNOWN_FLOOR = 0.005
FLOOR_IN_SDS = 1.96  # a floor is what 95% of honest reruns stay below
# Models of a table, beside those it was asked for and those of a rare task: twice as many as the public record has on
# any benchmark. A fit takes longer with their square, and hardly gets surer by more of them.
MOST_FITTED = 1000
_FEWEST_OF_A_TASK = 10  # of those who finished a task, so that one that few have run is in the table all the same
_SALT = "20261127"  # of who is drawn


class TaskTable(NamedTuple):
    """One benchmark as the record has it.

    Attributes:
        benchmark: its name.
        tasks: that anybody has finished, in the benchmark's order.
        types: of the tasks.
        models: with published figures on any of the tasks.
        families: of the models (:func:`data.rules.budget.families.families`).
        scores: (models, tasks), 0-1 scale, NaN where missing or not whole.
        any_scores: (models, tasks), the same where a task is not whole, too: what Borda ranks.
        seconds: (tasks,), published evaluation time of a typical model; a task nobody timed has its type's median.
        floors: (tasks,), how far honest reruns differ, 0-1 scale.
        numbered: (models,), whether a model has a number where the rank is of a mean: mteb numbers whom it knows.
        ranked_by: borda, mean_task or mean_task_type; of the last the headline is the mean over task types.
        by_subset: the benchmark ranks and means over subsets, which this table does not hold: no rank can be told.
        drawn_of: models with published figures there are, where the table has some of them alone; else None.
    """

    benchmark: str
    tasks: tuple[str, ...]
    types: tuple[str, ...]
    models: tuple[str, ...]
    families: tuple[str, ...]
    scores: Floats
    any_scores: Floats
    seconds: Floats
    floors: Floats
    numbered: Flags
    ranked_by: str = "borda"
    by_subset: bool = False
    drawn_of: int | None = None

    @property
    def weights(self) -> Floats:
        """(tasks,), what each task counts in the headline mean; they sum to 1."""
        if self.ranked_by != "mean_task_type":
            return np.full(len(self.tasks), 1 / max(len(self.tasks), 1))
        return np.asarray(np.mean([self.of_type(kind) for kind in dict.fromkeys(self.types)], axis=0))

    @property
    def noise(self) -> Floats:
        """(tasks,), how far a score measured here may be from the published one, standard deviation, 0-1 scale."""
        return self.floors / FLOOR_IN_SDS

    def of_type(self, kind: str) -> Floats:
        """(tasks,), weights of the mean over one task type."""
        inside = np.array([one == kind for one in self.types], dtype=float)
        return np.asarray(inside / inside.sum(), float)

    def without_family_of(self, model: str) -> TaskTable:
        """The same without the model and all that is of its family, so that nothing tells what it will score."""
        if model in self.models:
            out = {self.families[self.models.index(model)]}
        else:
            out = {family for name, family in zip(self.models, self.families, strict=True) if stem(name) == stem(model)}
        return self.of_models([family not in out for family in self.families])

    def of_models(self, wanted: list[bool] | npt.NDArray[np.bool_]) -> TaskTable:
        """The same with some of the models."""
        rows = np.flatnonzero(wanted)
        return self._replace(
            models=tuple(self.models[i] for i in rows),
            families=tuple(self.families[i] for i in rows),
            scores=self.scores[rows],
            any_scores=self.any_scores[rows],
            numbered=self.numbered[rows],
        )


def task_table(
    cursor: duckdb.DuckDBPyConnection,
    benchmark: str,
    only: Sequence[str] | None = None,
    beside: Collection[str] = (),
) -> TaskTable:
    """Read a benchmark's table from the store.

    Figures are those of its leaderboard; own runs are no part of it. Of very many models it has a sample, the same at
    every visit: those whose names' hashes are least, and of each task the first of those who finished it.

    Args:
        cursor: of the store.
        benchmark: name.
        only: some of its tasks; all by default.
        beside: models that are in it whoever is drawn, if they have figures.

    Raises:
        NotFoundError: the store has no figure of this benchmark, or of these tasks of it.
    """
    parameters: dict[str, object] = {"benchmark": benchmark, "tasks": None if only is None else list(only)}
    drawn_of, drawn = _drawn(cursor, parameters, beside)
    if drawn is None:
        cells = cursor.execute(_CELLS, parameters).df()
    else:
        cells = cursor.execute(f"{_CELLS} AND b.model IN (SELECT unnest($models))", parameters | {"models": drawn}).df()
    if not cells["score"].notna().any():
        raise NotFoundError(
            "No model has figures on this benchmark",
            where=benchmark,
            remedy="The Leaderboard page lists those with figures.",
        )
    tasks = cursor.execute(_TASKS, {"benchmark": benchmark}).df()
    tasks = tasks[tasks["task"].isin(cells.loc[cells["score"].notna(), "task"].unique())]
    models = sorted(cells.loc[cells["any_score"].notna(), "model"].unique())
    scores, any_scores, times = (
        cells.pivot(index="model", columns="task", values=column)
        .reindex(index=models, columns=tasks["task"])
        .to_numpy(float)
        for column in ("score", "any_score", "seconds")
    )
    base = dict(cursor.execute("SELECT model, adapted_from FROM models WHERE adapted_from IS NOT NULL").fetchall())
    rule = cursor.execute("SELECT ranked_by, show_mean_subset FROM benchmarks WHERE benchmark = ?", [benchmark])
    ranked_by, by_subset = rule.fetchone() or ("borda", False)
    types = tuple(tasks["type"])
    return TaskTable(
        benchmark=benchmark,
        tasks=tuple(tasks["task"]),
        types=types,
        models=tuple(models),
        families=families(models, scores, base),
        scores=scores,
        any_scores=any_scores,
        seconds=_typical(times, np.array(types)),
        floors=tasks["floor"].fillna(_UNKNOWN_FLOOR).to_numpy(float),
        numbered=cells.groupby("model")["numbered"].all().reindex(models).to_numpy(bool),
        ranked_by=ranked_by,
        by_subset=by_subset,
        drawn_of=drawn_of,
    )


def _drawn(
    cursor: duckdb.DuckDBPyConnection, parameters: dict[str, object], beside: Collection[str]
) -> tuple[int | None, list[str] | None]:
    """How many models there are and the names of those in the table; None and None where that is all of them."""
    [(models,)] = cursor.execute(f"SELECT count(DISTINCT b.model) {_SCORED}", parameters).fetchall()
    if models <= MOST_FITTED:
        return None, None
    bounds = {"salt": _SALT, "most": MOST_FITTED, "fewest": _FEWEST_OF_A_TASK, "beside": list(beside)}
    return int(models), [name for (name,) in cursor.execute(_SAMPLE, parameters | bounds).fetchall()]


def _typical(times: Floats, types: npt.NDArray[np.str_]) -> Floats:
    """Seconds of each task for a model of middling speed, by median polish of the logarithms.

    Slow models ran other tasks than fast ones, so a plain median over those who ran a task would compare machines.
    """
    logs = pd.DataFrame(np.log(np.where(times > 0, times, np.nan)))
    column = logs.median(axis="index")
    for _ in range(20):
        row = logs.sub(column, axis="columns").median(axis="columns")
        column = logs.sub(row, axis="index").median(axis="index")
    by_type = column.groupby(types).transform("median")
    filled = column.fillna(by_type).fillna(column.median()).fillna(0.0)
    return np.asarray(np.exp(filled.to_numpy(float)), float)


_PUBLISHED = """
FROM board_cells($benchmark, NULL, $tasks, false) b
JOIN results r USING (result_id)
LEFT JOIN models m ON m.model = b.model
WHERE b.ranked AND r.origin <> 'reproduced'
"""

_SCORED = f"{_PUBLISHED} AND b.any_score IS NOT NULL"

_CELLS = f"""
SELECT b.model, b.task, b.score, b.any_score, NOT b.old_name AND coalesce(m.registered, false) AS numbered,
    CASE WHEN r.origin = 'official' AND r.evaluation_time > 0 THEN r.evaluation_time END AS seconds
{_PUBLISHED}
"""

_SAMPLE = f"""
WITH cells AS MATERIALIZED (SELECT b.model, b.task, b.score {_SCORED}),
places AS MATERIALIZED (
    SELECT model, row_number() OVER (ORDER BY md5($salt || model), model) AS place
    FROM (SELECT DISTINCT model FROM cells)
),
of_task AS (
    SELECT unnest(min_by(model, place, $fewest)) AS model
    FROM cells JOIN places USING (model) WHERE score IS NOT NULL GROUP BY task
)
SELECT model FROM places
WHERE place <= $most OR model IN (SELECT model FROM of_task) OR list_contains($beside, model)
"""

_TASKS = """
SELECT bt.task, t.type, f.floor
FROM benchmark_tasks bt JOIN tasks t USING (task) LEFT JOIN task_floors f USING (task)
WHERE bt.benchmark = $benchmark
ORDER BY bt.position
"""
