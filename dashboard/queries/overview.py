"""Questions of the first page: who beats the model one has, how the newest check went, what the record is made of."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashboard.queries import drift, leaderboard
from dashboard.queries.intervals import headline_weights
from dashboard.queries.rows import Cursor, first_column
from data.rules.bootstrap import FEWEST_TASKS, paired_differences
from data.store.vocabulary import DriftVerdict

__all__ = [
    "Challenger", "NewestCheck", "Record", "challengers", "newest_check", "record_facts", "runs_since",
    "usual_incumbent",
]  # fmt: skip


class Challenger(NamedTuple):
    """An open model beside the one somebody has, on the tasks of a benchmark that the latter has scores on.

    ``difference`` is its mean minus the other's (0-1, tasks weighed as the benchmark's headline mean weighs them),
    ``standing`` a code of ``data.rules.bootstrap``, ``better`` on how many of the ``shared`` tasks it scores higher.
    """

    model: str
    n_parameters: float | None
    difference: float
    standing: str
    better: int
    shared: int


def usual_incumbent(cursor: Cursor, benchmark: str) -> str | None:
    """The proprietary model with the most scores in the store, of those with enough tasks of a benchmark."""
    rows = cursor.execute(
        """
        WITH able AS (
            SELECT model FROM board JOIN models m USING (model) WHERE benchmark = $benchmark AND m.open_weights = false
                AND board.score IS NOT NULL GROUP BY model HAVING count(*) >= $fewest
        )
        SELECT model FROM able JOIN chosen USING (model) WHERE experiment = ''
        GROUP BY model ORDER BY count(DISTINCT task) DESC, model LIMIT 1
        """,
        {"benchmark": benchmark, "fewest": FEWEST_TASKS},
    ).fetchall()
    return rows[0][0] if rows else None


def challengers(cursor: Cursor, benchmark: str, incumbent: str) -> tuple[Challenger, ...]:
    """The best open model that beats another on its tasks of a benchmark, and the smallest; one twice is here once.

    Only models with a score on all of those tasks are asked, tasks that nobody has finished aside; nothing where the
    other has fewer than six tasks, or no open model a higher mean.
    """
    selection = leaderboard.selected(cursor, benchmark, leaderboard.Filter())
    cells = cursor.execute(_CELLS, selection.parameters(benchmark)).df()
    scores = cells.pivot(index="model", columns="task", values="score")
    if incumbent not in scores.index:
        return ()
    scores = scores.loc[:, scores.loc[incumbent].notna()].dropna()
    if scores.shape[1] < FEWEST_TASKS:
        return ()
    facts = cells.drop_duplicates("model").set_index("model").reindex(scores.index)
    weights = headline_weights(
        cursor, benchmark, cells.drop_duplicates("task").set_index("task")["type"][scores.columns]
    )
    matrix = scores.to_numpy(dtype=np.float64)
    ahead = pd.Series(matrix @ weights / weights.sum(), index=scores.index)
    ahead = (ahead - ahead[incumbent])[facts["open_weights"].eq(True)].loc[lambda each: each > 0]
    if ahead.empty:
        return ()
    sizes = facts["n_parameters"].reindex(ahead.index).dropna()
    names = [str(ahead.idxmax()), *([str(sizes.idxmin())] if len(sizes) else [])]
    return tuple(_beside(scores, incumbent, name, weights, facts["n_parameters"]) for name in dict.fromkeys(names))


def _beside(scores: pd.DataFrame, incumbent: str, model: str, weights: np.ndarray, sizes: pd.Series) -> Challenger:
    pair = scores.loc[[incumbent, model]].to_numpy(dtype=np.float64)
    difference = paired_differences(pair, 0, weights=weights)[1]
    size = None if pd.isna(sizes[model]) else float(sizes[model])
    better = int((pair[1] > pair[0]).sum())
    return Challenger(model, size, difference.mean, difference.standing, better, pair.shape[1])


class NewestCheck(NamedTuple):
    """The newest parity check: its name, its encoders, how many are the same model, and the worst of them."""

    name: str
    encoders: int
    same: int
    worst: str
    output: str
    verdict: DriftVerdict


def newest_check(cursor: Cursor) -> NewestCheck | None:
    """How the newest parity check went, by the first of its outputs; None where there is none."""
    checks = drift.checks(cursor)
    if checks.empty:
        return None
    check = checks.iloc[0]
    output = str(check["outputs"][0])
    verdicts = drift.verdicts(cursor, str(check["check_id"]), output)
    gravity = verdicts["verdict"].map({str(verdict): place for place, verdict in enumerate(DriftVerdict)})
    names = drift.encoders(cursor, str(check["check_id"])).set_index("encoder_id")["name"]
    same = verdicts["verdict"].isin([verdict for verdict in DriftVerdict if verdict.same]) & verdicts["mixes"]
    worst = verdicts.iloc[int(gravity.to_numpy().argmax())]
    return NewestCheck(
        str(check["name"]), len(verdicts), int(same.sum()), str(names[worst["encoder_id"]]), output,
        DriftVerdict(worst["verdict"]),
    )  # fmt: skip


class Record(NamedTuple):
    """Where the figures come from, and how many there are. None where nobody said."""

    source: str | None
    commit: str | None
    date: datetime | None
    mteb_version: str | None
    models: int
    tasks: int
    scores: int
    runs: int
    checks: int


def record_facts(cursor: Cursor) -> Record:
    """What the published figures of the store come from: the newest import with any that is no run of this machine."""
    rows = cursor.execute(
        "SELECT source, source_commit, source_date FROM imports WHERE kind <> 'run' ORDER BY import_id DESC LIMIT 1"
    ).fetchall()
    source, commit, date = rows[0] if rows else (None, None, None)
    version = next(iter(first_column(cursor, "SELECT value FROM meta WHERE key = 'mteb_version'")), None)
    counts = cursor.execute(_COUNTS).fetchall()[0]
    return Record(source, commit, date, version, *counts)


def runs_since(cursor: Cursor, moment: datetime) -> pd.DataFrame:
    """Runs of this machine that began since then, the newest first: run_id, kind, model, status, started_at."""
    return cursor.execute(
        "SELECT run_id, kind, model, status, started_at FROM runs WHERE started_at >= ?"
        " ORDER BY started_at DESC, run_id",
        [moment],
    ).df()


_CELLS = """
SELECT c.model, c.task, c.type, c.score, m.open_weights, m.n_parameters
FROM board_cells($benchmark, $models, $tasks, $trusted) c LEFT JOIN models m USING (model) WHERE c.score IS NOT NULL
"""
_COUNTS = """
WITH standing AS (SELECT result_id, model, task FROM results WHERE gone_in IS NULL AND NOT withdrawn)
SELECT (SELECT count(DISTINCT model) FROM standing), (SELECT count(DISTINCT task) FROM standing),
    (SELECT count(*) FROM scores SEMI JOIN standing USING (result_id)),
    (SELECT count(*) FROM runs), (SELECT count(*) FROM checks)
"""
