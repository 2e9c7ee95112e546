"""A page of the dashboard as an address shows it, without a browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.serving import ROOT

__all__ = ["on"]


def on(page: str, **asked: object) -> AppTest:
    """A page as an address with these choices shows it, in a session of its own."""
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.switch_page(f"screens/{page}.py")
    for key, value in asked.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception and not at.error, at.exception
    return at
