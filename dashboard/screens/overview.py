"""Overview: from a question to its answer, what needs eyes, what changed, and where the figures come from."""

from __future__ import annotations

import streamlit as st

from dashboard.access import answer_of
from dashboard.messages import show_empty
from dashboard.queries import changes as changes_queries
from dashboard.queries import overview as overview_queries
from dashboard.sections import doors
from dashboard.sections.doors import Asked
from dashboard.sections.eyes import show_eyes
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.record import show_record
from dashboard.sections.search import show_search
from dashboard.sections.since import show_since
from dashboard.words import tr


def main() -> None:
    """The search, the three questions, what needs eyes, what changed and what all of it rests on."""
    lay_out(controls, questions, (show_questions, show_rest))


def controls() -> Asked | None:
    """The search; what the doors are asked about is what was looked at last."""
    show_search()
    asked = doors.asked_about()
    if asked is None:
        show_without_scores()
    return asked


def show_without_scores() -> None:
    """What there is in a store without published figures: runs and checks of this machine, or nothing."""
    facts = answer_of(overview_queries.record_facts)
    if not facts.runs and not facts.checks:
        show_empty(tr("**The store is empty.** No scores have been imported yet."), "python -m evaluators import")
        return
    with st.container(border=True):
        doors.show_believable()
        page_link("runs", tr("What was run here"))
    show_eyes()
    show_empty(
        tr("**No published scores are in this store.** They bring the other pages."), "python -m evaluators import"
    )


def questions(asked: Asked) -> Asked:
    """Each part asks the store itself: what is above is drawn while what is below is asked."""
    return asked


def show_questions(asked: Asked) -> None:
    """The three questions people come with."""
    doors.show_doors(asked)


def show_rest(asked: Asked) -> None:
    """What needs eyes, beside what changed and where the figures come from."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_eyes()
    with right:
        show_since(asked.name, answer_of(changes_queries.imports))
        show_record()


main()
