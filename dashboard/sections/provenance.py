"""Where a model's numbers on a benchmark come from, task by task."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import private
from dashboard.access import ask
from dashboard.addresses import dataset_address, result_address, web_address
from dashboard.formatting import SCORE_FORMAT, count, day, licence, parameters, plain, whole_points
from dashboard.queries import leaderboard as asked
from dashboard.tables.leaderboard import CARD, DATA, REVISION

__all__ = ["show_sources"]


def show_sources(benchmark: str, model: str) -> None:
    """The model's facts in a line, then one row a task of the benchmark with the source of its score."""
    facts = ask(asked.model_facts, model)
    if not facts.empty:
        _facts(facts.iloc[0])
    sources = ask(asked.score_sources, benchmark, model)
    scored = sources.dropna(subset=["file"])
    st.caption(
        f"{count(int(sources['score'].notna().sum()), 'task')} of {len(sources)} scored in full"
        + _also(int(scored["reported"].eq(True).sum()), "from the model's own card")
        + _also(int(scored["other_dataset"].eq(True).sum()), "on other data than today's")
        + _also(int((scored["other_revision"].eq(True) & ~scored["reported"].eq(True)).sum()), "of another revision")
        + "."
    )
    st.dataframe(
        private.marked(_table(sources)),
        column_config=_columns() | private.COLUMN,
        hide_index=True,
        height=560 if len(sources) > 16 else "content",
        placeholder="",
        key="sources",
    )


def _facts(model: pd.Series) -> None:
    said = [
        f"{parameters(model['n_parameters'])} parameters" if parameters(model["n_parameters"]) else "size not stated",
        f"{model['dimensions']:.0f} dimensions" if pd.notna(model["dimensions"]) else "",
        f"reads {model['max_tokens']:,.0f} tokens" if pd.notna(model["max_tokens"]) else "",
        plain(licence(model["licence"])),
        f"stated as {plain(model['licence'])}" if pd.notna(model["licence"]) else "",
        f"released {day(model['release_date'])}" if day(model["release_date"]) else "",
        {True: "open weights", False: "proprietary"}.get(model["open_weights"], ""),
    ]
    st.markdown(f"**{plain(model['model'])}**: " + ", ".join(text for text in said if text) + ".")
    address = web_address(model["reference"])
    if address:
        st.link_button("Its own page", address, icon=":material/open_in_new:")


def _also(n: int, words: str) -> str:
    return f", {n} {words}" if n else ""


def _table(sources: pd.DataFrame) -> pd.DataFrame:
    rows: list[Any] = list(sources.itertuples())
    return pd.DataFrame(
        {
            "Task": sources["task"],
            "Type": sources["type"],
            "Score": whole_points(sources["score"]),
            "Measure": sources["metric"],
            "Rests on": [_evidence(row) for row in rows],
            "Origin": sources["origin"],
            "Revision": sources["revision"].str.slice(0, 10),
            "Data revision": sources["dataset_revision"].str.slice(0, 10),
            "Today's": sources["dataset_revision_today"].str.slice(0, 10),
            "Data set": [dataset_address(r.dataset, r.dataset_revision) for r in rows],
            "mteb": sources["mteb_version"],
            "Date": pd.to_datetime(sources["date"]),
            "File": sources["file"],
            "Look it up": [result_address(row.file, row.source_commit) for row in rows],
            "Notes": sources["notes"],
        }
    )


def _evidence(row: Any) -> list[str]:
    if pd.isna(row.file):
        return ["no score"]
    said = {
        "no main score": row.cells_present == 0,
        f"{row.cells_present:.0f} of {row.cells_total:.0f} cells": 0 < row.cells_present < row.cells_total,
        CARD: row.reported,
        DATA: row.other_dataset,
        REVISION: row.other_revision and not row.reported,
    }
    return [label for label, holds in said.items() if holds]


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "Task": column.TextColumn(width=220, pinned=True),
        "Score": column.NumberColumn(format=SCORE_FORMAT, width=72, help="0 to 100. Blank: missing, or not whole."),
        "Measure": column.TextColumn(help="What the score is: the task's main measure."),
        "Rests on": column.ListColumn(help="Blank: run by MTEB on today's data with the model's usual revision."),
        "Origin": column.TextColumn(
            help="official: run with mteb. reported: the model's own card. reproduced: run here."
        ),
        "Revision": column.TextColumn(help="Revision of the model."),
        "Data revision": column.TextColumn(help="Revision of the data set the score was measured on."),
        "Today's": column.TextColumn(help="Revision of the data set that MTEB uses today."),
        "Data set": column.LinkColumn(display_text=r"https://huggingface\.co/datasets/([^/]+/[^/]+).*"),
        "mteb": column.TextColumn(help="Version of mteb that measured it."),
        "Date": column.DateColumn(format="YYYY-MM-DD"),
        "Look it up": column.LinkColumn(display_text="open", width=80, help="The published file or page itself."),
    }
