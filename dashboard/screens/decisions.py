"""Decisions: everything that was decided with these pages, why, and whether the figures under it still stand."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from dashboard import url_state
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.sections.decisions import (
    all_decisions,
    is_superseded,
    moved_of,
    show_decision,
    show_unreadable,
)  # fmt: skip
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link_to
from dashboard.words import mark, tr
from data.store.access_mode import read_only
from data.store.decisions import Conclusion, Decision, Decisions

ALL, STANDS, OUTDATED = mark("all"), mark("stands"), mark("outdated")


class Choices(NamedTuple):
    """Which decisions are listed: by what was decided, whether their figures stand, and part of a text."""

    choice: str
    state: str
    text: str


class Answers(NamedTuple):
    """Those decisions, the latest first, and all there are."""

    listed: list[Decision]
    every: Decisions


def main() -> None:
    """The decisions, one below the other."""
    lay_out(controls, questions, (show_list,))


def controls() -> Choices | None:
    """By choice, by state, by a part of a text."""
    if not all_decisions().decisions:
        show_unreadable(all_decisions())
        show_empty(
            tr("**Nothing was decided yet.** This is a read-only deployment, which keeps no decisions.")
            if read_only()
            else tr("**Nothing was decided yet.** On every page, *Decide* keeps what was decided on the view, and why.")
        )
        return None
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    choice = url_state.segmented_control(tr("Choice"), [ALL, *map(str, Conclusion)], "choice", where=left, shown=tr)
    state = url_state.segmented_control(tr("Its figures"), [ALL, STANDS, OUTDATED], "state", where=middle, shown=tr)
    text = url_state.text_input(
        tr("Search"), "text", where=right, placeholder=tr("part of a name, a reason or a model")
    )
    return Choices(choice, state, text)


def questions(choices: Choices) -> Answers:
    """The decisions asked for."""
    every = all_decisions()
    wanted = choices.text.casefold().strip()
    listed = [
        decision
        for decision in every.decisions
        if choices.choice in (ALL, decision.choice)
        and wanted in " ".join([decision.name, decision.question, decision.reason, decision.author,
                                *(item.name for item in decision.items)]).casefold()
        and (choices.state == ALL or (choices.state == OUTDATED) == bool(moved_of(decision)))
    ]  # fmt: skip
    return Answers(listed, every)


def show_list(answers: Answers) -> None:
    """Each with its question, what it is about, and the way to the view it was taken on."""
    listed, every = answers
    show_unreadable(every)
    outdated = sum(bool(moved_of(one)) for one in listed if not is_superseded(one, every.decisions))
    st.markdown(
        tr("#### {decisions}, {outdated} outdated", decisions=count(len(listed), "decision"), outdated=outdated)
    )
    for decision in listed:
        with st.container(border=True):
            st.caption(plain(decision.question))
            show_decision(decision, every.decisions)
            if decision.items:
                st.caption(tr("About: {items}", items=", ".join(plain(item.name) for item in decision.items)))
            page_link_to(decision.link, tr("The view it was taken on"))


main()
