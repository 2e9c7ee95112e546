"""A team in a meeting: twenty sessions open at once, and the record refreshed under them."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from data.store.database import writing
from tests.bench.felt import pages
from tests.serving import served
from tests.sessions import Answer, session

SESSIONS, ROUNDS, THINKING_S, REFRESHES = 20, 4, 6.0, 3
AIM_RATIO = 2.0


def measure(context: Any) -> None:
    """Print p95 of the pages' runs with the record at rest and while it is refreshed, and the server's memory."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(shutil.copy(context.store, Path(folder) / "team.duckdb"))
        with served(store, Path(folder) / "log", ahead=True) as address:
            server = _server(address)
            idle = asyncio.run(_meeting(address, None))
            before = server.memory_info().rss
            refreshed = asyncio.run(_meeting(address, store))
            after = server.memory_info().rss
    failures = [answer.failed for answer in (*idle, *refreshed) if answer.failed]
    rest, busy = (float(np.percentile([answer.seconds for answer in run], 95)) for run in (idle, refreshed))
    print(f"{SESSIONS} sessions, a page every {THINKING_S:.0f} s each: {len(idle) + len(refreshed)} runs, "
          f"{len(failures)} failed {sorted(set(failures))}")  # fmt: skip
    print(f"{'p95 with the record at rest':44} {1000 * rest:8.0f} ms")
    print(f"{f'p95 while it is published {REFRESHES} times':44} {1000 * busy:8.0f} ms   "
          f"ratio {busy / rest:.2f}, aim {AIM_RATIO:.0f}")  # fmt: skip
    print(f"{'memory of the server':44} {before / 1e6:8.0f} MB, then {after / 1e6:.0f} MB")


def _server(address: str) -> psutil.Process:
    port = int(address.rpartition(":")[2])
    (process,) = {
        psutil.Process(connection.pid)
        for connection in psutil.net_connections("tcp")
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN" and connection.pid
    }
    return process


async def _meeting(address: str, store: Path | None) -> list[Answer]:
    """Every session opens pages in an order of its own; meanwhile the store is published anew, if it is named."""
    viewers = [_view(address, seed) for seed in range(SESSIONS)]
    answers, _ = await asyncio.gather(asyncio.gather(*viewers), _refresh(store))
    return [answer for of_one in answers for answer in of_one[1:]]  # the first run of a session is its start


async def _view(address: str, seed: int) -> list[Answer]:
    chance = random.Random(seed)
    answers = []
    async with session(address) as viewer:
        for page in ["", *chance.choices(pages(), k=ROUNDS)]:
            answers.append(await viewer.ask(page))
            await asyncio.sleep(THINKING_S * (0.5 + chance.random()))
    return answers


async def _refresh(store: Path | None) -> None:
    for number in range(REFRESHES if store else 0):
        await asyncio.sleep(THINKING_S * ROUNDS / (REFRESHES + 1))
        await asyncio.to_thread(_publish, store, number)


def _publish(store: Path | None, number: int) -> None:
    assert store is not None
    with writing(store) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('refreshed', ?)", [f"{number} {time.time()}"])
