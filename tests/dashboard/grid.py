"""Read a table of the dashboard in a browser: it is drawn on a canvas, with an accessible table inside."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

HEAD, ROW = 31, 31  # pixels, at the theme's font size

__all__ = ["cells", "fits", "grid", "heads", "select_row"]


def grid(page: Page, nth: int = 0) -> Locator:
    """The table, once it has cells."""
    found = page.get_by_test_id("stDataFrame").filter(visible=True).nth(nth)
    found.locator("canvas td").first.wait_for(state="attached", timeout=180_000)
    return found


def heads(table: Locator) -> dict[str, str]:
    """Column heads that are drawn now, with the number the cells carry."""
    return {h.inner_text(): h.get_attribute("aria-colindex") or "" for h in table.locator("canvas th").all()}


def cells(table: Locator, column: str) -> list[str]:
    """Texts of a column's drawn cells, from the first row down."""
    number = heads(table)[column]
    return table.locator(f'canvas td[aria-colindex="{number}"]').all_inner_texts()


def select_row(page: Page, table: Locator, row: int) -> None:
    """Click the box in front of a row."""
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 18, box["y"] + HEAD + ROW * row + ROW / 2)


def fits(page: Page) -> None:
    """Fail if the page scrolls sideways, once a change of the window's size has come through."""
    page.wait_for_function(
        """() => [document.documentElement, document.querySelector('[data-testid=stMain]')].every(
            element => element.scrollWidth <= element.clientWidth)""",
        timeout=30_000,
        polling=100,
    )
