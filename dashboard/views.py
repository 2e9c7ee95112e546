"""A view is a page with the choices in its address; several of them are a report, or what is presented to a room.

Which views were chosen is kept in the session, in their order, and can be written as one text: their addresses with a
blank between them, as ``leaderboard?l_benchmark=MTEB%28eng%2C+v2%29 drift``. No address holds a blank.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from dashboard.frame_keys import FRAME_KEYS
from dashboard.url_state import current_page
from dashboard.words import tr
from data.store.errors import InputError, NotFoundError

__all__ = [
    "ON_PAPER", "View", "base_of", "choose_view", "chosen_views", "current_address", "current_view", "drop_view",
    "language_in", "move_view", "on_paper", "page_names", "read_view", "views_as_text", "views_in_text",
]  # fmt: skip

ON_PAPER = "_on_paper"  # set in the state of a session that is drawn for a report
_TRAY = "_views_chosen"
_SCREENS = Path(__file__).parent / "screens"
_LONGEST = 20_000  # characters of an address; a server takes no longer line
_SHOWN = 2  # choices a title names


class View(NamedTuple):
    """A page and the choices it is open at.

    ``page`` is the name of its file in ``dashboard/screens``, empty for the first one; ``query`` the choices as an
    address spells them, without the language; ``title`` what a list of views calls it, in the viewer's language.
    """

    page: str
    query: str
    title: str = ""

    @property
    def address(self) -> str:
        """Relative to where the dashboard is."""
        return f"{self.page}?{self.query}" if self.query else self.page


def page_names() -> tuple[str, ...]:
    """Names of all pages, in no order that matters."""
    return tuple(sorted(path.stem for path in _SCREENS.glob("*.py") if path.stem != "__init__"))


def read_view(text: str) -> View:
    """A view of an address as it is copied from a browser, in full or from the page's name on.

    Raises:
        NotFoundError: it names no page.
        InputError: it is no address.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = None
    if parts is None or len(text) > _LONGEST or not text.isprintable():
        raise InputError("This is no address of a view", where=_short(text), remedy="Copy one from the browser.")
    page = parts.path.rpartition("/")[2]
    if page and page not in page_names():
        raise NotFoundError(
            f"There is no page “{_short(page)}”", where=_short(text), remedy=f"Pages are {', '.join(page_names())}."
        )
    choices = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in FRAME_KEYS]
    return View(page, urlencode(choices))


def base_of(text: str) -> str | None:
    """Where the dashboard of a full address is, without the page and a slash at the end; None of a relative one."""
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    above, _, page = parts.path.rpartition("/")
    return f"{parts.scheme}://{parts.netloc}{above if page in ('', *page_names()) else parts.path}"


def language_in(text: str) -> str | None:
    """The language an address asks for; None of one that asks for none."""
    return dict(parse_qsl(urlsplit(text.strip()).query)).get("lang")


def current_address() -> str:
    """The open view relative to the dashboard's address, as "compare?c_models=...", without the frame's keys."""
    asked = {key: st.query_params.get_all(key) for key in st.query_params if key not in FRAME_KEYS}
    return f"{current_page().name}?{urlencode(asked, doseq=True)}" if asked else current_page().name


def current_view() -> View:
    """The page that is open, at its choices."""
    page, query = current_page(), current_address().partition("?")[2]
    named = [value for _, value in parse_qsl(query) if value not in ("true", "false")][:_SHOWN]
    title = tr(page.title)
    return View(page.name, query, f"{title}: {_short(', '.join(named))}" if named else title)


def on_paper() -> bool:
    """Whether the page is drawn for a report: what only makes sense on a screen stays away then."""
    return bool(st.session_state.get(ON_PAPER))


def chosen_views() -> tuple[View, ...]:
    """The views chosen in this session, in their order."""
    views: tuple[View, ...] = st.session_state.get(_TRAY, ())
    return views


def choose_view(view: View) -> None:
    """Put a view behind those chosen; one that is there already stays where it is."""
    if view.address not in [each.address for each in chosen_views()]:
        st.session_state[_TRAY] = (*chosen_views(), view)


def drop_view(place: int) -> None:
    """Take the view at a place out of those chosen."""
    st.session_state[_TRAY] = tuple(view for i, view in enumerate(chosen_views()) if i != place)


def move_view(place: int, by: int) -> None:
    """Move the view at a place up (``by`` below 0) or down, as far as there are others."""
    views = list(chosen_views())
    view = views.pop(place)
    views.insert(min(max(place + by, 0), len(views)), view)
    st.session_state[_TRAY] = tuple(views)


def views_as_text(views: Iterable[View]) -> str:
    """The addresses of views as one text."""
    return " ".join(view.address or "/" for view in views)


def views_in_text(text: str) -> tuple[View, ...]:
    """The views of such a text; raises as :func:`read_view` does."""
    return tuple(read_view(address) for address in text.split())


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
