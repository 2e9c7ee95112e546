"""Sessions of a served dashboard without a browser: Streamlit's own messages over its websocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

__all__ = ["Answer", "Session", "session"]

SECONDS = 120.0  # a page takes a few; after this long it hangs


@dataclass(frozen=True)
class Answer:
    """One run of a page: how long it took, whether anything went wrong, what was sent, and whether the words were."""

    seconds: float
    failed: str
    messages: int
    shown: bool = False


class Session:
    """One open page."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def ask(self, page: str, query: str = "", wanted: str = "") -> Answer:
        """Run a page at its choices; what the script said of an error comes back, and whether it sent these words."""
        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = page, query
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        failed, messages, shown = "", 0, False
        async with asyncio.timeout(SECONDS):
            async for data in self._socket:
                forward = ForwardMsg()
                forward.ParseFromString(data)
                messages += 1
                shown = shown or wanted.encode() in data
                if (
                    forward.WhichOneof("type") == "delta"
                    and forward.delta.new_element.WhichOneof("type") == "exception"
                ):
                    failed = forward.delta.new_element.exception.message or "an exception"
                if forward.WhichOneof("type") == "script_finished":
                    if forward.script_finished in (
                        ForwardMsg.FINISHED_EARLY_FOR_RERUN, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
                    ):  # fmt: skip
                        continue
                    if forward.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                        failed = failed or ForwardMsg.ScriptFinishedStatus.Name(forward.script_finished)
                    return Answer(time.perf_counter() - start, failed, messages, shown)
        return Answer(time.perf_counter() - start, "the server hung up", messages)


@asynccontextmanager
async def session(address: str) -> AsyncIterator[Session]:
    """A session of the dashboard at an address."""
    where = urlsplit(address)
    async with connect(
        f"ws://{where.netloc}/_stcore/stream", subprotocols=["streamlit"], origin=f"http://{where.netloc}",  # type: ignore[list-item, arg-type]
        max_size=None,
    ) as socket:  # fmt: skip
        yield Session(socket)
