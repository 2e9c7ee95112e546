"""The first page in a real browser: a search by the keys alone, the way back, and old links to the root."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import drawn
from tests.dashboard.grid import fits

pytestmark = pytest.mark.browser


def title(page: Page) -> str:
    return page.locator("h1").first.inner_text()


def focused(page: Page) -> str:
    return str(page.evaluate("(document.activeElement.innerText || document.activeElement.tagName).trim()"))


def search_for(page: Page, text: str) -> None:
    """Go to the field by its key, once the page listens for it, and type."""
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_attribute("aria-keyshortcuts", "/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()
    page.keyboard.type(text)


def test_part_of_a_name_and_enter_open_the_item_and_back_returns(dashboard: str, open_page) -> None:
    page = open_page(dashboard)
    search_for(page, "model 07")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/models\?m_model=org%2Fmodel-07"))
    drawn(page)
    expect(page.locator("h1").first).to_contain_text("Models")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("org/model-07")
    page.go_back()
    expect(page.locator("h1").first).to_contain_text("Overview")
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_value("model 07")
    expect(page.locator(".st-key-search_hits a").first).to_contain_text("org/model-07")
    page.go_forward()
    expect(page.locator("h1").first).to_contain_text("Models")


def test_the_arrows_go_through_the_hits_and_back_to_the_field(dashboard: str, open_page) -> None:
    page = open_page(dashboard)
    search_for(page, "tiny")
    hits = page.locator(".st-key-search_hits a")
    expect(hits.nth(2)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == hits.nth(1).inner_text().strip()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert focused(page) == "INPUT"
    page.keyboard.type("sts/")  # "/" is a letter in the field
    page.wait_for_url(re.compile(r"o_find=tinysts%2F"))
    expect(hits.first).to_contain_text("TinySTS")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/tasks\?t_task=TinySTS"))


def test_an_old_link_to_the_root_opens_the_leaderboard_and_does_not_trap(dashboard: str, open_page) -> None:
    page = open_page(f"{dashboard}/?l_benchmark=Tiny%28half%29")
    page.wait_for_url(re.compile(r"/leaderboard\?l_benchmark=Tiny%28half%29"))
    drawn(page)
    assert title(page).startswith("Leaderboard")
    page.go_back()
    expect(page.locator("h1").first).to_contain_text("Overview")
    drawn(page)
    assert title(page).startswith("Overview"), "and stays there"
    page.go_forward()
    expect(page.locator("h1").first).to_contain_text("Leaderboard")


def test_the_last_visit_is_this_browsers_own(dashboard: str, open_page) -> None:
    page = open_page(dashboard)
    expect(page.get_by_text("With the newest import, of 2026-11-01")).to_be_visible()
    page.close()
    page = page.context.new_page()
    page.goto(dashboard)
    expect(page.get_by_text("your last visit with this browser")).to_be_visible()
    expect(page.get_by_text("No model, score or rank is another one.")).to_be_visible()
    page.close()


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.soak)])
def test_nothing_is_cut_off_and_the_glossary_opens(record_dashboard: str, open_page, language: str) -> None:
    page = open_page(f"{record_dashboard}/?lang={language}", width=390)
    for width in (390, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        fits(page)
        wide = page.evaluate(
            """[...document.querySelectorAll('[data-testid=stPageLink-NavLink]')].filter(link =>
                [link, ...link.querySelectorAll('span, p, div')].some(e => e.clientWidth
                    && e.scrollWidth > e.clientWidth + 1)).map(link => link.innerText)"""
        )
        assert not wide, "all words of a link are seen"
    page.get_by_role("button", name="术语表" if language == "zh" else "Glossary").click()
    expect(page.get_by_text("Borda", exact=False).first).to_be_attached()
