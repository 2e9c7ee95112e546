"""Who looks, where the dashboard is served behind a login: the way to sign out."""

from __future__ import annotations

import streamlit as st

from dashboard.formatting import plain
from dashboard.words import tr

__all__ = ["show_sign_out"]

# As the gate names the cookie of a session (dashboard/serve/doors.py), over http and over https.
_SESSIONS = ("plumbline", "__Secure-plumbline")


def show_sign_out() -> None:
    """The way to sign out; nothing where nobody had to sign in."""
    if any(name in st.context.cookies for name in _SESSIONS):
        st.link_button(tr("Sign out"), "logout", icon=":material/logout:", type="tertiary", help=_who() or None)


def _who() -> str:
    """The address the provider names; empty behind a shared secret."""
    return plain(str(st.user.get("email") or "")) if st.user.get("is_logged_in") else ""
