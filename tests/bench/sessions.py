"""What one dashboard process carries: memory of each open session, and how many reruns a second it answers.

Each session is what a browser is to the server: a web socket of Streamlit's protocol that opens a page, reads all that
is sent, and runs it again with another choice. A server of its own, as ``make run`` starts it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.serving import served

PAGES = ("overview", "leaderboard", "replace", "reproduction")
OPEN, AT_ONCE, ROUNDS = 100, 4, 3
BENCHMARKS = ("MTEB(eng, v2)", "MTEB(Multilingual, v2)", "RTEB(beta)")
_LARGEST = 2**26  # bytes of a message


def measure(context: Any) -> None:
    """Print memory of a session, and reruns a second with as many asking at once as a small team."""
    with tempfile.TemporaryDirectory() as folder, served(context.store, Path(folder) / "log", ahead=True) as address:
        asyncio.run(_measure(address.replace("http", "ws", 1) + "/_stcore/stream"))


async def _measure(address: str) -> None:
    server = _server(address)
    sessions = [await _opened(address, page) for page in PAGES * 3]  # what all sessions share is there now
    memory = [server.memory_info().rss / 1e6]
    while len(sessions) < OPEN:
        sessions += [await _opened(address, page) for page in PAGES]
        memory.append(server.memory_info().rss / 1e6)
    each = np.median(np.diff(memory)) / len(PAGES)
    print(f"{f'memory of the server with {len(PAGES) * 3} sessions':44} {memory[0]:7,.0f} MB")
    print(f"{f'with {len(sessions)} sessions':44} {memory[-1]:7,.0f} MB   each one more {each:.2f} MB (median)")
    board = [session for number, session in enumerate(sessions) if PAGES[number % len(PAGES)] == "leaderboard"]
    busy, began = server.cpu_times(), time.monotonic()
    times = np.concatenate(await asyncio.gather(*map(_asked, board[:AT_ONCE])))
    seconds, now = time.monotonic() - began, server.cpu_times()
    computing = 1000 * (now.user + now.system - busy.user - busy.system) / len(times)
    p50, p95 = 1000 * np.percentile(times, [50, 95])
    what = f"leaderboard, {AT_ONCE} sessions choose at once"
    print(f"{what:44} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   {len(times) / seconds:.1f} reruns a second   "
          f"computing {computing:,.0f} ms each")  # fmt: skip
    await asyncio.gather(*(session.close() for session in sessions))


def _server(address: str) -> psutil.Process:
    """The process that listens there."""
    port = int(address.rpartition(":")[2].partition("/")[0])
    return next(
        process
        for process in psutil.Process().children(recursive=True)
        if any(each.status == "LISTEN" and each.laddr.port == port for each in process.net_connections())
    )


async def _opened(address: str, page: str) -> ClientConnection:
    session = await connect(address, max_size=_LARGEST, subprotocols=[Subprotocol("streamlit")])
    await _run(session, page, "")
    return session


async def _asked(session: ClientConnection) -> list[float]:
    """Seconds of each rerun of the leaderboard with another benchmark; a viewer thinks between two."""
    times = []
    for benchmark in BENCHMARKS * ROUNDS:
        began = time.monotonic()
        await _run(session, "leaderboard", f"l_benchmark={benchmark}")
        times.append(time.monotonic() - began)
        await asyncio.sleep(0.2)
    return times


async def _run(session: ClientConnection, page: str, query: str) -> None:
    """Have the script run, and read everything until it has ended."""
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = query
    await session.send(asked.SerializeToString())
    async with asyncio.timeout(120):
        async for data in session:
            message = ForwardMsg.FromString(data)
            assert message.delta.new_element.WhichOneof("type") != "exception", message
            if message.WhichOneof("type") == "script_finished":
                return
