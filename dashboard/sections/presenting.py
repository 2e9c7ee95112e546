"""Shown to a room: larger type, nothing but the view, and the way through the views that were chosen."""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st

from dashboard import url_state
from dashboard.frame_keys import frame_choice, set_frame_choice
from dashboard.views import View, chosen_views, current_view
from dashboard.words import tr

__all__ = ["is_presenting", "show_present", "show_way"]

_PRESENT = "present"


def is_presenting() -> bool:
    """Whether the page is shown to a room."""
    return frame_choice(_PRESENT) == "1"


def show_present() -> None:
    """The button that begins it."""
    st.button(
        tr("Present"), icon=":material/slideshow:", type="tertiary", key="present", on_click=set_frame_choice,
        args=(_PRESENT, "1"), help=tr("Larger type, no bars; arrow keys go through the views chosen under Report."),
    )  # fmt: skip


def show_way() -> None:
    """Back and on through the chosen views, by the arrow keys too, and the end of it."""
    views = chosen_views()
    addresses = [view.address for view in views]
    here = current_view().address
    place = addresses.index(here) if here in addresses else None
    if views:
        back = place is not None and place > 0
        on = place is None or place + 1 < len(views)
        if st.button("", icon=":material/arrow_back:", shortcut="Left", key="present_back", disabled=not back,
                     help=tr("The view before")):  # fmt: skip
            _go_to(views[(place or 1) - 1])
        st.markdown(tr("{place} of {views}", place="–" if place is None else place + 1, views=len(views)))
        if st.button("", icon=":material/arrow_forward:", shortcut="Right", key="present_on", disabled=not on,
                     help=tr("The next view")):  # fmt: skip
            _go_to(views[0 if place is None else place + 1])
    st.button(
        tr("End"), icon=":material/close_fullscreen:", type="tertiary", key="present_end", on_click=set_frame_choice,
        args=(_PRESENT, ""),
    )  # fmt: skip


def _go_to(view: View) -> None:
    name = view.page or next(iter(url_state.pages_by_name()))
    asked = {**parse_qs(view.query), _PRESENT: "1"}
    st.switch_page(f"screens/{name}.py", query_params=asked)
