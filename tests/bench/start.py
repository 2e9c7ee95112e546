"""How long from the start of the process to a page: served over HTTP, and drawn in a browser."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser import FLAGS, found
from tests.serving import served

AIM_S = 3.0
ROUNDS = 3


def measure(context: Any) -> None:
    """Print the median of three starts, each a process of its own with nothing cached."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        runs = sorted(_start(context.store, browser) for _ in range(ROUNDS))
        browser.close()
    http, drawn = runs[ROUNDS // 2]
    print(f"{'process start to first page served':44} {http:6.1f} s   aim {AIM_S:.0f} s")
    print(f"{'process start to leaderboard drawn':44} {drawn:6.1f} s   (browser already open)")


def _start(store: Path, browser: Browser) -> tuple[float, float]:
    """Seconds until the server answers with the page, and until the table in it has cells."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with served(store, Path(folder) / "log", every=0.02) as address:
            page = browser.new_page()
            page.goto(f"{address}/leaderboard", wait_until="commit")
            http = time.perf_counter() - start
            page.locator("canvas td").first.wait_for(state="attached", timeout=180_000)
            drawn = time.perf_counter() - start
            page.close()
    return http, drawn
