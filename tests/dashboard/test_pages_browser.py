"""Every page in a real browser, over the bundled record: it opens, at its own address, with no error on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.dashboard.test_page_dialect import listed

pytestmark = pytest.mark.browser


# The pages are laid out without a browser in test_page_dialect.py; here the ones with the most on them, in soak all.
_EVERY_TIME = ("", "leaderboard", "reproduction")


@pytest.mark.parametrize(
    "name", [name if name in _EVERY_TIME else pytest.param(name, marks=pytest.mark.soak) for name in ("", *listed())]
)
def test_every_page_opens_at_its_address(open_page, record_dashboard: str, name: str) -> None:
    page = open_page(f"{record_dashboard}/{name}", width=1440)
    expect(page.get_by_test_id("stAppViewContainer")).to_be_visible()
    said = '[data-testid="stMainBlockContainer"] :is([data-testid="stMarkdown"], [data-testid="stAlert"])'
    expect(page.locator(said).first).to_be_visible()  # no decision yet is a notice
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)  # "Page not found"
    expect(page.get_by_test_id("stAlertContentWarning")).to_have_count(0)
