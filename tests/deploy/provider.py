"""A small but real OpenID provider on loopback, and the wrong answers a real one should never give.

Discovery, a login form, codes with PKCE, a token endpoint that signs with RS256, keys, user info, sign-out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from html import escape
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, CLIENT_SECRET = "plumbline", "what-the-provider-knows-us-by"
PASSWORD = "correct horse"
PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"sub": "1", "email": "ann@example.org", "email_verified": True, "name": "Ann"},
    "bob": {"sub": "2", "email": "bob@elsewhere.org", "email_verified": True, "name": "Bob"},
    "eve": {"sub": "3", "email": "ceo@example.org", "email_verified": False, "name": "Eve"},
    "kim": {"sub": "4", "email": "kim@example.org.evil.org", "email_verified": True, "name": "Kim"},
    # more claims than one cookie takes
    "lee": {"sub": "5", "email": "lee@example.org", "email_verified": True, "groups": secrets.token_urlsafe(9000)},
}


class OpenIdProvider:
    """The provider; ``fault`` names what it does wrong from now on."""

    def __init__(self) -> None:
        self.issuer = ""
        self.fault = ""
        self.key, self.other_key = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
                Route("/me", self.me),
                Route("/out", self.out),
            ]
        )

    async def describe(self, _: Request) -> Response:
        """What the provider says of itself."""
        if self.fault == "down":
            return Response(status_code=503)
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/me",
                "end_session_endpoint": f"{self.issuer}/out",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        """The form, and the way back with a code."""
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT or asked.get("response_type") != "code" or "openid" not in asked["scope"]:
            return Response("invalid_request", status_code=400)
        if asked.get("code_challenge_method") != "S256" or not asked.get("nonce") or not asked.get("state"):
            return Response("no PKCE, nonce or state", status_code=400)
        if request.method == "GET":
            action = escape(f"/authorize?{urlencode(asked)}")
            return HTMLResponse(
                f'<title>Provider</title><form method="post" action="{action}"><input name="user">'
                '<input name="password" type="password"><button>Go</button></form>'
            )
        form = await request.form()
        user = str(form["user"])
        if self.fault == "refuses" or form["password"] != PASSWORD or user not in PEOPLE:
            answer = {"error": "access_denied", "error_description": "no\r\nforged: line", "state": asked["state"]}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "user": user}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        """The tokens of a code, once, for whom it was made."""
        form = await request.form()
        given = base64.b64decode(request.headers.get("authorization", "Basic ").removeprefix("Basic ")).decode()
        asked = self._codes.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest())
        if given != f"{CLIENT}:{CLIENT_SECRET}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        if challenge.decode().rstrip("=") != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access = secrets.token_urlsafe(16)
        self._tokens[access] = asked["user"]
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": 3600}
        if self.fault != "no token":
            answer["id_token"] = self._signed(asked)
        return JSONResponse(answer)

    def _signed(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 600, "nonce": asked["nonce"],
            **PEOPLE[asked["user"]],
        }  # fmt: skip
        wrong: dict[str, dict[str, Any]] = {
            "issuer": {"iss": "https://id.evil.example"},
            "audience": {"aud": "another-client"},
            "audience of ours by the way": {"aud": "another-client", "azp": CLIENT},
            "expired": {"iat": now - 7200, "exp": now - 3600},
            "nonce": {"nonce": "of another sign-in"},
        }
        claims.update(wrong.get(self.fault, {}))
        if self.fault == "unsigned":
            parts = ('{"alg":"none"}', json.dumps(claims))
            return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
        key = self.other_key if self.fault == "signature" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)

    async def keys(self, _: Request) -> Response:
        """The public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def me(self, request: Request) -> Response:
        """Whose access token it is."""
        user = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return JSONResponse(PEOPLE[user]) if user else Response(status_code=401)

    async def out(self, request: Request) -> Response:
        """Signed out here too, and back."""
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)
