"""Tasks: one task, every model's score on it, and the cells and metrics a score is made of."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import grids, private, url_state
from dashboard.access import ask
from dashboard.figures import tasks as figures
from dashboard.formatting import count, plain
from dashboard.messages import empty
from dashboard.queries import names
from dashboard.queries import task as queries
from dashboard.tables import tasks as tables

OWN = "The task's own cells"
MOST = 10


def main() -> None:
    """The task chosen, its models, then one model's cells and metrics."""
    offered = ask(names.tasks)
    if not offered:
        empty("The store has no scores yet.", "python -m evaluators import")
        return
    asked = controls(offered)
    if asked is None:
        return
    task, benchmark, chosen = asked
    facts = ask(queries.task_description, task)
    standings = ask(queries.models_by_score, task, benchmark)
    private.badge(models=chosen, tasks=[task])
    show_facts(facts, standings, benchmark)
    show_distribution(standings, chosen)
    model = show_standings(standings, chosen)
    if model is None:
        return
    models = [m for m in chosen if m in set(standings["model"])] or list(standings["model"][:MOST])
    show_cells(standings, models, benchmark, bool(chosen))
    show_one(standings, model, benchmark)


def controls(offered: list[str]) -> tuple[str, str, list[str]] | None:
    """Task, the cells it is scored on, models to mark; all in the address. None where that names what nobody knows."""
    left, middle, right = st.columns([3, 3, 4])
    start = offered.index("STSBenchmark") if "STSBenchmark" in offered else 0
    task = url_state.subject("task", "Task", offered, "t_task", index=start, remember="task", where=left)
    if task is None:
        return None
    scopes = [OWN, *ask(queries.benchmarks_with, task)]
    hint = "A benchmark may use fewer cells of a task."
    scope = url_state.subject("benchmark with this task", "Scored on", scopes, "t_in", where=middle, help=hint)
    if scope is None:
        return None
    chosen = url_state.choose_many("Mark models", ask(names.models), "t_models", where=right)
    return task, "" if scope == OWN else scope, chosen


def show_facts(facts: dict[str, Any], standings: pd.DataFrame, benchmark: str) -> None:
    """What the task is and how its score is made."""
    if facts.get("description"):
        st.markdown(plain(facts["description"]))
    total = int(standings["cells_total"].max()) if len(standings) else 0
    st.markdown(plain(tables.how_scored(facts, total, benchmark)))
    with st.expander("Task facts"):
        st.dataframe(tables.task_facts(facts), hide_index=True, height="content")


def show_distribution(standings: pd.DataFrame, chosen: list[str]) -> None:
    """How scores spread over all models, and where the marked ones stand."""
    complete = int(standings["score"].notna().sum())
    partial = len(standings) - complete
    st.subheader(f"{count(complete, 'model')} with a complete score", anchor=False)
    if partial:
        st.caption(f"{count(partial, 'more model')} with some of its cells only; their score is blank.")
    if complete:
        st.plotly_chart(figures.distribution_chart(standings, chosen), key="t_distribution")
    if lacking := [m for m in chosen if m not in set(standings.dropna(subset=["score"])["model"])]:
        st.caption("No complete score here: " + ", ".join(plain(m) for m in lacking) + ".")


def show_standings(standings: pd.DataFrame, chosen: list[str]) -> str | None:
    """Every model, the marked ones on top; the one whose cells are shown below is in the address."""
    if standings.empty:
        empty("No model has a score on these cells.")
        return None
    marked = standings["model"].isin(chosen)
    shown = pd.concat([standings[marked], standings[~marked]])
    table = private.marked(tables.standings(shown))
    score = st.column_config.NumberColumn(format="%.2f")
    row = grids.show(
        table,
        "t_rows",
        by={"Parameters": shown["n_parameters"], "Cells": shown["cells_present"]},
        column_config=private.COLUMN
        | {"Score": score, "Model": st.column_config.TextColumn(pinned=True, width="medium")},
    )
    st.caption("Select a row to see the cells and metrics its score is made of, a head to sort by it.")
    if row is not None:  # before the control it sets, which is below
        st.session_state["t_open"] = str(shown["model"].iloc[row])
    return url_state.subject("model on this task", "Cells and metrics of", list(shown["model"]), "t_open", width=480)


def show_cells(standings: pd.DataFrame, models: list[str], benchmark: str, marked: bool) -> None:
    """Splits and subsets as a heatmap and a table."""
    results = standings.set_index("model").loc[models, "result_id"]
    cells = ask(queries.cells, tuple(int(r) for r in results), benchmark)
    if cells.groupby("model").size().max() < 2:
        return
    st.subheader("Splits, subsets and languages", anchor=False)
    if not marked:
        st.caption(f"The first {count(len(models), 'model')}; mark models to see those instead.")
    st.plotly_chart(figures.cells_map(cells, models), key="t_cells")
    with st.expander("The same as a table"):
        shown = tables.cells(cells)
        score = st.column_config.NumberColumn(format="%.2f")
        st.dataframe(shown, hide_index=True, column_config=dict.fromkeys(shown.columns[3:], score), placeholder="")


def show_one(standings: pd.DataFrame, model: str, benchmark: str) -> None:
    """One model's score on this task: where it came from, and every metric stored of it."""
    row = standings[standings["model"] == model].to_dict("records")[0]
    st.subheader(f"{plain(model)} on this task", anchor=False)
    private.badge(models=[model])
    st.page_link(
        "screens/models.py", label="Its profile over all tasks", icon=":material/person_search:",
        query_params={"m_model": model} | ({"m_benchmark": benchmark} if benchmark else {}),
    )  # fmt: skip
    left, right = st.columns(2)
    left.dataframe(tables.provenance(row), hide_index=True, height="content")
    found = ask(queries.metrics, int(row["result_id"]))
    if found.empty:
        right.caption(
            "Only the main score of this result is stored; secondary metrics come with an import of the files."
        )
    else:
        grid = tables.metrics(found)
        value = st.column_config.NumberColumn(format="%.5f")
        right.dataframe(grid, hide_index=True, column_config=dict.fromkeys(grid.columns[1:], value), placeholder="")


main()
