"""Everything a viewer chooses is in the address, so that a link shows the same view.

The controls here are Streamlit's own, bound to the address by their key (``bind="query-params"``); a default stays out
of it. Streamlit drops a value it cannot use without a word, so on a page's first run each control looks first and
keeps a sentence about it, which ``dashboard/app.py`` puts above the page. Where the value names what the page is about
(:func:`subject`), nothing else is shown in its place.

A key belongs to one page: on the way from a page to another, Streamlit drops from the address what the first has bound,
even where a link to the second has just put it there. Pages that ask the same question use keys of their own and
remember the answer under one topic. Its history keeps an address without a question between two pages; a page that is
entered by such an address, be it by Back or by the bar on top, starts as the viewer left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import streamlit as st

from dashboard.formatting import plain

__all__ = [
    "begin",
    "between",
    "choose",
    "choose_many",
    "known",
    "note",
    "number",
    "one_of",
    "say_what_was_ignored",
    "subject",
    "switch",
    "text",
    "unknown",
]

T = TypeVar("T")

_NOTES, _KNOWN, _PAGE, _TURNED = "_links_ignored", "_links_known", "_links_page", "_links_turned"
_LEFT, _AGAIN, _KEYS, _UNKNOWN = "_links_left", "_links_again", "_links_keys", "_links_unknown"
_NEAR = 3


def begin(page: str) -> None:
    """Start a rerun of a page: no control has been seen yet and nothing was ignored."""
    before = st.session_state.get(_PAGE)
    turned = before != page
    # What the page before had as choices: whatever of these is in the address now is a question to this page.
    keys = st.session_state.setdefault(_KEYS, {})
    keys.setdefault(before, set()).update(st.session_state.get(_KNOWN, ()))
    st.session_state[_TURNED] = turned
    st.session_state[_PAGE] = page
    st.session_state[_NOTES] = []
    st.session_state[_KNOWN] = set()
    if turned:
        st.session_state[_UNKNOWN] = {}
        asked = any(key in keys.get(page, ()) for key in st.query_params)
        st.session_state[_AGAIN] = {} if asked else dict(st.session_state.get(_LEFT, {}).get(page, {}))
        if st.session_state[_AGAIN]:
            st.rerun()  # a run that Back has started takes nothing but what its address says
    _as_it_was_left()


def _as_it_was_left() -> None:
    """Set the page's controls before they run, in each run until one was not cut short: as a page opens, some are."""
    left: dict[str, tuple[Any, str | list[str]]] = st.session_state.get(_AGAIN, {})
    if left:
        # The address first, then the value: Streamlit writes a value set before its control's first run nowhere. Of
        # another page's question, which stands there on the way between two pages, nothing is kept.
        st.query_params.from_dict({key: spelled for key, (_, spelled) in left.items()})
    for key, (value, _) in left.items():
        st.session_state[key] = value


def say_what_was_ignored() -> None:
    """One sentence on what the address asked for and this page could not do."""
    notes = list(st.session_state[_NOTES])
    st.session_state[_AGAIN] = {}
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
    spell = more.get("format_func", str)
    _look(key, [spell(option) for option in options])
    _drop_unless(key, lambda value: value is None or value in options)
    kept = f"_kept_{remember}"
    if remember and _turned() and key not in st.query_params and st.session_state.get(kept) in options:
        st.query_params[key] = spell(st.session_state[kept])
        st.session_state[key] = st.session_state[kept]
    chosen: T | None = where.selectbox(label, options, index=index, key=key, bind="query-params", **more)
    if remember:
        st.session_state[kept] = chosen
    else:
        _leave(key, chosen, None if index is None else options[index], spell)
    return chosen


def subject(what: str, label: str, options: Sequence[str], key: str, *, index: int = 0, **more: Any) -> str | None:
    """What the page is about, in the address. A name the address has and nobody knows is said, with those near it.

    Then None comes back, so that the page shows nothing in its place, until something is chosen.

    Args:
        what: "model", "task" and the like.
        label: of the control.
        options: the names there are.
        key: in the address.
        index: of the name to start with.
        **more: as for :func:`choose`.
    """
    _find_unknown(key, options)
    missed = unknown(key)
    placeholder = {"placeholder": f"Choose a {what}"} if missed else {}
    said = len(st.session_state[_NOTES])
    chosen = choose(label, options, key, index=None if missed else index, **placeholder, **more)
    if chosen is None and missed:
        del st.session_state[_NOTES][said:]  # said once, below
        near = _near(missed[0], options)
        st.warning(
            f"**There is no {what} “{plain(_short(missed[0]))}” in this store.**"
            + (f" Did you mean {' or '.join(plain(name) for name in near)}?" if near else " Choose one above."),
            icon=":material/search_off:",
        )
        return None
    st.session_state[_UNKNOWN].pop(key, None)
    return chosen


def unknown(key: str) -> list[str]:
    """What the address had under a key when the page was opened, and nobody knows."""
    found: list[str] = st.session_state.setdefault(_UNKNOWN, {}).get(key, [])
    return found


def choose_many(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> list[T]:
    """A multiselect in the address."""
    spell = more.get("format_func", str)
    names = [spell(option) for option in options]
    _find_unknown(key, names)
    _look(key, names)
    _drop_unless(key, lambda value: all(one in options for one in value))
    chosen: list[T] = where.multiselect(label, options, key=key, bind="query-params", **more)
    _leave(key, list(chosen), list(more.get("default") or []), lambda value: [spell(one) for one in value])
    return chosen


def between(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> tuple[T, T]:
    """A slider with two ends in the address; all of the range unless somebody narrows it."""
    spell = more.get("format_func", str)
    _look(key, [spell(option) for option in options])
    ends = (options[0], options[-1])
    _drop_unless(key, lambda value: all(one in options for one in value))
    low, high = where.select_slider(label, options, value=ends, key=key, bind="query-params", **more)
    _leave(key, (low, high), ends, lambda value: [spell(one) for one in value])
    return low, high


def one_of(label: str, options: Sequence[T], key: str, *, where: Any = st, **more: Any) -> T:
    """A segmented control in the address; always one of them is on."""
    spell = more.get("format_func", str)
    _look(key, [spell(option) for option in options])
    more.setdefault("default", options[0])
    _drop_unless(key, lambda value: value in options)
    chosen: T | None = where.segmented_control(label, options, key=key, required=True, bind="query-params", **more)
    found: T = more["default"] if chosen is None else chosen  # an empty value in the address is none of them
    _leave(key, found, more["default"], spell)
    return found


def switch(label: str, key: str, *, value: bool = False, where: Any = st, **more: Any) -> bool:
    """A toggle in the address."""
    _look(key, ["true", "false"], fold=True)
    on = bool(where.toggle(label, value=value, key=key, bind="query-params", **more))
    _leave(key, on, value, lambda on: str(on).lower())
    return on


def text(label: str, key: str, *, where: Any = st, **more: Any) -> str:
    """A line of text in the address; any text will do."""
    _known().add(key)
    given = str(where.text_input(label, key=key, bind="query-params", **more) or "")
    _leave(key, given, "", str)
    return given


def number(label: str, key: str, *, where: Any = st, **more: Any) -> float | None:
    """A number input in the address; empty is no limit."""
    _known().add(key)
    low, high = more.get("min_value"), more.get("max_value")
    for given in st.query_params.get_all(key) if _turned() else []:
        if given and not _within(given, low, high):
            note(f"{plain(key)} cannot be “{plain(_short(given))}”")
    _drop_unless(key, lambda value: value is None or _within(str(value), low, high))
    value = where.number_input(label, key=key, bind="query-params", **more)
    found = None if value is None else float(value)
    _leave(key, found, more.get("value"), lambda value: "" if value is None else f"{value:.12g}")
    return found


def known(key: str) -> None:
    """Say that a control of the page, made without the functions above, has its value in the address."""
    _known().add(key)


def note(sentence: str) -> None:
    """Keep a sentence about what the address asked for and the page cannot do."""
    st.session_state.setdefault(_NOTES, []).append(sentence)


def _known() -> set[str]:
    known: set[str] = st.session_state.setdefault(_KNOWN, set())
    return known


def _turned() -> bool:
    return bool(st.session_state.get(_TURNED))


def _leave(key: str, value: Any, default: Any, spell: Callable[[Any], str | list[str]]) -> None:
    """Keep what a control stands at, for when the viewer comes back to the page; a default is not kept."""
    left = st.session_state.setdefault(_LEFT, {}).setdefault(st.session_state.get(_PAGE), {})
    if value == default:
        left.pop(key, None)
    else:
        left[key] = (value, spell(value))


def _drop_unless(key: str, fine: Callable[[Any], bool]) -> None:
    """Forget what a control was left at, if it can stand there no longer."""
    if _turned() and key in st.session_state and not fine(st.session_state[key]):
        del st.session_state[key]


def _find_unknown(key: str, names: Iterable[str]) -> None:
    """Keep what the address asks for and is none of these, for as long as the page is open."""
    if _turned():
        missed = [given for given in st.query_params.get_all(key) if given and given not in set(names)]
        if missed:
            st.session_state.setdefault(_UNKNOWN, {})[key] = missed


def _look(key: str, allowed: Sequence[str], *, fold: bool = False) -> None:
    _known().add(key)
    for given in st.query_params.get_all(key) if _turned() else []:
        if given and (given.lower() if fold else given) not in set(allowed):
            near = _near(given, allowed)
            hint = f" (near it: {', '.join(plain(name) for name in near)})" if near else ""
            note(f"{plain(key)} cannot be “{plain(_short(given))}”{hint}")


def _near(given: str, names: Sequence[str]) -> list[str]:
    """The names most like one that is none of them: by spelling, in full or without their organisation."""
    wanted = given.casefold()[:200]
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.casefold(), name)
        spelled.setdefault(name.casefold().rsplit("/", 1)[-1], name)
    exact = [spelled[wanted]] if wanted in spelled else []
    close = [spelled[one] for one in get_close_matches(wanted, spelled, n=2 * _NEAR, cutoff=0.6)]
    within = [name for name in names if len(wanted) > 2 and wanted in name.casefold()]
    return list(dict.fromkeys([*exact, *close, *within]))[:_NEAR]


def _short(given: str) -> str:
    return given if len(given) <= 60 else given[:59] + "…"


def _within(given: str, low: float | None, high: float | None) -> bool:
    try:
        value = float(given)
    except ValueError:
        return False
    return (low is None or value >= low) and (high is None or value <= high)
