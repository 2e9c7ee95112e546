"""Tell somebody's address what happened, without ever holding up the check that found it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Full, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from data.store import keys
from data.store.errors import InputError, PlumblineError
from evaluators.encoders.http import Http
from evaluators.encoders.settings import EncoderSettings

__all__ = ["Webhook"]

_SECONDS, _CALL = 30.0, 10.0  # for one event with its retries, and for one request of it
_KEY_LIKE, _KEY_LONG = 8, 20  # characters of a part of a path from which it may be a key, as those of chat services are
_WAITING = 50  # events that wait for an address that is slow; later ones are dropped


class Webhook:
    """``POST`` of JSON to one address, in a thread of its own: bounded, tried again, its key from the environment.

    Bounds, retries, redirects (never followed) and keys are those of every server's (:mod:`evaluators.encoders.http`).
    """

    def __init__(self, url: str, key_env: str | None, say: Callable[[str], None]) -> None:
        """Check the address and the key.

        Raises:
            InputError: the address is none, holds a key, or the variable is not set.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise InputError("--webhook is no address", remedy="Write it as https://HOST/PATH.")
        self._settings = EncoderSettings(
            "webhook", url, label="webhook", key_env=key_env, timeout=_SECONDS, call_timeout=_CALL, retries=3
        )
        keys.remember(*filter(_may_be_key, urlsplit(url).path.split("/")))
        Http(self._settings).close()  # raises where the key is not there
        self._say = say
        self._events: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event as soon as may be; dropped, and said so, where too many wait already."""
        try:
            if self._events.qsize() >= _WAITING:
                raise Full
            self._events.put(event)
        except Full:
            self._say(f"webhook: {event.get('event')} is not sent, {_WAITING} others wait")

    def close(self, seconds: float = _SECONDS) -> None:
        """Wait for what is still to be sent, no longer than this."""
        self._events.put(None)
        self._thread.join(timeout=seconds)

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            http = Http(self._settings)
            try:
                http.deliver(self._settings.source, event)
            except PlumblineError as error:
                self._say(f"webhook: {event.get('event')} was not taken: {error}")
            finally:
                http.close()


def _may_be_key(part: str) -> bool:
    return len(part) >= _KEY_LONG or (len(part) >= _KEY_LIKE and any(letter.isdigit() for letter in part))
