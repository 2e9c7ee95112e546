"""Two versions of the record compared: two imports of this store, or this store and another file."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from dashboard.queries.rows import Cursor
from data.store.database import open_reader
from data.store.derive import derive_as_of

__all__ = ["changed_scores", "imports", "latest", "models_before", "moves", "other_stores"]

_COLUMNS = ("model", "revision", "origin", "experiment", "task", "split", "subset")
_KEY = ", ".join(_COLUMNS)
_SAME = " AND ".join(f"o.{column} IS NOT DISTINCT FROM n.{column}" for column in _COLUMNS)

# Of what stood after either of two imports, only what came or went in between can differ.
_ENDED = "added_in <= $before AND gone_in > $before AND gone_in <= $after"
_BEGUN = "added_in > $before AND added_in <= $after AND (gone_in IS NULL OR gone_in > $after)"
_STANDS = "gone_in IS NULL"

# One row a result (model, revision, origin, task): its cells that are new, gone or have another score.
_CHANGES = f"""
WITH old AS (
    SELECT {_KEY}, main_score FROM {{old}}results JOIN {{old}}scores USING (result_id)
    WHERE {{old_when}} AND NOT withdrawn
),
new AS (
    SELECT {_KEY}, main_score FROM {{new}}results JOIN {{new}}scores USING (result_id)
    WHERE {{new_when}} AND NOT withdrawn
),
cells AS (
    SELECT coalesce(o.model, n.model) AS model, coalesce(o.revision, n.revision) AS revision,
        coalesce(o.origin, n.origin) AS origin, coalesce(o.experiment, n.experiment) AS experiment,
        coalesce(o.task, n.task) AS task, o.main_score AS before, n.main_score AS after,
        o.model IS NULL AS is_new, n.model IS NULL AS is_gone
    FROM old o FULL JOIN new n ON {_SAME}
    WHERE o.model IS NULL OR n.model IS NULL OR o.main_score IS DISTINCT FROM n.main_score
)
SELECT model, revision, origin, experiment, task, count(*) FILTER (is_new) AS cells_new,
    count(*) FILTER (is_gone) AS cells_gone, count(*) FILTER (NOT is_new AND NOT is_gone) AS cells_changed,
    avg(before) FILTER (NOT is_new AND NOT is_gone) AS before, avg(after) FILTER (NOT is_new AND NOT is_gone) AS after,
    avg(after - before) FILTER (NOT is_new AND NOT is_gone) AS difference
FROM cells GROUP BY model, revision, origin, experiment, task
ORDER BY abs(difference) DESC NULLS LAST, model, task
"""

_RANKS = """
SELECT model, rank, mean_task, tasks_present,
    (SELECT string_agg(DISTINCT task, chr(0) ORDER BY task) FROM board_cells($benchmark, NULL, NULL, false)) AS scored
FROM ranking($benchmark, NULL, NULL, false) WHERE ranked
"""


def imports(cursor: Cursor) -> pd.DataFrame:
    """All imports, the newest first; ``started_at`` is never before that of an import the store had already.

    A run counts as an import and says when the run began, which may be days before it came into this store.
    """
    return cursor.execute(
        "SELECT * REPLACE (max(started_at) OVER (ORDER BY import_id) AS started_at) FROM imports"
        " ORDER BY import_id DESC"
    ).df()


def other_stores(here: Path) -> list[str]:
    """Names of the other stores in the folder of this one."""
    return sorted(path.name for path in here.parent.glob("*.duckdb") if path.name != here.name)


def latest(cursor: Cursor, *, other: str = "", version: object = None) -> datetime | None:
    """When this store, or another one, was last imported into; None for one that never was."""
    name = f"{_attached(cursor, other, version)}." if other else ""
    newest: datetime | None = cursor.execute(f"SELECT max(started_at) FROM {name}imports").fetchall()[0][0]
    return newest


def changed_scores(
    cursor: Cursor, *, before: int = 0, after: int = 0, other: str = "", version: object = None, newer: bool = False
) -> pd.DataFrame:
    """Results that are new, gone or have other scores: one row a model, revision, origin, experiment and task.

    Columns: those, cells_new, cells_gone, cells_changed, and before, after, difference (means over the changed cells,
    0-1). With ``other``, the path of another store and its ``version``, this store is compared with that one, which is
    the one before unless it is ``newer``; else two imports of this store are.
    """
    if not other:
        query = _CHANGES.format(old="", new="", old_when=_ENDED, new_when=_BEGUN)
        return cursor.execute(query, {"before": before, "after": after}).df()
    name = f"{_attached(cursor, other, version)}."
    old, new = ("", name) if newer else (name, "")
    return cursor.execute(_CHANGES.format(old=old, new=new, old_when=_STANDS, new_when=_STANDS)).df()


def models_before(
    cursor: Cursor, *, before: int = 0, other: str = "", version: object = None, newer: bool = False
) -> list[str]:
    """Models with any result in the earlier of the two records."""
    if other:
        name = "" if newer else f"{_attached(cursor, other, version)}."
        result = cursor.execute(f"SELECT DISTINCT model FROM {name}results WHERE gone_in IS NULL AND NOT withdrawn")
    else:
        result = cursor.execute(
            "SELECT DISTINCT model FROM results"
            " WHERE added_in <= $before AND (gone_in IS NULL OR gone_in > $before) AND NOT withdrawn",
            {"before": before},
        )
    return [model for (model,) in result.fetchall()]


def moves(
    cursor: Cursor,
    benchmark: str,
    *,
    before: int = 0,
    after: int = 0,
    other: str = "",
    version: object = None,
    newer: bool = False,
) -> pd.DataFrame:
    """Ranks on a benchmark in both records: one row a model that is ranked in either.

    Columns: model, rank_before, rank_after, move (places gained, positive is up), mean_before, mean_after,
    difference (0-1), tasks_before, tasks_after; NaN where the model is in one only. A difference of means is of the
    same tasks: it is NaN where the benchmark was made of others then.
    """
    if other:
        with closing(open_reader(Path(other))) as reader:
            old, new = _ranking(reader.cursor(), benchmark), _ranking(cursor, benchmark)
        old, new = (new, old) if newer else (old, new)
    else:
        old, new = _ranking_as_of(cursor, benchmark, before), _ranking_as_of(cursor, benchmark, after)
    ranks = old.merge(new, on="model", how="outer", suffixes=("_before", "_after"))
    ranks = ranks.rename(columns=lambda name: name.replace("_task_", "_").replace("_present_", "_"))
    ranks["move"] = ranks["rank_before"] - ranks["rank_after"]
    same_tasks = set(old["scored"]) == set(new["scored"])
    ranks["difference"] = ranks["mean_after"] - ranks["mean_before"] if same_tasks else np.nan
    ranks = ranks.drop(columns=["scored_before", "scored_after"])
    return ranks.sort_values(["rank_after", "rank_before"], na_position="last").reset_index(drop=True)


def _ranking(cursor: Cursor, benchmark: str) -> pd.DataFrame:
    return cursor.execute(_RANKS, {"benchmark": benchmark}).df()


def _ranking_as_of(cursor: Cursor, benchmark: str, import_id: int) -> pd.DataFrame:
    latest = cursor.execute("SELECT max(import_id) FROM imports").fetchall()[0][0]
    if import_id == latest:
        return _ranking(cursor, benchmark)
    # A cursor of its own: the temporary tables made here hide the store's own from whoever uses it.
    with closing(cursor.cursor()) as own:
        own.execute("USE store")
        derive_as_of(own, import_id, benchmark)
        return _ranking(own, benchmark)


def _attached(cursor: Cursor, path: str, version: object) -> str:
    """Name of the other store beside this one, attached read-only once a version."""
    open_reader(Path(path)).close()  # says in words what is wrong with it
    name = "other_" + sha256(f"{path} {version}".encode()).hexdigest()[:16]
    # ATTACH takes no parameters; the name is made of hexadecimal digits, and a quote in the path is doubled.
    cursor.execute(f"ATTACH IF NOT EXISTS '{path.replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
    return name
