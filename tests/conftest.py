"""Fixtures that every area shares: a store, the dashboard over it, and a page in a real browser."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# A test that names no store finds none, and leaves the user's alone: commands keep their looks and runs there.
os.environ["PLUMBLINE_STORE"] = str(Path(tempfile.gettempdir()) / f"plumbline-no-store-{os.getpid()}" / "store.duckdb")
os.environ["PLUMBLINE_CACHE"] = str(Path(tempfile.gettempdir()) / f"plumbline-no-cache-{os.getpid()}")
# Workers share the cores: torch's threads, one for each core in each worker, would wait for one another. Set before
# anything imports torch, and for the processes that tests start.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from data.store.database import StoreReader
from tests.browser import FLAGS, drawn, found
from tests.make_parity import parity_store
from tests.make_store import make_store
from tests.once import once
from tests.s3_server import S3Server
from tests.serving import ROOT, served

expect.set_options(timeout=60_000)
# All but this machine is behind a proxy that is not there; routes of Playwright would turn the cache off.
ALONE = ["--proxy-server=127.0.0.1:9"]
GONE = ("Client Error in reaching server endpoint", "Streamlit server is not responding")


_MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def one_main() -> None:
    """AppTest leaves the script it ran in the place of ``__main__``: a process spawned later would run it again."""
    sys.modules["__main__"] = _MAIN


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store of tests/make_store.py."""
    return once(tmp_path_factory, "made.duckdb", make_store)


@pytest.fixture(scope="session")
def made_parity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of tests/make_parity.py: parity checks, a diagnosis, a reproduction."""
    return once(tmp_path_factory, "parity.duckdb", parity_store)


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

    def imported(path: Path) -> None:
        command = [sys.executable, "-m", "evaluators", "import"]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PLUMBLINE_STORE": str(path)})

    return once(tmp_path_factory, "record.duckdb", imported)


@pytest.fixture(scope="session")
def record_reader(record_store: Path) -> Iterator[StoreReader]:
    """The same, open for direct queries."""
    reader = StoreReader(record_store)
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 protocol server in this process; a test takes a bucket of its own."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an empty bucket, with the environment set so that its address is all one needs."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket()


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
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser a worker, with a profile on disk: it keeps the compiled scripts, half of what a page costs."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=found(),
            args=[*FLAGS, *ALONE],
            permissions=["clipboard-read", "clipboard-write"],
            reduced_motion="reduce",  # nothing that moves while it waits is drawn again and again
        )
        context.set_default_timeout(180_000)  # a busy machine is no fault of the page's
        yield context
        context.close()


@pytest.fixture
def open_page(chromium: BrowserContext) -> Iterator[Callable[..., Page]]:
    """``open_page(address, dark=False, width=1280, height=900)``: a page that remembers nothing, drawn to the end.

    A request to any other machine is stopped and fails the test when it ends, and so does an error on the console.
    """
    pages, faults = [], []

    def opened(address: str, *, dark: bool = False, width: int = 1280, height: int = 900) -> Page:
        page = chromium.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        _forget(page, address)
        page.on("request", lambda r: None if _ours(r.url) else faults.append(f"request to {r.url}"))
        page.on(
            "console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" and not _knock(m) else None
        )
        page.on("pageerror", lambda e: faults.append(f"script: {e}"))
        page.on("dialog", lambda d: (faults.append(f"dialog: {d.message}"), d.dismiss()))
        page.goto(address)
        drawn(page)
        return page

    yield opened
    during = len(faults)
    for page in pages:
        page.close()
    # A test that serves its own store ends the server before its pages, which then report that it is gone.
    faults[during:] = [fault for fault in faults[during:] if not any(words in fault for words in GONE)]
    assert not faults, "\n".join(faults)


def _forget(page: Page, address: str) -> None:
    """Clear what a page of this server has stored in the browser, so that a link alone says what is shown."""
    chromium = page.context.new_cdp_session(page)
    chromium.send(
        "Storage.clearDataForOrigin",
        {"origin": address.split("?")[0], "storageTypes": "cookies,local_storage,indexeddb,service_workers"},
    )
    chromium.detach()


def _knock(message: ConsoleMessage) -> bool:
    """On a page below the root Streamlit looks for its server under the page's own path first, and is told 404."""
    return "/_stcore/" in message.location.get("url", "")


def _ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))
