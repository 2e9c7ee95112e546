"""Links to other pages, with what they are to show there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.access import answer_of
from dashboard.frame_keys import address_parts
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries.question import Question
from dashboard.url_state import address_of, page_named, pages_by_name, remembered
from dashboard.views import on_paper

__all__ = ["Choice", "compare_link", "linked_line", "open_page", "page_link", "page_link_to"]

Choice = str | Sequence[str]


def page_link(page: str, label: str, *, where: Any = st, **choices: Choice) -> None:
    """A link to a page, opened at these choices."""
    where.page_link(
        f"screens/{page}.py", label=label, icon=page_named(page).icon, query_params=address_of(page, **choices)
    )


def linked_line(page: str, words: str, **choices: Choice) -> None:
    """A line of text (Markdown) that leads to a page; on paper, where a link leads nowhere, its words alone."""
    if on_paper():
        st.markdown(f"- {words}")
    else:
        page_link(page, words, **choices)


def page_link_to(address: str, label: str, *, where: Any = st) -> None:
    """A link to a view kept as an address, as "compare?c_models=..."; nothing where it names no page of ours."""
    name, asked = address_parts(address)
    if name in pages_by_name():
        where.page_link(f"screens/{name}.py", label=label, icon=page_named(name).icon, query_params=asked)


def open_page(page: str, **choices: Choice) -> None:
    """Go to a page, opened at these choices."""
    st.switch_page(f"screens/{page}.py", query_params=address_of(page, **choices))


def compare_link(
    label: str,
    benchmark: str,
    models: Sequence[str],
    *,
    tasks: Sequence[str] = (),
    strict: bool = False,
    question: Question | None = None,
    where: Any = st,
) -> None:
    """A link to Compare with these models, the first of them as the baseline.

    What Compare starts with anyway stays out of it: Streamlit takes a default out of an address as a page opens, and
    leaves a step in the browser's history for each.
    """
    offered = list(answer_of(leaderboard_queries.benchmarks)["benchmark"])
    usual = offered[leaderboard_queries.first_shown(offered)]
    choices: dict[str, Choice] = {"models": list(models)}
    # Compare starts with the benchmark asked about last.
    if benchmark != usual or (remembered("benchmark") or usual) != usual:
        choices["benchmark"] = benchmark
    if tasks:
        choices["tasks"] = list(tasks)
    if strict:
        choices["strict"] = "true"
    if question is not None:
        choices["weights"] = question.text()
    page_link("compare", label, where=where, **choices)
