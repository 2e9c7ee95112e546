"""Speed as a viewer feels it, in a real browser: until nothing above the fold changes any more, page by page.

Cold: a browser that has never seen the dashboard. Warm: the same browser again. A filter: from the click. The server is
started as ``make run`` does and has drawn its pages ahead.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import FLAGS, found
from tests.serving import ROOT, served

COLD_S, WARM_S, FILTER_MS = 3.0, 1.5, 300
ROUNDS = 3
QUIET_MS = 700  # nothing has changed for so long: it has answered
# When something in sight last changed, in ms since the address was asked for. Streamlit's running man, toasts and the
# header are no answer.
_WATCH = """
window.__last = 0;
const apart = '[data-testid=stStatusWidget], [data-testid=stHeader], [data-testid=stToast], head, style';
const seen = (node) => {
  if (!node || node.nodeType !== 1 || node.closest(apart)) return false;
  const box = node.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0;
};
new MutationObserver((changes) => {
  for (const change of changes) {
    const node = change.target.nodeType === 1 ? change.target : change.target.parentElement;
    if (seen(node)) { window.__last = performance.now(); return; }
  }
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
_DONE = f"""() => document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
  && !document.querySelector('[data-testid=stSkeleton]') && performance.now() - window.__last > {QUIET_MS}"""


def measure(context: Any) -> None:
    """Print the seconds of every page, cold and warm, and of a filter."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(context.store, Path(folder) / "log", ahead=True) as base,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        _wait_until_drawn_ahead(browser, base)
        aims = f"cold, aim {COLD_S:.1f} s    warm, aim {WARM_S:.1f} s    median of {ROUNDS}"
        print(f"{'from address to answer':34} {aims}")
        for name in pages():
            cold, warm = zip(*(_opened(browser, f"{base}/{name}") for _ in range(ROUNDS)), strict=True)
            print(f"{name:34} {np.median(cold):17.2f} s {np.median(warm):18.2f} s")
        times = _filtered(browser, base)
        print(
            f"{'a filter of the leaderboard':34} median {np.median(times):.0f} ms, aim {FILTER_MS} ms   n {len(times)}"
        )
        browser.close()


def pages() -> list[str]:
    """Every page by its address, as the bar has them."""
    return re.findall(r'^ +Page\(\s*"(\w+)"', (ROOT / "dashboard" / "app.py").read_text("utf-8"), re.M)


def watched(browser: Browser) -> Page:
    """A page of a browser that remembers nothing, with the watch put in."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(_WATCH)
    return page


def seconds_to_answer(page: Page, address: str) -> float:
    """From asking for an address until nothing above the fold changes any more."""
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-testid=stMainBlockContainer] h1")
    page.wait_for_function(_DONE, timeout=180_000)
    return float(page.evaluate("window.__last")) / 1000


def milliseconds_after(page: Page, act: Callable[[], Any]) -> float:
    """From an action until nothing above the fold changes any more."""
    start = page.evaluate("window.__last = performance.now()")
    act()
    page.wait_for_timeout(30)
    page.wait_for_function(_DONE, timeout=180_000)
    return float(page.evaluate("window.__last") - start)


def _opened(browser: Browser, address: str) -> tuple[float, float]:
    page = watched(browser)
    cold, warm = seconds_to_answer(page, address), seconds_to_answer(page, address)
    page.context.close()
    return cold, warm


def _filtered(browser: Browser, base: str) -> list[float]:
    page = watched(browser)
    seconds_to_answer(page, f"{base}/leaderboard")
    labels = ["Open", "Proprietary", "Any"] * 2
    weights = page.get_by_test_id("stSidebar").get_by_role("radiogroup").first
    times = [
        milliseconds_after(page, weights.get_by_text(label, exact=True).click) for label in labels
    ]  # fmt: skip
    page.context.close()
    return times


def _wait_until_drawn_ahead(browser: Browser, base: str) -> None:
    """Open the first page, then leave the server in peace for as long as the others may take it."""
    page = watched(browser)
    seconds_to_answer(page, base)
    page.context.close()
    time.sleep(20)
