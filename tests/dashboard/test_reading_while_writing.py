"""Eight people look at the page while the store is published again and again: no error on either side."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.grid import cells, grid
from tests.make_store import make_store
from tests.serving import served
from tests.sessions import Answer, Session, session

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SESSIONS, VERSIONS = 8, 2
LAST = f"org/model-{10 + VERSIONS - 1}"


async def look_and_publish(address: str, store: Path) -> list[Answer]:
    """Eight sessions ask while a version is published, and all have asked again before the next one is."""
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(session(address)) for _ in range(SESSIONS)]
        answers = await asyncio.gather(*(one.ask("leaderboard") for one in people))
        for version in range(VERSIONS):
            publishing = asyncio.create_task(asyncio.to_thread(make_store, store, plain_models=11 + version))
            while not publishing.done():
                answers += await asyncio.gather(*(looked(one, len(answers)) for one in people))
            await publishing
        answers += await asyncio.gather(*(one.ask("leaderboard", f"l_name={LAST}", LAST) for one in people))
    return answers


def looked(person: Session, number: int) -> Any:
    return person.ask("leaderboard", f"l_reverse={str(bool(number % 2)).lower()}")


def test_publishing_disturbs_no_reader_and_no_reader_disturbs_publishing(tmp_path, open_page):
    store = make_store(tmp_path / "store.duckdb", plain_models=10)
    # In a thread: the loop of the browser's driver stands in this one.
    with served(store, tmp_path / "log") as address, ThreadPoolExecutor(1) as thread:
        answers = thread.submit(asyncio.run, look_and_publish(address, store)).result()
        assert [answer.failed for answer in answers if answer.failed] == []
        assert len(answers) >= SESSIONS * (VERSIONS + 2)
        assert all(answer.shown for answer in answers[-SESSIONS:])
        page = open_page(f"{address}/leaderboard?l_name={LAST}", width=1600)
        assert cells(grid(page), "Model") == [LAST]
        assert page.get_by_test_id("stException").count() == 0
        page.close()  # before the server ends, which an open page would report
    assert "Traceback" not in (tmp_path / "log").read_text(errors="replace")
