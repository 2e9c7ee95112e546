"""Tables of the reproduction page: deltas as they are shown and as CSV, and the two sides of one of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from dashboard.formatting import word
from dashboard.tables.columns import DIFFERENCE, POINTS, PRIVATE, STORED, WORDED, Column, Table, number
from dashboard.words import mark, phrase, tr
from data.rules.deltas import Sides, summed_up
from data.rules.effects import Effects
from data.rules.setups import NamedRun

__all__ = [
    "cell_names", "deltas_csv", "deltas_table", "heatmap_cells", "metrics_beside_table", "short_row_names",
    "sides_table", "split_suffix",
]  # fmt: skip

_RUN_ID = r"\b\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-(\w{4})\w*"  # year, month, day, hour, minute, second, settings
_CSV = [
    "kind", "model", "task", "type", "split", "subset", "metric", "claim_origin", "claim_run", "claim_revision",
    "claim_score", "check_origin", "check_run", "check_revision", "check_score", "delta", "floor", "floor_scope",
    "floor_n", "verdict", "why_not", "remarks", "private",
]  # fmt: skip


# The two sides of a comparison (data/rules/deltas.py) as heads.
_SIDES = (
    mark("Model card"), mark("Official run"), mark("Published figure"), mark("Our run"), mark("Earlier run"),
    mark("Later run"),
)  # fmt: skip
# What is known of either side, as queries name it; settings and libraries go by their own names.
_KNOWN = (
    mark("origin"), mark("model revision"), mark("data set revision"), mark("metric"), mark("mteb"), mark("date"),
    mark("file"), mark("notes"), mark("Run"), mark("data set folder"), mark("batch size"), mark("texts a second"),
    mark("evaluation time"), mark("peak memory"), mark("loader"), mark("trust"), mark("pooling"), mark("dimensions"),
)  # fmt: skip
# What a noise floor is of: a task type by its name, or one of these.
_SCOPES = ("task", mark("all"), mark("none"))


def _floor_scope(scope: object) -> object:
    return word(scope) if scope in _SCOPES else scope


def deltas_table(deltas: pd.DataFrame, sides: Sides, named: Mapping[str, NamedRun]) -> Table:
    """The deltas as they are shown: scores and differences in points, missing ones blank; what is private."""
    set_ups = {row: tr(run.differs) for row, run in named.items()}
    claim, check = sides.claim, sides.check
    columns = (
        Column("Model", "row", width=200),  # what it is run on stands beside it on a phone too
        PRIVATE,
        *([Column("Set-up", lambda frame: frame["row"].map(set_ups).fillna(""))] if named else []),
        Column("Task", "task"),
        Column("Type", "type"),
        Column("Split", "split"),
        Column("Subset", "subset"),
        Column(claim.capitalize(), "claim_score", POINTS),
        Column(check.capitalize(), "check_score", POINTS),
        Column("Difference", "delta", DIFFERENCE, phrase("{check} minus {claim}, points", check=check, claim=claim)),
        Column("Verdict", "verdict", WORDED, width=120),
        Column("Noise floor", "floor", POINTS, "Up to this difference, the two match"),
        Column("Floor of", lambda frame: frame["floor_scope"].map(_floor_scope), sort="floor_scope"),
        Column("Reruns known", "floor_n"),
        Column("Why not", "why_not", STORED, width=240),
        Column("Remarks", "remarks", STORED),
    )
    return Table.of(columns, deltas)


def deltas_csv(deltas: pd.DataFrame) -> bytes:
    """Every cell with all that its verdict rests on, by the names of the store."""
    return Table.of([Column(name, name, ours=False) for name in _CSV], deltas).csv()


def heatmap_cells(deltas: pd.DataFrame, split: Effects) -> pd.DataFrame:
    """The heatmap's cells of these deltas: row, column, delta, verdict, cells, comparable and cause.

    ``delta`` and ``verdict`` are those of :func:`data.rules.deltas.summed_up`: what is coloured is what was compared.
    """
    cells = summed_up(deltas, ["row", "task"]).rename(columns={"task": "column"})
    cells = cells.merge(split.cells[["row", "column", "cause"]], on=["row", "column"])
    return cells[["row", "column", "delta", "verdict", "cells", "comparable", "cause"]]


def split_suffix(deltas: pd.DataFrame) -> pd.Series:
    """Split and subset as a suffix, left out where they are the usual ones."""
    split = ("  " + deltas["split"]).where(deltas["split"] != "test", "")
    return split + ("  " + deltas["subset"]).where(deltas["subset"] != "default", "")


def cell_names(deltas: pd.DataFrame) -> pd.Series:
    """Cells of one row and task by the name a control has for each."""
    return deltas["split"] + " · " + deltas["subset"]


def short_row_names(rows: pd.Series, named: Mapping[str, NamedRun]) -> pd.Series:
    """Models without the organisation and runs by their set-up; what has none, or the same, by day and time."""
    models = rows.str.replace(r"^[^/ ]+/", "", regex=True)
    times = models.str.replace(_RUN_ID, r"\1-\2 \3:\4 \5", regex=True)
    set_ups = pd.Series([tr(named[row].short) if row in named else "" for row in rows], index=rows.index)
    parts = pd.DataFrame({"row": rows, "model": models.str.partition(" · ")[0], "set_up": set_ups, "time": times})
    alike = parts.drop_duplicates("row").groupby(["model", "set_up"]).size().rename("alike")
    parts = parts.join(alike, on=["model", "set_up"])
    by_set_up = parts["model"] + " · " + parts["set_up"]
    by_both = parts["set_up"] + " · " + parts["time"].str.partition(" · ")[2]
    return times.where(set_ups == "", by_set_up.where(parts["alike"] == 1, by_both))


def sides_table(provenance: pd.DataFrame, sides: Sides) -> Table:
    """Where the two figures of a cell come from, what differs marked and first."""
    marked = provenance["differs"].map({True: "≠ ", False: ""}) + provenance["what"].map(word)
    columns = (
        Column("What", "marked", help="≠: the two sides differ here", width=180),
        Column(sides.claim.capitalize(), "claim", STORED),
        Column(sides.check.capitalize(), "check", STORED),
    )
    ordered = provenance.assign(marked=marked).sort_values("differs", ascending=False, kind="stable")
    return Table.of(columns, ordered)


def metrics_beside_table(metrics: pd.DataFrame, sides: Sides) -> Table:
    """Every metric of both sides of a cell, as stored."""
    columns = (
        Column("Metric", "metric"),
        Column(sides.claim.capitalize(), "claim", number("%.5f")),
        Column(sides.check.capitalize(), "check", number("%.5f")),
        Column("Difference", "delta", number("%+.5f")),
    )
    return Table.of(columns, metrics)
