"""What a page shows when it cannot show its answer: a sentence, and the command that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb
import streamlit as st

from dashboard.formatting import plain
from dashboard.words import mark, running, stopped, tr
from data.store.database import store_path
from data.store.errors import PlumblineError, StoreDamagedError, StoreMissingError, StoreOutdatedError
from data.store.following import followed

__all__ = ["errors_as_sentences", "in_one_sentence", "show_empty", "show_error"]

_UNREADABLE = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException)
_COMMAND = re.compile(r"`([^`]+)`")
_CUT_SHORT = mark("The store cannot be read to its end")
_WRITE_AGAIN = mark("Run `python -m evaluators import --rebuild` to write it again from the bundled record.")
# What the store says of itself when it cannot be read.
_OF_THE_STORE = (
    mark("There is no store yet"),
    mark("Run `python -m evaluators import` to build it from the bundled record."),
    mark("The file is not a store of Plumbline"),
    mark("Run `python -m evaluators import` to bring it up to date; nothing in it is lost."),
    mark("Another process is writing the store"),
    mark("Wait until it has finished, or name another file with PLUMBLINE_STORE."),
)


# What keeps a newer store away, where it comes from shared storage.
_OF_THE_STORAGE = (
    mark("The storage cannot be reached or does not answer"),
    mark("Check the address and the network, and try again: nothing was changed by halves."),
    mark("The storage refused us"),
    mark("There is no such bucket"),
    mark("Check its name, or make it."),
    mark("The storage has no such file"),
    mark("Check the path."),
    mark("The storage has no space left"),
    mark("Free some, and try again."),
    mark("The storage could not do what it was asked"),
    mark("Look into its log."),
    mark("No store was published there yet"),
    mark("`python -m evaluators publish` publishes one."),
    mark("What says which store was published cannot be read"),
    mark("Publish again once it was removed."),
    mark("The store that arrived is not the one that was published"),
    mark("It is fetched again; if that does not help, publish again."),
    mark("The published store is of a later schema than this version of Plumbline reads"),
    mark("Update Plumbline here; until then the store before it is shown."),
    mark("The store here holds runs of this machine, which the published one would take the place of"),
    mark("Name another file with PLUMBLINE_STORE; this one stays as it is."),
    mark("A published store cannot be put here"),
    mark("Make the folder writable for this process, or free space there."),
)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error of the tree in ``data/store/errors.py`` as a sentence instead of a traceback."""
    try:
        yield
    except PlumblineError as error:
        show_error(error)
    except _UNREADABLE as error:
        # The file opened and then could not be read: damaged further in than a first look reaches.
        damaged = StoreDamagedError(_CUT_SHORT, where=str(store_path()), remedy=_WRITE_AGAIN)
        damaged.__cause__ = error
        show_error(damaged)


def show_error(error: PlumblineError) -> None:
    """One error: what, where, and what to do, with its commands ready to copy."""
    state = followed(store_path()) if isinstance(error, StoreMissingError) else None
    if state is not None and state.trouble is not None:
        error = state.trouble  # nobody is to import what comes from shared storage
    sentence = f"**{stopped(plain(tr(error.what)))}**" + (f"  \n{plain(error.where)}" if error.where else "")
    if isinstance(error, StoreMissingError | StoreOutdatedError):
        st.info(sentence, icon=":material/database:")
    else:
        st.error(sentence, icon=":material/error:")
    _remedy(error.remedy)


def in_one_sentence(error: PlumblineError) -> str:
    """What went wrong, where, and the remedy, one after the other, in Markdown."""
    what, where = plain(tr(error.what)), " " + plain(f"({error.where})") if error.where else ""
    whole = what + where if error.what.endswith(".") and not error.where else stopped(what + where)
    return running(whole, plain(tr(error.remedy)))


def show_empty(sentence: str, command: str | None = None) -> None:
    """Nothing to show yet: why, in our own words (Markdown), and the command that fills the page."""
    st.info(sentence, icon=":material/inbox:")
    if command:
        st.markdown(tr("Run this, then look again:"))
        _commands([command])


def _remedy(remedy: str) -> None:
    if not remedy:
        return
    # Odd parts are what stood between backticks; the rest of a remedy may quote a name somebody gave.
    parts = _COMMAND.split(tr(remedy))
    st.markdown("".join(f"`{part}`" if i % 2 else plain(part) for i, part in enumerate(parts)))
    _commands(parts[1::2])


def _commands(commands: Iterable[str]) -> None:
    """Commands to copy, and a way to see what they did."""
    for command in commands:
        st.code(command, language=None)
    st.button(tr("Look again"), icon=":material/refresh:", key="look_again")
