"""The frame of every page: what it is called and what it answers, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from dashboard.url_state import current_page
from dashboard.words import tr

__all__ = ["show_heading"]


def show_heading() -> None:
    """The name of the page and the question it answers, one line each."""
    page = current_page()
    st.title(tr(page.title), anchor=False)
    if page.question:
        st.caption(tr(page.question))
