"""Everything a viewer chooses is in the address, so that a link shows the same view.

A choice is called ``<prefix>_<name>`` there: the prefix is its page's, declared once in ``dashboard/app.py``; a page
speaks of the name alone. Links from before every page had a prefix are read as if they had it.

The controls here are Streamlit's own, bound to the address by their key (``bind="query-params"``); a default stays out
of it. Streamlit drops a value it cannot use without a word, so on a page's first run each control looks first and
keeps a sentence about it, which ``dashboard/app.py`` puts above the page. Where the value names what the page is about
(:func:`subject`), nothing else is shown in its place.

A key belongs to one page: on the way from a page to another, Streamlit drops from the address what the first has bound,
even where a link to the second has just put it there. Pages that ask the same question use keys of their own and
remember the answer under one topic. Its history keeps an address without a question between two pages; a page that is
entered by such an address, be it by Back or by the bar on top, starts as the viewer left it.

Labels come in the viewer's language; values are spelled in the address by ``format_func``, the same in every language,
and shown as ``shown`` says them (see ``dashboard/bound.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar, cast

import streamlit as st

from dashboard.bound import Spelling, forget_spelled, is_day, is_within, narrowed, near_names, shortened
from dashboard.formatting import plain
from dashboard.frame_keys import FRAME_KEYS
from dashboard.old_links import page_meant, with_prefix
from dashboard.words import language, listed, mark, running, tr

__all__ = [
    "Page", "address_of", "choice", "current_page", "date_input", "declare", "key_of", "multiselect",
    "number_input", "page_named", "pages_by_name", "range_slider", "remembered", "report_ignored", "report_value",
    "segmented_control", "selectbox", "set_choice", "show_ignored", "start_rerun", "subject", "tabs", "text_input",
    "toggle", "unknown_names",
]  # fmt: skip

T = TypeVar("T")
Shown = Callable[[Any], str] | None  # an option as the page says it; None: as the address spells it

_PAGE, _PAGES, _PATH, _OPENED = "_address_page", "_address_pages", "_address_path", "_address_opened"
_IGNORED, _DECLARED, _UNKNOWN = "_address_ignored", "_address_declared", "_address_unknown"
_LEFT, _RESTORED, _KEYS = "_address_left", "_address_restored", "_address_keys"


class Page(NamedTuple):
    """A page of the dashboard: its file in ``dashboard/screens``, which is its address, and how it is called."""

    name: str
    title: str
    icon: str
    prefix: str  # of its keys in the address
    question: str = ""  # that it answers, in English


def start_rerun(path: str, page: Page, pages: Sequence[Page]) -> None:
    """Start a rerun of a page: no control was drawn yet and nothing was ignored.

    Args:
        path: the address the page is open at; a page may have more than one.
        page: the one that is open.
        pages: all of them.
    """
    st.session_state[_PAGES] = {each.name: each for each in pages}
    opened = st.session_state.get(_PATH) != path
    if not path and _PATH not in st.session_state:
        _forward(page, pages)
    if opened:
        forget_spelled(f"{page.prefix}_")
        _add_prefix(page, pages)
    # What the page before had as choices: whatever of these is in the address now is a question to this page.
    keys = st.session_state.setdefault(_KEYS, {})
    before: Page | None = st.session_state.get(_PAGE)
    if before is not None:
        keys.setdefault(before.name, set()).update(st.session_state.get(_DECLARED, ()))
    st.session_state.update({_OPENED: opened, _PATH: path, _PAGE: page, _IGNORED: [], _DECLARED: set()})
    if opened:
        st.session_state[_UNKNOWN] = {}
        has_question = any(key in keys.get(page.name, ()) for key in st.query_params)
        st.session_state[_RESTORED] = {} if has_question else dict(st.session_state.get(_LEFT, {}).get(page.name, {}))
        if st.session_state[_RESTORED]:
            st.rerun()  # a run that Back has started takes nothing but what its address says
    _restore()


def _forward(page: Page, pages: Sequence[Page]) -> None:
    """Open the page that a link to the root means.

    Only as a session's first page: an address that asks such a thing later is the one Back returns to from there, and
    to go forward again would leave no way back.
    """
    prefixes = {each.name: each.prefix for each in pages}
    if meant := page_meant(page.name, prefixes, FRAME_KEYS):
        st.session_state[_PATH] = ""  # somebody was here
        address = with_prefix(prefixes[meant], prefixes.values(), FRAME_KEYS)
        st.switch_page(f"screens/{meant}.py", query_params=address)


def _add_prefix(page: Page, pages: Sequence[Page]) -> None:
    """Read a link whose keys have no prefix as one of this page's, and start again with that address."""
    address = with_prefix(page.prefix, [each.prefix for each in pages], FRAME_KEYS)
    if address != {key: st.query_params.get_all(key) for key in st.query_params}:
        st.query_params.from_dict(address)
        st.rerun()


def _restore() -> None:
    """Set the page's controls before they run, in each run until one was not cut short: as a page opens, some are."""
    left: dict[str, tuple[Any, str | list[str]]] = st.session_state.get(_RESTORED, {})
    if left:
        # The address first, then the value: Streamlit writes a value set before its control's first run nowhere. Of
        # another page's question, which stands there on the way between two pages, nothing is kept.
        address: dict[str, str | list[str]] = {key: spelled for key, (_, spelled) in left.items()}
        address.update({key: st.query_params.get_all(key) for key in FRAME_KEYS if key in st.query_params})
        st.query_params.from_dict(address)
    for key, (value, _) in left.items():
        st.session_state[key] = value


def show_ignored() -> None:
    """One sentence on what the address asked for and this page could not do."""
    reasons = list(st.session_state[_IGNORED])
    st.session_state[_RESTORED] = {}
    if _opened():
        strange = [key for key in st.query_params if key not in _declared() | FRAME_KEYS]
        reasons += [tr("{key} is not a choice on this page", key=_said(key)) for key in strange]
    if reasons:
        sentence = tr("Parts of the link were ignored: {reasons}.", reasons=listed(reasons, "; "))
        st.warning(sentence, icon=":material/link_off:")


def current_page() -> Page:
    """The page that is open."""
    return cast(Page, st.session_state[_PAGE])


def pages_by_name() -> dict[str, Page]:
    """Every page by the name of its file, in the order of the bar."""
    return cast(dict[str, Page], st.session_state[_PAGES])


def page_named(name: str) -> Page:
    """A page by the name of its file."""
    return pages_by_name()[name]


def key_of(name: str) -> str:
    """A choice of the open page as its key in the address, which is its control's too."""
    return f"{current_page().prefix}_{name}"


def address_of(page: str, **choices: str | Sequence[str]) -> dict[str, str | Sequence[str]]:
    """Query parameters with which a page opens at these choices."""
    return {f"{page_named(page).prefix}_{name}": value for name, value in choices.items()}


def choice(name: str) -> Any:
    """What a control drawn later in the run stands at; on a page's first run only the address knows it yet."""
    key = key_of(name)
    return st.session_state.get(key) or st.query_params.get(key)


def set_choice(name: str, value: Any) -> None:
    """Set a control that is drawn later in the run, or in the next one; the address follows."""
    st.session_state[key_of(name)] = value


def remembered(topic: str) -> Any:
    """What was chosen last under a topic that several pages have; None when nothing was."""
    return st.session_state.get(f"_topic_{topic}")


def selectbox(
    label: str,
    options: Sequence[T],
    name: str,
    *,
    index: int | None = 0,
    remember: str = "",
    where: Any = st,
    shown: Shown = None,
    **more: Any,
) -> T | None:
    """A selectbox in the address; what is remembered under a topic is where the next page on that topic starts."""
    key, spell = key_of(name), more.pop("format_func", str)
    default = None if index is None else options[index]
    _prepare(key, map(spell, options), lambda value: value is None or value in options)
    if remember and _opened() and key not in st.query_params and remembered(remember) in options:
        st.query_params[key] = spell(remembered(remember))
        st.session_state[key] = remembered(remember)
    options = narrowed(label, options, key, spell, [] if index is None else [options[index]], where, more.get("width"))
    spelling = Spelling(key, options, spell, shown)
    spelling.follow(default)
    index = None if default is None else options.index(default)
    chosen: T | None = where.selectbox(label, options, index=index, key=key, **spelling.arguments(), **more)
    spelling.write(chosen, default)
    if remember:
        st.session_state[f"_topic_{remember}"] = chosen
    else:
        _leave(key, chosen, default, spell)
    return chosen


def subject(what: str, label: str, options: Sequence[str], name: str, *, index: int = 0, **more: Any) -> str | None:
    """What the page is about, in the address. A name the address has and nobody knows is said, with those near it.

    Then None comes back, so that the page shows nothing in its place, until something is chosen.

    Args:
        what: "model", "task" and the like, in English; it is looked up as after a number.
        label: of the control.
        options: the names there are.
        name: of the choice.
        index: of the option to start with.
        **more: as for :func:`selectbox`.
    """
    _keep_unknown(key_of(name), options)
    missed = unknown_names(name)
    placeholder: dict[str, Any] = {"placeholder": tr("Choose a {what}", what=tr(what))} if missed else {}
    reasons = len(st.session_state[_IGNORED])
    chosen = selectbox(label, options, name, index=None if missed else index, **placeholder, **more)
    if chosen is None and missed:
        del st.session_state[_IGNORED][reasons:]  # said once, below
        near = listed(map(plain, near_names(missed[0], options)), mark(" or "))
        none = tr("**There is no {what} “{name}” in this store.**", what=tr(what), name=plain(shortened(missed[0])))
        advice = tr("Did you mean {names}?", names=near) if near else tr("Choose one above.")
        st.warning(running(none, advice), icon=":material/search_off:")
        return None
    st.session_state[_UNKNOWN].pop(key_of(name), None)
    return chosen


def unknown_names(name: str) -> list[str]:
    """What the address had for a choice when the page was opened, and nobody knows."""
    unknown: list[str] = st.session_state.setdefault(_UNKNOWN, {}).get(key_of(name), [])
    return unknown


def multiselect(
    label: str, options: Sequence[T], name: str, *, where: Any = st, shown: Shown = None, **more: Any
) -> list[T]:
    """A multiselect in the address."""
    key, spell = key_of(name), more.pop("format_func", str)
    default = list(more.get("default") or [])
    _keep_unknown(key, map(spell, options))
    _prepare(key, map(spell, options), lambda value: all(one in options for one in value))
    options = narrowed(label, options, key, spell, default, where, more.get("width"))
    spelling = Spelling(key, options, spell, shown)
    if language() != "en":  # the word that Streamlit has for it is English
        more.setdefault("placeholder", tr("Choose options"))
    spelling.follow(default, several=True)
    chosen: list[T] = where.multiselect(label, options, key=key, **spelling.arguments(), **more)
    spelling.write(list(chosen), default, several=True)
    _leave(key, list(chosen), default, lambda value: [spell(one) for one in value])
    return chosen


def range_slider(label: str, options: Sequence[T], name: str, *, where: Any = st, **more: Any) -> tuple[T, T]:
    """A slider with two ends in the address; all of the range unless somebody narrows it."""
    key, spell = key_of(name), more.get("format_func", str)
    _prepare(key, map(spell, options), lambda value: all(one in options for one in value))
    ends = (options[0], options[-1])
    low, high = where.select_slider(label, options, value=ends, key=key, bind="query-params", **more)
    _leave(key, (low, high), ends, lambda value: [spell(one) for one in value])
    return low, high


def segmented_control(
    label: str, options: Sequence[T], name: str, *, where: Any = st, shown: Shown = None, **more: Any
) -> T:
    """A segmented control in the address; always one of them is on."""
    key, spell = key_of(name), more.pop("format_func", str)
    spelling = Spelling(key, options, spell, shown)
    _prepare(key, map(spell, options), lambda value: value in options)
    default: T = more.setdefault("default", options[0])
    spelling.follow(default)
    chosen: T | None = where.segmented_control(label, options, key=key, required=True, **spelling.arguments(), **more)
    chosen = default if chosen is None else chosen  # an empty value in the address is none of them
    spelling.write(chosen, default)
    _leave(key, chosen, default, spell)
    return chosen


def tabs(names: Sequence[str], name: str, *, shown: Shown = None) -> Any:
    """Tabs whose open one is in the address; only what the open one shows needs to be drawn."""
    declare(name)
    key = key_of(name)
    return Spelling(key, names, str, shown).tabs()


def toggle(label: str, name: str, *, value: bool = False, where: Any = st, **more: Any) -> bool:
    """A toggle in the address."""
    key = key_of(name)
    _prepare(key, ["true", "false"], fold=True)
    on = bool(where.toggle(label, value=value, key=key, bind="query-params", **more))
    _leave(key, on, value, lambda on: str(on).lower())
    return on


def text_input(label: str, name: str, *, where: Any = st, **more: Any) -> str:
    """A line of text in the address; any text will do."""
    declare(name)
    text = str(where.text_input(label, key=key_of(name), bind="query-params", **more) or "")
    _leave(key_of(name), text, "", str)
    return text


def date_input(label: str, name: str, *, where: Any = st, **more: Any) -> date | None:
    """A date in the address, empty unless somebody chooses one."""
    key = key_of(name)
    declare(name)
    for value in st.query_params.get_all(key) if _opened() else []:
        if value and not is_day(value):
            report_value(key, value)
    chosen: date | None = where.date_input(label, value=None, key=key, bind="query-params", format="YYYY-MM-DD", **more)
    _leave(key, chosen, None, str)
    return chosen


def number_input(label: str, name: str, *, where: Any = st, **more: Any) -> float | None:
    """A number input in the address; empty is no limit."""
    key, low, high = key_of(name), more.get("min_value"), more.get("max_value")
    declare(name)
    for value in st.query_params.get_all(key) if _opened() else []:
        if value and not is_within(value, low, high):
            report_value(key, value)
    _drop_unless(key, lambda value: value is None or is_within(str(value), low, high))
    value = where.number_input(label, key=key, bind="query-params", **more)
    number = None if value is None else float(value)
    _leave(key, number, more.get("value"), lambda number: "" if number is None else f"{number:.12g}")
    return number


def declare(*names: str) -> None:
    """Say that these are choices of the page, whether or not their controls are drawn in this run."""
    _declared().update(map(key_of, names))


def report_ignored(reason: str) -> None:
    """Keep a sentence about what the address asked for and the page cannot do."""
    st.session_state.setdefault(_IGNORED, []).append(reason)


def report_value(key: str, value: str, hint: str = "") -> None:
    """Keep that a choice cannot be what the address asks for."""
    report_ignored(tr("{key} cannot be “{value}”{hint}", key=_said(key), value=plain(shortened(value)), hint=hint))


def _said(key: str) -> str:
    """A choice as a sentence about it calls it: without the page's prefix."""
    return plain(key.removeprefix(f"{current_page().prefix}_"))


def _declared() -> set[str]:
    return cast(set[str], st.session_state.setdefault(_DECLARED, set()))


def _opened() -> bool:
    """Whether this is the page's first run since another one was open."""
    return bool(st.session_state.get(_OPENED))


def _leave(key: str, value: Any, default: Any, spell: Callable[[Any], str | list[str]]) -> None:
    """Keep what a control stands at, for when the viewer comes back to the page; a default is not kept."""
    left = st.session_state.setdefault(_LEFT, {}).setdefault(current_page().name, {})
    if value == default:
        left.pop(key, None)
    else:
        left[key] = (value, spell(value))


def _prepare(
    key: str, options: Iterable[str], fine: Callable[[Any], bool] = lambda value: True, *, fold: bool = False
) -> None:
    """Before a control is drawn: report what the address asks for and it has not, forget what it can no longer be."""
    _declared().add(key)
    names, asked = (list(options), st.query_params.get_all(key)) if _opened() else ([], [])
    for value in filter(None, asked):
        if (value.lower() if fold else value) not in set(names):
            near = listed(map(plain, near_names(value, names)))
            report_value(key, value, tr(" (near it: {names})", names=near) if near else "")
    _drop_unless(key, fine)


def _drop_unless(key: str, fine: Callable[[Any], bool]) -> None:
    """Forget what a control was left at, if it can stand there no longer."""
    if _opened() and key in st.session_state and not fine(st.session_state[key]):
        del st.session_state[key]


def _keep_unknown(key: str, options: Iterable[str]) -> None:
    """Keep what the address asks for and is none of these, for as long as the page is open."""
    if _opened():
        known = set(options)
        missed = [value for value in st.query_params.get_all(key) if value and value not in known]
        if missed:
            st.session_state.setdefault(_UNKNOWN, {})[key] = missed
