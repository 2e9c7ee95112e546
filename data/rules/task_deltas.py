"""What the store knows of the tasks behind some deltas: how long their texts are, in which scripts, what metrics did.

The pattern that :mod:`data.rules.suggestions` fits causes to; asked for by the command line and the reproduction
page alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from data.rules.suggestions import Delta

__all__ = ["ComparedCell", "cells_of", "source_of", "task_deltas"]


class ComparedCell(NamedTuple):
    """One judged delta that can be compared, as ``data.rules.deltas.deltas`` has it."""

    task: str
    type: str
    split: str
    subset: str
    delta: float
    claim_score: float
    claim_id: int
    check_id: int


def cells_of(frame: pd.DataFrame) -> tuple[ComparedCell, ...]:
    """The rows of a frame of deltas as plain values."""
    return tuple(
        ComparedCell(*row)
        for row in frame[list(ComparedCell._fields)].astype(object).itertuples(index=False, name=None)
    )


def task_deltas(cursor: duckdb.DuckDBPyConnection, cells: tuple[ComparedCell, ...]) -> list[Delta]:
    """The mean delta of each task, with the length and languages of its texts and what each metric did.

    Lengths are mteb's descriptive statistics, languages those of the cells. A metric's delta is the mean over the
    cells that both sides store it for; there is none where a side has its main score alone, as the bundled record has.
    """
    if not cells:
        return []
    columns = pd.DataFrame(cells)
    parameters = {name: columns[name].tolist() for name in ("task", "split", "subset", "claim_id", "check_id")}
    lengths = _lengths(cursor, parameters)
    languages = dict(cursor.execute(_LANGUAGES, parameters).fetchall())
    metrics: dict[str, dict[str, float]] = {}
    for task, metric, delta in cursor.execute(_METRICS, parameters).fetchall():
        metrics.setdefault(task, {})[metric] = delta
    means = columns.groupby(["task", "type"], as_index=False)[["delta", "claim_score"]].mean()
    return [
        Delta(
            task,
            kind,
            float(delta),
            float(official),
            lengths.get(task),
            tuple(languages.get(task) or ()),
            metrics.get(task, {}),
        )
        for task, kind, delta, official in means.itertuples(index=False, name=None)
    ]


def source_of(cursor: duckdb.DuckDBPyConnection, model: str, run: str | None) -> str:
    """Where a model can be loaded from: its name, or the folder that was run for one that only this machine knows."""
    if not model.startswith("local/"):
        return model
    row = cursor.execute("SELECT settings ->> '$.asked.model' FROM runs WHERE run_id = ?", [run]).fetchone()
    return str(row[0]) if row and row[0] else model


_CELLS = """
asked_cells AS (
    SELECT unnest($task) AS task, unnest($split) AS split, unnest($subset) AS subset,
        unnest($claim_id) AS claim_id, unnest($check_id) AS check_id
)
"""
_LANGUAGES = f"""
WITH {_CELLS}
SELECT a.task, list(DISTINCT language) FROM asked_cells a
JOIN scores s ON s.result_id = a.check_id AND s.split = a.split AND s.subset = a.subset,
unnest(string_split(s.languages, ',')) AS l(language)
GROUP BY a.task
"""
_METRICS = f"""
WITH {_CELLS}
SELECT a.task, claim.metric, avg(checked.value - claim.value)
FROM asked_cells a
JOIN metrics_of($claim_id) claim ON claim.result_id = a.claim_id AND claim.split = a.split AND claim.subset = a.subset
JOIN metrics_of($check_id) checked ON checked.result_id = a.check_id AND checked.split = a.split
    AND checked.subset = a.subset AND checked.metric = claim.metric
WHERE isfinite(checked.value - claim.value) GROUP BY a.task, claim.metric
"""


def _lengths(cursor: duckdb.DuckDBPyConnection, parameters: dict[str, Any]) -> dict[str, float]:
    """Mean characters of the longer side's texts (documents, not queries), over the splits that are scored."""
    rows = cursor.execute(
        f"WITH {_CELLS} SELECT t.task, list(DISTINCT a.split), t.statistics"
        " FROM asked_cells a JOIN tasks t USING (task)"
        " WHERE t.statistics IS NOT NULL GROUP BY t.task, t.statistics",
        parameters,
    ).fetchall()
    lengths = {}
    for task, splits, statistics in rows:
        by_split = json.loads(statistics)
        if means := list(_means({split: by_split.get(split) for split in splits})):
            lengths[task] = max(means)
    return lengths


def _means(value: Any) -> Iterator[float]:
    """Every mean text length in mteb's nested statistics of a split."""
    if isinstance(value, dict):
        if isinstance(value.get("average_text_length"), int | float):
            yield float(value["average_text_length"])
        for inner in value.values():
            yield from _means(inner)
