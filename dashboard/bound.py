"""The address of a control whose options are shown in another language than they are spelled in.

Streamlit binds a control to the address by what its options are shown as. In English that is how the address spells
them; in another language the address would hold that language's words, and the link would open for nobody else. There
the control is not bound: its value is read from the address as the page opens or by Back, and written after each run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.words import language, tr

__all__ = [
    "Spelling", "forget_spelled", "is_day", "is_within", "narrowed", "near_names", "shortened",
]  # fmt: skip

T = TypeVar("T")

_WRITTEN = "_address_written"
_NEAR = 3
MOST, OFFERED = 1500, 200  # options that are sent whole; of more, as many as are offered at a time


class Spelling:
    """How one control's options are spelled in the address, and said on the page.

    Args:
        key: of the control, in the session and in the address.
        options: what can be chosen.
        spell: an option as the address has it, the same in every language.
        shown: an option as the page says it; None for as it is spelled.
    """

    def __init__(
        self, key: str, options: Sequence[Any], spell: Callable[[Any], str], shown: Callable[[Any], str] | None = None
    ) -> None:
        self.key, self.options, self.spell = key, options, spell
        self.shown = shown or spell
        self.bound = shown is None or all(shown(option) == spell(option) for option in options)

    def arguments(self) -> dict[str, Any]:
        """The control's arguments that say how its options are shown, and whether Streamlit keeps the address."""
        named = {} if self.spell is str and self.bound else {"format_func": self.shown}
        return {**named, "bind": "query-params"} if self.bound else named

    def follow(self, default: Any, *, several: bool = False, state: str = "") -> None:
        """Before the control is drawn: stand at what the address asks for, where a link or Back has just led.

        Args:
            default: what the control stands at when the address says nothing.
            several: whether it holds several options.
            state: key of its value in the session, if that is another one and holds what is shown.
        """
        if self.bound:
            return
        context = get_script_run_ctx()
        back = context is not None and context.is_history_navigation
        if not back and self.key in _written():
            return
        by_spelling = {self.spell(option): option for option in self.options}
        asked = [by_spelling[value] for value in st.query_params.get_all(self.key) if value in by_spelling]
        if not asked and not back:
            return
        value = asked if several else asked[0] if asked else default
        st.session_state[state or self.key] = self.shown(value) if state else value

    def write(self, value: Any, default: Any, *, several: bool = False) -> None:
        """After the control was drawn: the address says what it stands at; nothing for the default."""
        if self.bound:
            return
        spelled = [] if value == default else [self.spell(one) for one in (value if several else [value])]
        if st.query_params.get_all(self.key) != spelled:
            if spelled:
                st.query_params[self.key] = spelled
            else:
                del st.query_params[self.key]
        _written().add(self.key)

    def tabs(self) -> Any:
        """Tabs of the options; the first is open unless the address says another."""
        if self.bound:
            return st.tabs(self.options, key=self.key, bind="query-params", on_change="rerun")
        names = {self.shown(option): option for option in self.options}
        state = f"_{self.key}_{language()}"  # what is open goes by its label in the session
        self.follow(self.options[0], state=state)
        parts = st.tabs(list(names), key=state, on_change="rerun")
        self.write(names.get(st.session_state[state], self.options[0]), self.options[0])
        return parts


def forget_spelled(prefix: str) -> None:
    """As another page opens: what was written of the last one's goes from the address, as Streamlit does with its own.

    Args:
        prefix: of the keys of the page that opens.
    """
    for key in _written():
        if key in st.query_params and not key.startswith(prefix):
            del st.query_params[key]
    st.session_state[_WRITTEN] = set()


def _written() -> set[str]:
    written: set[str] = st.session_state.setdefault(_WRITTEN, set())
    return written


def near_names(wanted: str, names: Sequence[str]) -> list[str]:
    """The names most like one that is none of them: by spelling, in full or without their organisation."""
    wanted = wanted.casefold()[:200]
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.casefold(), name)
        spelled.setdefault(name.casefold().rsplit("/", 1)[-1], name)
    exact = [spelled[wanted]] if wanted in spelled else []
    close = [spelled[one] for one in get_close_matches(wanted, spelled, n=2 * _NEAR, cutoff=0.6)]
    within = [name for name in names if len(wanted) > 2 and wanted in name.casefold()]
    return list(dict.fromkeys([*exact, *close, *within]))[:_NEAR]


def shortened(text: str) -> str:
    """A text of no more than 60 characters."""
    return text if len(text) <= 60 else text[:59] + "…"


def is_day(text: str) -> bool:
    """Whether a text is a date, as 2026-11-27."""
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def is_within(text: str, low: float | None, high: float | None) -> bool:
    """Whether a text is a number between two bounds, None for none."""
    try:
        value = float(text)
    except ValueError:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def narrowed(
    label: str,
    options: Sequence[T],
    key: str,
    spell: Callable[[Any], str],
    default: Sequence[T],
    where: Any,
    width: Any,
) -> Sequence[T]:
    """The options as they are where they are few; else a field above the control, and those that hold what it says.

    Args:
        label: of the control.
        options: everything that can be chosen.
        key: of the control, in the session and in the address.
        spell: an option as the address has it.
        default: what the control stands at when nobody has chosen.
        where: the container of the control.
        width: of the control; None for its own.
    """
    if len(options) <= MOST:
        return options
    part = where.text_input(
        tr("Find in “{label}”", label=label), key=f"_{key}_part", label_visibility="collapsed",
        icon=":material/search:",
        placeholder=tr("{shown:,} of {all:,} offered; type to narrow", shown=OFFERED, all=len(options)),
        **({} if width is None else {"width": width}),
    )  # fmt: skip
    chosen = st.session_state.get(key)
    standing = chosen if isinstance(chosen, list | tuple) else [chosen]
    names = {spell(one) for one in standing if one is not None and one in options}
    names.update(st.query_params.get_all(key), map(spell, default))
    matching = _matching(options, str(part or "").strip().casefold(), spell)
    spelled = options if spell is str and isinstance(options[0], str) else map(spell, options)
    stands = [one for one, name in zip(options, spelled, strict=True) if name in names]
    return list(dict.fromkeys([*stands, *matching]))


def _matching(options: Sequence[T], part: str, spell: Callable[[Any], str]) -> list[T]:
    """As many as are offered of the options that hold a text, those first that begin with it after any organisation."""
    if not part:
        return list(options[:OFFERED])
    holding = [one for one in options if part in spell(one).casefold()]
    holding.sort(key=lambda one: not spell(one).casefold().rpartition("/")[2].startswith(part))
    return holding[:OFFERED]
