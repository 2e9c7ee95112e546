"""Replacing a model in a real browser: from the model there is to a candidate, its tasks, and back, all by links."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from dashboard.queries import replace
from data.store.database import open_reader
from tests.conftest import drawn
from tests.dashboard.choose_store import BENCHMARK
from tests.dashboard.grid import cells, fits, grid, select_row

pytestmark = pytest.mark.browser

LACKS = "org/model-05"


@pytest.fixture(scope="module")
def store(made_choice: Path) -> Path:
    return made_choice


@pytest.fixture(scope="module")
def address(choice_dashboard: str) -> str:
    return choice_dashboard


def most_moved(store: Path, candidate: str) -> str:
    reader = open_reader(store)
    tasks = replace.by_task(reader.cursor(), LACKS, candidate, BENCHMARK)
    reader.close()
    return str(tasks.loc[tasks["difference"].abs().idxmax(), "task"])


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_candidate_is_chosen_opened_and_come_back_to(open_page, address, store) -> None:
    page = open_page(f"{address}/replace?x_incumbent={LACKS}")
    expect(page.get_by_role("heading", level=4)).to_contain_text(f"points better than {LACKS} on the 9 of its 10 tasks")
    page.get_by_text("What a candidate must have").click()
    field = page.get_by_label("Parameters at most (billions)", exact=True)
    field.fill("0.2")
    field.press("Enter")
    drawn(page)
    expect(page.get_by_role("heading", level=4)).to_contain_text("org/model-01")
    table = grid(page)
    model = cells(table, "Model")[1]
    select_row(page, table, 1)
    drawn(page)
    expect(page.get_by_role("heading", name=f"{model} in place of {LACKS}")).to_be_visible()
    assert asked(page) == {"x_incumbent": [LACKS], "x_parameters": ["0.2"], "x_candidate": [model]}
    link = page.url
    for plot in range(2):  # above the table, which they move as they are drawn
        page.get_by_test_id("stPlotlyChart").nth(plot).locator(".xaxislayer-above").first.wait_for(state="attached")
    moved = page.get_by_test_id("stDataFrame").filter(visible=True).nth(1)
    moved.hover()  # waits until it has come to rest
    # What a canvas says of its cells lags behind what is on it: the task that moved most, as the store has it.
    task = most_moved(store, model)
    select_row(page, moved, 0)
    page.wait_for_url("**/tasks?**")
    drawn(page)
    assert asked(page)["t_task"] == [task] and asked(page)["t_models"] == [LACKS, model]
    page.go_back()
    expect(page.get_by_role("heading", name=f"{model} in place of {LACKS}")).to_be_visible()
    drawn(page)
    assert asked(page) == parse_qs(urlsplit(link).query)
    other = open_page(link)
    expect(other.get_by_role("heading", name=f"{model} in place of {LACKS}")).to_be_visible()


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        (390, True),
        *(pytest.param(*other, marks=pytest.mark.soak) for other in ((390, False), (1920, False), (1920, True))),
    ],
)
def test_the_page_fits_its_screen(open_page, address, width: int, dark: bool) -> None:
    page = open_page(f"{address}/replace?x_incumbent={LACKS}", width=width, dark=dark)
    fits(page)
    expect(page.get_by_role("heading", level=4)).to_be_visible()


@pytest.mark.soak  # test_languages_browser.py has links in both, test_replace_page.py what the page says
def test_a_link_says_the_same_in_either_language(open_page, address) -> None:
    english = open_page(f"{address}/replace?x_incumbent={LACKS}&x_licence=commercial%20use&x_precision=int8")
    chinese = open_page(f"{address}/replace?x_incumbent={LACKS}&x_licence=commercial%20use&x_precision=int8&lang=zh")
    assert cells(grid(english), "Difference") == cells(grid(chinese), "差值")
    assert asked(chinese)["x_licence"] == ["commercial use"]
