"""The views of deltas: a heatmap, the biggest differences, by task type, and a table; a click opens a cell below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.figures import deltas as deltas_figures
from dashboard.formatting import count
from dashboard.queries import reproduction as reproduction_queries
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_csv, show_sortable
from dashboard.sections.private import marked_names, with_private
from dashboard.tables import deltas as deltas_tables
from dashboard.words import mark, tr
from data.rules.deltas import Sides, worst_first
from data.rules.effects import Effects
from data.rules.setups import NamedRun
from data.store.vocabulary import Verdict

__all__ = ["Deltas", "show_delta_views"]

_SIZES = {mark("30 most affected"): 30, mark("80 most affected"): 80, mark("All"): 100_000}
_BARE = {"displayModeBar": False}


class Deltas(NamedTuple):
    """The deltas of a comparison with what is known of them all.

    ``every`` one of the comparison; those ``chosen`` by model and task, of which a task's own verdict is; those
    ``shown`` of them. ``split`` says whose fault they are, ``named`` what sets each run apart.
    """

    sides: Sides
    every: pd.DataFrame
    chosen: pd.DataFrame
    shown: pd.DataFrame
    split: Effects
    named: Mapping[str, NamedRun]


def show_delta_views(deltas: Deltas, kind: str) -> None:
    """Four tabs, of which the open one is drawn; ``kind`` is that of the comparison."""
    views = {
        mark("Heatmap"): show_heatmap,
        mark("Biggest differences"): show_biggest,
        mark("By task type"): show_types,
        mark("Table"): show_deltas,
    }
    for tab, show in zip(url_state.tabs(list(views), "part", shown=tr), views.values(), strict=True):
        if tab.open:
            with tab:
                show(deltas, kind)


def show_heatmap(deltas: Deltas, kind: str) -> None:
    """Rows against tasks, the most affected of either."""
    shown, split = deltas.shown, deltas.split
    size = _SIZES[
        url_state.segmented_control(tr("Show"), list(_SIZES), "extent", shown=tr, label_visibility="collapsed")
    ]
    pairs = shown[["row", "task"]].drop_duplicates().rename(columns={"task": "column"})
    cells = deltas_tables.heatmap_cells(deltas.chosen, split).merge(pairs, on=["row", "column"])
    rows = _most_affected(split.rows, set(cells["row"].unique().tolist()), size)
    columns = _most_affected(split.columns, set(cells["column"].unique().tolist()), size)
    models = rows["name"].map(shown.drop_duplicates("row").set_index("row")["model"])
    figure = deltas_figures.deltas_map(
        cells,
        rows.assign(label=marked_names(deltas_tables.short_row_names(rows["name"], deltas.named), models, of="models")),
        columns.assign(label=marked_names(columns["name"], columns["name"], of="tasks")),
        (str(url_state.choice("row")), str(url_state.choice("task"))),
    )
    _show_clickable(figure, "heat", shown)
    st.caption(
        tr(
            "{rows} of {all_rows:,} and {tasks} of {all_tasks:,}, lowest effect first. A cell is the median over those "
            "of the task's splits and subsets that can be compared; blank: not compared; ×: none can be. Bars: what a "
            "model shares over its tasks (right) and a task over its models (top), hollow where it may be chance. "
            "Click a cell to open it beside.",
            rows=count(len(rows), "row"), all_rows=cells["row"].nunique(),
            tasks=count(len(columns), "task"), all_tasks=cells["column"].nunique(),
        )
    )  # fmt: skip


def _most_affected(lines: pd.DataFrame, names: set[str], size: int) -> pd.DataFrame:
    """The lines that account for most, in the order of what their bars show."""
    lines = lines[lines["name"].isin(names)]
    weight = lines["significant"].astype(float) * 1e6 + lines["typical"].abs().fillna(0) * lines["moved"]
    heaviest = lines.loc[weight.sort_values(ascending=False, kind="stable").index[:size]]
    bars = heaviest["typical"].where(heaviest["significant"].astype(bool), heaviest["effect"]).fillna(0)
    return heaviest.loc[bars.sort_values(kind="stable").index]


def show_biggest(deltas: Deltas, kind: str) -> None:
    """The cells that differ most, both figures of each."""
    first = url_state.segmented_control(tr("First"), ["25", "50", "100"], "first", label_visibility="collapsed")
    measured = deltas.shown.dropna(subset=["delta"])
    if Verdict.NOT_COMPARABLE not in (url_state.choice("verdicts") or []):
        measured = measured[measured["comparable"].astype(bool)]
    if measured.empty:
        st.info(tr("Nothing here can be compared."), icon=":material/filter_alt:")
        return
    biggest = measured.loc[measured["delta"].abs().sort_values(ascending=False, kind="stable").index[: int(first)]]
    cells = zip(biggest["row"], biggest["task"], deltas_tables.cell_names(biggest), strict=True)
    rows = deltas_tables.short_row_names(biggest["row"], deltas.named)
    tasks = biggest["task"] + deltas_tables.split_suffix(biggest)
    drawn = biggest.assign(
        who=marked_names(rows, biggest["model"], of="models"),
        what=marked_names(tasks, biggest["task"], of="tasks"),
        key=pd.Series(map(list, cells), index=biggest.index),
    )
    figure = deltas_figures.dumbbell_chart(drawn, claim=deltas.sides.claim, check=deltas.sides.check)
    _show_clickable(figure, "dumbbell", deltas.shown)
    st.caption(
        tr(
            "The {n:,} biggest of {total:,} differences. The grey band is the noise floor around the {claim}: inside "
            "it the two match. Click a mark to open its cell beside.",
            n=len(biggest), total=len(measured), claim=tr(deltas.sides.claim),
        )
    )  # fmt: skip


def show_types(deltas: Deltas, kind: str) -> None:
    """Verdicts and differences by task type."""
    by_type = reproduction_queries.types(deltas.shown)
    show_chart(deltas_figures.verdicts_chart(by_type), key="types_plot", config=_BARE)
    st.caption(
        tr(
            "Left: cells of each verdict. Right: differences of the comparable cells; tick: median, thick: half of "
            "them, thin: nine in ten."
        )
    )


def show_deltas(deltas: Deltas, kind: str) -> None:
    """Every cell, a row each, and their CSV."""
    cells = with_private(deltas.shown)
    hint = tr("These cells, with everything known of their verdicts.")
    show_csv(f"plumbline-{kind}", lambda: deltas_tables.deltas_csv(cells), hint)
    table = deltas_tables.deltas_table(cells, deltas.sides, deltas.named)
    row = show_sortable(table, "cells", height=520, alt=tr("One row a cell, with its verdict"))
    if row is not None:  # before the controls it sets, which are below
        _choose_cell(row["row"], row["task"], f"{row['split']} · {row['subset']}")
    st.caption(
        tr("{cells}. Select a row to open it beside. Scores run from 0 to 100.", cells=count(len(cells), "cell"))
    )


def _show_clickable(figure: Any, key: str, cells: pd.DataFrame) -> None:
    """A figure whose marks open their cell below: a mark says row and task, and where it stands for one, the cell."""

    def picked() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            if data := point.get("customdata"):
                row, task, *name = data
                of_task = cells[(cells["row"] == row) & (cells["task"] == task)]
                name = name or deltas_tables.cell_names(worst_first(of_task)).head(1).tolist()
                _choose_cell(row, task, name[0] if name else None)

    show_chart(figure, key=key, on_select=picked, selection_mode="points", config=_BARE)


def _choose_cell(row: str, task: str, name: str | None) -> None:
    """Make a cell the chosen one; the controls below, and so the address, follow."""
    for choice, value in (("row", row), ("task", task), ("cell", name)):
        url_state.set_choice(choice, value)
