"""A whole decision in a real browser, as a product manager makes it, and the link that records it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from dashboard.queries import compare, use
from data.store.database import open_reader
from tests.conftest import drawn
from tests.dashboard.choose_store import BENCHMARK
from tests.dashboard.grid import cells, fits, grid, select_row

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(made_choice):
    return made_choice


@pytest.fixture(scope="module")
def address(choice_dashboard):
    return choice_dashboard


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def fill(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    drawn(page)


def pick(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    drawn(page)


def texts(page: Page) -> str:
    """All the page says, tables aside; signs are text to a browser, and another one where the mouse is."""
    signs = {*page.get_by_test_id("stIconMaterial").all_inner_texts(), "keyboard_arrow_down", "keyboard_arrow_right"}
    said = page.get_by_test_id("stMain").inner_text().split("\n")
    return "\n".join(line for line in said if line not in signs)


def answer(page: Page) -> str:
    """The short list of the page, its sentences and reasons."""
    return texts(page).split("The short list", 1)[1].split("Quality against size", 1)[0]


def test_a_decision_from_limits_to_a_link(address, path, open_page):
    page = open_page(f"{address}/use")

    # Limits and weights: at most 400M parameters, open weights, retrieval three times as heavy.
    fill(page, "Parameters at most (billions)", "0.4")
    page.get_by_text("Open weights", exact=True).click()
    drawn(page)
    fill(page, "Retrieval (5)", "3")
    assert {k: v for k, v in asked(page).items()} == {
        "u_parameters": ["0.4"], "u_open": ["true"], "u_equal_Retrieval": ["3"],
    }  # fmt: skip

    # The short list is the store's.
    reader = open_reader(path)
    weights = (("Classification", 1.0), ("Retrieval", 3.0), ("STS", 1.0))
    found = use.short_list(
        reader.cursor(), use.Use(BENCHMARK, weights, limits=use.Limits(parameters=4e8, open_weights=True))
    )
    listed = found.ranked["model"].tolist()
    shown = grid(page)
    assert cells(shown, "Model")[: len(listed)] == listed
    scores = [float(text) for text in cells(shown, "Score")[: len(listed)]]
    assert scores == pytest.approx([100 * score for score in found.ranked["score"]], abs=0.0051)
    page_texts = texts(page)
    assert f"{listed[0]} is first of {len(listed)} models" in page_texts

    # Compare the list, pin another baseline.
    short = listed[:5]
    page.get_by_text("Compare the short list task by task").click()
    expect(page.get_by_text("Head to head with")).to_be_visible(timeout=180_000)
    drawn(page)
    assert asked(page)["c_models"] == short  # the benchmark is the default, which stays out of the address
    pick(page, "Baseline", short[1])
    expect(page.get_by_text(f"Head to head with {short[1].split('/')[1]}")).to_be_visible(timeout=180_000)
    assert asked(page)["c_baseline"] == [short[1]]

    # Open the task that differs most: it is the store's, and the scores on it are too.
    frame = compare.compared(reader.cursor(), BENCHMARK, tuple(short))
    wide = compare.shared_wide(frame, short)
    gaps = wide.sub(wide[short[1]], axis=0).abs().max(axis=1)
    task = gaps.idxmax()[1]
    page.get_by_text(f"Open the task that differs most: {task}").click()
    expect(page.get_by_text("with a complete score")).to_be_visible(timeout=180_000)
    drawn(page)
    assert f"A made task, {task}." in texts(page) and asked(page)["t_models"] == short
    assert asked(page)["t_in"] == [BENCHMARK]
    marked = grid(page)
    models, scores = cells(marked, "Model")[: len(short)], cells(marked, "Score")[: len(short)]
    assert sorted(models) == sorted(short)
    for model, score in zip(models, scores, strict=True):
        assert float(score) == pytest.approx(100 * wide.xs(task, level="task")[model].iloc[0], abs=0.0051)

    # The link is the record: another browser shows the same.
    before = texts(page)
    again = open_page(page.url)
    grid(again)
    assert texts(again) == before
    assert asked(again) == asked(page)
    reader.close()


@pytest.mark.soak
def test_a_link_to_a_list_is_the_list(address, open_page):
    link = f"{address}/use?u_parameters=0.4&u_equal_Retrieval=3&u_equal_domains=Legal&u_domains_Legal=5&u_price=0.25"
    first, second = open_page(link), open_page(link)
    assert cells(grid(first), "Model") == cells(grid(second), "Model")
    assert texts(first) == texts(second) and "Weight of Legal" in texts(first)
    assert asked(first) == parse_qs(urlsplit(link).query)


def test_a_row_opens_its_task_and_a_row_there_its_cells(address, open_page):
    page = open_page(f"{address}/compare?c_models=org/model-01&c_models=org/model-02")
    tables = page.get_by_test_id("stDataFrame")
    expect(tables).to_have_count(4, timeout=180_000)
    by_task = grid(page, 2)  # the facts, folded, are no table to a viewer
    by_task.scroll_into_view_if_needed()
    task = cells(by_task, "Task")[1]
    select_row(page, by_task, 1)
    expect(page.get_by_text("with a complete score")).to_be_visible(timeout=180_000)
    drawn(page)
    assert asked(page)["t_task"] == [task] and asked(page)["t_in"] == [BENCHMARK]
    standings = grid(page)
    standings.scroll_into_view_if_needed()
    model = cells(standings, "Model")[4]
    select_row(page, standings, 4)
    expect(page.get_by_role("heading", name=f"{model} on this task")).to_be_visible(timeout=180_000)
    assert asked(page)["t_open"] == [model]


def test_back_from_compare_is_the_decision_and_a_head_sorts_in_the_address(address, open_page):
    page = open_page(f"{address}/use?u_parameters=0.4")
    fill(page, "Retrieval (5)", "3")
    link = page.get_by_role("link", name="Compare the short list task by task")
    expect(link).to_have_attribute("href", re.compile("Retrieval(=|%3D|%253D)3"), timeout=180_000)
    drawn(page)
    before = answer(page)
    link.click()
    expect(page.get_by_text("Head to head with")).to_be_visible(timeout=180_000)
    drawn(page)
    assert "type.Retrieval=3" in asked(page)["c_weights"][0]
    page.evaluate("history.back()")
    expect(page.get_by_label("Retrieval (5)", exact=True)).to_have_value("3", timeout=180_000)
    drawn(page)
    expect(page.get_by_label("Parameters at most (billions)")).to_have_value("0.4")
    assert answer(page) == before
    assert {key: float(value[0]) for key, value in asked(page).items()} == {"u_parameters": 0.4, "u_equal_Retrieval": 3}

    page = open_page(f"{address}/tasks?t_task=Sort0")
    table = grid(page)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 15)  # the head of the second column, behind the places
    page.wait_for_url(re.compile("t_rows_sort=Model"))
    drawn(page)
    page.mouse.click(box["x"] + 150, box["y"] + 15)
    page.wait_for_url(re.compile("t_rows_sort=-Model"))
    drawn(page)
    models = cells(grid(page), "Model")
    assert models == sorted(models, reverse=True) and len(models) > 2
    page = open_page(f"{address}/tasks?t_task=Sort0&t_rows_sort=-Place")
    places = cells(grid(page), "Place")
    assert places == sorted(places, key=int, reverse=True), "the last first, and none that is blank among what is seen"


@pytest.mark.parametrize(
    "page_name",
    ["compare", "use", *(pytest.param(name, marks=pytest.mark.soak) for name in ("tasks", "models", "changes"))],
)
def test_pages_fit_a_phone_and_a_projector(address, open_page, page_name):
    page = open_page(f"{address}/{page_name}", width=390)
    for width, scheme in ((390, "light"), (1920, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        fits(page)
        # In one call: the page lays itself out anew meanwhile, and a control may be gone when it is asked for.
        boxes = "fields => fields.filter(f => f.checkVisibility()).map(f => f.getBoundingClientRect().x)"
        assert min(page.get_by_test_id("stMain").locator("input, button").evaluate_all(boxes)) >= -1


def test_controls_are_reached_and_changed_by_keyboard(address, open_page):
    page = open_page(f"{address}/compare")
    page.get_by_role("combobox", name="Baseline").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    drawn(page)
    assert "c_baseline" in asked(page)
    page.get_by_role("radio", name="Heatmap").or_(page.get_by_role("button", name="Heatmap")).first.focus()
    page.keyboard.press("Enter")
    drawn(page)
    assert asked(page).get("c_plot") == ["Heatmap"]
