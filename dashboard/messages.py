"""What a page shows when it cannot show its answer: a sentence, and the command that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import streamlit as st

from dashboard.formatting import plain
from data.store.database import store_path
from data.store.errors import PlumblineError, StoreDamagedError, StoreMissingError, StoreOutdatedError

__all__ = ["show_empty", "errors_as_sentences", "show_error"]

_UNREADABLE = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException)
_COMMAND = re.compile(r"`([^`]+)`")


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error of the tree in ``data/store/errors.py`` as a sentence instead of a traceback."""
    try:
        yield
    except PlumblineError as error:
        show_error(error)
    except _UNREADABLE as error:
        # The file opened and then could not be read: damaged further in than a first look reaches.
        damaged = StoreDamagedError(
            "The store cannot be read to its end",
            where=str(store_path()),
            remedy="Run `python -m evaluators import --rebuild` to write it again from the bundled record.",
        )
        damaged.__cause__ = error
        show_error(damaged)


def show_error(error: PlumblineError) -> None:
    """One error: what, where, and what to do, with its commands ready to copy."""
    sentence = f"**{plain(error.what)}.**" + (f"  \n{plain(error.where)}" if error.where else "")
    if isinstance(error, StoreMissingError | StoreOutdatedError):
        st.info(sentence, icon=":material/database:")
    else:
        st.error(sentence, icon=":material/error:")
    _remedy(error.remedy)


def show_empty(sentence: str, command: str | None = None) -> None:
    """Nothing to show yet: why, in our own words (Markdown), and the command that fills the page."""
    st.info(sentence, icon=":material/inbox:")
    if command:
        _remedy(f"Run `{command}`, then look again.")


def _remedy(remedy: str) -> None:
    if not remedy:
        return
    # Odd parts are what stood between backticks; the rest of a remedy may quote a name somebody gave.
    parts = _COMMAND.split(remedy)
    st.markdown("".join(f"`{part}`" if i % 2 else plain(part) for i, part in enumerate(parts)))
    for command in parts[1::2]:
        st.code(command, language=None)
    st.button("Look again", icon=":material/refresh:", key="look_again")
