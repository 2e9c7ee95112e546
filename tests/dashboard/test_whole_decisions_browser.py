"""Three whole decisions in a real browser: from the overview to a report opened from disk with the network off."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from dashboard.queries.believing import beliefs_of_models
from dashboard.queries.replace import rivals
from data.rules.believing import BeliefVerdict
from data.rules.deltas import thresholds
from data.store.database import StoreReader
from data.store.decisions import read_decisions
from tests.conftest import drawn
from tests.serving import served

pytestmark = pytest.mark.browser

ENG = "MTEB(eng, v2)"


@pytest.fixture(scope="module")
def store(record_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled record in a place of its own: decisions are kept beside it."""
    return Path(shutil.copy(record_store, tmp_path_factory.mktemp("team") / "team.duckdb"))


@pytest.fixture(scope="module")
def address(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(store, tmp_path_factory.mktemp("served") / "team.log") as where:
        yield where


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[StoreReader]:
    reader = StoreReader(store)
    yield reader
    reader.close()


def follow(page: Page, name: str | re.Pattern[str], heading: str) -> None:
    page.get_by_test_id("stMain").get_by_role("link", name=name).first.click()
    expect(page.locator("h1")).to_contain_text(heading)
    drawn(page)


def fill(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    drawn(page)


def decide(page: Page, name: str, reason: str) -> None:
    page.get_by_role("button", name="Decide").click()
    page.get_by_label("Name of the decision").fill(name)
    page.get_by_label("Reason").fill(reason)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Keep the decision").click()
    expect(page.get_by_test_id("stMain").get_by_text(reason).first).to_be_visible()
    drawn(page)


def main_text(page: Page) -> str:
    return page.get_by_test_id("stMain").inner_text()


@pytest.fixture
def report_of(chromium: BrowserContext, tmp_path: Path) -> Iterator[Callable[[Page], str]]:
    """``report_of(page)``: what the report of a page says, opened from disk in a browser without a network."""
    opened: list[Page] = []
    requests: list[str] = []

    def report(page: Page) -> str:
        page.get_by_role("button", name="Report", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name="HTML", exact=True).click()
        file = tmp_path / "report.html"
        download.value.save_as(file)
        assert file.stat().st_size < 6_000_000
        offline = chromium.new_page()
        opened.append(offline)
        offline.on("request", lambda r: None if r.url == file.as_uri() else requests.append(r.url))
        offline.goto(file.as_uri())
        offline.wait_for_selector("html[data-ready]")
        return offline.locator("body").inner_text()

    yield report
    for page in opened:
        page.close()
    assert not requests


def test_a_short_list_under_limits(address, store, reader, open_page, report_of) -> None:
    page = open_page(address)
    expect(page.locator("h1")).to_contain_text("Overview")
    follow(page, "Weigh what matters to us", "Our use")
    fill(page, "Parameters at most (billions)", "0.4")
    page.get_by_text("Open weights", exact=True).click()
    drawn(page)
    asked, shown = page.url, main_text(page)
    decide(page, "Short list Q4", "Small enough for our boxes.")
    (decision,) = [one for one in read_decisions(store.with_suffix(".decisions.jsonl")).decisions
                   if one.name == "Short list Q4"]  # fmt: skip
    assert decision.author == "Ada" and decision.link.startswith("use?") and decision.figures
    first = re.search(r"[\w.-]+/[\w.-]+", shown.split("The short list", 1)[1])
    assert first
    n_parameters, is_open = reader.cursor().execute(
        "SELECT n_parameters, open_weights FROM models WHERE model = ?", [first[0]]
    ).fetchall()[0]  # fmt: skip
    assert n_parameters <= 4e8 and is_open
    report = report_of(page)
    assert "Small enough for our boxes." in report and "Short list Q4" in report
    # Every number of the answer stands in the report as it stands on the page.
    answer = shown.split("The short list", 1)[1].split("\n\n", 1)[0]
    assert first[0] in report and all(number in report for number in re.findall(r"\d+\.\d+", answer))
    # Another session sees it, where it was taken and in the list.
    other = open_page(f"{address}/decisions")
    assert "Short list Q4" in main_text(other) and "1 decision, 0 outdated" in main_text(other)
    follow(other, "The view it was taken on", "Our use")
    assert other.url.split("?")[1] == asked.split("?")[1]
    assert "Small enough for our boxes." in main_text(other)
    # Back leads through all of it, and nothing is lost.
    other.go_back()
    expect(other.locator("h1")).to_contain_text("Decisions")
    drawn(other)
    assert "Short list Q4" in main_text(other)
    other.go_forward()
    expect(other.locator("h1")).to_contain_text("Our use")
    drawn(other)
    assert other.get_by_label("Parameters at most (billions)", exact=True).input_value() == "0.4"


@pytest.mark.soak  # the page in test_replace_browser.py, deciding and the report above
def test_replacing_an_api_model(address, reader, open_page, report_of) -> None:
    page = open_page(address)
    follow(page, re.compile("Replace text-embedding-3-large"), "Replace")
    board = page.get_by_role("combobox", name="Benchmark").input_value()
    frame = rivals(reader.cursor(), "openai/text-embedding-3-large", board, False)
    headline = page.locator("h4").first.inner_text()
    named = re.match(r"(\S+/\S+) is ([\d.]+) points better than openai/text-embedding-3-large on the (\d+) ", headline)
    assert named, headline
    row = frame.set_index("model").loc[named[1]]
    assert f"{100 * row['difference']:.2f}" == named[2] and int(row["tasks"]) == int(named[3])
    decide(page, "Move off the API", "Better, and ours.")
    report = report_of(page)
    assert named[1] in report and named[2] in report and "Better, and ours." in report
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Overview")


@pytest.mark.soak  # the page in tests/verdicts/test_browser.py, the belief in test_page.py beside it
def test_is_this_claim_overstated(address, reader, open_page, report_of) -> None:
    (suspect,) = [
        one
        for one in beliefs_of_models(reader.cursor(), thresholds())
        if one.model == "Alibaba-NLP/gte-Qwen2-7B-instruct"
    ]
    assert suspect.verdict == BeliefVerdict.ABOVE
    page = open_page(address)
    follow(page, "Which figures hold", "Reproduction")
    page.get_by_text("Model cards", exact=True).click()
    drawn(page)
    fill(page, "Model or task", suspect.model)
    expect(page.get_by_test_id("stMain")).to_contain_text(f"{suspect.model}: ")
    text = main_text(page)
    assert "claim above the official run" in text
    assert str(suspect.why[0]) in text and "Look at the model card first." in text
    decide(page, "gte-Qwen2 is overstated", "The official run is lower.")
    report = report_of(page)
    assert "claim above the official run" in report and str(suspect.why[0]) in report
    assert "gte-Qwen2 is overstated" in report
    # The model's own page, in another session, has it too.
    other = open_page(f"{address}/models?m_model={suspect.model}")
    assert "The official run is lower." in main_text(other)
