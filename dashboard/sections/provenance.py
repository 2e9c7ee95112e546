"""Where a model's numbers on a benchmark come from, task by task."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.addresses import web_address
from dashboard.formatting import count, day, licence, parameters, plain
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.sections.grid import show_table
from dashboard.sections.private import with_private
from dashboard.tables import provenance as provenance_tables

__all__ = ["show_sources"]


def show_sources(benchmark: str, model: str) -> None:
    """The model's facts in a line, then one row a task of the benchmark with the source of its score."""
    facts = answer_of(leaderboard_queries.model_facts, model)
    if not facts.empty:
        _show_facts(facts.iloc[0])
    sources = answer_of(leaderboard_queries.score_sources, benchmark, model)
    scored = sources.dropna(subset=["file"])
    st.caption(
        f"{count(int(sources['score'].notna().sum()), 'task')} of {len(sources)} scored in full"
        + _also(int(scored["reported"].eq(True).sum()), "from the model's own card")
        + _also(int(scored["other_dataset"].eq(True).sum()), "on other data than today's")
        + _also(int((scored["other_revision"].eq(True) & ~scored["reported"].eq(True)).sum()), "of another revision")
        + "."
    )
    table = provenance_tables.sources_table(with_private(sources))
    show_table(table, height=560 if len(sources) > 16 else "content", key="sources")


def _show_facts(model: pd.Series) -> None:
    facts = [
        f"{parameters(model['n_parameters'])} parameters" if parameters(model["n_parameters"]) else "size not stated",
        f"{model['dimensions']:.0f} dimensions" if pd.notna(model["dimensions"]) else "",
        f"reads {model['max_tokens']:,.0f} tokens" if pd.notna(model["max_tokens"]) else "",
        plain(licence(model["licence"])),
        f"stated as {plain(model['licence'])}" if pd.notna(model["licence"]) else "",
        f"released {day(model['release_date'])}" if day(model["release_date"]) else "",
        {True: "open weights", False: "proprietary"}.get(model["open_weights"], ""),
    ]
    st.markdown(f"**{plain(model['model'])}**: " + ", ".join(filter(None, facts)) + ".")
    address = web_address(model["reference"])
    if address:
        st.link_button("Its own page", address, icon=":material/open_in_new:")


def _also(n: int, words: str) -> str:
    return f", {n} {words}" if n else ""
