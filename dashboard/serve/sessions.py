"""Who is in: signed cookies that nobody has to keep, and the list of those that were ended before their time."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from typing import NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

__all__ = ["Session", "Sessions"]


class Session(NamedTuple):
    """One sign-in: by address and subject where a provider named them; ``user`` is the digest of Streamlit's cookie."""

    id: str
    email: str = ""
    subject: str = ""
    user: str = ""
    ends: float = 0.0  # seconds since 1970


class Sessions:
    """Makes, reads and ends sessions.

    Nothing is written: a session is what its cookie says, as long as the signature holds. Those that were ended are
    remembered until they would have ended by themselves, or until the process ends (docs/deploy.md says so).
    """

    def __init__(self, key: bytes, hours: float) -> None:
        self.seconds = int(hours * 3600)
        self._sealed = URLSafeTimedSerializer(
            key, salt="plumbline session", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )
        self._ended: dict[str, float] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def issue(self, *, email: str = "", subject: str = "", user: str = "") -> str:
        """The cookie of a new session."""
        return str(self._sealed.dumps([secrets.token_urlsafe(16), email, subject, user]))

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is not ours, too old, or was ended."""
        try:
            payload, issued = self._sealed.loads(cookie, max_age=self.seconds, return_timestamp=True)
            identity, email, subject, user = payload
        except (BadData, TypeError, ValueError):
            return None
        session = Session(identity, email, subject, user, issued.timestamp() + self.seconds)
        return None if session.id in self._ended else session

    def end(self, session: Session) -> None:
        """Refuse this session from now on, and wake whoever serves it."""
        now = time.time()
        self._ended = {each: ends for each, ends in self._ended.items() if ends > now}
        self._ended[session.id] = session.ends
        for event in self._waiting.get(session.id, ()):
            event.set()

    async def over(self, session: Session) -> None:
        """Return when the session is ended, or has lasted its time."""
        event = asyncio.Event()
        self._waiting.setdefault(session.id, set()).add(event)
        try:
            if session.id not in self._ended:
                await asyncio.wait_for(event.wait(), max(0.0, session.ends - time.time()))
        except TimeoutError:
            pass
        finally:
            others = self._waiting[session.id]
            others.discard(event)
            if not others:
                del self._waiting[session.id]
