"""The popover of reports on every page: views are chosen on one and reported from another."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from dashboard.views import chosen_views, views_as_text
from tests.conftest import drawn
from tests.dashboard.opened import on
from tests.make_store import HOSTILE
from tests.report.reading import read
from tests.serving import ROOT


def tray(at: AppTest) -> list[str]:
    return [view.address for view in at.session_state["_views_chosen"]]


def test_views_are_chosen_moved_and_dropped(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    at = on("leaderboard", l_benchmark="Tiny(half)", lang="en")
    at.button(key="meeting_add").click().run()
    assert tray(at) == ["leaderboard?l_benchmark=Tiny%28half%29"] and at.button(key="meeting_add").disabled
    at.switch_page("screens/tasks.py").run()
    at.button(key="meeting_add").click().run()
    assert len(tray(at)) == 2 and tray(at)[1].startswith("tasks")
    at.button(key="meeting_up_1").click().run()
    assert tray(at)[0].startswith("tasks")
    at.button(key="meeting_drop_0").click().run()
    assert tray(at) == ["leaderboard?l_benchmark=Tiny%28half%29"] and not at.exception


def test_names_with_markup_are_text_in_the_list(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    at = on("models", m_model=HOSTILE[1])
    at.button(key="meeting_add").click().run()
    (line,) = [element.value for element in at.markdown if element.value.startswith("1. ")]
    assert "evil\\/\\[x\\]\\(javascript" in line and not at.exception


def test_outside_of_a_session_nothing_is_chosen() -> None:
    assert chosen_views() == () and views_as_text(()) == ""


@pytest.mark.browser
def test_a_report_of_two_pages_is_downloaded(open_page: Callable[..., Page], dashboard: str, tmp_path: Path) -> None:
    page = open_page(f"{dashboard}/leaderboard?l_benchmark=Tiny(half)&lang=en")

    def add() -> None:
        page.get_by_role("button", name="Report", exact=True).click()
        page.get_by_role("button", name="Add this view").click()
        expect(page.get_by_role("button", name="This view is among them")).to_be_visible()
        drawn(page)

    add()
    page.get_by_role("link", name="Tasks", exact=True).first.click()
    expect(page.locator("h1")).to_contain_text("Tasks")
    drawn(page)
    add()
    files = {}
    for name in ("HTML", "Markdown", "Data"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
        drawn(page)
    shown = read(files["HTML"].read_bytes())
    assert shown.text.startswith("Leaderboard · Tasks · Plumbline") and "2 views" in shown.text
    assert any(str(a.get("href")).startswith(f"{dashboard}/leaderboard?") for tag, a in shown.tags if tag == "a")
    assert files["Markdown"].read_text("utf-8").startswith("# Leaderboard")
    with zipfile.ZipFile(files["Data"]) as archive:
        assert {"1-leaderboard-1.csv", "1-leaderboard-1.parquet", "report.json"} <= set(archive.namelist())
    # The page and its session are as they were.
    expect(page.locator("h1")).to_contain_text("Tasks")
    assert (ROOT / "dashboard" / "app.py").exists()
