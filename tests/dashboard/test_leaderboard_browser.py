"""The leaderboard as somebody sees it: a real browser, the served dashboard, the made store."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import expect

from data.store.database import open_reader
from tests.conftest import drawn
from tests.dashboard.grid import cells, fits, grid, select_row
from tests.make_store import HOSTILE

pytestmark = pytest.mark.browser


def asked(page) -> dict[str, list[str]]:
    return {key.removeprefix("l_"): value for key, value in parse_qs(urlsplit(page.url).query).items()}


def from_store(path, query, *args) -> list[tuple]:
    return open_reader(path).cursor().execute(query, list(args)).fetchall()


@pytest.mark.parametrize(
    "dark", [pytest.param(False, marks=pytest.mark.soak, id="light"), pytest.param(True, id="dark")]
)
def test_ranks_and_means_are_the_stores(dashboard, made_store, open_page, dark):
    page = open_page(f"{dashboard}/leaderboard", dark=dark, width=1600)
    table = grid(page)
    wanted = from_store(
        made_store, "SELECT model, rank, mean_task FROM leaderboard WHERE benchmark = 'Tiny(all)' ORDER BY rank LIMIT 8"
    )
    assert cells(table, "Model")[:8] == [model for model, _, _ in wanted]
    assert cells(table, "Rank")[:8] == [str(rank) for _, rank, _ in wanted]
    shown = [f"{float(text):.2f}" if text else "" for text in cells(table, "Mean (Task)")[:8]]
    assert shown == ["" if mean is None else f"{100 * mean:.2f}" for _, _, mean in wanted]
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert background == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")


def test_a_missing_score_is_blank_and_counted(dashboard, open_page):
    table = grid(open_page(f"{dashboard}/?name=model-05", width=1600))
    assert cells(table, "Model") == ["org/model-05"]
    assert cells(table, "Mean (Task)") == [""] and cells(table, "Clustering") == [""]
    assert cells(table, "Missing") == ["1"]


def test_a_link_with_filters_shows_the_same_view(dashboard, made_store, open_page):
    link = f"{dashboard}/?benchmark=Tiny%28half%29&weights=Open&size=0&size=1B&sort=Mean+%28Task%29&reverse=true"
    page = open_page(link, width=1600)
    models = [
        model
        for (model,) in from_store(
            made_store, "SELECT model FROM models WHERE open_weights AND n_parameters <= 1e9 ORDER BY model"
        )
    ]
    wanted = from_store(
        made_store, "SELECT model FROM ranking('Tiny(half)', ?, NULL, false) ORDER BY mean_task, model", models
    )
    assert cells(grid(page), "Model")[:5] == [model for (model,) in wanted][:5]
    assert asked(page) == {
        "benchmark": ["Tiny(half)"],
        "weights": ["Open"],
        "size": ["0", "1B"],
        "sort": ["Mean (Task)"],
        "reverse": ["true"],
    }
    expect(page.get_by_text("ranks and means are then computed among exactly those")).to_be_visible()


def test_what_is_chosen_goes_into_the_address_and_defaults_stay_out(dashboard, open_page):
    page = open_page(f"{dashboard}/leaderboard")
    assert asked(page) == {}
    page.get_by_test_id("stSidebar").get_by_text("Open", exact=True).click()
    page.wait_for_url(re.compile("weights=Open"))
    drawn(page)
    page.get_by_test_id("stSidebar").get_by_text("Any", exact=True).first.click()
    page.wait_for_url(lambda url: "weights" not in url)


def test_a_bad_link_says_what_it_ignored(dashboard, open_page):
    page = open_page(f"{dashboard}/?benchmark=Tiny%28al%29&size=x&trusted=maybe&wat=1")
    missing = page.get_by_test_id("stAlert").filter(has_text="There is no benchmark")
    expect(missing).to_contain_text("There is no benchmark “Tiny(al)” in this store. Did you mean Tiny(all)")
    assert page.get_by_test_id("stDataFrame").count() == 0, "nothing else is shown in its place"
    page = open_page(f"{dashboard}/?size=x&trusted=maybe&wat=1")
    warning = page.get_by_test_id("stAlert").first
    for part in (
        "size cannot be “x”",
        "trusted cannot be “maybe”",
        "wat is not a choice",
    ):
        expect(warning).to_contain_text(part)
    assert cells(grid(page), "Rank")[0] == "1"


def test_the_csv_is_what_is_shown(dashboard, made_store, open_page):
    page = open_page(f"{dashboard}/?name=model&type=STS&type=Clustering", width=1600)
    grid(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    csv = pd.read_csv(io.StringIO(download.value.path().read_text(encoding="utf-8")))
    wanted = from_store(
        made_store,
        "SELECT rank, model, mean_task FROM ranking('Tiny(all)', NULL, ['TinySTS', 'TinyCluster'], false)"
        " WHERE contains(lower(model), 'model') ORDER BY rank, model",
    )
    assert csv["Rank"].tolist() == [rank for rank, _, _ in wanted]
    assert csv["Model"].tolist() == [model for _, model, _ in wanted]
    assert csv["Mean (Task)"].fillna(-1).tolist() == [-1 if m is None else round(100 * m, 2) for _, _, m in wanted]
    assert {"STS", "Clustering"} <= set(csv.columns) and "Retrieval" not in csv.columns


def test_selecting_a_row_opens_where_its_numbers_come_from(dashboard, open_page):
    page = open_page(f"{dashboard}/?name=model-0", width=1600)
    table = grid(page)
    select_row(page, table, 3)
    page.wait_for_url(re.compile(r"model=org"))
    drawn(page)
    assert asked(page)["model"] == ["org/model-03"]
    sources = grid(page, 1)
    assert cells(sources, "Task") == ["TinyClass", "TinyCluster", "TinyRetrieval", "TinySTS"]
    assert [float(text) for text in cells(sources, "Score")] == [77, 57, 67, 87]
    assert cells(sources, "Rests on") == ["", "", "data", ""]
    assert cells(sources, "Data revision")[2] == "e" * 10 and cells(sources, "Today's")[2] == "d" * 10
    select_row(page, grid(page), 3)
    page.wait_for_url(lambda url: "model=org" not in url)


# HTML and what Markdown and LaTeX make of a name each time; the other signs of theirs in soak.
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if place in (0, 3) else pytest.mark.soak) for place, name in enumerate(HOSTILE)],
)
def test_names_with_markup_are_text_everywhere(dashboard, open_page, name):
    page = open_page(f"{dashboard}/?{_query(model=name, name=name)}", width=1600)
    assert cells(grid(page), "Model") == [name]
    assert name in _squeezed(page.get_by_test_id("stMain").inner_text())
    assert page.locator("img[src='x'], a[href^='javascript'], .katex").count() == 0
    assert page.get_by_text("loud", exact=True).count() == 0
    assert page.get_by_role("link", name="www.evil.example").count() == 0


def test_hostile_names_in_the_plot_are_text(dashboard, open_page):
    page = open_page(f"{dashboard}/?view=Quality+against+size", width=1600)
    plot = page.locator(".js-plotly-plot")
    plot.locator(".scatterlayer .point").first.wait_for(state="attached", timeout=180_000)
    assert page.locator("img[src='x'], a[href^='javascript']").count() == 0


def test_strict_switch_leaves_out_what_does_not_rest_on_todays_runs(dashboard, open_page):
    page = open_page(f"{dashboard}/?trusted=true&name=model-0", width=1600)
    table = grid(page)
    missing = dict(zip(cells(table, "Model"), cells(table, "Missing"), strict=True))
    # 01 has a model card's figure, 02 another revision, 03 another data set, 05 lacks a task altogether.
    assert [missing[f"org/model-0{i}"] for i in range(6)] == ["", "1", "1", "1", "", "1"]
    assert cells(table, "Evidence") == [""] * len(missing)


def test_main_controls_are_reached_with_the_keyboard(dashboard, open_page):
    page = open_page(f"{dashboard}/leaderboard")
    grid(page)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(e => e.getAttribute('aria-label') || e.innerText || e.tagName)(document.activeElement)")
        )
    text = " | ".join(str(r) for r in reached)
    for control in ("Benchmark", "Search by name", "Sort by", "CSV", "Table", "Clear all filters", "Licence"):
        assert control in text, f"{control} not among: {text}"


@pytest.mark.soak  # test_following.py has a page that shows a new store, test_reading_while_writing.py many at once
def test_a_record_replaced_while_the_page_is_open(tmp_path, open_page):
    from tests.make_store import make_store
    from tests.serving import served

    store = make_store(tmp_path / "store.duckdb", plain_models=3)
    with served(store, tmp_path / "log") as address:
        page = open_page(f"{address}/leaderboard")
        assert "org/model-04" not in cells(grid(page), "Model")
        make_store(store, plain_models=5)
        page.get_by_label("Search by name").fill("model")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The record was updated")).to_be_visible()
        expect(page.get_by_test_id("stDataFrame").first.locator("td", has_text="org/model-04")).to_be_attached()
        page.close()  # before the server ends, which an open page would report


def _query(**values: str) -> str:
    from urllib.parse import urlencode

    return urlencode(values)


def _squeezed(text: str) -> str:
    return text.replace("\u2060", "")


def test_several_rows_open_in_compare_and_back_keeps_them(dashboard, open_page):
    page = open_page(f"{dashboard}/leaderboard", width=1600)
    table = grid(page)
    names = cells(table, "Model")[:3]
    for row, key in ((0, "l_model"), (2, "l_picked")):
        select_row(page, grid(page), row)
        expect(page).to_have_url(re.compile(key))
        drawn(page)
    assert asked(page)["picked"] == [names[0], names[2]]
    page.get_by_role("link", name="Compare the 2 selected").click()
    expect(page.locator("h1")).to_contain_text("Compare")
    drawn(page)
    assert parse_qs(urlsplit(page.url).query)["c_models"] == [names[0], names[2]]
    for _ in range(3):  # Streamlit keeps a step of its own where a page takes a default out of its address
        page.go_back()
        page.wait_for_timeout(500)
        drawn(page)
        if "/compare" not in page.url:
            break
    expect(page.locator("h1")).to_contain_text("Leaderboard")
    assert asked(page)["picked"] == [names[0], names[2]]


def test_a_phone_shows_rank_name_and_mean_and_the_tools_and_nothing_is_cut_off(dashboard, open_page):
    page = open_page(f"{dashboard}/leaderboard", width=390, height=1600)
    table = grid(page)
    box = table.bounding_box()
    assert box is not None and box["x"] + box["width"] <= 390
    drawn_heads = list(table.locator("canvas th").all_inner_texts())
    assert [head for head in drawn_heads if head][:3] == ["Rank", "Model", "Mean (Task)"]
    widths = 36 + 48 + 196 + 92  # the box to select by, then the three
    assert widths <= box["width"] + 20
    bar = page.get_by_test_id("stHeader").bounding_box()
    for name in ("Decide", "Glossary", "Report", "Present"):  # below the bar, with their names
        box = page.locator(".st-key-tools").get_by_role("button", name=name).bounding_box()
        assert bar is not None and box is not None
        assert box["y"] >= bar["y"] + bar["height"] and box["x"] + box["width"] <= 390, name
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        fits(page)
