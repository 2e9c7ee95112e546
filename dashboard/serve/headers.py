"""Headers as they pass the gate: what is taken off a request, what is put on an answer."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = [
    "RawHeaders", "cookie_values", "for_browser", "given_secret", "is_navigation", "origin_allowed", "path_and_query",
    "set_cookies", "without_credentials",
]  # fmt: skip

RawHeaders = list[tuple[bytes, bytes]]

SECRET_HEADER = "x-plumbline-secret"
# Put on everything that is let through: the page is nobody's frame, and its address, which says what somebody looks
# at, goes to no other site.
_HARDENED = {
    b"cache-control": b"private",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"SAMEORIGIN",
    b"referrer-policy": b"same-origin",
}


def given_secret(headers: Headers) -> str | None:
    """The shared secret as a program or a proxy sends it; None where it sends none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get(SECRET_HEADER) or (token.strip() if scheme.lower() == "bearer" else None) or None


def cookie_values(scope: Scope, name: str) -> list[str]:
    """Every value of a cookie: a browser that has it for two paths sends both."""
    pairs = (part.strip().partition("=") for line in _cookie_lines(scope) for part in line.split(";"))
    return [value for key, _, value in pairs if key == name]


def without_credentials(scope: Scope, *, user_cookies: str = "") -> Scope:
    """The same request without the shared secret, and without the cookies whose names begin with ``user_cookies``."""
    headers: RawHeaders = []
    for name, value in scope["headers"]:
        if name in (b"authorization", SECRET_HEADER.encode()):
            continue
        if name == b"cookie" and user_cookies:
            parts = [part.strip() for part in value.split(b";")]
            value = b"; ".join(part for part in parts if not part.startswith(user_cookies.encode()))
        headers.append((name, value))
    return {**scope, "headers": headers}


def is_navigation(scope: Scope, headers: Headers) -> bool:
    """Whether a person opens a page, and not a page something for itself."""
    if scope["method"] not in ("GET", "HEAD"):
        return False
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def origin_allowed(headers: Headers, ours: str, *, needed: bool) -> bool:
    """Whether the page that asks is ours: of the origin that is set, or of the host it asks where none is.

    Args:
        headers: of the request.
        ours: scheme and host as a browser names them, or nothing.
        needed: whether a request that names no origin is refused.
    """
    origin = headers.get("origin")
    if origin is None:
        return not needed
    return origin.lower() == ours.lower() if ours else urlsplit(origin).netloc == (headers.get("host") or "?")


def path_and_query(scope: Scope, base: str) -> str:
    """The address asked for, fit for a ``Location``: always a path of ours, never another host."""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=~-._")
    inside = path.startswith(f"{base}/") and not path.startswith("//")
    query = quote(scope["query_string"].decode("latin-1"), safe="/?:@!$&'()*+,;=~-._%")
    return (path + (f"?{query}" if query else "")) if inside else f"{base}/"


def for_browser(raw: Iterable[tuple[bytes, bytes]], *, https: bool) -> RawHeaders:
    """Headers of an answer that is for the one who was let in, and for no cache between.

    Cookies get ``Secure`` where browsers come by https; Streamlit leaves that out.
    """
    headers: RawHeaders = []
    for name, value in raw:
        lower = name.lower()
        if lower == b"cache-control":
            value = value.replace(b"public", b"private")
        elif lower == b"set-cookie" and https and b"; secure" not in value.lower():
            value += b"; Secure"
        headers.append((name, value))
    there = {name.lower() for name, _ in headers}
    return [*headers, (b"vary", b"Cookie"), *((name, value) for name, value in _HARDENED.items() if name not in there)]


def set_cookies(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The cookies an answer sets, by name; those it deletes are not among them."""
    cookies: dict[str, str] = {}
    for name, value in raw:
        if name.lower() == b"set-cookie":
            parsed: SimpleCookie = SimpleCookie(value.decode("latin-1"))
            cookies.update({key: morsel.value for key, morsel in parsed.items() if morsel.value})
    return cookies


def _cookie_lines(scope: Scope) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
