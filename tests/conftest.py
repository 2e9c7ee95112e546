"""Fixtures that every area shares: a store, the dashboard over it, and a page in a real browser."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# A test that names no store finds none, and leaves the user's alone: commands keep their looks and runs there.
os.environ["PLUMBLINE_STORE"] = str(Path(tempfile.gettempdir()) / f"plumbline-no-store-{os.getpid()}" / "store.duckdb")
# Workers share the cores: torch's threads, one for each core in each worker, would wait for one another. Set before
# anything imports torch, and for the processes that tests start.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from data.store.database import StoreReader
from tests.browser import FLAGS, found
from tests.make_parity import parity_store
from tests.make_store import make_store
from tests.serving import ROOT, served

expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store of tests/make_store.py."""
    return make_store(tmp_path_factory.mktemp("made") / "made.duckdb")


@pytest.fixture(scope="session")
def made_parity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of tests/make_parity.py: parity checks, a diagnosis, a reproduction."""
    return parity_store(tmp_path_factory.mktemp("parity") / "parity.duckdb")


@pytest.fixture(scope="session")
def parity_dashboard(made_parity: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard over the made parity checks."""
    with served(made_parity, tmp_path_factory.mktemp("served") / "parity.log") as address:
        yield address


@pytest.fixture(scope="session")
def record_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store built from the bundled record, by the command a user types."""
    if not any((ROOT / "data" / "record").glob("*.parquet")):
        pytest.skip("there is no bundled record in data/record")
    path = tmp_path_factory.mktemp("record") / "record.duckdb"
    command = [sys.executable, "-m", "evaluators", "import"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PLUMBLINE_STORE": str(path)})
    return path


@pytest.fixture(scope="session")
def record_reader(record_store: Path) -> Iterator[StoreReader]:
    """The same, open for direct queries."""
    reader = StoreReader(record_store)
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def dashboard(made_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard over the made store."""
    with served(made_store, tmp_path_factory.mktemp("served") / "made.log") as address:
        yield address


@pytest.fixture(scope="session")
def record_dashboard(record_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard over the bundled record."""
    with served(record_store, tmp_path_factory.mktemp("served") / "record.log") as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """``open_page(address, dark=False, width=1280, height=900)``: a page of a fresh profile, drawn to the end.

    A request to any other machine is stopped and fails the test when it ends, and so does an error on the console.
    """
    contexts, faults = [], []

    def opened(address: str, *, dark: bool = False, width: int = 1280, height: int = 900) -> Page:
        context = chromium.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": height}
        )
        contexts.append(context)
        context.set_default_timeout(180_000)  # a busy machine is no fault of the page's
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("request", lambda r: None if _ours(r.url) else faults.append(f"request to {r.url}"))
        page.on(
            "console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" and not _knock(m) else None
        )
        page.on("pageerror", lambda e: faults.append(f"script: {e}"))
        page.on("dialog", lambda d: (faults.append(f"dialog: {d.message}"), d.dismiss()))
        context.route(lambda url: not _ours(url), lambda route: route.abort())
        page.goto(address)
        drawn(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


def drawn(page: Page) -> None:
    """Wait until the page's run has ended and nothing on it is out of date."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=180_000)
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached", timeout=180_000)
    page.wait_for_selector('[data-stale="true"]', state="detached", timeout=180_000)


def _knock(message: ConsoleMessage) -> bool:
    """On a page below the root Streamlit looks for its server under the page's own path first, and is told 404."""
    return "/_stcore/" in message.location.get("url", "")


def _ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))
