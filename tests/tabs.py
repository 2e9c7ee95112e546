"""Tabs of one browser, handed from test to test: a new one is a process that reads all scripts of a page anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Page

__all__ = ["Take", "Tabs"]

Take = Callable[[str], Page]
# Tabs that wait for the next test; most tests take one, some lay two pages beside each other.
_WAITING = 2


class Tabs:
    """The tabs of a browser that wait for a test, by the scheme of what they showed: another one is another process."""

    def __init__(self, browser: BrowserContext) -> None:
        self._browser = browser
        self._waiting: dict[str, list[Page]] = defaultdict(list)

    @contextmanager
    def taken(self, listeners: dict[str, Callable[..., Any]]) -> Iterator[Take]:
        """``take(address)``: an empty tab in front, as a new one is, for what is then opened in it.

        The listeners hear what happens in each until the block ends. Whoever changes a tab in another way than by its
        size, its media and what is shown in it (routes, scripts, listeners of one's own) closes it.
        """
        handed: list[tuple[str, Page]] = []

        def take(address: str) -> Page:
            scheme = urlsplit(address).scheme
            page = self._waiting[scheme].pop() if self._waiting[scheme] else self._browser.new_page()
            handed.append((scheme, page))
            for event, listener in listeners.items():
                page.on(event, listener)  # type: ignore[call-overload]
            page.bring_to_front()
            return page

        try:
            yield take
        finally:
            # In the order in which they were handed out: the next test gets the first one first.
            for scheme, page in reversed(handed):
                self._back(scheme, page, listeners)

    def _back(self, scheme: str, page: Page, listeners: dict[str, Callable[..., Any]]) -> None:
        if page.is_closed():
            return
        try:
            _emptied(page)
        except Error:  # what is shown in it does not let go
            page.close()
            return
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        if len(self._waiting[scheme]) < _WAITING:
            self._waiting[scheme].append(page)
        else:
            page.close()


def _emptied(page: Page) -> None:
    """Leave what is shown, and forget what the tab alone remembers: its storage, its history, where the mouse is."""
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.mouse.move(0, 0)
    page.emulate_media(media="null", color_scheme="null")
    tools = page.context.new_cdp_session(page)
    tools.send("Page.resetNavigationHistory")
    tools.detach()
