"""The drift page as somebody sees it: maps are read, cells clicked, and the text of the cell shows."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.queries import drift
from data.store.database import open_reader
from tests.conftest import drawn
from tests.dashboard.grid import cells, fits, grid
from tests.make_parity import NEWEST

pytestmark = pytest.mark.browser

MANY = quote(f"{NEWEST - timedelta(days=1):%Y-%m-%d %H:%M} · reference fp32 · eck-many")
# What plotly holds of the map on the page, and where on the page it has drawn it.
READ = """() => {
  const plot = document.querySelector('.js-plotly-plot'), map = plot._fullData.find(t => t.type === 'heatmap');
  const box = plot.querySelector('.nsewdrag').getBoundingClientRect(), axes = plot._fullLayout;
  return {z: Array.from(map.z, row => Array.from(row, v => Number.isFinite(v) ? v : null)),
          rows: axes.yaxis.ticktext, columns: axes.xaxis.ticktext, type: map._input.z.dtype || 'array',
          left: box.left, top: box.top, width: box.width, height: box.height};
}"""


def read(page: Page) -> dict:
    page.wait_for_selector(".js-plotly-plot .nsewdrag", timeout=180_000)
    return page.evaluate(READ)


def click(page: Page, row: int, column: int) -> None:
    page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
    found = read(page)
    x = found["left"] + (column + 0.5) * found["width"] / len(found["columns"])
    y = found["top"] + (row + 0.5) * found["height"] / len(found["rows"])
    if y > page.viewport_size["height"]:
        page.mouse.move(x, 300)
        page.mouse.wheel(0, y - 300)
        page.wait_for_timeout(300)
        return click(page, row, column)
    page.mouse.move(x, y)
    # plotly takes up a click only where it has seen the mouse
    page.wait_for_function("document.querySelector('.js-plotly-plot')._hoverdata?.length", polling=50)
    page.mouse.click(x, y)
    page.wait_for_url("**probe=**", timeout=180_000)
    drawn(page)


def asked(page: Page) -> dict[str, str]:
    return {key.removeprefix("d_"): values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


@pytest.fixture(scope="module")
def wanted(made_parity):
    """Drift of a check by the names that the page uses, on the scale of the map."""

    def of(check: str):
        cursor = open_reader(made_parity).cursor()
        names = drift.encoders(cursor, check).set_index("encoder_id")["name"]
        texts = drift.texts(cursor, check).set_index("text_hash")
        values = drift.drift_by_text(cursor, check, "dense", "cosine distance").rename(
            columns=names, index=texts["name"]
        )
        return np.log10(values.clip(lower=1e-8)), texts.set_index("name")["text"]

    return of


@pytest.mark.parametrize(
    "dark", [pytest.param(False, marks=pytest.mark.soak, id="light"), pytest.param(True, id="dark")]
)
def test_64_probes_by_12_encoders(parity_dashboard, open_page, wanted, dark):
    page = open_page(f"{parity_dashboard}/drift?drift_view=texts&order=by+name", dark=dark, height=1400)
    found, (values, texts) = read(page), wanted("check-1")
    assert found["rows"] == sorted(values.index) and len(found["columns"]) == 12 and found["type"] == "f4"
    names = sorted(values.columns)
    shown = np.array(found["z"], dtype=float)
    np.testing.assert_allclose(shown, values.loc[found["rows"], names].to_numpy(), rtol=1e-5)
    failed = names.index("one text fails")
    assert np.isnan(shown[found["rows"].index("numbers-3"), failed]) and np.isnan(shown).sum() == 1

    row = found["rows"].index("outer-space-13")
    click(page, row, names.index("strips"))
    assert asked(page)["probe"] == "outer-space-13" and asked(page)["encoder"] == "strips"
    expect(page.get_by_test_id("stCode").filter(has_text="··Spaces·at·both·ends,·number·13.··")).to_be_visible()
    assert texts["outer-space-13"] == "  Spaces at both ends, number 13.  "


@pytest.mark.soak
def test_1000_texts_by_12_encoders(parity_dashboard, open_page, wanted):
    page = open_page(f"{parity_dashboard}/drift?drift_view=texts&check={MANY}", height=1500)
    found, (values, texts) = read(page), wanted("check-many")
    assert len(found["rows"]) == 1000 and np.array(found["z"], dtype=float).shape == (1000, 12)
    shown = np.array(found["z"], dtype=float)
    np.testing.assert_allclose(np.nansum(shown), np.nansum(values.to_numpy()), rtol=1e-4)
    click(page, 400, 7)
    assert abs(found["rows"].index(asked(page)["probe"]) - 400) <= 2  # a row is less than a pixel high
    text = texts[asked(page)["probe"]].strip().split()
    expect(page.get_by_test_id("stCode").filter(has_text=text[0]).filter(has_text=text[-1]).first).to_be_visible()


def test_a_click_between_encoders_lays_their_settings_side_by_side(parity_dashboard, open_page):
    page = open_page(f"{parity_dashboard}/drift?drift_view=encoders&beside=settings&probe=plain-0", height=1500)
    found = read(page)
    click(page, found["rows"].index("cls"), found["columns"].index("bf16"))
    page.wait_for_url("**against=bf16**", timeout=180_000)
    drawn(page)
    assert asked(page)["encoder"] == "cls"
    table = grid(page, nth=1)
    expect(table.locator("canvas td[aria-colindex='2']").first).to_have_text("pooling", timeout=180_000)
    assert cells(table, "Setting")[:2] == ["pooling", "dtype"]
    assert cells(table, "bf16")[:2] == ["mean", "bf16"] and cells(table, "cls")[:2] == ["cls", "fp32"]


def test_a_link_shows_the_same_tokens_and_where_they_part(parity_dashboard, open_page):
    page = open_page(f"{parity_dashboard}/drift?encoder=prompt&probe=plain-0", height=2400)
    expect(page.get_by_text("The first difference is at place 2")).to_be_visible()
    table = grid(page, nth=1)
    assert cells(table, "prompt")[:3] == ["<s>", "query", ":"] and cells(table, "reference fp32")[:3] == ["<s>", "", ""]


@pytest.mark.parametrize(
    "view", ["traits", *(pytest.param(other, marks=pytest.mark.soak) for other in ("length", "distributions"))]
)
def test_nothing_runs_that_a_name_holds(parity_dashboard, open_page, view):
    hostile = quote("<img src=x onerror=alert(1)> **bold** $x$")
    page = open_page(f"{parity_dashboard}/drift?drift_view={view}&encoder={hostile}", height=1400)
    read(page) if view == "traits" else page.wait_for_selector(".js-plotly-plot", timeout=180_000)
    assert page.locator("img[src='x']").count() == 0
    expect(page.get_by_text("<img src=x onerror=alert(1)> **bold** $x$").first).to_be_visible()


@pytest.mark.parametrize("name", ["drift", pytest.param("drift?drift_view=texts", marks=pytest.mark.soak), "runs"])
def test_nothing_is_wider_than_the_screen(parity_dashboard, open_page, name):
    page = open_page(f"{parity_dashboard}/{name}", width=390, height=1000)
    for width in (390, 1920):
        page.set_viewport_size({"width": width, "height": 1000})
        fits(page)


@pytest.mark.parametrize(
    ("name", "tick", "edge", "least"),
    [("drift", ".xtick", "left", 30), pytest.param("reproduction", ".x3tick", "right", 5, marks=pytest.mark.soak)],
)
def test_names_of_columns_do_not_overlap_on_a_phone(record_dashboard, open_page, name, tick, edge, least):
    """Of the bundled record: 64 texts with some thirty traits, and the tasks of a run."""
    page = open_page(f"{record_dashboard}/{name}", width=390, height=1000)
    page.wait_for_selector(f".js-plotly-plot {tick}", state="attached", timeout=60_000)
    # A slanted name has its column at one of its ends.
    where = f"ticks => ticks.map(tick => tick.getBoundingClientRect().{edge}).sort((a, b) => a - b)"
    places = page.locator(".js-plotly-plot").first.locator(f"{tick} text").evaluate_all(where)
    assert len(places) >= least and min(b - a for a, b in zip(places, places[1:], strict=False)) >= 11
    fits(page)
    if name == "drift":
        box = page.locator("[class*=st-key-wide]").first.evaluate("box => [box.clientWidth, box.scrollWidth]")
        assert box[0] < 390 < box[1], "it is moved sideways"
