"""A table on a page: plain, or one whose order is in the address and whose rows can be chosen.

A click on a head sorts by it, another turns it round, a third ends it. Streamlit's own sorting is not in the address
and puts blanks first; it is off where columns can be selected, which is how the clicks come here.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.tables.columns import Table
from dashboard.words import tr

__all__ = ["first_rows", "show_csv", "show_sortable", "show_table"]

MOST_ROWS = 500


def show_table(table: Table, *, where: Any = st, **more: Any) -> None:
    """A table as it is; ``more`` as for ``st.dataframe``."""
    where.dataframe(table.shown, column_config=table.config, **{"hide_index": True, "placeholder": "", **more})


def show_sortable(table: Table, name: str, *, where: Any = st, **more: Any) -> pd.Series | None:
    """Show a table whose heads sort it; the row of its source that was just selected, None when none was.

    Args:
        table: what is shown, in the order it has without a choice.
        name: of the table; its order is in the address under ``<name>_sort``, "Score" or "-Score".
        where: a container.
        **more: as for ``st.dataframe``.
    """
    order = f"{name}_sort"
    url_state.declare(order)
    wanted = _order_in_address(table, order)
    ordered = table.sorted_by(wanted.removeprefix("-"), reverse=wanted.startswith("-"))
    # A table of its own for each order: one that was clicked keeps its selection.
    key = f"{url_state.key_of(name)}_{hash((wanted, len(table.source), *table.shown.columns))}"
    chosen = f"_{url_state.key_of(name)}_row"

    def clicked() -> None:
        selection = st.session_state[key]["selection"]
        if selection["columns"]:
            _turn(order, str(selection["columns"][0]))
        elif selection["rows"]:
            st.session_state[chosen] = int(selection["rows"][0])

    st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": []}}
    show_table(ordered, where=where, key=key, on_select=clicked, selection_mode=["single-row", "single-column"], **more)
    row: int | None = st.session_state.pop(chosen, None)
    return None if row is None or row >= len(ordered.source) else ordered.source.iloc[row]


def first_rows(frame: pd.DataFrame, *, where: Any = st) -> pd.DataFrame:
    """As many rows as a browser is sent; where that is not all, a line says so."""
    if len(frame) <= MOST_ROWS:
        return frame
    where.caption(tr("The first {shown:,} of {all:,} are drawn.", shown=MOST_ROWS, all=len(frame)))
    return frame.head(MOST_ROWS)


def show_csv(name: str, data: Any, help: str, *, where: Any = st) -> None:
    """A button that hands over CSV; ``data`` makes it when it is asked for."""
    where.download_button(
        "CSV", data, file_name=f"{name}.csv", mime="text/csv", icon=":material/download:", on_click="ignore", help=help
    )


def _order_in_address(table: Table, order: str) -> str:
    key = url_state.key_of(order)
    wanted = str(st.query_params.get(key, ""))
    if wanted and wanted.removeprefix("-") not in table.shown.columns:
        url_state.report_value(key, wanted)
        return ""
    return wanted


def _turn(order: str, column: str) -> None:
    """Callback: by this column, then the other way round, then as the table comes."""
    key = url_state.key_of(order)
    after = {column: f"-{column}", f"-{column}": ""}.get(str(st.query_params.get(key, "")), column)
    if after:
        st.query_params[key] = after
    else:
        del st.query_params[key]
