"""The reproduction page as somebody sees it: a real browser, the served dashboard, a click on a cell."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from data.store.database import open_reader
from tests.conftest import drawn
from tests.serving import served
from tests.verdicts.making import BROKEN, HOSTILE, MOVED, PAGE_MODELS, WRONG_RUN

pytestmark = pytest.mark.browser

# Where a marker lies on the screen: the figure's own scales, from the point's place in the trace that holds it.
_AT = """([key, wanted]) => {
  const plot = document.querySelector(`.st-key-${key} .js-plotly-plot`);
  for (const trace of plot._fullData) {
    const found = (trace.customdata || []).findIndex(d => wanted.every((w, i) => d[i] === w));
    if (found < 0) continue;
    const scales = plot._fullLayout;
    const x = scales[trace.xaxis.replace('x', 'xaxis')], y = scales[trace.yaxis.replace('y', 'yaxis')];
    const box = plot.getBoundingClientRect();
    return [box.left + x._offset + x.d2p(trace.x[found]), box.top + y._offset + y.d2p(trace.y[found])];
  }
}"""


@pytest.fixture(scope="module")
def site(page_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(page_store, tmp_path_factory.mktemp("served") / "page.log") as address:
        yield f"{address}/reproduction"


def click(page: Page, key: str, *wanted: str) -> None:
    """Click the mark of a figure that stands for these."""
    page.locator(f".st-key-{key} .js-plotly-plot .main-svg").first.scroll_into_view_if_needed()
    ready = f"document.querySelector('.st-key-{key} .js-plotly-plot')?._fullData?.length > 1"
    page.wait_for_function(ready, polling=100)  # by default the page is drawn for each look
    x, y = page.evaluate(_AT, [key, list(wanted)])
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def asked(page: Page) -> dict[str, list[str]]:
    return {key.removeprefix("r_"): value for key, value in parse_qs(urlsplit(page.url).query).items()}


def test_a_click_on_a_cell_opens_it_and_the_link_shows_it_again(site: str, open_page) -> None:
    page = open_page(f"{site}?compare=Model+cards", width=1400, height=2200)
    # The gravest is open beside the map from the start, and not in the address.
    expect(page.get_by_text("difference −40.00")).to_be_visible()
    assert "row" not in asked(page)
    click(page, "heat", BROKEN, "SciFact")
    page.wait_for_url(re.compile("task=SciFact"))
    drawn(page)
    expect(page.get_by_text("The model is not loaded as it should be")).to_be_visible()
    # What was not clicked is as it was: no mark fades, the crosses of what cannot be compared least of all.
    marks = "document.querySelectorAll('.st-key-heat .scatterlayer .trace path.point')"
    opacities = page.evaluate(f"[...{marks}].map(mark => getComputedStyle(mark).opacity)")
    assert len(opacities) > 90 and set(opacities) == {"1"}
    again = open_page(page.url, width=1400, height=2200)
    expect(again.get_by_text(f"python -m evaluators reproduce {BROKEN} --tasks SciFact")).to_be_visible()
    # One that cannot be compared is drawn, and opens too.
    click(page, "heat", "org/model-02", MOVED)
    page.wait_for_url(re.compile(f"task={MOVED}"))
    drawn(page)
    expect(page.get_by_text("Another data set revision.", exact=False).first).to_be_visible()


def test_a_click_on_the_dumbbell_opens_its_cell(site: str, open_page) -> None:
    page = open_page(f"{site}?part=Biggest+differences", dark=True, width=1400, height=2200)
    row = f"{PAGE_MODELS[1]} · {WRONG_RUN}"
    click(page, "dumbbell", row, "SciFact")
    page.wait_for_url(re.compile("task=SciFact"))
    drawn(page)
    expect(page.get_by_text("a warning of the run")).to_be_visible()
    expect(page.get_by_text("our run", exact=False).first).to_be_visible()


def test_the_csv_is_what_the_store_says(site: str, page_store: Path, open_page) -> None:
    page = open_page(f"{site}?compare=Model+cards&part=Table&verdicts=broken", width=1400)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").click()
    read = pd.read_csv(io.BytesIO(Path(download.value.path()).read_bytes()))
    direct = (
        open_reader(page_store)
        .cursor()
        .execute(
            "SELECT model, task, delta FROM deltas WHERE kind = 'reported' AND verdict = 'broken' ORDER BY model, task"
        )
        .df()
    )
    assert read["task"].tolist() == direct["task"].tolist()
    assert read["delta"].tolist() == pytest.approx(direct["delta"].tolist())
    assert download.value.suggested_filename == "plumbline-reported.csv"


@pytest.mark.parametrize("part", ["Heatmap", pytest.param("Biggest+differences", marks=pytest.mark.soak)])
def test_a_narrow_dark_screen_does_not_scroll_sideways(site: str, open_page, part: str) -> None:
    page = open_page(f"{site}?compare=Model+cards&part={part}", dark=True, width=390, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_text("comparable cells hold")).to_be_visible()


def test_names_with_markup_are_text_and_run_nothing(site: str, open_page) -> None:
    """A dialog, a request elsewhere or an error on the console fails the fixture itself."""
    page = open_page(f"{site}?compare=Model+cards&find=onerror", width=1400, height=2000)
    click(page, "heat", HOSTILE, "SciFact")
    drawn(page)
    assert page.locator("img[src='x']").count() == 0
    expect(page.get_by_text("model card 63.00", exact=False).first).to_be_visible()


@pytest.mark.soak  # test_page.py has that they move the lines, test_leaderboard_browser.py that choices go there
def test_thresholds_go_into_the_address(site: str, open_page) -> None:
    page = open_page(f"{site}?compare=Model+cards")
    page.get_by_role("button", name="Thresholds").click()
    page.get_by_label("drift up to this difference").fill("0.06")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("drift=0.06"))
    assert asked(page)["drift"] == ["0.06"]
    expect(page.get_by_text("Drift: up to 6 points")).to_be_visible()
