"""The few pages of the door itself: whole in one answer, so that nothing else has to be served to show them."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse

from dashboard.words import LANGUAGES, in_language, language, tr

__all__ = ["ask_secret", "not_let_in", "not_signed_in", "preferred_language", "sign_out_by_hand", "signed_out"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --ground: #fff; --line: #8b929c; --accent: #2a5db0; --on: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --ground: #14171c; --line: #7a828e; --accent: #7ab4ff; --on: #14171c; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0; }
main { max-width: 24rem; margin: 18vh auto 0; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .75rem; }
label { display: block; margin: 1rem 0 .25rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; border: 1px solid var(--line);
  border-radius: 4px; background: var(--ground); color: inherit; }
button, a.button { font: inherit; display: inline-block; margin-top: 1rem; padding: .5rem 1rem; border: 0;
  border-radius: 4px; background: var(--accent); color: var(--on); text-decoration: none; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] { border-left: 4px solid #c0392b; padding-left: .75rem; }
"""
_HEADERS = {
    # Not "no-referrer", with which a browser says "null" for the origin of the form.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def ask_secret(headers: Headers, *, login: str, wrong: bool = False, wait: float = 0.0) -> HTMLResponse:
    """The form that asks for the shared secret; ``wait`` in seconds, where there were too many wrong ones."""
    with in_language(preferred_language(headers)):
        alert = ""
        if wait:
            alert = tr("Too many wrong secrets. Try again in {seconds} seconds.", seconds=int(wait) + 1)
        elif wrong:
            alert = tr("That is not the secret.")
        form = (
            f'<form method="post" action="{escape(login)}"><label for="secret">{escape(tr("Shared secret"))}</label>'
            '<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>'
            f'<button type="submit">{escape(tr("Sign in"))}</button></form>'
        )
        status = 429 if wait else 401 if wrong else 200
        answer = _page(tr("Sign in to Plumbline"), alert=alert, below=form, status=status)
    if wait:
        answer.headers["Retry-After"] = str(int(wait) + 1)
    return answer


def not_let_in(headers: Headers, *, who: str, login: str) -> HTMLResponse:
    """The provider knows this person, and the operator does not let them in."""
    with in_language(preferred_language(headers)):
        return _page(
            tr("You may not come in"),
            alert=tr("You are signed in as {who}, who is not among those let in here.", who=who or "?"),
            below=f"<p>{escape(tr('Ask whoever runs this dashboard, or use another account.'))}</p>"
            + _button(login, tr("Use another account")),
            status=403,
        )


def not_signed_in(headers: Headers, *, login: str, status: int = 400) -> HTMLResponse:
    """The provider could not be asked, or what it answered does not hold; the log says why."""
    with in_language(preferred_language(headers)):
        return _page(
            tr("Signing in did not work"),
            alert=tr("The provider did not answer, or its answer was too old or not meant for this page."),
            below=_button(login, tr("Try again")),
            status=status,
        )


def signed_out(headers: Headers, *, login: str) -> HTMLResponse:
    """Nobody is signed in any more."""
    with in_language(preferred_language(headers)):
        return _page(tr("You are signed out"), below=_button(login, tr("Sign in")))


def sign_out_by_hand(headers: Headers, *, logout: str) -> HTMLResponse:
    """Another site sent the browser to the sign-out: the person is asked."""
    with in_language(preferred_language(headers)):
        return _page(tr("Sign out of Plumbline?"), below=_button(logout, tr("Sign out")))


def preferred_language(headers: Headers) -> str:
    """The first of our languages that the browser names; English where it names none."""
    wanted = (part.partition(";")[0].strip().lower() for part in headers.get("accept-language", "").split(","))
    return next((tag[:2] for tag in wanted if tag[:2] in LANGUAGES and tag[2:3] in ("", "-")), "en")


def _page(title: str, *, alert: str = "", below: str = "", status: int = 200) -> HTMLResponse:
    notice = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    return HTMLResponse(
        f'<!doctype html><html lang="{_lang()}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{notice}{below}</main></body></html>",
        status_code=status,
        headers=_HEADERS,
    )


def _button(address: str, words: str) -> str:
    return f'<p><a class="button" href="{escape(address)}">{escape(words)}</a></p>'


def _lang() -> str:
    return {"zh": "zh-CN"}.get(language(), language())
