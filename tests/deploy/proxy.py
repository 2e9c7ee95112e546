"""A small reverse proxy, as deploy/nginx.conf is one: the path as it is, websockets, the caller's address."""

from __future__ import annotations

import asyncio

import httpx
import websockets
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "x-forwarded-for", "content-encoding"}


class Proxy:
    """Passes everything below ``base`` to ``target``; names itself as the host, as a careless one does."""

    def __init__(self, target: str, base: str) -> None:
        self.target, self.base = target, base
        self.client_says = "203.0.113.7"  # where a request is said to come from

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        if not scope["path"].startswith(f"{self.base}/"):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"not behind this proxy"})
            return
        headers = [(k.decode(), v.decode()) for k, v in scope["headers"] if k.decode() not in HOP]
        headers.append(("X-Forwarded-For", self.client_says))
        if scope["type"] == "websocket":
            await self._socket(path, headers, receive, send)
            return
        body = await Request(scope, receive).body()
        async with httpx.AsyncClient(base_url=self.target, timeout=60) as client:
            answer = await client.request(scope["method"], path, headers=headers, content=body)
        raw = [(k.lower(), v) for k, v in answer.headers.raw if k.decode().lower() not in {*HOP, "content-length"}]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
        await send({"type": "http.response.body", "body": answer.content})

    async def _socket(self, path: str, headers: list[tuple[str, str]], receive: Receive, send: Send) -> None:
        await receive()
        ours = [(k, v) for k, v in headers if not k.startswith("sec-websocket")]
        protocols = [v.split(", ") for k, v in headers if k == "sec-websocket-protocol"]
        address = self.target.replace("http", "ws") + path
        try:
            inner = await websockets.connect(
                address, additional_headers=ours, subprotocols=protocols[0] if protocols else None,
                max_size=None, user_agent_header=None, proxy=None,
            )  # fmt: skip
        except websockets.InvalidStatus:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept", "subprotocol": inner.subprotocol})

        async def out() -> None:
            async for message in inner:
                await send({"type": "websocket.send", "bytes" if isinstance(message, bytes) else "text": message})
            await send({"type": "websocket.close", "code": inner.close_code or 1000})

        async def back() -> None:
            while (message := await receive())["type"] != "websocket.disconnect":
                await inner.send(message.get("bytes") or message.get("text"))

        tasks = [asyncio.create_task(each()) for each in (out, back)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await inner.close()
