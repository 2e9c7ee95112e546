"""Find or install a browser for the tests: one on the PATH, else Debian's chromium, else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A fresh profile each time, and nothing that talks to anything but the page under test.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",  # the rasterizer in software stays: WebGL draws the marks on a map of a thousand texts
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Room for what a page leaves behind, and no second compilation of what runs for seconds only.
    "--js-flags=--min-semi-space-size=64,--max-semi-space-size=64,--no-opt,--no-maglev",
]


def found() -> str | None:
    """Path of a browser on the PATH, or of the one PLUMBLINE_BROWSER names."""
    named = os.environ.get("PLUMBLINE_BROWSER")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def drawn(page: Page) -> None:
    """Wait until the page's run has ended and nothing on it is out of date."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=180_000)
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached", timeout=180_000)
    page.wait_for_selector('[data-stale="true"]', state="detached", timeout=180_000)


def install() -> str:
    """Say which browser the tests will drive, installing one first if there is none."""
    if path := found():
        return path
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"check": False, "stdout": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], **quiet)
        if path := found():
            return path
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode == 0:
        return "Playwright's chromium"
    sys.exit("No browser for the tests: install chromium or chrome, or name one with PLUMBLINE_BROWSER.")


if __name__ == "__main__":
    print(f"Browser tests use {install()}")
