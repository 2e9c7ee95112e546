"""One model against its peers: models of about its size, cell by cell."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from dashboard.queries import leaderboard
from dashboard.queries.rows import Cursor, first_column

__all__ = [
    "Standing", "benchmarks_of", "cells_against_peers", "first_model", "languages_against_peers", "peers",
    "standing_of", "standings", "tasks_against_peers",
]  # fmt: skip


class Standing(NamedTuple):
    """A model on a benchmark's leaderboard: rank, headline mean (0-1), tasks that count and are missing."""

    rank: int | None
    ranked: int
    mean: float | None
    tasks: int
    missing: int


_STANDINGS = ["model", "rank", "mean", "tasks_scored", "tasks_missing"]

# Half to twice the parameters; where the model's size is unknown, every other model.
_PEERS = """
me AS (SELECT n_parameters AS size FROM models WHERE model = $model),
peers AS (
    SELECT DISTINCT b.model FROM board b LEFT JOIN models m ON m.model = b.model
    WHERE b.benchmark = $benchmark AND b.ranked AND b.model <> $model
        AND ((SELECT any_value(size) FROM me) IS NULL
            OR m.n_parameters BETWEEN (SELECT any_value(size) FROM me) / 2 AND (SELECT any_value(size) FROM me) * 2)
)
"""

# Percentile: the share of peers below, ties counting half; NULL where no peer has a score.
_PERCENTILE = """
    count(o.score) AS peers, median(o.score) AS median, max(o.score) AS best,
    100 * (count(*) FILTER (o.score < mine.score) + count(*) FILTER (o.score = mine.score) / 2)
        / nullif(count(o.score), 0) AS percentile
"""

_TASKS = f"""
WITH {_PEERS},
mine AS (SELECT task, score, result_id FROM board
    WHERE benchmark = $benchmark AND model = $model AND score IS NOT NULL),
o AS (SELECT b.task, b.score FROM board b SEMI JOIN peers p ON p.model = b.model
    WHERE b.benchmark = $benchmark AND b.score IS NOT NULL)
SELECT mine.task, t.type, mine.score, mine.result_id, {_PERCENTILE}
FROM mine JOIN tasks t ON t.task = mine.task LEFT JOIN o ON o.task = mine.task
GROUP BY mine.task, t.type, mine.score, mine.result_id ORDER BY percentile DESC NULLS LAST, mine.task
"""

# Cells are matched by their hash: grouping by three texts and more takes ten times as long.
_CELLS = f"""
WITH {_PEERS},
cells AS (
    SELECT b.model = $model AS me, b.task, s.split, s.subset, s.languages, s.main_score AS score,
        hash(b.task, s.split, s.subset) AS cell
    FROM board b JOIN scores s ON s.result_id = b.result_id
    SEMI JOIN benchmark_cells k
        ON k.benchmark = $benchmark AND k.task = b.task AND s.split = k.split AND s.subset = k.subset
    WHERE b.benchmark = $benchmark AND s.main_score IS NOT NULL AND NOT isnan(s.main_score)
        AND (b.model = $model OR b.model IN (SELECT model FROM peers))
),
mine AS (FROM cells WHERE me),
against AS (
    SELECT mine.cell, {_PERCENTILE}
    FROM mine LEFT JOIN (FROM cells WHERE NOT me) o USING (cell) GROUP BY mine.cell
)
SELECT mine.task, t.type, mine.split, mine.subset, mine.languages, mine.score, a.peers, a.median, a.best, a.percentile
FROM mine JOIN against a USING (cell) JOIN tasks t ON t.task = mine.task
ORDER BY mine.task, mine.split, mine.subset
"""


def benchmarks_of(cursor: Cursor, model: str) -> list[str]:
    """Benchmarks the model has a score on, the one it has most of first."""
    query = "SELECT benchmark FROM board JOIN benchmarks USING (benchmark) WHERE model = ? GROUP BY benchmark, position"
    return first_column(cursor, query + " ORDER BY count(score) DESC, position", [model])


def peers(cursor: Cursor, model: str, benchmark: str) -> list[str]:
    """Models of the benchmark with half to twice the parameters; all others where the size is unknown."""
    query = f"WITH {_PEERS} SELECT model FROM peers ORDER BY model"
    return first_column(cursor, query, {"model": model, "benchmark": benchmark})


def tasks_against_peers(cursor: Cursor, model: str, benchmark: str) -> pd.DataFrame:
    """One row a task the model has in full: score, peers with a score, their median and best (0-1), percentile."""
    return cursor.execute(_TASKS, {"model": model, "benchmark": benchmark}).df()


def cells_against_peers(cursor: Cursor, model: str, benchmark: str) -> pd.DataFrame:
    """The same by cell: one row a task, split and subset, with its languages ('eng-Latn,fra-Latn')."""
    return cursor.execute(_CELLS, {"model": model, "benchmark": benchmark}).df()


def languages_against_peers(cursor: Cursor, model: str, benchmark: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a language, the one with most tasks first; and the cells all of it is made of, as above.

    Columns: language, tasks, cells, and the means of its cells' scores (``score``, 0-1) and ``percentile``. A cell of
    two languages counts for both. Percentiles are taken cell by cell, so that only like is compared.
    """
    cells = cells_against_peers(cursor, model, benchmark)
    by_language = cells.assign(language=cells["languages"].fillna("").str.split(",")).explode("language")
    by_language["language"] = by_language["language"].str.split("-").str[0]
    languages = by_language[by_language["language"] != ""].groupby("language", as_index=False).agg(
        tasks=("task", "nunique"), cells=("score", "size"), score=("score", "mean"), percentile=("percentile", "mean")
    )  # fmt: skip
    order = ["tasks", "cells", "language"]
    return languages.sort_values(order, ascending=[False, False, True], ignore_index=True), cells


def first_model(cursor: Cursor) -> str | None:
    """The model that leads the leaderboard shown first; None where nobody is ranked there."""
    names = list(leaderboard.benchmarks(cursor)["benchmark"])
    if not names:
        return None
    board = _board(cursor, names[leaderboard.first_shown(names)])
    ranked = board[board["rank"].notna()]
    return None if ranked.empty else str(ranked["model"].iloc[0])


def standings(cursor: Cursor, benchmark: str) -> pd.DataFrame:
    """How each model stands on a benchmark's leaderboard as that opens: ranked once, whichever is looked at.

    Columns: model, rank, mean (the headline, 0-1), tasks_scored, tasks_missing.
    """
    board = _board(cursor, benchmark)
    if board.empty:
        return pd.DataFrame(columns=_STANDINGS)
    quality = leaderboard.quality_of(leaderboard.benchmark_row(leaderboard.benchmarks(cursor), benchmark))
    return board.assign(mean=board[quality])[_STANDINGS]


def standing_of(standings: pd.DataFrame, model: str) -> Standing | None:
    """How one model stands; None where it has no row. ``standings`` are those of :func:`standings`."""
    mine = standings[standings["model"] == model].to_dict("records")
    if not mine:
        return None
    (row,) = mine
    return Standing(
        None if pd.isna(row["rank"]) else int(row["rank"]),
        int(standings["rank"].notna().sum()),
        None if pd.isna(row["mean"]) else float(row["mean"]),
        int(row["tasks_scored"]),
        int(row["tasks_missing"]),
    )


def _board(cursor: Cursor, benchmark: str) -> pd.DataFrame:
    """The leaderboard of a benchmark as its page opens."""
    selection = leaderboard.selected(cursor, benchmark, leaderboard.Filter())
    return leaderboard.table(cursor, benchmark, selection)
