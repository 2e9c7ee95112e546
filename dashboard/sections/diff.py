"""Two lists of settings in one table, what differs marked and on top."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

__all__ = ["beside", "mark", "marked"]


def beside(found: pd.DataFrame, left: str, right: str) -> None:
    """``name``, ``left``, ``right`` and ``differs``, under the names of the two sides."""
    st.dataframe(
        marked(found), hide_index=True, placeholder="", column_order=["mark", "name", "left", "right"],
        column_config={
            "mark": mark(), "name": "Setting", "left": st.column_config.TextColumn(left, width="medium"),
            "right": st.column_config.TextColumn(right, width="medium"),
        },
    )  # fmt: skip


def marked(found: pd.DataFrame) -> pd.DataFrame:
    """The same with a column ``mark`` for :func:`mark`."""
    return found.assign(mark=found["differs"].map({True: ["≠"], False: []}))


def mark() -> Any:
    """The column that marks what differs, in colour."""
    return st.column_config.MultiselectColumn("", options=["≠"], color=["orange"], width=50, help="What differs")
