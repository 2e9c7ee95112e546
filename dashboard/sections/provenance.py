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
from dashboard.words import listed, mark, stopped, tr

__all__ = ["show_sources"]


def show_sources(benchmark: str, model: str) -> None:
    """The model's facts in a line, then one row a task of the benchmark with the source of its score."""
    facts = answer_of(leaderboard_queries.model_facts, model)
    if not facts.empty:
        _show_facts(facts.iloc[0])
    sources = answer_of(leaderboard_queries.score_sources, benchmark, model)
    scored = sources.dropna(subset=["file"])
    whole, other = count(int(sources["score"].notna().sum()), "task"), scored["other_revision"].eq(True)
    doubts = {
        mark("{n} from the model's own card"): int(scored["reported"].eq(True).sum()),
        mark("{n} on other data than today's"): int(scored["other_dataset"].eq(True).sum()),
        mark("{n} of another revision"): int((other & ~scored["reported"].eq(True)).sum()),
    }
    parts = [tr("{tasks} of {n} scored in full", tasks=whole, n=len(sources))]
    st.caption(stopped(listed([*parts, *(tr(text, n=n) for text, n in doubts.items() if n)])))
    table = provenance_tables.sources_table(with_private(sources))
    show_table(table, height=560 if len(sources) > 16 else "content", key="sources")


def _show_facts(model: pd.Series) -> None:
    size, released = parameters(model["n_parameters"]), day(model["release_date"])
    dimensions, tokens, stated = model["dimensions"], model["max_tokens"], model["licence"]
    facts = [
        tr("{size} parameters", size=size) if size else tr("size not stated"),
        tr("{n:.0f} dimensions", n=dimensions) if pd.notna(dimensions) else "",
        tr("reads {n:,.0f} tokens", n=tokens) if pd.notna(tokens) else "",
        plain(licence(stated)),
        tr("stated as {licence}", licence=plain(stated)) if pd.notna(stated) else "",
        tr("released {day}", day=released) if released else "",
        {True: tr("open weights"), False: tr("proprietary")}.get(model["open_weights"], ""),
    ]
    st.markdown(stopped(listed([f"**{plain(model['model'])}**", listed(filter(None, facts))], ": ")))
    address = web_address(model["reference"])
    if address:
        st.link_button(tr("Its own page"), address, icon=":material/open_in_new:")
