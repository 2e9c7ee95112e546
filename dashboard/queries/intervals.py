"""How sure the ranks and means of a benchmark are, and how each model stands to the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.queries.rows import Cursor, first_column, wide
from data.rules.bootstrap import (
    DRAWS,
    FEWEST_TASKS,
    RankIntervals,
    borda_intervals,
    mean_intervals,
    paired_differences,
)
from data.rules.ranking import Matrix

__all__ = [
    "LACKS",
    "Intervals",
    "Rival",
    "fewer_draws",
    "first_of",
    "headline_weighing",
    "headline_weights",
    "intervals",
]

LACKS = "lacks"  # beside the codes of data.rules.bootstrap: a model without all of the tasks that the first has

_PARAMETERS = "$benchmark, $models, $tasks, $strict"
_CONTESTS = f"SELECT model, contest, any_score FROM contests({_PARAMETERS}) WHERE ranked"
_CELLS = f"SELECT model, task, score FROM board_cells({_PARAMETERS}) WHERE ranked"
_NUMBERED = f"""
SELECT model FROM board_cells({_PARAMETERS}) JOIN models USING (model)
WHERE ranked AND registered GROUP BY model HAVING NOT bool_or(old_name)
"""
_FIRST = f"""
SELECT model FROM ranking({_PARAMETERS}) WHERE ranked AND rank IS NOT NULL
ORDER BY rank, mean_task DESC NULLS LAST, model LIMIT 1
"""
_COLUMNS = ["model", "rank_low", "rank_high", "mean_low", "mean_high", "type_low", "type_high", "against_first"]


class Rival(NamedTuple):
    """A model that lacks tasks and yet is better than the first on most of the tasks they share."""

    model: str
    better: int
    shared: int


class Intervals(NamedTuple):
    """How sure a board is.

    ``models``: one row a ranked model. Columns: model; rank_low, rank_high; mean_low, mean_high (of Mean (Task), 0-1);
    type_low, type_high (of Mean (TaskType)); against_first, a code of ``data.rules.bootstrap`` or :data:`LACKS`.
    NaN where nothing can be said: fewer than six tasks, an incomplete model's mean. ``first``: who is
    ranked first, None where nobody is. ``rivals``: those it does not beat on what is shared, the clearest first.
    ``draws``: of the bootstrap, where they are fewer than were asked for as the board is large; else None.
    """

    models: pd.DataFrame
    first: str | None
    rivals: tuple[Rival, ...]
    draws: int | None = None


def intervals(
    cursor: Cursor,
    benchmark: str,
    models: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    strict: bool = False,
    draws: int = DRAWS,
    first: str | None = None,
) -> Intervals:
    """95% intervals from the bootstrap over the benchmark's tasks.

    The arguments are those of the macro ``ranking``; ``draws`` are the bootstrap's for ranks and means; ``first`` is
    who is ranked first, for a caller that has the board (:func:`first_of`): to rank again takes time. Whether a model
    can be told apart from the first is asked of the differences on the tasks of the first, as Compare asks it, never
    of points: there a task that one of them lacks would count as lost.
    """
    parameters = {
        "benchmark": benchmark, "models": None if models is None else list(models),
        "tasks": None if tasks is None else list(tasks), "strict": strict,
    }  # fmt: skip
    contests = wide(cursor, _CONTESTS, parameters, "contest", "any_score")
    every = wide(cursor, _CELLS, parameters, "task", "score")
    means = every.reindex(contests.index)
    asked, draws = draws, fewer_draws(draws, len(means))
    if not means.notna().any(axis=None):
        return Intervals(pd.DataFrame(columns=_COLUMNS), None, ())
    listed = means.notna().any(axis=1).to_numpy()  # models with no complete task have no row, yet take their ranks
    # Where the rank is of a mean, only these are numbered; the others' ranks are not among them.
    numbered = means.index.isin(first_column(cursor, _NUMBERED, parameters))
    of_type = cursor.execute("SELECT task, type FROM tasks").df().set_index("task")["type"].reindex(means.columns)
    ranked_by = _ranked_by(cursor, benchmark)
    by_mean = {
        name: _of_means(means, numbered, weights, draws, ranked=ranked_by == name)
        for name, weights in (("mean_task", None), ("mean_task_type", _alike_by_type(of_type)))
    }
    # The subsets of one task are drawn together: another task like it would bring its own along.
    task_of = pd.factorize(contests.columns.str.split("::").str[0])[0]
    by_task, by_type = by_mean.values()
    ranked = by_mean.get(ranked_by) or borda_intervals(
        contests.to_numpy(), models=int(listed.sum()), clusters=task_of, draws=draws
    )
    ends = [ranked.rank_low, ranked.rank_high, by_task.low, by_task.high, by_type.low, by_type.high]
    first = first or next(iter(first_column(cursor, _FIRST, parameters)), None)
    first = first if first in means.index else None
    against = _against(means, first, headline_weights(cursor, benchmark, of_type))
    rows = pd.DataFrame(dict(zip(_COLUMNS, [means.index, *ends, against], strict=True)))
    fewer = draws if draws < asked else None
    return Intervals(rows[listed].reset_index(drop=True), first, _rivals(every, first), fewer)


def _of_means(
    means: pd.DataFrame, numbered: NDArray[np.bool_], weights: Matrix | None, draws: int, *, ranked: bool
) -> RankIntervals:
    """Intervals of means, and of the ranks by them where the board is in their order: those take most of the time."""
    if not ranked and (numbered & means.notna().all(axis=1).to_numpy()).any():  # none is said where nobody is numbered
        return mean_intervals(means.to_numpy(), weights=weights, ranked=False, draws=draws)
    return mean_intervals(means.to_numpy(), weights=weights, numbered=numbered, draws=draws)


def fewer_draws(draws: int, models: int) -> int:
    """Draws that a board of so many models can afford, at most ``draws``: boards of today's size have all of them.

    Each draw ranks every model anew. Two hundred and fifty leave an end of a 95% interval to the sixth of them.
    """
    return min(draws, max(_FEWEST_DRAWS, _MOST_RANKED // max(models, 1)))


_FEWEST_DRAWS, _MOST_RANKED = 250, 4_000_000


def first_of(board: pd.DataFrame) -> str | None:
    """Who is ranked first on a board, as :func:`dashboard.queries.leaderboard.table` gives it; None where nobody is."""
    ranked = board.loc[board["ranked"] & board["rank"].notna(), "model"]
    return None if ranked.empty else str(ranked.iloc[0])


def headline_weights(cursor: Cursor, benchmark: str, types: pd.Series) -> Matrix:
    """Weight of each task in the mean that stands for a benchmark: alike, or alike by type where it ranks by that."""
    return headline_weighing(cursor, benchmark)(types)


def headline_weighing(cursor: Cursor, benchmark: str) -> Callable[[pd.Series], Matrix]:
    """The same as a function of the tasks' types, for whoever weighs many sets of tasks of one benchmark."""
    by_type = _ranked_by(cursor, benchmark) == "mean_task_type"
    return _alike_by_type if by_type else lambda types: np.ones(len(types))


def _ranked_by(cursor: Cursor, benchmark: str) -> str:
    """Rule that a benchmark ranks by; empty for what is no benchmark."""
    return "".join(first_column(cursor, "SELECT ranked_by FROM benchmarks WHERE benchmark = ?", [benchmark]))


def _alike_by_type(types: pd.Series) -> Matrix:
    weights: Matrix = 1 / types.map(types.value_counts()).to_numpy(dtype=np.float64)
    return weights


def _against(means: pd.DataFrame, first: str | None, weights: Matrix) -> list[str]:
    """How each model stands to the first on the tasks the first has: a code a model, empty for the first itself."""
    if first is None:
        return [""] * len(means)
    mine = means.loc[first].notna().to_numpy()
    scores = means.to_numpy(dtype=np.float64)[:, mine]
    able = ~np.isnan(scores).any(axis=1)
    row = means.index.tolist().index(first)
    place = int(able[:row].sum())
    codes = np.full(len(means), LACKS, dtype=object)
    codes[able] = [pair.standing for pair in paired_differences(scores[able], place, weights=weights[mine])]
    codes[row] = ""
    return [str(code) for code in codes]


def _rivals(means: pd.DataFrame, first: str | None) -> tuple[Rival, ...]:
    """Models without all tasks of the first that are better on more than half of those they share, of six at least."""
    if first is None:
        return ()
    mine = means.loc[first]
    others = means[(means.isna() & mine.notna()).any(axis=1)]
    shared = (others.notna() & mine.notna()).sum(axis=1)
    better = others.gt(mine, axis=1).sum(axis=1)
    most = (2 * better > shared) & (shared >= FEWEST_TASKS)
    rivals = [Rival(str(model), int(better[model]), int(shared[model])) for model in others.index[most]]
    return tuple(sorted(rivals, key=lambda rival: (-rival.better / rival.shared, -rival.shared, rival.model)))
