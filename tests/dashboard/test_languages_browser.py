"""An address says the same in every language: choices are spelled in English, whatever the labels say."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import drawn

pytestmark = pytest.mark.browser


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def click(page: Page, name: str, then: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    page.wait_for_url(re.compile(then))
    drawn(page)


def test_what_is_chosen_in_chinese_is_an_address_for_everybody(dashboard: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{dashboard}/leaderboard?lang=zh")
    click(page, "开放", "l_weights=Open")
    page.get_by_role("tab", name="质量与规模").click()
    page.wait_for_url(re.compile("l_view=Quality"))
    drawn(page)
    expected = {"lang": ["zh"], "l_weights": ["Open"], "l_view": ["Quality against size"]}
    assert asked(page) == expected

    # The same link in English, and back in Chinese: the same choices.
    english = open_page(page.url.replace("lang=zh", "lang=en"))
    expect(english.get_by_role("radio", name="Open", exact=True)).to_be_checked()
    expect(english.get_by_role("tab", name="Quality against size")).to_have_attribute("aria-selected", "true")
    assert asked(english) == {**expected, "lang": ["en"]}
    again = open_page(page.url)
    expect(again.get_by_role("radio", name="开放", exact=True)).to_be_checked()
    expect(again.get_by_role("tab", name="质量与规模")).to_have_attribute("aria-selected", "true")
    assert asked(again) == expected

    # Back undoes one choice after the other; a default is in no address.
    page.go_back()
    drawn(page)
    expect(page.get_by_role("tab", name="表格")).to_have_attribute("aria-selected", "true")
    assert asked(page) == {"lang": ["zh"], "l_weights": ["Open"]}
    page.go_back()
    drawn(page)
    expect(page.get_by_role("radio", name="不限", exact=True).first).to_be_checked()
    assert asked(page) == {"lang": ["zh"]}


def test_another_page_has_none_of_the_choices_of_the_last_one(dashboard: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{dashboard}/leaderboard?lang=zh")
    click(page, "开放", "l_weights=Open")
    page.get_by_role("link", name="有何变化").first.click()
    page.wait_for_url(re.compile("/changes"))
    drawn(page)
    assert not [key for key in asked(page) if key.startswith("l_")]
    expect(page.get_by_text("链接中有些部分被忽略")).to_have_count(0)
    # The page comes back as it was left.
    page.get_by_role("link", name="排行榜").first.click()
    page.wait_for_url(re.compile("/leaderboard"))
    drawn(page)
    expect(page.get_by_role("radio", name="开放", exact=True)).to_be_checked()
    page.wait_for_url(re.compile("l_weights=Open"))


def test_a_language_is_changed_without_losing_a_choice(dashboard: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{dashboard}/leaderboard?lang=en&l_weights=Open")
    for button, label in (("中文", "开放"), ("English", "Open")):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("radio", name=label, exact=True)).to_be_checked()
        drawn(page)
        assert asked(page)["l_weights"] == ["Open"]
