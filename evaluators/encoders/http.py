"""One polite client for every server: bounds on time and size, retries with back-off, and keys that never show."""

from __future__ import annotations

import json
import os
import re
import socket
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from ssl import SSLContext
from typing import Any, NamedTuple

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from data.store import keys
from data.store.errors import EncoderError, EncoderGoneError, InputError
from evaluators.encoders.bounds import Clock, bounded
from evaluators.encoders.refusals import Failure, no_tls, of_status, of_transport, says_plain, seconds_asked
from evaluators.encoders.settings import EncoderSettings

__all__ = ["HTTP_OPTIONS", "BatchLimitError", "Http", "Packed"]

HTTP_OPTIONS = frozenset({"max_response_mb", "key_header"})
_CONNECT = 10.0  # seconds to reach a host
_FRUITLESS = 3  # requests in a row, each with its retries, after which a server that never answered is given up
_EXCERPT = 200  # characters of an answer that an error quotes
_JSON_LENGTH = "Inference-Header-Content-Length"  # bytes of the JSON, where more than JSON travels
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_backoff = wait_exponential_jitter(multiplier=0.2, max=8.0, jitter=0.3)


class BatchLimitError(EncoderError):
    """The server takes no such batch; it may take the same texts in smaller ones."""


class _AgainError(EncoderError):
    """Worth another try: the server was busy, broken for a moment or not there."""

    retry_after: float | None = None


class _TooLargeError(Exception):
    """The answer is beyond the limit, as it came or unpacked."""


class Packed(NamedTuple):
    """JSON with bytes behind it, as KServe's binary tensors travel.

    Attributes:
        json: what stands before.
        rest: the bytes, as long as the JSON says.
    """

    json: Any
    rest: bytes = b""


class _Answer(NamedTuple):
    response: httpx.Response
    body: bytes


_Payload = Mapping[str, Any] | Packed | None


class Http:
    """A client for one server.

    The key is read from the environment when it is opened, sent as a bearer token (or as it is, in the header that
    ``key_header`` names) to this address alone (redirects are refused), and cut out of whatever an error message
    quotes. All requests together are bounded by ``timeout``, each by ``call_timeout``, whatever the server does with
    them.

    Attributes:
        clock: what is left of the time it may take.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self.clock = Clock(settings.timeout)
        key = _key(settings)
        self._headers = {"Accept-Encoding": "gzip"} | (_header(settings, key) if key else {})
        self._limit = int(float(settings.options.get("max_response_mb", "256")) * 1_000_000)
        self._answered = False
        self._failed = False
        self._fruitless = 0
        self._begun = False  # whether the answer of the call at hand has begun
        self._sockets: list[socket.socket] = []
        self._client = self._new_client()
        self._said = b""

    def post(self, url: str, payload: dict[str, Any]) -> Any:
        """The JSON a server answers to ``payload``.

        Raises:
            BatchLimitError: it takes no such batch.
            EncoderGoneError: it cannot be had, and no other text or try would change that.
            EncoderError: it did not answer, answered with an error, or with something that is no JSON.
        """
        return self._asked("POST", url, payload).json

    def post_packed(self, url: str, packed: Packed) -> Packed:
        """The same with bytes behind the JSON, either way.

        Raises:
            EncoderError: as :meth:`post`.
        """
        return self._asked("POST", url, packed)

    def deliver(self, url: str, payload: Mapping[str, Any]) -> None:
        """Have a server take ``payload``, whatever it answers to it, if it says it did (2xx).

        Raises:
            EncoderError: as :meth:`post`.
        """
        self._asked("POST", url, payload, read=False)

    def get(self, url: str, *, needed: bool = False) -> Any:
        """The JSON a server answers to a plain request.

        Raises:
            EncoderGoneError: it cannot be had, and it is ``needed`` for all that follows.
            EncoderError: there is none; the server may be sound for all that.
        """
        try:
            return self._asked("GET", url, None).json
        except EncoderGoneError as error:
            if needed:
                raise
            raise EncoderError(error.what, where=error.where, remedy=error.remedy, code=error.code) from None

    def said(self) -> str:
        """The beginning of the last answer, fit to be quoted."""
        return _excerpt(self._said)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _asked(self, method: str, url: str, payload: _Payload, *, read: bool = True) -> Packed:
        retrying = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=stop_after_attempt(self.settings.retries + 1) | self._in_vain,  # type: ignore[operator]
            wait=_wait,
            reraise=True,
        )
        try:
            answer = retrying(self._once, method, url, payload, read)
        except _AgainError as error:
            raise self._at_last(error) from None
        self._answered, self._fruitless = True, 0
        return answer

    def _in_vain(self, state: RetryCallState) -> bool:
        """Whether another try would come too late, or only wait as long again for nothing."""
        error = state.outcome.exception() if state.outcome else None
        twice = getattr(error, "code", "") == "timeout" and state.attempt_number > 1
        return twice or state.upcoming_sleep >= self.clock.left()

    def _at_last(self, error: _AgainError) -> EncoderError:
        """What is left to say when no other try will be made."""
        left = self.clock.left()
        if error.retry_after is not None and error.retry_after >= left:
            wait = f"It asks to be left alone for {error.retry_after:.0f} s, and {left:.0f} s are left of its"
            remedy = f"{wait} {self.settings.timeout:g} s. Try again later, or give it more with timeout=."
            return EncoderGoneError(error.what, where=error.where, remedy=remedy, code="busy-too-long")
        self._fruitless += 1
        lost = not self._answered and (error.code == "timeout" or self._fruitless >= _FRUITLESS)
        if left <= 0:
            return self._out_of_time(error.what, error.where)
        if lost or error.code in ("busy", "unreachable", "unknown-host", "nobody-listens", "no-proxy", "no-tls"):
            return EncoderGoneError(error.what, where=error.where, remedy=error.remedy, code=error.code)
        return EncoderError(error.what, where=error.where, remedy=error.remedy, code=error.code)

    def _out_of_time(self, what: str, where: str) -> EncoderGoneError:
        used = f"The server has used the {self.settings.timeout:g} s it may take in all"
        return EncoderGoneError(
            f"{used}{f'. The last: {what}' if what else ''}",
            where=where,
            remedy="timeout=SECONDS gives it more.",
            code="out-of-time",
        )

    def _once(self, method: str, url: str, payload: _Payload, read: bool) -> Packed:
        left = self.clock.left()
        seconds = min(self.settings.seconds_a_call, left)
        if left <= 0:
            raise self._out_of_time("", url)
        try:
            answer = bounded(lambda: self._exchange(method, url, payload, seconds), seconds, self._abandon)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            if self._first() and says_plain(url):
                raise self._error(no_tls("the handshake got no answer", gone=True), url) from None
            late = "The answer took more than" if self._begun else "The server gave no answer within"
            remedy = "call_timeout=SECONDS gives it longer."
            of_what = " that were left" if seconds < self.settings.seconds_a_call else ""
            raise self._error(Failure("timeout", f"{late} {seconds:.3g} s{of_what}", remedy, again=True), url) from None
        except _TooLargeError:
            what = f"The answer is larger than {self._limit / 1e6:g} MB"
            remedy = "batch_size= makes it smaller, max_response_mb= raises the limit."
            raise self._error(Failure("too-large", what, remedy, gone=True), url) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            if isinstance(error, UnicodeError) and "surrogates" in str(error):
                what = "A text holds half of a character (a lone surrogate), which no request can carry"
                raise self._error(Failure("text", what), url) from None
            failure = of_transport(error, url, answered=self._answered, first=self._first())
            raise self._error(failure, url) from None
        self._said = answer.body
        if not read and answer.response.is_success:
            return Packed(None)
        if answer.response.status_code != 200:
            refusal = self._error(of_status(answer.response, self.said(), url, self.settings), url)
            if isinstance(refusal, _AgainError):
                refusal.retry_after = seconds_asked(answer.response.headers.get("retry-after"))
            raise refusal
        return self._parsed(answer, url)

    def _first(self) -> bool:
        """Whether this is the first failure of a server that never answered."""
        first, self._failed = not (self._failed or self._answered), True
        return first

    def _exchange(self, method: str, url: str, payload: _Payload, seconds: float) -> _Answer:
        self._begun = False
        limits = httpx.Timeout(seconds, connect=min(_CONNECT, seconds))
        watched = {"trace": self._connected}
        with self._client.stream(method, url, **_sent(payload), timeout=limits, extensions=watched) as response:
            self._begun = True
            body = bytearray()
            for chunk in _unpacked(response, self._limit):
                body += chunk
                if len(body) > self._limit:
                    raise _TooLargeError
            return _Answer(response, bytes(body))

    def _connected(self, event: str, info: dict[str, Any]) -> None:
        """Remember the socket of each connection, to take it away from a call that is given up."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connection = info["return_value"].get_extra_info("socket")
            self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [connection]

    def _abandon(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets = []
        self._client = self._new_client()  # the old one belongs to the call that was left behind

    def _new_client(self) -> httpx.Client:
        authorities = _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return httpx.Client(headers=self._headers, follow_redirects=False, verify=authorities)

    def _parsed(self, answer: _Answer, url: str) -> Packed:
        length = answer.response.headers.get(_JSON_LENGTH, "")
        end = int(length) if re.fullmatch("[0-9]{1,12}", length) else len(answer.body)
        try:
            # Takes the bare NaN that some servers send.
            return Packed(json.loads(answer.body[:end]), answer.body[end:])
        except (ValueError, RecursionError):
            kind = answer.response.headers.get("content-type", "no type given").split(";")[0][:100]
            html = "html" in kind or answer.body.lstrip()[:1] == b"<"
            what = f"The server answered with {'a web page' if html else kind} instead of JSON: {self.said()}"
            gone = html and not self._answered
            failure = Failure("no-json", what, "Check that the address is the server's API.", gone=gone)
            raise self._error(failure, url) from None

    def _error(self, failure: Failure, url: str) -> EncoderError:
        kind: type[EncoderError] = EncoderGoneError if failure.gone else _AgainError if failure.again else EncoderError
        if failure.code == "batch-limit":
            kind = BatchLimitError
        what, where, remedy = map(keys.from_outside, (failure.what, url, failure.remedy))
        return kind(what, where=where, remedy=remedy, code=failure.code)


@lru_cache
def _authorities(file: str | None, folder: str | None) -> SSLContext:
    """Whom httpx trusts by these variables; read once, as it takes longer than most calls and each client needs it."""
    return httpx.create_ssl_context()


def _unpacked(response: httpx.Response, limit: int) -> Iterator[bytes]:
    """What was sent, as it comes; what is packed never grows beyond the limit by more than a byte.

    Raises:
        httpx.DecodingError: it is packed in a way that was not asked for, or cannot be unpacked.
        _TooLargeError: it grows beyond the limit.
    """
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed in ("identity", ""):
        yield from response.iter_raw()
        return
    if packed not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(f"the answer is packed as {packed[:40]}, which was not asked for")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in response.iter_raw():
            yield unpacking.decompress(chunk, limit + 1)
            if unpacking.unconsumed_tail:
                raise _TooLargeError
    except zlib.error as error:
        raise httpx.DecodingError(f"the answer cannot be unpacked: {error}") from None


def _excerpt(body: bytes) -> str:
    """The beginning of a body in one line: keys are taken out of all that is looked at, then it is cut."""
    text = keys.from_outside(body[:20_000].decode("utf-8", "replace"))
    return keys.from_outside(" ".join(text.split()), _EXCERPT) or "nothing"


def _wait(state: RetryCallState) -> float:
    """As long as the server asked for; else exponential with jitter."""
    error = state.outcome.exception() if state.outcome else None
    seconds = getattr(error, "retry_after", None)
    return seconds if seconds is not None else _backoff(state)


def _sent(payload: _Payload) -> dict[str, Any]:
    """A payload as arguments of a request."""
    if not isinstance(payload, Packed):
        return {"json": payload}
    head = json.dumps(payload.json, ensure_ascii=False).encode()
    kind = {"Content-Type": "application/octet-stream", _JSON_LENGTH: str(len(head))}
    return {"content": head + payload.rest, "headers": kind}


def _header(settings: EncoderSettings, key: str) -> dict[str, str]:
    name = settings.options.get("key_header", "Authorization")
    if not _HEADER.fullmatch(name):
        raise InputError(f"key_header={name!r} is no name of a header", where=settings.display)
    return {name: f"Bearer {key}" if name.lower() == "authorization" else key}


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
    keys.remember(key)
    return key
