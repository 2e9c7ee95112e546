"""Fixtures that every area shares: a store, the dashboard over it, and a page in a real browser."""

from __future__ import annotations

import gc
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A test that names no store finds none, and leaves the user's alone, as its runs and its looks are left.
os.environ["PLUMBLINE_STORE"] = str(Path(tempfile.gettempdir()) / f"plumbline-no-store-{os.getpid()}" / "store.duckdb")
os.environ["PLUMBLINE_CACHE"] = str(Path(tempfile.gettempdir()) / f"plumbline-no-cache-{os.getpid()}")
# One thread, whatever the machine has and whoever else runs: sums are those of elsewhere, and the threads of
# workers do not wait for one another. Set before anything imports torch, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from data.store import keys
from data.store.database import StoreReader
from evaluators.cached import cache_folder
from tests.browser import FLAGS, drawn, found
from tests.dashboard.choose_store import choose_store
from tests.dashboard.gaps_store import gaps_store
from tests.make_parity import parity_store
from tests.make_store import make_store
from tests.once import once
from tests.serving import ROOT, served
from tests.tabs import Tabs
from tests.traces import changes, of_modules, of_process, seed
from tests.turns import FromBothEnds, in_a_row

if TYPE_CHECKING:
    from tests.s3_server import S3Server

expect.set_options(timeout=60_000)
# All but this machine is behind a proxy that is not there; routes of Playwright would turn the cache off.
ALONE = ["--proxy-server=127.0.0.1:9"]
GONE = ("Client Error in reaching server endpoint", "Streamlit server is not responding")


_MAIN = sys.modules["__main__"]
_before_file: list[Any] = [None, None, None]  # path, and what was seen of the process and of modules
_modules = [0]  # how many there were when the collector was last spared them
_MANY = 300


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In each worker alike: the order in which files are handed out; without workers files run as they were named."""
    if hasattr(config, "workerinput"):
        items[:] = in_a_row(items)


def pytest_collection_finish() -> None:
    """Whoever has collected tests of pages reads once which packages bring components.

    Streamlit's AppTest reads the metadata of every installed package anew for each page: most of what one costs.
    """
    if "streamlit" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    """With ``--dist loadfile``: by turns from both ends of that order."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return FromBothEnds(config, log)


@pytest.fixture(autouse=True)
def one_main() -> None:
    """AppTest leaves the script it ran in the place of ``__main__``: a process spawned later would run it again."""
    sys.modules["__main__"] = _MAIN


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Before the first test of a file, and its fixtures, look at what no file may change for another."""
    if _before_file[0] != item.path:
        # Nothing is done between two files: the second starts with what was seen at the end of the first.
        _, process, modules = _before_file
        _before_file[:] = [item.path, process or of_process(), modules or of_modules()]
    _rest()
    seed()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """After the last test of a file, and the end of its fixtures, look again."""
    yield
    if nextitem is None or nextitem.path != item.path:
        # runs of one file of tests are not put back into the stores of the next
        shutil.rmtree(cache_folder() / "runs", ignore_errors=True)
        keys.forget()  # a process knows the keys it was given to its end; a file of tests is what one process does
        _, process, modules = _before_file
        _before_file[:] = [None, of_process(), of_modules()]
        left = changes(process, _before_file[1]) + changes(modules, _before_file[2])
        _say(f"{item.path.name} leaves for the next file", left)


def _rest() -> None:
    """What came with imports stays to the end: the collector does not go through torch and mteb again and again."""
    if len(sys.modules) > _modules[-1] + _MANY:
        _modules[:] = [len(sys.modules)]
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def no_trace(one_main: None) -> Iterator[None]:
    """No test leaves the process other than it was: the environment, the folder, loggers, threads, settings."""
    before = of_process()
    yield
    left = changes(before, of_process())
    _say("left for the next test", left)


def _say(what: str, left: list[str]) -> None:
    """Warn of what is left, or fail where PLUMBLINE_TRACES is ``fail``."""
    text = "\n".join([f"{what}:", *left])
    if left and os.environ.get("PLUMBLINE_TRACES") == "fail":
        pytest.fail(text, pytrace=False)
    elif left:
        warnings.warn(text, stacklevel=2)


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store of tests/make_store.py."""
    return once(tmp_path_factory, "made.duckdb", make_store)


@pytest.fixture(scope="session")
def made_parity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of tests/make_parity.py: parity checks, a diagnosis, a reproduction."""
    return once(tmp_path_factory, "parity.duckdb", parity_store)


@pytest.fixture(scope="session")
def made_choice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of tests/dashboard/choose_store.py: models that cannot be told apart, languages, two imports."""
    return once(tmp_path_factory, "choose.duckdb", choose_store)


@pytest.fixture(scope="session")
def made_gaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of tests/dashboard/gaps_store.py: gaps and near ties."""
    return once(tmp_path_factory, "gaps.duckdb", gaps_store)


@pytest.fixture(scope="session")
def choice_dashboard(made_choice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard over the store of the pages that help to choose."""
    with served(made_choice, tmp_path_factory.mktemp("served") / "choose.log") as address:
        yield address


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
    from tests.s3_server import S3Server

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


@pytest.fixture(scope="session")
def tabs(chromium: BrowserContext) -> Tabs:
    """The tabs of that browser, which tests hand on."""
    return Tabs(chromium)


@pytest.fixture
def open_page(tabs: Tabs) -> Iterator[Callable[..., Page]]:
    """``open_page(address, dark=False, width=1280, height=900)``: a page that remembers nothing, drawn to the end.

    A request to any other machine is stopped and fails the test when it ends, and so does an error on the console.
    """
    faults: list[str] = []
    listeners = {
        "request": lambda r: None if _ours(r.url) else faults.append(f"request to {r.url}"),
        "console": lambda m: faults.append(f"console: {m.text}") if m.type == "error" and not _knock(m) else None,
        "pageerror": lambda e: faults.append(f"script: {e}"),
        "dialog": lambda d: (faults.append(f"dialog: {d.message}"), d.dismiss()),
    }
    with tabs.taken(listeners) as take:

        def opened(address: str, *, dark: bool = False, width: int = 1280, height: int = 900) -> Page:
            page = take(address)
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if dark else "light")
            _forget(page, address)
            page.goto(address)
            drawn(page)
            return page

        yield opened
        during = len(faults)
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
