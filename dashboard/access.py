"""The store as the pages see it: the version published now, and answers cached by that version."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb
import streamlit as st

from dashboard.words import tr
from data.rules.prices import BUNDLED_PRICES, Prices, read_prices
from data.store.database import StoreReader, Version, open_reader, store_path, version_of

__all__ = ["answer_of", "one_version", "open_ahead", "prices", "version"]

P = ParamSpec("P")
T = TypeVar("T")

_IN_USE, _SEEN = "_store_in_use", "_store_seen"

# What is kept of answers: those asked last, of a record of today's size all; of very many models one is megabytes.
_MOST_ANSWERS, _MOST_BYTES = 512, 200_000_000

# Commands make these caches before there is a server, or without one: no news to whoever typed them.
logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(
    lambda record: not record.getMessage().startswith("No runtime found")
)


def answer_of(question: Callable[Concatenate[duckdb.DuckDBPyConnection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Answer of a function of ``dashboard/queries``, computed once per store version and arguments.

    Arguments must have a repr that tells them apart (strings, numbers, tuples, frozen dataclasses), never a frame.

    Raises:
        StoreMissingError, StoreDamagedError, StoreOutdatedError: the store cannot be read.
    """
    reader = _current()
    name = f"{question.__module__}.{question.__qualname__}"
    # Streamlit hashes big arguments from a sample, so the key is made of plain strings.
    key = repr((args, sorted(kwargs.items())))
    answer: T = _answer(str(reader.path), reader.version, name, key, reader, question, args, kwargs)
    return answer


def version() -> Version:
    """Version of the store this rerun reads: the key for anything else a page caches."""
    return _current().version


def open_ahead() -> None:
    """Open the version published now, for all who ask it later; raises as :func:`answer_of` does."""
    path = store_path()
    _reader(str(path), version_of(path))


def prices() -> Prices:
    """What APIs charge: the bundled list, and before it the user's own.

    That is the file ``PLUMBLINE_PRICES`` names, else ``prices.csv`` beside the store where there is one. Read anew each
    time: it is a page of text that people edit, and no part of the store's version.
    """
    named = os.environ.get("PLUMBLINE_PRICES")
    own = Path(named).expanduser() if named else store_path().parent / "prices.csv"
    files = (
        [BUNDLED_PRICES]
        if not named and (not own.exists() or own.resolve() == BUNDLED_PRICES)
        else [BUNDLED_PRICES, own]
    )
    return read_prices(files, datetime.now(UTC).date())


@contextmanager
def one_version() -> Iterator[None]:
    """Answer everything within from one version of the store, even if another is published meanwhile."""
    st.session_state[_IN_USE] = None
    try:
        yield
    finally:
        st.session_state.pop(_IN_USE, None)


def _current() -> StoreReader:
    in_use: StoreReader | None = st.session_state.get(_IN_USE)
    if in_use is not None:
        return in_use
    path = store_path()
    published = version_of(path)
    reader = _reader(str(path), published)
    if _IN_USE in st.session_state:
        st.session_state[_IN_USE] = reader
    last_seen = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = published
    if last_seen is not None and last_seen != published:
        st.toast(tr("The record was updated; this page now shows the new one."), icon=":material/update:")
    return reader


@st.cache_resource(max_entries=2, show_spinner=False)
def _reader(path: str, version: Version) -> StoreReader:
    return open_reader(Path(path))


@st.cache_data(max_entries=_MOST_ANSWERS, max_size=_MOST_BYTES, show_spinner=False)
def _answer(
    path: str,
    version: Version,
    name: str,
    key: str,
    _reader: StoreReader,
    _question: Callable[..., Any],
    _args: tuple[Any, ...],
    _kwargs: dict[str, Any],
) -> Any:
    return _question(_reader.cursor(), *_args, **_kwargs)
