"""Eight people look at the page while the store is published again and again: no error on either side."""

from __future__ import annotations

import threading

import pytest

from tests.conftest import drawn
from tests.dashboard.grid import cells, grid
from tests.make_store import make_store
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SESSIONS, VERSIONS = 8, 4


def test_publishing_disturbs_no_reader_and_no_reader_disturbs_publishing(tmp_path, open_page):
    store = make_store(tmp_path / "store.duckdb", plain_models=10)
    failures: list[Exception] = []
    # A version is published while all eight ask, and the next not before all have asked again.
    asking = threading.Semaphore(0)

    def publish() -> None:
        try:
            for version in range(VERSIONS):
                asking.acquire()
                make_store(store, plain_models=11 + version)
        except Exception as error:
            failures.append(error)

    with served(store, tmp_path / "log") as address:
        pages = [open_page(f"{address}/leaderboard", width=1600) for _ in range(SESSIONS)]
        writer = threading.Thread(target=publish)
        writer.start()
        for _ in range(VERSIONS):
            asking.release()
            for page in pages:
                page.get_by_text("Reverse", exact=True).click()
        writer.join()
        last = f"org/model-{10 + VERSIONS - 1}"
        for page in pages:
            page.goto(f"{address}/leaderboard?l_name={last}")
            drawn(page)
            assert cells(grid(page), "Model") == [last]
            assert page.get_by_test_id("stException").count() == 0
            page.close()  # before the server ends, which an open page would report
    assert not failures
    assert "Traceback" not in (tmp_path / "log").read_text(errors="replace")
