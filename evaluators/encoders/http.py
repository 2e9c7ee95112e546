"""One polite client for every server: timeouts, retries with back-off, limits, and keys that never show."""

from __future__ import annotations

import json
import os
import time
from types import TracebackType
from typing import Any, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from data.errors import EncoderError, InputError
from evaluators.encoders.settings import EncoderSettings

__all__ = ["HTTP_OPTIONS", "Http"]

HTTP_OPTIONS = frozenset({"max_response_mb"})
_LONGEST_WAIT = 30.0  # seconds; a server that asks for more is asked again later by whoever runs the check
_backoff = wait_exponential_jitter(multiplier=0.2, max=8.0, jitter=0.3)


_E = TypeVar("_E", bound=EncoderError)


class _TransientError(EncoderError):
    """Worth another try: the server was busy, broken for a moment or not there."""

    retry_after: float | None = None


class Http:
    """A client for one server.

    The key is read from the environment when it is opened, sent as a bearer token to this address alone (redirects are
    refused), and cut out of whatever an error message quotes.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._key = _key(settings)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._client = httpx.Client(timeout=settings.timeout, headers=headers, follow_redirects=False)
        self._limit = int(float(settings.options.get("max_response_mb", "256")) * 1_000_000)

    def post(self, url: str, payload: dict[str, Any]) -> Any:
        """The JSON a server answers to ``payload``.

        Raises:
            EncoderError: it did not answer, answered with an error, with too much, or with something that is no JSON.
        """
        return self._retrying()(self._once, "POST", url, payload)

    def get(self, url: str) -> Any:
        """The JSON a server answers to a plain request, with the same errors."""
        return self._retrying()(self._once, "GET", url, None)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(_TransientError),
            stop=stop_after_attempt(self.settings.retries + 1),
            wait=_wait,
            reraise=True,
        )

    def _once(self, method: str, url: str, payload: dict[str, Any] | None) -> Any:
        started = time.monotonic()
        try:
            with self._client.stream(method, url, json=payload) as response:
                body = self._body(response, url, started)
        except httpx.TimeoutException:
            raise self._error(
                _TransientError, f"The server gave no answer within {self.settings.timeout:g} s", url
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._error(_TransientError, f"The server cannot be reached: {error}", url) from None
        if response.status_code != 200:
            raise self._refused(response, body, url)
        return self._parsed(body, response, url)

    def _body(self, response: httpx.Response, url: str, started: float) -> bytes:
        """What was sent, as long as it is neither too much nor dribbles for ever."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._limit:
                raise self._error(EncoderError, f"The answer is larger than {self._limit / 1e6:g} MB", url)
            if time.monotonic() - started > self.settings.timeout:
                raise self._error(_TransientError, f"The answer took more than {self.settings.timeout:g} s", url)
        return bytes(body)

    def _refused(self, response: httpx.Response, body: bytes, url: str) -> EncoderError:
        status = response.status_code
        what = f"The server answered {status} {response.reason_phrase}: {self._excerpt(body)}"
        if status in (408, 425, 429) or status >= 500:
            error = self._error(_TransientError, what, url)
            error.retry_after = _seconds(response.headers.get("retry-after"))
            return error
        remedy = {
            401: "Name the environment variable that holds the key with key_env=.",
            403: "Check the key that key_env names.",
            404: "Check the address: OpenAI-compatible servers want it up to and with /v1.",
        }.get(status, "")
        return self._error(EncoderError, what, url, remedy)

    def _parsed(self, body: bytes, response: httpx.Response, url: str) -> Any:
        try:
            return json.loads(body)  # takes the bare NaN that some servers send
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "no type given").split(";")[0]
            html = "html" in kind or body.lstrip()[:1] == b"<"
            what = f"The server answered with {'a web page' if html else kind} instead of JSON: {self._excerpt(body)}"
            raise self._error(EncoderError, what, url, "Check that the address is the server's API.") from None

    def _error(self, kind: type[_E], what: str, url: str, remedy: str = "") -> _E:
        return kind(self._without_key(what), where=self._without_key(url), remedy=remedy)

    def _excerpt(self, body: bytes) -> str:
        text = " ".join(body[:2000].decode("utf-8", "replace").split())
        return text[:200] or "nothing"

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _wait(state: RetryCallState) -> float:
    """As long as the server asked for, within reason; else exponential with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return min(asked, _LONGEST_WAIT) if asked is not None else _backoff(state)


def _seconds(header: str | None) -> float | None:
    try:
        return max(float(header), 0.0) if header else None
    except ValueError:  # an HTTP date: rare, and our own back-off does as well
        return None


def _key(settings: EncoderSettings) -> str | None:
    if settings.key_env is None:
        return None
    key = os.environ.get(settings.key_env, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise InputError(
            f"The environment variable {settings.key_env} holds no usable key",
            where=settings.display,
            remedy=f"Set {settings.key_env} before the command is started.",
        )
    return key
