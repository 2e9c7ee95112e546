"""The search of the first page: a field, what is meant by what stands in it, and the keys to get there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import plain
from dashboard.queries import names as names_queries
from dashboard.queries import search as search_queries
from dashboard.queries.search import Findable, Sort
from dashboard.sections.decisions import all_decisions
from dashboard.sections.links import open_page, page_link
from dashboard.views import on_paper
from dashboard.words import mark, tr
from data.store.errors import PlumblineError

__all__ = ["show_search"]

_SHOWN = 8
_FIELD, _HITS = "find", "search_hits"
_KEYS = st.components.v2.component("plumbline_search_keys", js=Path(__file__).with_suffix(".js").read_text("utf-8"))


class _Opens(NamedTuple):
    """Where an item of a kind opens: a page, the choice of its address that names the item, and the kind in a word."""

    page: str
    choice: str
    noun: str


# What can be found besides the pages themselves. A kind more is a line here, a code in ``dashboard/queries/search.py``
# and its items in :func:`_items`.
_OPENS = {
    Sort.MODEL: _Opens("models", "model", mark("Model")),
    Sort.TASK: _Opens("tasks", "task", mark("Task")),
    Sort.BENCHMARK: _Opens("leaderboard", "benchmark", mark("Benchmark")),
    Sort.RUN: _Opens("runs", "run", mark("Run")),
    Sort.CHECK: _Opens("drift", "check", mark("Check")),
    Sort.DECISION: _Opens("decisions", "text", mark("Decision")),
}


@st.fragment
def show_search() -> None:
    """The field, and below it what is meant, each a link; only this part runs again while somebody types."""
    if on_paper():
        url_state.declare(_FIELD)
        return
    typed = url_state.text_input(
        tr("Search"), _FIELD, type="search", live="150ms", label_visibility="collapsed",
        placeholder=tr("Search: part of any name will do ( / )"),
    )  # fmt: skip
    keys = _KEYS(key="search_keys", data={"field": url_state.key_of(_FIELD), "hits": _HITS}, on_enter_change=_nothing)
    wanted = str(keys.get("enter") or "")[:200]
    items = _items(wanted or typed) if typed or wanted else []
    if wanted and (hits := search_queries.ranked_hits(wanted, items)):
        _open(hits[0].item)
    if typed.strip():
        _show_hits(typed, items)


def _nothing() -> None:
    """What is asked for is in the component's answer."""


def _items(typed: str) -> list[Findable]:
    """The pages by their names in every language, decisions by name, and what the store has that may be meant."""
    pages = [
        Findable.of(Sort.PAGE, page.name, tr(page.title), tr(page.question), also=[page.title])
        for page in url_state.pages_by_name().values()
    ]
    decisions = {one.name: one for one in reversed(all_decisions().decisions)}.values()
    decided = [Findable.of(Sort.DECISION, one.name, note=one.at[:10], also=[one.question]) for one in decisions]
    try:
        asked = (typed,) if answer_of(search_queries.has_many_models) else ()
        return [*pages, *decided, *answer_of(search_queries.searched_items, *asked)]
    except (PlumblineError, duckdb.Error):
        return [*pages, *decided]  # what is wrong with the store is said below


def _show_hits(typed: str, items: list[Findable]) -> None:
    hits = search_queries.ranked_hits(typed, items)
    if not hits:
        st.caption(tr("Nothing is called “{typed}” or nearly so.", typed=plain(typed[:60])))
        return
    with st.container(key=_HITS, gap="xxsmall", border=True):
        for hit in hits[:_SHOWN]:
            _link(hit.item)
    if (more := len(hits) - _SHOWN) > 0:
        whole = sum(hit.item.sort == Sort.MODEL for hit in hits) < search_queries.MOST_FOUND
        st.caption(tr("{n:,} more: type on.", n=more) if whole else tr("At least {n:,} more: type on.", n=more))


def _link(item: Findable) -> None:
    label = f"**{plain(item.name)}**"
    if item.sort == Sort.PAGE:
        page_link(item.key, f"{label} :gray[{plain(item.note)}]")
        return
    opens = _OPENS[item.sort]
    note = f" · {plain(item.note)}" if item.note else ""
    lock = " :material/lock:" if _is_private(item) else ""
    page_link(opens.page, f"{label}{lock} :gray[{tr(opens.noun)}{note}]", **{opens.choice: item.key})


def _is_private(item: Findable) -> bool:
    private = answer_of(names_queries.private)
    return item.key in {Sort.MODEL: private.models, Sort.TASK: private.tasks}.get(item.sort, ())


def _open(item: Findable) -> None:
    if item.sort == Sort.PAGE:
        open_page(item.key)
    else:
        opens = _OPENS[item.sort]
        open_page(opens.page, **{opens.choice: item.key})
