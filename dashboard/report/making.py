"""Make a report: draw its views from one version of the store, one report at a time, and keep the last few."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from dashboard.access import prices
from dashboard.report.decided import decided_so_far, decisions_about
from dashboard.report.document import Notice, Report, ViewDrawn, blocks_in
from dashboard.report.elements import drawn_view
from dashboard.report.files import zip_of
from dashboard.report.html import html_of
from dashboard.report.markdown import markdown_of
from dashboard.report.markup import as_words, safe_address
from dashboard.report.provenance import provenance_of, when
from dashboard.report.runner import run_page, stage
from dashboard.views import View
from dashboard.words import LANGUAGES, in_language
from data.store.database import Version, reading, store_path, version_of
from data.store.errors import InputError, NotFoundError, PlumblineError, StoreBusyError

__all__ = ["WRITERS", "HowFar", "Wish", "make_report", "notices_of", "written_report"]

MOST_VIEWS = 24
_TRIES = 3  # a store that is published anew while a report is drawn has it drawn again
_KEPT = 4  # reports, as documents: a second format, or a second reader, costs no drawing

# By format: what the file ends with, its kind, and what writes it.
WRITERS: dict[str, tuple[str, str, Callable[[Report], bytes]]] = {
    "html": (".html", "text/html", html_of),
    "md": (".md", "text/markdown", markdown_of),
    "csv": (".zip", "application/zip", partial(zip_of, forms=("csv",))),
    "parquet": (".zip", "application/zip", partial(zip_of, forms=("parquet",))),
    "data": (".zip", "application/zip", zip_of),
}

_one_at_a_time = threading.Lock()
_made: OrderedDict[tuple[Any, ...], Report] = OrderedDict()


class Wish(NamedTuple):
    """What somebody wants a report of.

    Args:
        views: in their order.
        language: code of the language it is to be in.
        base: where the dashboard is, for links back.
        title: of the report; made of the views without one.
    """

    views: tuple[View, ...]
    language: str = "en"
    base: str | None = None
    title: str = ""


@dataclass
class HowFar:
    """How far a report is, for who waits for it; written by the thread that makes it.

    Attributes:
        wanted: whether it was asked for and is not there yet.
        done: views drawn; 0 also while another report is being made.
        total: views there are to draw.
        failure: why it could not be made.
    """

    wanted: bool = False
    done: int = 0
    total: int = 0
    failure: PlumblineError | None = None


def written_report(wish: Wish, form: str, far: HowFar) -> bytes:
    """The report as a file in a format of :data:`WRITERS`; raises as :func:`make_report` does."""
    far.wanted, far.done, far.total, far.failure = True, 0, len(wish.views), None

    def step(view: View, done: int) -> None:
        far.done = done

    try:
        report = make_report(wish, step)
        with in_language(wish.language):
            return WRITERS[form][2](report)
    except PlumblineError as error:
        far.failure = error
        raise
    finally:
        far.wanted = False


def make_report(wish: Wish, step: Callable[[View, int], None] = lambda view, done: None) -> Report:
    """Draw the views; ``step`` is told each view before it is drawn, with how many were.

    Raises:
        InputError: no views, or too many; no such language; no address that links could lead back to.
        NotFoundError: there is no such page.
        StoreMissingError, StoreDamagedError, StoreOutdatedError: the store cannot be read.
        StoreBusyError: it was published anew each time the views were drawn.
        PlumblineError: a page did not come to its end.
    """
    _check(wish)
    with _one_at_a_time, in_language(wish.language):
        for _ in range(_TRIES):
            version = _readable()
            key = _key(wish, version)  # before anything is drawn: what is decided meanwhile makes it another report
            report = _made.get(key) or _drawn(wish, version, step)
            if version_of(store_path()) == version:
                _keep(key, report)
                return report
    raise StoreBusyError(
        "The store is being published faster than a report of it is drawn",
        where=str(store_path()),
        remedy="Make the report when the import has ended.",
    )


def notices_of(report: Report) -> list[tuple[str, str]]:
    """Warnings and errors that the views show: the view's title and the words."""
    return [
        (as_words(view.title), as_words(block.words))
        for view in report.views
        for block in blocks_in(view.blocks)
        if isinstance(block, Notice) and block.tone in ("warning", "error")
    ]


def _check(wish: Wish) -> None:
    if not 0 < len(wish.views) <= MOST_VIEWS:
        raise InputError(
            f"A report has 1 to {MOST_VIEWS} views, and {len(wish.views)} are asked for",
            remedy="Choose some on the pages, or give their addresses.",
        )
    if wish.language not in LANGUAGES:
        raise NotFoundError(f"There is no language “{wish.language}”", remedy=f"Choose one of {', '.join(LANGUAGES)}.")
    if wish.base is not None and safe_address(wish.base) is None:
        raise InputError(
            f"“{wish.base}” is no address of a dashboard", remedy="Give one like https://plumbline.example.org."
        )


def _readable() -> Version:
    """The version that is published now, opened once: pages would only show that it cannot be read."""
    with reading():
        pass
    return version_of(store_path())


def _drawn(wish: Wish, version: Version, step: Callable[[View, int], None]) -> Report:
    views: list[ViewDrawn] = []
    with stage():
        for number, view in enumerate(wish.views, 1):
            step(view, number - 1)
            query = urlencode([*parse_qsl(view.query, keep_blank_values=True), ("lang", wish.language)])
            views.append(drawn_view(view, run_page(view.page, query), number))
    made = datetime.now(UTC)
    addresses = tuple(view.address or "/" for view in wish.views)
    return Report(
        title=wish.title or " · ".join(dict.fromkeys(view.title for view in views)),
        language=wish.language,
        made=when(made),
        views=tuple(views),
        provenance=provenance_of(version, made, addresses),
        decisions=decisions_about(wish.views),
        base=wish.base.rstrip("/") if wish.base else None,
    )


def _key(wish: Wish, version: Version) -> tuple[Any, ...]:
    """All that a report depends on; prices and decisions are files beside the store, and no part of its version."""
    addresses = tuple(view.address for view in wish.views)
    beside = decided_so_far(), repr(prices())
    return str(store_path()), version, beside, addresses, wish.language, wish.base, wish.title


def _keep(key: tuple[Any, ...], report: Report) -> None:
    _made[key] = report
    _made.move_to_end(key)
    while len(_made) > _KEPT:
        _made.popitem(last=False)
