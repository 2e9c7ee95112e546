"""Questions of the first page: who beats the model one has, how the newest check went, what the record is made of."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pandas as pd

from dashboard.queries import drift
from dashboard.queries.replace import ENOUGH, USUAL, has_tasks, rivals
from dashboard.queries.rows import Cursor, first_column
from data.rules.bootstrap import FEW
from data.store.vocabulary import DriftVerdict

__all__ = [
    "Challenger", "NewestCheck", "Record", "challengers", "newest_check", "record_facts", "runs_since",
    "usual_incumbent",
]  # fmt: skip


class Challenger(NamedTuple):
    """An open model beside the one somebody has, on the tasks of a benchmark that they share.

    ``difference`` is its mean minus the other's (0-1), ``standing`` a code of ``data.rules.bootstrap``, ``better`` on
    how many of the ``shared`` tasks it scores higher beyond the noise floor.
    """

    model: str
    n_parameters: float | None
    difference: float
    standing: str
    better: int
    shared: int


def usual_incumbent(cursor: Cursor, benchmark: str) -> str | None:
    """The model most who ask have, else the proprietary one with the most scores; of those with a score there."""
    rows = cursor.execute(
        """
        WITH able AS (SELECT DISTINCT model FROM board WHERE benchmark = $benchmark AND score IS NOT NULL)
        SELECT model FROM able JOIN model_counts c USING (model) JOIN models m USING (model)
        WHERE m.open_weights = false ORDER BY model = $usual DESC, c.tasks DESC, model LIMIT 1
        """,
        {"benchmark": benchmark, "usual": USUAL},
    ).fetchall()
    return rows[0][0] if rows else None


def challengers(cursor: Cursor, benchmark: str, incumbent: str) -> tuple[Challenger, ...]:
    """The open model with the highest mean above another's on the tasks they share, and the smallest with a higher one.

    Of those that share enough of its tasks, as the page of replacements starts; one that is both is here once.
    """
    rows = rivals(cursor, incumbent, benchmark)
    has, _ = has_tasks(cursor, incumbent, benchmark)
    if "standing" not in rows:
        return ()
    above = rows[rows["open_weights"].eq(True) & (rows["tasks"] >= max(1, ENOUGH * has)) & (rows["difference"] > 0)]
    above = above[above["standing"] != FEW].sort_values(["difference", "model"], ascending=[False, True])
    best, smallest = above.head(1), above.dropna(subset=["n_parameters"]).nsmallest(1, "n_parameters")
    both = pd.concat([best, smallest]).drop_duplicates("model").to_dict("records")
    return tuple(
        Challenger(
            str(row["model"]), None if pd.isna(row["n_parameters"]) else float(row["n_parameters"]),
            float(row["difference"]), str(row["standing"]), int(row["wins"]), int(row["tasks"]),
        )
        for row in both
    )  # fmt: skip


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


_COUNTS = """
SELECT (SELECT count(*) FROM model_counts WHERE results > 0), (SELECT count(*) FROM task_counts WHERE results > 0),
    (SELECT coalesce(sum(cells), 0)::BIGINT FROM model_counts),
    (SELECT count(*) FROM runs), (SELECT count(*) FROM checks)
"""
