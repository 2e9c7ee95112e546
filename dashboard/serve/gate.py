"""The gate before everything Streamlit serves: nothing passes without a session or the shared secret.

What is not let through by name is refused: only ``/healthz`` and the doors (sign in, the provider's way back, sign out)
answer a stranger. Files, media, uploads, the websocket and the agent's interface are all behind it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.serve import headers as heads
from dashboard.serve.brake import Brake
from dashboard.serve.doors import Doors, keep_address, streamlit_user, user_digest
from dashboard.serve.sessions import Session, Sessions
from dashboard.serve.settings import Deployment
from dashboard.serve.status import store_status

__all__ = ["Gate"]

_SAFE = ("GET", "HEAD", "OPTIONS")
_POLICY = 1008  # websocket: the policy refuses it
_log = logging.getLogger("plumbline.serve")


class Gate:
    """An ASGI application around another that lets nobody in who may not come in."""

    def __init__(self, app: ASGIApp, settings: Deployment) -> None:
        self.app, self.settings = app, settings
        self.sessions = Sessions(settings.key, settings.hours)
        self.brake = Brake()
        self.doors = Doors(app, settings, self.sessions, self.brake)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection; of a kind that is not known nothing is served."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path, base = Headers(scope=scope), scope["path"], self.settings.base
        if path in ("/healthz", f"{base}/healthz"):
            await PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})(scope, receive, send)
            return
        session, wait = self._visitor(scope, headers)
        if wait:
            answer: Response | None = _too_many(wait)
        elif self.settings.guarded and (door := self.doors.at(path)):
            answer = await door(scope, receive, headers, session)
        elif session is None:
            answer = self._refusal(scope, headers)
        elif scope["method"] not in _SAFE and not heads.origin_allowed(headers, self.settings.origin, needed=False):
            answer = PlainTextResponse("Asked from another site.\n", status_code=403)
        elif path == f"{base}/status":
            status = await run_in_threadpool(store_status)
            answer = JSONResponse(status, 200 if status["ok"] else 503, {"Cache-Control": "no-store"})
        else:
            answer = None
        if answer is not None:
            await answer(scope, receive, self._for_browser(send) if self.settings.guarded else send)
        elif not self.settings.guarded:
            await self.app(scope, receive, send)
        else:
            await self.app(heads.without_credentials(scope), receive, self._for_browser(send))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.settings.guarded:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        session, _ = self._visitor(scope, headers)
        if session is None or not heads.origin_allowed(headers, self.settings.origin, needed=True):
            if session is not None:
                _log.warning("A websocket from another site was refused: %r", headers.get("origin"))
            await receive()
            await send({"type": "websocket.close", "code": _POLICY})
            return
        # Whom a script takes for the viewer (st.user) is whom this session let in, and nobody else.
        known = streamlit_user(partial(heads.cookie_values, scope))
        theirs = known is not None and user_digest(known) == session.user
        inner = heads.without_credentials(scope, user_cookies="" if theirs else "_streamlit_user")
        # Streamlit compares the origin with the host once more; a proxy may have put its own name there.
        ours = headers["origin"].partition("://")[2].encode("latin-1")
        inner["headers"] = [(name, ours if name == b"host" else value) for name, value in inner["headers"]]
        await self._while_in(session, inner, receive, send)

    def _visitor(self, scope: Scope, headers: Headers) -> tuple[Session | None, float]:
        """The session of a request, or None; and how many seconds it has to wait after wrong secrets."""
        if not self.settings.guarded:
            return Session("everybody"), 0.0
        for cookie in heads.cookie_values(scope, self.doors.cookie):
            session = self.sessions.read(cookie)
            if session is not None and self.doors.still_allowed(session):
                return session, 0.0
        secret = heads.given_secret(headers)
        if secret is None or not self.settings.secret:
            return None, 0.0
        right, wait = self.doors.check_secret(secret, scope)
        return (Session("secret") if right else None), wait

    def _refusal(self, scope: Scope, headers: Headers) -> Response:
        if heads.is_navigation(scope, headers):
            answer = RedirectResponse(f"{self.settings.base}/login", 303, {"Cache-Control": "no-store"})
            keep_address(answer, heads.path_and_query(scope, self.settings.base), self.doors)
            return answer
        refused = {"Cache-Control": "no-store", "WWW-Authenticate": "Bearer"}
        return PlainTextResponse("Sign in first.\n", status_code=401, headers=refused)

    def _for_browser(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = heads.for_browser(message.get("headers", ()), https=self.settings.https)
                message = {**message, "headers": raw}
            await send(message)

        return sent

    async def _while_in(self, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a websocket until it ends or its session does: after a sign-out nothing more is drawn."""
        if not session.ends:  # the shared secret itself: it has no end
            await self.app(scope, receive, send)
            return
        over = asyncio.create_task(self.sessions.over(session))

        async def received() -> Message:
            message = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({message, over}, return_when=asyncio.FIRST_COMPLETED)
                if message.done():
                    return message.result()
            finally:
                message.cancel()
            await send({"type": "websocket.close", "code": _POLICY})
            return {"type": "websocket.disconnect", "code": _POLICY}

        try:
            await self.app(scope, received, send)
        finally:
            over.cancel()


def _too_many(wait: float) -> Response:
    headers = {"Retry-After": str(int(wait) + 1), "Cache-Control": "no-store"}
    return PlainTextResponse("Too many wrong secrets.\n", status_code=429, headers=headers)
