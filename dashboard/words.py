"""What pages and reports say, in the language of who reads it.

English stands in the code, with named blanks: ``tr("{n:,} of {total:,} tasks", n=3, total=41)``. Every other language
is a folder of ``dashboard/locale`` with TOML files, English text = other text; ``tests/dashboard/test_languages.py``
finds whatever is missing there. Only our own words are: names of models, tasks, files and what others wrote stay.

The language is chosen by ``lang`` in the address, else it is what was chosen before in the session, else the browser's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from data.rules.words import Phrase, in_english, mark, phrase, with_values

__all__ = [
    "LANGUAGES", "capital", "catalogue_of", "choose_language", "in_language", "language", "listed", "mark", "phrase",
    "running", "stopped", "tr", "tr_n",
]  # fmt: skip

# By the code that stands in the address, as the language itself is called.
LANGUAGES = {"en": "English", "zh": "中文"}

# Between the things of a list, in languages that have signs of their own; between sentences they have no space.
_BETWEEN = {"zh": {", ": "、", "; ": "；", ": ": "：", " ": ""}}
_STOPS = {"zh": "。"}

_LOCALE = Path(__file__).parent / "locale"
_CHOSEN = "_language"
# Of what runs without a session, as a command or a report that is being written; each thread has its own.
_outside: ContextVar[str] = ContextVar("language", default="en")


def tr(text: str, /, **values: Any) -> str:
    """The text in the viewer's language, its blanks filled; in English where nobody has translated it.

    ``text`` may be a :class:`Phrase`, whose blanks are filled already, or one of our own words from the store.
    """
    if isinstance(text, Phrase):
        values = {**text.values, **values}
        text = text.template
    other = catalogue_of(language()).get(text, text)
    if not values:
        return other
    spoken = {name: tr(value) if isinstance(value, Phrase) else value for name, value in values.items()}
    return in_english(text, spoken) if other == text else with_values(other, spoken)


def tr_n(n: int, one: str, many: str, /, **values: Any) -> str:
    """The text for one or for several things, ``{n}`` among its blanks; a language without a plural knows ``many``."""
    if language() != "en" and many in catalogue_of(language()):
        return tr(many, n=n, **values)
    return in_english(one if n == 1 else many, {"n": n, **values})


def listed(things: Iterable[object], between: str = ", ") -> str:
    """Things in a row, with what the language has ``between`` them: a comma, or a word such as " or "."""
    return _BETWEEN.get(language(), {}).get(between, tr(between)).join(map(str, things))


def running(*sentences: str) -> str:
    """Sentences one after the other; empty ones are left out."""
    return listed(filter(None, sentences), " ")


def stopped(text: str) -> str:
    """The text with the full stop of the language."""
    return text + _STOPS.get(language(), ".")


def capital(text: str) -> str:
    """The text as it begins a sentence."""
    return text[:1].upper() + text[1:]


def language() -> str:
    """Code of the language words are said in now."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return _outside.get()
    # A page says some thousand texts: the session is asked once a run, of which each has a context of its own.
    code = getattr(context, _CHOSEN, None)
    if code is None:
        code = str(st.session_state.get(_CHOSEN, "en"))
        setattr(context, _CHOSEN, code)
    return str(code)


def choose_language() -> None:
    """Take the language of this rerun from the address, the session or the browser."""
    asked = st.query_params.get("lang")
    if asked in LANGUAGES:
        st.session_state[_CHOSEN] = asked
    elif _CHOSEN not in st.session_state:
        st.session_state[_CHOSEN] = _of_browser(st.context.locale)
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        setattr(context, _CHOSEN, st.session_state[_CHOSEN])


@contextmanager
def in_language(code: str) -> Iterator[None]:
    """Say everything within in this language, where there is no session, as in a command."""
    token = _outside.set(code if code in LANGUAGES else "en")
    try:
        yield
    finally:
        _outside.reset(token)


def _of_browser(locale: str | None) -> str:
    """The language nearest to a browser's, as "zh-CN"; English where we have none."""
    spoken = (locale or "").lower().partition("-")[0]
    return spoken if spoken in LANGUAGES else "en"


@cache
def catalogue_of(code: str, parts: str = "*") -> dict[str, str]:
    """Every English text with the one of a language, of all its files or of those with such a name."""
    texts: dict[str, str] = {}
    for path in sorted((_LOCALE / code).glob(f"{parts}.toml")):
        texts.update(tomllib.loads(path.read_text("utf-8")))
    return texts
