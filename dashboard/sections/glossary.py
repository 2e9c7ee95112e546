"""The glossary: every term of ours, a click away on every page, those of the open page first."""

from __future__ import annotations

import streamlit as st

from dashboard.formatting import plain
from dashboard.glossary import TERMS, Term
from dashboard.url_state import current_page
from dashboard.words import tr

__all__ = ["show_glossary"]


def show_glossary() -> None:
    """A button that opens the list with a field to search it; nothing of it is drawn before."""
    with st.container(width="content"):
        _show_popover()


@st.fragment
def _show_popover() -> None:
    label = tr("Glossary")
    opened = st.popover(label, icon=":material/menu_book:", type="tertiary", key="glossary", on_change="rerun")
    if opened.open:
        with opened:
            _show_terms(current_page().name)


def _show_terms(page: str) -> None:
    wanted = st.text_input(
        tr("Search the glossary"), key="glossary_find", type="search", live="150ms", label_visibility="collapsed",
        placeholder=tr("Part of a word"),
    )  # fmt: skip
    terms = [term for term in TERMS if _matches(term, wanted)]
    here = [term for term in terms if page in term.pages]
    others = sorted((term for term in terms if page not in term.pages), key=lambda term: tr(term.name).casefold())
    with st.container(height=420, border=False):
        for heading, part in ((tr("On this page"), here), (tr("Everywhere else"), others)):
            if part:
                st.markdown(f":small[:gray[{heading}]]\n\n" + "\n\n".join(map(_text, part)))
        if not terms:
            st.caption(tr("No term has “{typed}” in it.", typed=plain(wanted[:60])))


def _matches(term: Term, wanted: str) -> bool:
    """Whether what is looked for is in the term or its meaning, in the viewer's language or in English."""
    texts = (term.name, term.meaning, tr(term.name), tr(term.meaning))
    return wanted.strip().casefold() in " ".join(texts).casefold()


def _text(term: Term) -> str:
    file, heading = term.rule
    return f"**{tr(term.name)}**: {tr(term.meaning)} :small[:gray[{plain(file)}, {plain(heading)}]]"
