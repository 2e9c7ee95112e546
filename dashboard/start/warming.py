"""Answers computed before anybody asks: every page is drawn once for nobody, as a store is published.

Answers are cached by the store's version, so what the first viewer of a page waited for is there for all. This draws
each page as it opens, in the background, once the server is up and again when another store is in its place.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from streamlit import runtime

from dashboard.access import open_ahead
from dashboard.report.runner import run_page, stage
from dashboard.views import page_names
from data.store.access_mode import store_path
from data.store.database import Version, version_of
from data.store.errors import PlumblineError

__all__ = ["keep_warm", "settle", "warm"]

_EVERY = 2.0  # seconds between two looks at the store
_NICENESS = 10
_AHEAD = "plumbline-pages-ahead"
_log = logging.getLogger("plumbline.start")


def keep_warm() -> threading.Thread:
    """Begin, in a thread that ends with the process."""
    atexit.register(_leave_at_once)
    thread = threading.Thread(target=_watch, name="plumbline-warming", daemon=True)
    thread.start()
    return thread


def warm(pages: Sequence[str] = (), of: Version | None = None) -> list[str]:
    """Draw each page once for nobody; the names of those that could not be drawn.

    Args:
        pages: their names; all without any.
        of: the version of the store it is done for: once another is published, the rest is left.
    """
    failed = []
    with stage():
        for page in pages or _in_order():
            if of is not None and _published() != of:
                break
            try:
                run_page(page, "")
            except Exception:  # what a page cannot do it says to who opens it
                _log.exception("%s could not be drawn ahead", page)
                failed.append(page)
    return failed


def settle() -> None:
    """Leave what is there for good (modules, what pages share) out of every look for garbage to come.

    Of some hundred thousand objects such a look takes a tenth of a second, in the middle of somebody's page.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # what is frozen as the process ends would be called a leak


def _watch() -> None:
    seen: Version | None = None
    while True:
        published = _published()
        if runtime.exists() and published is not None and published != seen:
            seen = published
            _warm_behind(published)
        time.sleep(_EVERY)


def _warm_behind(published: Version) -> None:
    """Draw the pages behind whatever viewers ask, in a thread of low priority; returns when they are drawn.

    The store is opened before: threads inherit their priority, and DuckDB's own, which begin with it, serve everyone as
    long as this version is open.
    """
    with suppress(PlumblineError):  # which every page says to who opens it
        open_ahead()
    thread = threading.Thread(target=_warm_slowly, args=(published,), name=_AHEAD, daemon=True)
    thread.start()
    thread.join()
    settle()


def _warm_slowly(published: Version) -> None:
    with suppress(AttributeError, OSError):  # where threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    warm(of=published)


def _leave_at_once() -> None:
    """End the process here while pages are drawn ahead: what that thread holds would be called a leak, at length."""
    if any(thread.name == _AHEAD for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # as a server that is stopped ends


def _published() -> Version | None:
    try:
        return version_of(store_path())
    except PlumblineError:
        return None


def _in_order() -> list[str]:
    """The first page first: it is what most open, and what it asks others ask, too."""
    return ["", *page_names()]
