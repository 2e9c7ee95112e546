"""The frame of every page: what it is called and what it answers, and what can be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import url_state
from dashboard.frame_keys import set_frame_choice
from dashboard.sections.decisions import show_decide
from dashboard.sections.glossary import show_glossary
from dashboard.sections.meeting import show_meeting_tools
from dashboard.sections.presenting import is_presenting, show_present, show_way
from dashboard.sections.visitor import show_sign_out
from dashboard.views import on_paper
from dashboard.words import LANGUAGES, language, tr
from data.store.decisions import Item

__all__ = ["show_brand", "show_heading", "show_tools"]

_HERE = Path(__file__).resolve().parents[1]


def show_brand() -> None:
    """The mark of the house beside the bar, and how its pages look beyond what Streamlit's theme can say."""
    st.logo(str(_HERE / "brand.svg"), icon_image=str(_HERE / "icon.svg"), size="large")
    st.html(_HERE / "style.css")
    if is_presenting():
        st.html(_HERE / "present.css")


def show_heading() -> Any:
    """The name of the page and the question it answers; the container at the other end of that line comes back."""
    page = url_state.current_page()
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    question = f" :small[:gray[{tr(page.question)}]]" if page.question else ""
    left.title(tr(page.title) + question, anchor=False)
    return right.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small", key="tools"
    )


def show_tools(where: Any, items: tuple[Item, ...]) -> None:
    """What can be done with the view: decide, put it into a report, show it to a room, read it in another language."""
    if on_paper():
        return
    with where:
        if is_presenting():
            show_way()
            return
        show_decide(items)
        show_glossary()
        show_meeting_tools()
        show_present()
        _show_languages()
        show_sign_out()


def _show_languages() -> None:
    turn = set_frame_choice
    for code, name in LANGUAGES.items():
        if code != language():
            st.button(name, type="tertiary", key=f"language_{code}", on_click=turn, args=("lang", code))
