"""A table whose order is in the address: a click on a head sorts by it, another turns it round, a third ends it.

Streamlit's own sorting is not in the address and puts blanks first; it is off where columns can be selected, which is
how the clicks come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.formatting import plain

__all__ = ["show", "sorted_by"]

# Small is what one looks for first in these; of other numbers the large ones.
_SMALL_FIRST = frozenset({"Rank", "Place", "Missing", "Parameters", "Dimensions", "Index", "Cost a month", "Noise"})


def show(
    frame: pd.DataFrame, key: str, *, by: Mapping[str, pd.Series] | None = None, where: Any = st, **more: Any
) -> int | None:
    """Show a table; the position in ``frame`` of the row just selected, None when none was.

    Args:
        frame: what is shown, in the order it has without a choice.
        key: of the table; its order is in the address under ``<key>_sort``, "Score" or "-Score".
        by: what to sort a column by that is shown as text: its numbers, rows as in ``frame``.
        where: a container.
        **more: as for ``st.dataframe``.
    """
    address = f"{key}_sort"
    url_state.known(address)
    frame = frame.reset_index(drop=True)
    shown = sorted_by(frame, _asked(frame, address), by)
    # A table of its own for each order: one that was clicked keeps its selection.
    table = f"{key}_{hash((tuple(shown.index), tuple(shown.columns)))}"

    def clicked() -> None:
        selection = st.session_state[table]["selection"]
        if selection["columns"]:
            _turn(address, str(selection["columns"][0]))
        elif selection["rows"]:
            st.session_state[f"_{key}_row"] = int(shown.index[selection["rows"][0]])

    st.session_state[table] = {"selection": {"rows": [], "columns": [], "cells": []}}
    modes = ["single-row", "single-column"]
    more = {"hide_index": True, "placeholder": "", **more}
    where.dataframe(shown, key=table, on_select=clicked, selection_mode=modes, **more)
    row: int | None = st.session_state.pop(f"_{key}_row", None)
    return row


def sorted_by(frame: pd.DataFrame, asked: str, by: Mapping[str, pd.Series] | None = None) -> pd.DataFrame:
    """The table in the order asked for ("Score", "-Score", "" for its own), blanks last; its index is kept."""
    name, turned = asked.removeprefix("-"), asked.startswith("-")
    if name not in frame.columns:
        return frame
    values = (by or {}).get(name, frame[name])
    values = pd.Series(values.to_numpy(), index=frame.index)
    text = not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values)
    if text:
        values = values.map(_folded)
    ascending = (text or name in _SMALL_FIRST) != turned
    return frame.loc[values.sort_values(ascending=ascending, na_position="last", kind="stable").index]


def _folded(value: object) -> str | None:
    return str(value).casefold() if pd.notna(value) and value != "" else None  # type: ignore[call-overload]


def _asked(frame: pd.DataFrame, address: str) -> str:
    given = str(st.query_params.get(address, ""))
    if given and given.removeprefix("-") not in frame.columns:
        url_state.note(f"{plain(address)} cannot be “{plain(given[:60])}”")
        return ""
    return given


def _turn(address: str, column: str) -> None:
    """Callback: by this column, then the other way round, then as the table comes."""
    after = {column: f"-{column}", f"-{column}": ""}.get(str(st.query_params.get(address, "")), column)
    if after:
        st.query_params[address] = after
    else:
        del st.query_params[address]
