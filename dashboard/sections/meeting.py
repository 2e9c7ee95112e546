"""What a meeting takes along: the views chosen in this session, as a report to download."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.formatting import plain
from dashboard.report.making import WRITERS, Wish, progress_of, written_report
from dashboard.views import choose_view, chosen_views, current_view, drop_view, move_view
from dashboard.words import language, mark, tr

__all__ = ["show_meeting_tools"]

_OPEN = "meeting_tools"
# Formats by their key in the list of writers, with their label and what they are.
_OFFERED = {
    "html": ("HTML", ":material/web:", mark("One file that opens offline: plots, every row, made to print.")),
    "md": ("Markdown", ":material/article:", mark("Text with every table, to go on writing.")),
    "data": (mark("Data"), ":material/table:", mark("Every table as CSV and Parquet, in one archive.")),
}  # fmt: skip


def show_meeting_tools() -> None:
    """The popover of reports: put the view into it, the views chosen in their order, and the files they make."""
    chosen = chosen_views()
    label = tr("Report ({n})", n=len(chosen)) if chosen else tr("Report")
    popover = st.popover(label, icon=":material/summarize:", type="tertiary", key=_OPEN, on_change="rerun")
    if popover.open:  # nothing of it is worth a line on a page that nobody makes a report of
        with popover:
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
    context = get_script_run_ctx()
    asker = context.session_id if context else ""
    wish = Wish(
        chosen_views() or (current_view(),), language(), st.context.url or None, user=dict(st.user), asker=asker
    )
    bar = st.container(horizontal=True, gap="small")
    for form, (label, icon, help) in _OFFERED.items():
        ending, kind, _ = WRITERS[form]
        bar.download_button(
            tr(label), partial(written_report, wish, form), file_name=f"plumbline{ending}", mime=kind, icon=icon,
            key=f"meeting_{form}", on_click="ignore", help=tr(help),
        )  # fmt: skip
    _show_progress(asker)


@st.fragment(run_every=1.0)
def _show_progress(asker: str) -> None:
    """How far the report is that this session has asked for; nothing while none is made."""
    far = progress_of(asker)
    if far is not None:
        words = tr("{done} of {total} views drawn", done=far.done, total=far.total)
        st.progress(far.done / far.total, text=words)
