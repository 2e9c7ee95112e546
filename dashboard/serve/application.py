"""The application for a server: Streamlit's, with the gate before it."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import config
from streamlit.auth_util import is_authlib_installed

from dashboard.serve.gate import Gate
from dashboard.serve.settings import Deployment, settings_from
from data.store.errors import MissingDependencyError

__all__ = ["application"]

_SCRIPT = Path(__file__).resolve().parents[1] / "app.py"


def application(settings: Deployment | None = None) -> Gate:
    """The ASGI application; ``uvicorn --factory dashboard.serve.application:application`` serves it too.

    Args:
        settings: those of the environment where none are given.

    Raises:
        InputError: the environment's settings cannot be used.
        MissingDependencyError: a provider is set, and what speaks to it is not installed.
    """
    settings = settings_from(os.environ) if settings is None else settings
    if settings.provider and not is_authlib_installed():
        raise MissingDependencyError(
            "A provider is spoken to with a package that is not installed",
            where="Authlib",
            remedy="pip install Authlib",
        )
    # Derived, so that it is one secret less to keep; nobody but the provider could forge with it, who vouches anyway.
    cookie_secret = hmac.new(settings.key, b"streamlit cookies", "sha256").hexdigest()
    config._main_script_path = config._main_script_path or str(_SCRIPT)  # whose folder's settings count, too
    config.set_option("server.baseUrlPath", settings.base.strip("/"))
    config.set_option("server.cookieSecret", cookie_secret)
    return Gate(st.App(_SCRIPT, secrets=_secrets(settings, cookie_secret)), settings)


def _secrets(settings: Deployment, cookie_secret: str) -> dict[str, Any]:
    """What ``st.login`` reads; nothing without a provider."""
    if settings.provider is None:
        return {}
    return {
        "auth": {
            "redirect_uri": f"{settings.url}/oauth2callback",
            "cookie_secret": cookie_secret,
            "client_id": settings.provider.client_id,
            "client_secret": settings.provider.client_secret,
            "server_metadata_url": settings.provider.metadata_url,
        }
    }
