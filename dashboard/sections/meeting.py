"""What a meeting takes along: the views chosen in this session, as a report to download."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from dashboard.formatting import plain
from dashboard.messages import in_one_sentence
from dashboard.report.making import WRITERS, HowFar, Wish, written_report
from dashboard.views import base_of, choose_view, chosen_views, current_view, drop_view, move_view
from dashboard.words import language, mark, tr

__all__ = ["show_meeting_tools"]

_FAR, _WATCHED = "_report_far", "_report_watched"
_SETTLED = 30.0  # seconds
# Formats by their key in the list of writers, with their label and what they are.
_OFFERED = {
    "html": ("HTML", ":material/web:", mark("One file that opens offline: plots, every row, made to print.")),
    "md": ("Markdown", ":material/article:", mark("Text with every table, to go on writing.")),
    "data": (mark("Data"), ":material/table:", mark("Every table as CSV and Parquet, in one archive.")),
}  # fmt: skip


def show_meeting_tools() -> None:
    """The popover of reports: put the view into it, the views chosen in their order, and the files they make."""
    # A label that counted the views would make another popover of it each time, a closed one; and one that tells when
    # it is closed would take a click on another page for no more than that.
    with st.popover(tr("Report"), icon=":material/summarize:", type="tertiary"):
        _show_tray()
        _show_files()


def _show_tray() -> None:
    here, chosen = current_view(), chosen_views()
    there = here.address in [view.address for view in chosen]
    st.button(
        tr("This view is among them") if there else tr("Add this view"),
        icon=":material/check:" if there else ":material/add:", disabled=there, key="meeting_add",
        on_click=choose_view, args=(here,), width="stretch",
    )  # fmt: skip
    if not chosen:
        st.caption(tr("Without any chosen, the report is of this view."))
    for place, view in enumerate(chosen):
        line = st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"meeting_view_{place}")
        line.markdown(f"{place + 1}. {plain(view.title)}", width="stretch")
        line.button(
            "", icon=":material/arrow_upward:", type="tertiary", key=f"meeting_up_{place}", disabled=place == 0,
            help=tr("Further up"), on_click=move_view, args=(place, -1),
        )  # fmt: skip
        line.button(
            "", icon=":material/close:", type="tertiary", key=f"meeting_drop_{place}", help=tr("Take it out"),
            on_click=drop_view, args=(place,),
        )  # fmt: skip


def _show_files() -> None:
    far: HowFar = st.session_state.setdefault(_FAR, HowFar())
    base = base_of(st.context.url or "")
    wish = Wish(chosen_views() or (current_view(),), language(), base)
    bar = st.container(horizontal=True, gap="small")
    for form, (label, icon, help) in _OFFERED.items():
        ending, kind, _ = WRITERS[form]
        bar.download_button(
            tr(label), partial(written_report, wish, form, far), file_name=f"plumbline{ending}", mime=kind, icon=icon,
            key=f"meeting_{form}", on_click=_watch, help=tr(help),
        )  # fmt: skip
    if _WATCHED in st.session_state:
        _show_progress(far)


def _watch() -> None:
    """Callback: look for how far the report is, from now on until it is there."""
    st.session_state[_WATCHED] = time.monotonic()


@st.fragment(run_every=1.0)
def _show_progress(far: HowFar) -> None:
    """How far the report is that was asked for; a while after it is there nobody looks any longer."""
    if far.wanted:
        _watch()
        words = tr("{done} of {total} views drawn", done=far.done, total=far.total)
        st.progress(far.done / max(far.total, 1), text=words)
    elif far.failure is not None:
        st.error(in_one_sentence(far.failure), icon=":material/error:")
    elif time.monotonic() - st.session_state.get(_WATCHED, 0.0) > _SETTLED:
        # Not at once: a run's end takes away what two runs have not asked for, and the file is on its way.
        st.session_state.pop(_WATCHED, None)
        st.rerun()
