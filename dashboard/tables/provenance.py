"""Where a model's figures on a benchmark come from, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.addresses import dataset_address, result_address
from dashboard.formatting import word
from dashboard.tables.columns import DATE, LIST, POINTS, PRIVATE, STORED, WORDED, Column, Format, Table
from dashboard.tables.leaderboard import CARD, DATA, REVISION
from dashboard.words import tr

__all__ = ["sources_table"]


def _short(name: str) -> Any:
    return lambda frame: frame[name].str.slice(0, 10)


_SOURCES = (
    Column("Task", "task", width=220),
    PRIVATE,
    Column("Type", "type"),
    Column("Score", "score", POINTS, "0 to 100. Blank: missing, or not whole.", width=72),
    Column("Measure", "metric", help="What the score is: the task's main measure."),
    Column("Rests on", "evidence", LIST, "Blank: run by MTEB on today's data with the model's usual revision."),
    Column(
        "Origin", "origin", WORDED, "official: run with mteb. reported: the model's own card. reproduced: run here."
    ),
    Column("Revision", _short("revision"), help="Revision of the model."),
    Column("Data revision", _short("dataset_revision"), help="Revision of the data set the score was measured on."),
    Column("Today's", _short("dataset_revision_today"), help="Revision of the data set that MTEB uses today."),
    Column(
        "Data set", "dataset_address",
        Format(st.column_config.LinkColumn, {"display_text": r"https://huggingface\.co/datasets/([^/]+/[^/]+).*"}),
    ),
    Column("mteb", "mteb_version", help="Version of mteb that measured it."),
    Column("Date", "date", DATE),
    Column("File", "file"),
    Column(
        "Look it up", "file_address", Format(st.column_config.LinkColumn, {"display_text": "open"}),
        "The published file or page itself.", width=80,
    ),
    Column("Notes", "notes", STORED),
)  # fmt: skip


def sources_table(sources: pd.DataFrame) -> Table:
    """One row a task of the benchmark with the source of its score, those without a score too."""
    rows: list[Any] = list(sources.itertuples())
    return Table.of(
        _SOURCES,
        sources.assign(
            evidence=pd.Series(map(_evidence, rows), index=sources.index),
            dataset_address=_texts(sources, (dataset_address(row.dataset, row.dataset_revision) for row in rows)),
            file_address=_texts(sources, (result_address(row.file, row.source_commit) for row in rows)),
        ),
    )


def _texts(sources: pd.DataFrame, texts: Iterable[str | None]) -> pd.Series:
    return pd.Series(texts, index=sources.index, dtype=object)


def _evidence(row: Any) -> list[str]:
    if pd.isna(row.file):
        return [tr("no score")]
    labels = {
        tr("no main score"): row.cells_present == 0,
        tr("{n:.0f} of {total:.0f} cells", n=row.cells_present, total=row.cells_total): 0
        < row.cells_present
        < row.cells_total,
        word(CARD): row.reported,
        word(DATA): row.other_dataset,
        word(REVISION): row.other_revision and not row.reported,
    }
    return [label for label, holds in labels.items() if holds]
