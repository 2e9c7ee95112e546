"""What a failed request means: whether another try can help, and what to do where none can."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from urllib.parse import urlsplit

import httpx

from evaluators.encoders.bounds import bounded
from evaluators.encoders.settings import EncoderSettings

__all__ = ["Failure", "no_tls", "of_status", "of_transport", "says_plain", "seconds_asked"]

_BUSY = frozenset({408, 425, 429, 503})
_LASTING = frozenset({401, 402, 403, 404, 405, 407, 410, 426, 451, 501, 505})  # whatever the texts are
_BATCH = frozenset({413, 422})
# As TEI, OpenAI, Azure, Infinity and Cohere put it where they answer 400.
_BATCH_WORDS = re.compile(
    r"batch|too many (inputs|items|texts|documents)|array too long|max(imum)?( number)? of (inputs|items|texts)"
    r"|too (large|many tokens)|tokens per request|at most \d+ ",
    re.IGNORECASE,
)
# As llama.cpp puts it where it answers 500: no other try would make the text shorter.
_TOO_LONG = re.compile(r"too large to process|physical batch size", re.IGNORECASE)
_PROBED = 1.0  # seconds to find out whether a port speaks TLS


@dataclass(frozen=True)
class Failure:
    """One failed request.

    Attributes:
        code: a stable name of the reason.
        what: the reason as a sentence.
        remedy: what to do.
        again: another try may help.
        gone: no other text would fare better either.
    """

    code: str
    what: str
    remedy: str = ""
    again: bool = False
    gone: bool = False


_IN_TLS = "\\x15\\x03"  # how a library quotes the alert that a server of TLS answers plain HTTP with


def of_status(response: httpx.Response, body: str, url: str, settings: EncoderSettings) -> Failure:
    """What an answer other than 200 means.

    Args:
        response: its status and headers.
        body: the beginning of its body, keys taken out.
        url: what was asked.
        settings: of the encoder.
    """
    status = response.status_code
    what = f"The server answered {status} {response.reason_phrase[:100]}: {body}"
    if 300 <= status < 400:
        return _moved(response, url, what)
    if status in _BATCH or (status == 400 and _BATCH_WORDS.search(body)):
        return Failure("batch-limit", what)
    if status == 500 and _TOO_LONG.search(body):
        return Failure("refused", what)
    if status in _BUSY or status >= 500 and status not in _LASTING:
        return Failure("busy" if status in _BUSY else "broken", what, again=True)
    return Failure(
        {401: "unauthorised", 403: "forbidden", 404: "not-found"}.get(status, "refused"),
        what,
        _remedy(status, settings),
        gone=status in _LASTING,
    )


def _remedy(status: int, settings: EncoderSettings) -> str:
    named = settings.key_env
    return {
        401: f"Check the key that key_env names ({named})."
        if named
        else "Name the environment variable that holds the key with key_env=.",
        403: f"Check what the key that key_env names ({named}) may do."
        if named
        else "Name the environment variable that holds the key with key_env=.",
        404: "Check the address (OpenAI-compatible servers want it up to and with /v1) and the model's name (model=).",
        405: "Check the address: something else answers there.",
        407: "The proxy of the environment wants a name and a password: see HTTPS_PROXY.",
    }.get(status, "")


def _moved(response: httpx.Response, url: str, what: str) -> Failure:
    """A redirect: it is not followed, since the key would go along."""
    target = response.headers.get("location", "")[:300]
    there = urlsplit(target)
    here = urlsplit(url)
    if not there.netloc:
        there = here._replace(path=there.path)
    if there.netloc == here.netloc and there.scheme != here.scheme:
        remedy = f"Begin the address with {there.scheme}:// instead of {here.scheme}://."
    elif there.netloc == here.netloc and there.path.rstrip("/") == here.path.rstrip("/"):
        how = "with" if there.path.endswith("/") else "without"
        remedy = f"The server wants it {how} the slash at the end: give {there.geturl()} as the address."
    elif there.hostname == here.hostname:
        remedy = f"Give the address that it names: {target}"
    else:
        remedy = f"It names another host, {target}, where the key was not sent; if that is right, give its address."
    return Failure("moved", what, remedy, gone=True)


def of_transport(error: Exception, url: str, *, answered: bool, first: bool) -> Failure:
    """What it means that no answer came.

    Args:
        error: from httpx, or of a host whose name cannot be spelt.
        url: what was asked.
        answered: whether this server has given an answer before: then one that is away may come back.
        first: whether it is the first time, when it is worth a second to find out whether the other scheme works.
    """
    causes = list(_causes(error))
    reason = str(error) or type(error).__name__
    again = {"again": answered, "gone": not answered}
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError | UnicodeError):
        remedy = "Write it as http://HOST:PORT/v1 or https://HOST/v1."
        return Failure("invalid-address", f"The address cannot be used: {reason}", remedy, gone=True)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        remedy = "Use the name that is on its certificate; SSL_CERT_FILE names a file of authorities to trust."
        return Failure("bad-certificate", f"The server's certificate is not valid: {reason}", remedy, gone=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return no_tls(reason, **again)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        what = f"The host {urlsplit(url).hostname} is not known: {reason}"
        return Failure("unknown-host", what, "Check the address.", **again)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        what = f"The server cannot be reached: nothing listens at {urlsplit(url).netloc}"
        return Failure("nobody-listens", what, "Start the server, or check the port.", **again)
    if isinstance(error, httpx.ProxyError):
        remedy = "See HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
        return Failure("no-proxy", f"The proxy did not let it through: {reason}", remedy, **again)
    if isinstance(error, httpx.ConnectTimeout) and first and says_plain(url):
        return no_tls("the handshake got no answer", gone=True)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        what = f"The server cannot be reached: {reason}"
        return Failure("unreachable", what, "Check the address and the network.", again=True)
    if isinstance(error, httpx.DecodingError):
        return Failure("unreadable", f"The answer cannot be read: {reason}")
    if urlsplit(url).scheme == "http" and (_IN_TLS in reason or (first and _speaks_tls(url))):
        remedy = "Begin the address with https:// instead of http://."
        return Failure("only-tls", "The server speaks TLS, and was asked in plain HTTP", remedy, gone=True)
    return Failure("dropped", f"The connection was dropped: {reason}", again=True)


def no_tls(reason: str, *, gone: bool, again: bool = False) -> Failure:
    """An address that begins with https:// and should not."""
    remedy = "If it speaks plain HTTP, begin the address with http:// instead of https://."
    return Failure("no-tls", f"The server does not speak TLS: {reason}", remedy, again=again, gone=gone)


def says_plain(url: str) -> bool:
    """Whether a port that was asked by TLS, and said nothing, answers in plain HTTP."""
    parts = urlsplit(url)

    def asked() -> bool:
        address = (parts.hostname or "", parts.port or 443)
        with suppress(OSError, ValueError), socket.create_connection(address, timeout=_PROBED) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return plain.recv(5) == b"HTTP/"
        return False

    with suppress(TimeoutError):  # the name may be looked up for ever
        return parts.scheme == "https" and bounded(asked, 2 * _PROBED, lambda: None)
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _speaks_tls(url: str) -> bool:
    """Whether a handshake gets an answer where plain HTTP got none; whose certificate it is does not matter here."""
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError, ValueError),
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_PROBED) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname),
    ):
        return True
    return False


def seconds_asked(header: str | None) -> float | None:
    """Seconds that a ``Retry-After`` asks to wait, as a number or until a date; None where it says neither."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if isfinite(seconds) or seconds > 0 else None
