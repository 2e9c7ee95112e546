"""The doors of the gate: signing in with the shared secret or a provider, and signing out.

The protocol with the provider is Streamlit's own (``st.login``): its routes send people there and take them back, and
its signed cookie tells scripts who looks (``st.user``). What they let through is looked at once more here: issuer,
audience and who may come in; and a session of ours begins, which a sign-out really ends.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope
from streamlit.auth_util import encode_provider_token, get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from dashboard.serve import headers as heads
from dashboard.serve import pages
from dashboard.serve.brake import Brake
from dashboard.serve.sessions import Session, Sessions
from dashboard.serve.settings import Deployment, Provider

__all__ = ["Doors", "keep_address", "streamlit_user", "user_digest"]

Door = Callable[[Scope, Receive, Headers, Session | None], Awaitable[Response]]

_BACK_SECONDS = 900  # that an address asked for is remembered while somebody signs in
_LONGEST_ADDRESS = 3000  # a browser keeps cookies of 4 KB
_LONGEST_FORM = 4096  # bytes
_log = logging.getLogger("plumbline.serve")


class Doors:
    """What answers a stranger."""

    def __init__(self, app: ASGIApp, settings: Deployment, sessions: Sessions, brake: Brake) -> None:
        self.app, self.settings, self.sessions, self.brake = app, settings, sessions, brake
        self.base = settings.base
        prefix = "__Secure-" if settings.https else ""  # which a browser takes from https alone
        self.cookie, self.back = f"{prefix}plumbline", f"{prefix}plumbline_back"
        self.login = f"{self.base}/login"
        self.sealed = URLSafeTimedSerializer(settings.key, salt="plumbline address")

    def at(self, path: str) -> Door | None:
        """The door at a path, if there is one."""
        doors: dict[str, Door] = {self.login: self._secret_door, f"{self.base}/logout": self._way_out}
        if self.settings.provider:
            doors[self.login] = self._to_provider
            doors[f"{self.base}/oauth2callback"] = self._from_provider
            doors[f"{self.base}/auth/logout"] = self._way_out
        return doors.get(path)

    def still_allowed(self, session: Session) -> bool:
        """Whether who is signed in may still come in; a session of the shared secret always may."""
        if not session.subject:
            return bool(self.settings.secret)
        return _named(self.settings.allow, session.email, session.subject)

    def check_secret(self, given: str, scope: Scope) -> tuple[bool, float]:
        """Whether it is the shared secret, and how many seconds its sender has to wait before another try."""
        address = (scope.get("client") or ("?", 0))[0]
        wait = self.brake.wait(address)
        if wait:
            return False, wait
        # Of both the digest: what they take to compare says neither how long the secret is nor where it differs.
        ours, theirs = (hashlib.sha256(each.encode()).digest() for each in (self.settings.secret, given))
        right = hmac.compare_digest(ours, theirs)
        if right:
            self.brake.right(address)
        else:
            self.brake.wrong(address)
            _log.warning("A wrong secret came from %s", address)
        return right, 0.0

    async def _secret_door(self, scope: Scope, receive: Receive, headers: Headers, session: Session | None) -> Response:
        if session is not None:
            return self._back_to(scope)
        if scope["method"] in ("GET", "HEAD"):
            return pages.ask_secret(headers, login=self.login)
        if scope["method"] != "POST":
            return PlainTextResponse("Not here.\n", status_code=405, headers={"Allow": "GET, HEAD, POST"})
        if not heads.origin_allowed(headers, self.settings.origin, needed=False):
            return PlainTextResponse("Asked from another site.\n", status_code=403)
        right, wait = self.check_secret(await _posted_secret(scope, receive), scope)
        if not right:
            return pages.ask_secret(headers, login=self.login, wrong=True, wait=wait)
        _log.info("Signed in with the shared secret from %s", (scope.get("client") or ("?", 0))[0])
        return self._let_in(self._back_to(scope), self.sessions.issue())

    async def _to_provider(self, scope: Scope, receive: Receive, headers: Headers, session: Session | None) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Not here.\n", status_code=405, headers={"Allow": "GET, HEAD"})
        if session is not None:
            return self._back_to(scope)
        query = urlencode({"provider": encode_provider_token("default")})
        status, raw = await self._ask_streamlit(scope, receive, "/auth/login", query)
        if status != 302:
            _log.warning("The provider cannot be asked: %s", self.settings.provider)
            return pages.not_signed_in(headers, login=self.login, status=502)
        return _answer(status, raw)

    async def _from_provider(
        self, scope: Scope, receive: Receive, headers: Headers, session: Session | None
    ) -> Response:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not query.keys() & {"code", "error"}:  # where a provider sends people after a sign-out
            return self._back_to(scope) if session else pages.signed_out(headers, login=self.login)
        _, raw = await self._ask_streamlit(scope, receive, "/oauth2callback", scope["query_string"].decode("latin-1"))
        cookies = heads.set_cookies(raw)
        user = streamlit_user(lambda name: [cookies[name]] if name in cookies else [])
        provider = self.settings.provider
        assert provider is not None
        if user is None or not _meant_for_us(user, provider):
            _log.warning("A sign-in did not hold: %s", "no valid answer" if user is None else "issuer or audience")
            return _answer(400, _but_user_cookies(raw), pages.not_signed_in(headers, login=self.login))
        email, subject = _who(user)
        if not _named(self.settings.allow, email, subject):
            _log.warning("Not among those let in: %r (%r)", email, subject)
            page = pages.not_let_in(headers, who=email or subject, login=self.login)
            return _answer(403, _but_user_cookies(raw), page)
        _log.info("Signed in: %r (%r)", email, subject)
        answer = self._let_in(
            self._back_to(scope), self.sessions.issue(email=email, subject=subject, user=user_digest(user))
        )
        answer.raw_headers += [(name, value) for name, value in raw if name.lower() == b"set-cookie"]
        return answer

    async def _way_out(self, scope: Scope, receive: Receive, headers: Headers, session: Session | None) -> Response:
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return pages.sign_out_by_hand(headers, logout=f"{self.base}/logout")
        raw: heads.RawHeaders = []
        answer: Response = pages.signed_out(headers, login=self.login)
        if self.settings.provider and session is not None:
            status, raw = await self._ask_streamlit(scope, receive, "/auth/logout", "")
            target = Headers(raw=raw).get("location", "")
            if status == 302 and target.startswith(("https://", "http://")):  # the provider's own sign-out
                answer = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        if session is not None:
            self.sessions.end(session)
        answer.raw_headers += [(name, value) for name, value in raw if name.lower() == b"set-cookie"]
        answer.delete_cookie(self.cookie, path=self.base or "/", secure=self.settings.https, httponly=True)
        return answer

    def _let_in(self, answer: Response, cookie: str) -> Response:
        self._set(answer, self.cookie, cookie, self.sessions.seconds)
        answer.delete_cookie(self.back, path=self.base or "/", secure=self.settings.https, httponly=True)
        return answer

    def _back_to(self, scope: Scope) -> Response:
        """On to what was asked for before signing in; to the first page where that is not known."""
        target = f"{self.base}/"
        for value in heads.cookie_values(scope, self.back):
            try:
                target = str(self.sealed.loads(value, max_age=_BACK_SECONDS))
            except BadData:
                continue
        return RedirectResponse(target, 303, {"Cache-Control": "no-store"})

    def _set(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=self.base or "/",
            secure=self.settings.https,
            httponly=True,
            samesite="lax",
        )

    async def _ask_streamlit(
        self, scope: Scope, receive: Receive, path: str, query: str
    ) -> tuple[int, heads.RawHeaders]:
        """Status and headers of what a route of Streamlit answers; its body is for nobody."""
        status, raw = 500, []

        async def heard(message: Message) -> None:
            nonlocal status, raw
            if message["type"] == "http.response.start":
                status, raw = message["status"], list(message["headers"])

        full = self.base + path
        inner = heads.without_credentials(scope)
        inner.update(method="GET", path=full, raw_path=full.encode(), query_string=query.encode("latin-1"))
        try:
            await self.app(inner, receive, heard)
        except Exception:  # whatever goes wrong in between, nobody is let in
            _log.exception("Signing in or out failed")
            return 500, []
        return status, raw


def keep_address(answer: Response, address: str, doors: Doors) -> None:
    """Remember in the browser what was asked for, until somebody has signed in."""
    sealed = str(doors.sealed.dumps(address))
    if len(sealed) <= _LONGEST_ADDRESS:
        doors._set(answer, doors.back, sealed, _BACK_SECONDS)


def streamlit_user(values: Callable[[str], list[str]]) -> dict[str, Any] | None:
    """Whom Streamlit's signed cookie names: the claims of the provider; None without a valid cookie.

    ``values`` gives the values of a cookie by its name: a long one comes in several.
    """

    def single(name: str) -> bytes | None:
        signed = values(name)
        return decode_signed_value(get_cookie_secret(), name, signed[-1]) if signed else None

    decoded = get_cookie_with_chunks(single, USER_COOKIE_NAME)
    try:
        user = json.loads(decoded) if decoded else None
    except ValueError:
        return None
    return user if isinstance(user, dict) and user.get("is_logged_in") is True else None


def user_digest(user: dict[str, Any]) -> str:
    """What ties a session to the cookie that scripts know its viewer by."""
    return hashlib.sha256(json.dumps(user, sort_keys=True).encode()).hexdigest()


def _meant_for_us(user: dict[str, Any], provider: Provider) -> bool:
    """Whether the token was made by our provider for us.

    Authlib takes the issuer from what the provider says of itself and lets another audience pass if ``azp`` is ours.
    """
    audience, issuer = user.get("aud"), str(user.get("iss", ""))
    return issuer.rstrip("/") == provider.issuer.rstrip("/") and provider.client_id in (
        audience if isinstance(audience, list) else [audience]
    )


def _who(user: dict[str, Any]) -> tuple[str, str]:
    """E-mail address and subject; no address where the provider says that it is not verified."""
    verified = user.get("email_verified", True) in (True, "true")
    email = user.get("email")
    return (email.strip() if verified and isinstance(email, str) else ""), str(user.get("sub", ""))


def _named(allow: tuple[str, ...], email: str, subject: str) -> bool:
    """Whether an entry of the list is this address, its domain, or this subject."""
    if not subject:
        return False
    wanted = {"*", f"sub:{subject}"}
    # Other scripts have letters that become one of ours when written small: they are no address of the list.
    if email.isascii() and email.count("@") == 1 and not email.startswith("@"):
        wanted |= {email.lower(), f"@{email.lower().partition('@')[2]}"}
    return not wanted.isdisjoint(allow)


async def _posted_secret(scope: Scope, receive: Receive) -> str:
    """The field of the form; empty where it is missing or the form is longer than any of ours."""
    body = b""
    try:
        async for chunk in Request(scope, receive).stream():
            body += chunk
            if len(body) > _LONGEST_FORM:
                return ""
    except ClientDisconnect:
        return ""
    return parse_qs(body.decode("latin-1"), encoding="utf-8").get("secret", [""])[-1].strip()


def _but_user_cookies(raw: heads.RawHeaders) -> heads.RawHeaders:
    """Headers without the cookies that would name a viewer who was not let in; deletions stay."""
    cookies = [value for name, value in raw if name.lower() == b"set-cookie"]
    setting = {key.encode() for key in heads.set_cookies(raw) if key.startswith(USER_COOKIE_NAME)}
    return [(b"set-cookie", value) for value in cookies if value.partition(b"=")[0] not in setting]


def _answer(status: int, raw: heads.RawHeaders, page: Response | None = None) -> Response:
    """Streamlit's headers, or its cookies on a page of ours."""
    if page is None:
        page = Response(status_code=status)
        page.raw_headers = [(name, value) for name, value in raw if name.lower() in (b"location", b"set-cookie")]
        page.raw_headers += [(b"content-length", b"0"), (b"cache-control", b"no-store")]
    else:
        page.raw_headers += [(name, value) for name, value in raw if name.lower() == b"set-cookie"]
    return page
