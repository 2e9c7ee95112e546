"""A report as a reader has it: opened from a disk, with the network off, in a real browser, and printed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page

from dashboard.report.html import html_of
from tests.make_store import HOSTILE
from tests.report.conftest import Made
from tests.report.pdf import pages_of, text_of
from tests.tabs import Tabs

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
ALL = "leaderboard?l_benchmark=Tiny%28all%29"


@pytest.fixture
def opened(tabs: Tabs, tmp_path: Path, made: Made) -> Iterator[Opened]:
    """``opened(store, addresses, width=1280, dark=False, **more)``: a report in a page; a fault fails the test."""
    file = tmp_path / "report.html"
    faults: list[str] = []
    listeners = {
        "request": lambda r: None if r.url == file.as_uri() else faults.append(f"request to {r.url}"),
        "console": lambda m: faults.append(m.text) if m.type in ("error", "warning") else None,
        "pageerror": lambda e: faults.append(str(e)),
        "dialog": lambda d: (faults.append(d.message), d.dismiss()),
    }
    with tabs.taken(listeners) as take:

        def open_report(store: Path, addresses: str, *, width: int = 1280, dark: bool = False, **more: str) -> Page:
            file.write_bytes(html_of(made(store, addresses, **more)))
            page = take(file.as_uri())
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]")
            return page

        yield open_report
    assert not faults, "\n".join(faults)


def plots(page: Page) -> tuple[int, int]:
    """How many places there are for plots, and how many have one."""
    return page.locator(".plot").count(), page.locator(".plot > .plot-container").count()


@pytest.mark.parametrize(("width", "dark"), [pytest.param(1440, False, marks=pytest.mark.soak), (390, True)])
def test_it_opens_alone_with_its_plots(opened: Opened, made_parity: Path, width: int, dark: bool) -> None:
    page = opened(made_parity, "reproduction drift", width=width, dark=dark)
    places, drawn = plots(page)
    assert places == drawn > 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    assert not page.evaluate(
        "Array.from(document.querySelectorAll('svg *')).some(e => /#0000[0-4]\\d/.test(e.outerHTML))"
    )


def test_a_map_of_many_columns_is_moved_sideways_on_a_phone(opened: Opened, made_parity: Path) -> None:
    page = opened(made_parity, "drift?drift_view=dimensions", width=390)
    inside, whole = page.locator(".plot").first.evaluate("plot => [plot.clientWidth, plot.scrollWidth]")
    assert inside < 390 < 24 * 17 < whole, "24 blocks of dimensions, each with a name"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_light_and_dark_by_the_button(opened: Opened, made_parity: Path) -> None:
    page = opened(made_parity, "drift")

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor"))

    before = paper()
    page.click("#theme")
    page.wait_for_function(
        "was => getComputedStyle(document.querySelector('.plot .main-svg')).backgroundColor !== was", arg=before
    )
    assert page.get_attribute("html", "data-theme") == "dark"


def test_a_head_sorts_its_table_blanks_last(opened: Opened, made_store: Path) -> None:
    page = opened(made_store, ALL)
    table = page.locator(".sheet").first

    def column(head: str) -> list[str]:
        heads = table.locator("th").all_inner_texts()
        return page.locator(f".scroll tbody td:nth-child({heads.index(head) + 1})").all_inner_texts()

    as_drawn = column("Mean (Task)")
    numbers = sorted((float(text) for text in as_drawn if text), reverse=True)
    head = table.get_by_role("button", name="Mean (Task)", exact=True)
    head.click()
    assert [float(text) for text in column("Mean (Task)") if text] == numbers
    head.click()
    after = column("Mean (Task)")
    assert [float(text) for text in after if text] == numbers[::-1]
    assert "" in after and after == [text for text in after if text] + [text for text in after if not text]
    assert table.locator("th[aria-sort]").count() == 1
    table.get_by_role("button", name="Model", exact=True).click()
    names = column("Model")
    assert names == sorted(names, key=str.lower) and set(HOSTILE) <= set(names)


def test_csv_comes_out_of_the_file_itself(opened: Opened, made_store: Path) -> None:
    page = opened(made_store, ALL)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").first.click()
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8").splitlines()))
    table = page.locator(".sheet").first
    assert rows[0] == [head.strip() for head in table.locator("th").all_inner_texts()]
    assert len(rows) == table.locator("tbody tr").count() + 1 and set(HOSTILE) <= {row[1] for row in rows}
    assert download.value.suggested_filename == "1-leaderboard-1.csv"


def test_what_others_wrote_does_nothing(opened: Opened, made_store: Path, made_parity: Path) -> None:
    script = "</script><script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
    names = " ".join(f"models?m_model={quote(name)}" for name in HOSTILE)
    page = opened(
        made_store, f"{ALL} {names} leaderboard?l_name={quote(script)}", title=script, base="http://h.example"
    )
    assert page.locator("img, iframe, object, a[href^='javascript']").count() == 0
    assert "hit" not in page.title().split("<")[0] and page.evaluate("document.scripts.length") <= 4
    assert page.evaluate("Object.keys(window).includes('hit')") is False
    opened(made_parity, "drift runs reproduction")


def test_no_other_script_is_let_in(tabs: Tabs, tmp_path: Path, made: Made, made_store: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(html_of(made(made_store, ALL)).replace(b"<main>", b"<main><script>window.hit = 1</script>"))
    with tabs.taken({}) as take:
        page = take(file.as_uri())
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate("window.hit") is None


def test_an_old_browser_is_told(chromium: BrowserContext, tmp_path: Path, made: Made, made_parity: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(html_of(made(made_parity, "drift")))
    page = chromium.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert "This browser cannot open the plots" in page.locator(".plot").first.inner_text()
    assert page.locator("tbody tr").count() > 1
    page.close()


@pytest.mark.parametrize(
    "paper", ["portrait", *(pytest.param(paper, marks=pytest.mark.soak) for paper in ("landscape", "slides"))]
)
def test_paper_loses_no_column_and_no_view(opened: Opened, record_store: Path, paper: str) -> None:
    wide = "leaderboard?l_benchmark=MTEB%28eng%2C+v2%29&l_name=e5 models tasks?t_task=STS12 compare"
    page = opened(record_store, wide, dark=True)
    heads = page.evaluate("Array.from(document.querySelectorAll('.scroll th'), head => head.innerText)")
    assert len(heads) > 40
    page.select_option("#paper", paper)
    printed = page.pdf(prefer_css_page_size=True)
    text = text_of(printed)
    assert not [head for head in heads if "".join(unescape(head).split()) not in text]
    width, height = map(float, re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", printed).groups())  # type: ignore[union-attr]
    assert (width > height) == (paper != "portrait") and round(min(width, height)) in (595, 539)
    first = ["".join(title.split()) for title in page.locator("section.view h2").all_inner_texts()]
    starts = [page_text for page_text in pages_of(printed) if page_text.startswith(tuple(first))]
    assert len(starts) >= len(first) - 1, "each view begins on a page of its own; the first may share the title's"
    if paper != "slides":
        models = page.locator(".sheet").first.locator("tbody tr td:nth-child(2)").all_inner_texts()
        assert len(models) > 10 and not [name for name in models if "".join(name.split()) not in text]
