"""How sure the ranks and means of a benchmark are."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from data.uncertainty import DRAWS, borda_intervals, mean_intervals

__all__ = ["intervals"]

_CONTESTS = "SELECT model, contest, any_score FROM contests(?, ?, ?, ?) WHERE ranked"
_CELLS = """
SELECT c.model, c.task, c.type, c.score, coalesce(m.registered, false) AND NOT c.old_name AS numbered
FROM board_cells(?, ?, ?, ?) c LEFT JOIN models m USING (model) WHERE c.ranked
"""
_COLUMNS = ["model", "rank_low", "rank_high", "mean_low", "mean_high", "type_low", "type_high", "tied_with_first"]


def intervals(
    cursor: duckdb.DuckDBPyConnection,
    benchmark: str,
    models: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    strict: bool = False,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """95 % intervals from the bootstrap over the benchmark's tasks: one row a ranked model.

    Columns: model; rank_low, rank_high; mean_low, mean_high (of Mean (Task), 0-1); type_low, type_high (of Mean
    (TaskType)); tied_with_first. NaN where nothing can be said: fewer than six tasks, an incomplete model's mean. The
    arguments are those of the macro ``ranking``; ``draws`` are the bootstrap's.
    """
    asked = [benchmark, None if models is None else list(models), None if tasks is None else list(tasks), strict]
    cells = cursor.execute(_CELLS, asked).df()
    if not cells["score"].notna().any():
        return pd.DataFrame(columns=_COLUMNS)
    means = cells.pivot(index="model", columns="task", values="score").dropna(axis=1, how="all")
    contests = cursor.execute(_CONTESTS, asked).df().pivot(index="model", columns="contest", values="any_score")
    contests = contests.reindex(means.index)
    listed = means.notna().any(axis=1).to_numpy()  # models with no complete task have no row, yet take their ranks
    # Where the rank is of a mean, only these are numbered; the others' ranks are not among them.
    numbered = cells.groupby("model")["numbered"].all().reindex(means.index).to_numpy(dtype=bool)
    of_type = cells.drop_duplicates("task").set_index("task")["type"].reindex(means.columns)
    weights = 1 / of_type.map(of_type.value_counts()).to_numpy()
    by_task = mean_intervals(means.to_numpy(), pool=numbered, draws=draws)
    by_type = mean_intervals(means.to_numpy(), weights=weights, pool=numbered, draws=draws)
    # The subsets of one task are drawn together: another task like it would bring its own along.
    task_of = pd.factorize(contests.columns.str.split("::").str[0])[0]
    (ranked_by,) = cursor.execute("SELECT ranked_by FROM benchmarks WHERE benchmark = ?", [benchmark]).fetchall()[0]
    by_mean = {"mean_task": by_task, "mean_task_type": by_type}
    ranked = by_mean.get(ranked_by) or borda_intervals(
        contests.to_numpy(), pool=int(listed.sum()), clusters=task_of, draws=draws
    )
    ends = [ranked.rank_low, ranked.rank_high, by_task.low, by_task.high, by_type.low, by_type.high]
    found = pd.DataFrame(dict(zip(_COLUMNS, [means.index, *ends, ranked.tied_with_first], strict=True)))
    return found[listed].reset_index(drop=True)
