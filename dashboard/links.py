"""Everything a viewer chooses is in the address, so that a link shows the same view.

The controls here are Streamlit's own, bound to the address by their key (``bind="query-params"``); a default stays out
of it. Streamlit drops a value it cannot use without a word, so on a page's first run each control looks first and
keeps a sentence about it, which ``dashboard/app.py`` puts above the page.

A key belongs to one page: on the way from a page to another, Streamlit drops from the address what the first has bound,
even where a link to the second has just put it there. Pages that ask the same question use keys of their own and
remember the answer under one topic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from dashboard.words import plain

__all__ = [
    "begin",
    "between",
    "choose",
    "choose_many",
    "known",
    "number",
    "one_of",
    "say_what_was_ignored",
    "switch",
    "text",
]

T = TypeVar("T")

_NOTES, _KNOWN, _PAGE, _TURNED = "_links_ignored", "_links_known", "_links_page", "_links_turned"


def begin(page: str) -> None:
    """Start a rerun of a page: no control has been seen yet and nothing was ignored."""
    st.session_state[_TURNED] = st.session_state.get(_PAGE) != page
    st.session_state[_PAGE] = page
    st.session_state[_NOTES] = []
    st.session_state[_KNOWN] = set()


def say_what_was_ignored() -> None:
    """One sentence on what the address asked for and this page could not do."""
    notes = list(st.session_state[_NOTES])
    if _turned():
        notes += [f"{plain(key)} is not a choice on this page" for key in st.query_params if key not in _known()]
    if notes:
        st.warning("Parts of the link were ignored: " + "; ".join(notes) + ".", icon=":material/link_off:")


def choose(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    index: int | None = 0,
    remember: str = "",
    where: Any = st,
    **more: Any,
) -> T | None:
    """A selectbox in the address; what is remembered under a topic is where the next page on that topic starts."""
    _look(key, _names(options, more.get("format_func", str)))
    kept = f"_kept_{remember}"
    if remember and _turned() and key not in st.query_params and st.session_state.get(kept) in options:
        # The address first, then the value: Streamlit writes a value set before its control's first run nowhere.
        st.query_params[key] = more.get("format_func", str)(st.session_state[kept])
        st.session_state[key] = st.session_state[kept]
    chosen: T | None = where.selectbox(label, options, index=index, key=key, bind="query-params", **more)
    if remember:
        st.session_state[kept] = chosen
    return chosen


def choose_many(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> list[T]:
    """A multiselect in the address."""
    _look(key, _names(options, more.get("format_func", str)))
    chosen: list[T] = where.multiselect(label, options, key=key, bind="query-params", **more)
    return chosen


def between(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> tuple[T, T]:
    """A slider with two ends in the address; all of the range unless somebody narrows it."""
    _look(key, _names(options, more.get("format_func", str)))
    ends = (options[0], options[-1])
    low, high = where.select_slider(label, options, value=ends, key=key, bind="query-params", **more)
    return low, high


def one_of(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> T:
    """A segmented control in the address; always one of them is on."""
    _look(key, _names(options, more.get("format_func", str)))
    more.setdefault("default", options[0])
    chosen: T | None = where.segmented_control(label, options, key=key, required=True, bind="query-params", **more)
    return more["default"] if chosen is None else chosen  # an empty value in the address is none of them


def switch(label: str, key: str, *, value: bool = False, where: Any = st, **more: Any) -> bool:
    """A toggle in the address."""
    _look(key, {"true", "false"}, fold=True)
    return bool(where.toggle(label, value=value, key=key, bind="query-params", **more))


def text(label: str, key: str, *, where: Any = st, **more: Any) -> str:
    """A line of text in the address; any text will do."""
    _known().add(key)
    return str(where.text_input(label, key=key, bind="query-params", **more) or "")


def number(label: str, key: str, *, where: Any = st, **more: Any) -> float | None:
    """A number input in the address; empty is no limit."""
    _known().add(key)
    for given in st.query_params.get_all(key) if _turned() else []:
        if given and not _within(given, more.get("min_value"), more.get("max_value")):
            _note(key, given)
    value = where.number_input(label, key=key, bind="query-params", **more)
    return None if value is None else float(value)


def known(key: str) -> None:
    """Say that a control of the page, made without the functions above, has its value in the address."""
    _known().add(key)


def _known() -> set[str]:
    known: set[str] = st.session_state.setdefault(_KNOWN, set())
    return known


def _turned() -> bool:
    return bool(st.session_state.get(_TURNED))


def _look(key: str, allowed: set[str], *, fold: bool = False) -> None:
    _known().add(key)
    for given in st.query_params.get_all(key) if _turned() else []:
        if given and (given.lower() if fold else given) not in allowed:
            _note(key, given)


def _note(key: str, given: str) -> None:
    shown = given if len(given) <= 60 else given[:59] + "…"
    st.session_state.setdefault(_NOTES, []).append(f"{plain(key)} cannot be “{plain(shown)}”")


def _names(options: Sequence[T], spell: Callable[[T], str]) -> set[str]:
    return {spell(option) for option in options}


def _within(given: str, low: float | None, high: float | None) -> bool:
    try:
        value = float(given)
    except ValueError:
        return False
    return (low is None or value >= low) and (high is None or value <= high)
