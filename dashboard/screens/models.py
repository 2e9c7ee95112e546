"""Models: one model's profile over a benchmark's tasks and languages, against peers of about its size."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import grids, private, url_state
from dashboard.access import ask
from dashboard.figures import tasks as figures
from dashboard.formatting import count, parameters, plain
from dashboard.messages import empty
from dashboard.queries import names
from dashboard.queries import profile as queries
from dashboard.queries.compare import registry_facts as model_facts
from dashboard.tables import compare as compare_tables
from dashboard.tables import tasks as tables

FEW = 5


def main() -> None:
    """The model chosen, its percentiles by task, strengths and weaknesses, languages down to their cells."""
    offered = ask(names.models)
    if not offered:
        empty("The store has no scores yet.", "python -m evaluators import")
        return
    left, right = st.columns(2)
    model = url_state.subject("model", "Model", offered, "m_model", remember="model", where=left)
    if model is None:
        return
    private.badge(models=[model])
    benchmarks = ask(queries.benchmarks_of, model)
    if not benchmarks:
        empty("This model has scores, but on no task of a benchmark.")
        return
    benchmark = url_state.subject("benchmark", "Benchmark", benchmarks, "m_benchmark", where=right)
    if benchmark is None:
        return
    tasks = ask(queries.tasks_against_peers, model, benchmark)
    show_peers(model, benchmark, tasks)
    if tasks.empty:
        empty("This model has no complete task of this benchmark.")
        return
    if url_state.one_of("Against its peers", ["By task", "By language"], "m_view") == "By task":
        show_profile(tasks, model, benchmark)
    else:
        show_languages(model, benchmark)


def show_peers(model: str, benchmark: str, tasks: pd.DataFrame) -> None:
    """Facts, and whom the model is compared with."""
    facts = ask(model_facts, (model,), benchmark)
    peers = ask(queries.peers, model, benchmark)
    size = facts["n_parameters"].iloc[0]
    band = (
        f"with {parameters(size / 2)} to {parameters(size * 2)} parameters, half to twice its own {parameters(size)}"
        if pd.notna(size)
        else "of any size, because its own is unknown"
    )
    st.markdown(
        f"Peers: the {count(len(peers), 'other model')} of {plain(benchmark)} {band}. A percentile is the share of the"
        " peers with a score on the same task that score lower."
    )
    with st.expander("Model facts"):
        frame = compare_tables.facts(facts)
        st.dataframe(frame, hide_index=True, height="content")


def show_profile(tasks: pd.DataFrame, model: str, benchmark: str) -> None:
    """Percentiles by type, the best and worst tasks, and all of them; a click opens the task."""
    st.plotly_chart(figures.profile_chart(tasks), key="m_profile")
    ranked = tasks.dropna(subset=["percentile"])
    few = min(FEW, len(ranked) // 2)
    if few:
        left, right = st.columns(2)
        for where, title, part in (
            (left, "Strongest", ranked.head(few)),
            (right, "Weakest", ranked.tail(few).iloc[::-1]),
        ):
            where.markdown(f"**{title}**")
            shown = tables.profile(part)[["Task", "Type", "Score", "Percentile", "Δ to median"]]
            open_task(shown, model, benchmark, key=f"m_{title.lower()}", where=where)
    st.markdown("**All tasks**")
    open_task(tables.profile(tasks), model, benchmark, key="m_tasks")
    st.caption("Select a row to open its task: the cells and metrics the score is made of.")


def show_languages(model: str, benchmark: str) -> None:
    """Languages against peers; the cells of the one chosen."""
    languages, cells = ask(queries.languages_against_peers, model, benchmark)
    if languages.empty:
        empty("Nobody said which languages these cells are in.")
        return
    listed = list(languages["language"])
    left, right = st.columns([2, 3])
    row = grids.show(tables.languages(languages), "m_languages", where=left, column_config=formats())
    if row is not None:  # before the control it sets, which is beside it
        st.session_state["m_language"] = listed[row]
    left.caption("Select a row to see its cells. A cell of two languages counts for both.")
    language = url_state.choose("Cells in", listed, "m_language", where=right)
    parts = cells["languages"].fillna("").str.split(",")
    mine = cells[[any(part.split("-")[0] == language for part in of) for of in parts]]
    open_task(tables.profile(mine).drop(columns=["Type"]), model, benchmark, key="m_cells", where=right)


def open_task(shown: pd.DataFrame, model: str, benchmark: str, *, key: str, where: Any = st) -> None:
    """A table whose rows open their task with this model marked."""
    shown = private.marked(shown)
    row = grids.show(shown, key, where=where, column_config=formats())
    if row is not None:
        task = str(shown["Task"].iloc[row])
        there = {"t_task": task, "t_in": benchmark, "t_models": [model], "t_open": model}
        st.switch_page("screens/tasks.py", query_params=there)


def formats() -> dict[str, Any]:
    """Scores with two decimals, differences signed, percentiles as whole numbers."""
    number = st.column_config.NumberColumn
    percentile = number(format="%.0f", help="Share of the peers that score lower; 50 is the middle")
    return private.COLUMN | {
        "Score": number(format="%.2f"),
        "Mean of cells": number(format="%.2f"),
        "Percentile": percentile,
        "Mean percentile": percentile,
        "Δ to median": number(format="%+.2f", help="Against the median of the peers, in points"),
        "Δ to best": number(format="%+.2f", help="Against the best of the peers, in points"),
        "Peers": number(help="Peers with a score on the same task or cell"),
    }


main()
