"""Asks the dashboard, behind a secret, for everything it can serve; prints what a stranger and a visitor get as JSON.

Run as a process of its own: Streamlit's runtime is one a process. Arguments: the path all is below ("" for none).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import streamlit
from starlette.routing import Mount, Route, WebSocketRoute

from dashboard.serve.application import application
from dashboard.serve.settings import Deployment

SECRET = "a secret of some length"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def paths(app: Any, base: str) -> list[str]:
    """Every route of Streamlit's application, its blanks filled, and every file of its front end."""
    asked = []
    for route in app._build_starlette_app().routes:
        if isinstance(route, Route):
            asked.append(re.sub(r"\{\w+(:path)?\}", "index.html", route.path))
        elif isinstance(route, Mount):
            folder = Path(streamlit.__file__).parent / "static"
            asked += [f"{base}/{file.relative_to(folder)}" for file in folder.rglob("*") if file.is_file()]
        else:
            assert isinstance(route, WebSocketRoute), route
    return [*asked, f"{base}/", f"{base}/compare", f"{base}/app/static/x", f"{base}/status", "/", f"{base}/nowhere"]


async def main(base: str) -> None:
    """Print ``[path, method, status for a stranger, bytes for a stranger, status for a visitor]`` for each.

    A visitor is given a part of the front end's files only: there are hundreds.
    """
    gate = application(Deployment(url=f"http://127.0.0.1:8501{base}", secret=SECRET))
    rows: list[list[Any]] = []
    transport = httpx.ASGITransport(app=gate, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as client:
        for path in paths(gate.app, base):
            for method in METHODS if "/static/" not in path else ("GET",):
                stranger = await client.request(method, path)
                row = [path, method, stranger.status_code, len(stranger.content), None]
                if "/static/" not in path or len(rows) % 10 == 0:
                    visitor = await client.request(method, path, headers={"X-Plumbline-Secret": SECRET})
                    row[-1] = visitor.status_code
                rows.append(row)
    print(json.dumps(rows))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
