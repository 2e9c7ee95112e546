"""A hub on loopback: serves folders as model and data set repositories, read-only, so that real downloads are tested.

``ROOT/models/<org>/<name>/`` and ``ROOT/datasets/<org>/<name>/``; whatever commit is asked for is the one it has.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?$")
_FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


def commit(name: str, revision: str | None) -> str:
    """The commit a revision stands for: itself if it looks like one."""
    if revision and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    return hashlib.sha1(name.encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    root: Path
    asked: list[str]
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Say nothing on the terminal."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.asked.append(f"{self.command} {path}")
        if match := _API.match(path):
            kind, name, what, revision, inside = match.groups()
            self._api(self.root / kind / name, name, what, revision, inside or "", body)
        elif match := _FILE.match(path):
            kind, name, revision, file = match.groups()
            self._file(self.root / (kind or "models") / name / file, commit(name, revision))
        else:
            self._json({}, 404)

    do_GET = do_HEAD = do_POST = _answer

    def _api(self, repo: Path, name: str, what: str | None, revision: str, inside: str, body: bytes) -> None:
        if not repo.is_dir():
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif what == "paths-info":
            wanted = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
            self._json([_entry(repo, repo / path) for path in wanted if (repo / path).exists()])
        elif what == "tree":
            found = sorted((repo / inside).rglob("*") if "recursive=" in self.path else (repo / inside).glob("*"))
            self._json([_entry(repo, path) for path in found])
        else:
            siblings = [{"rfilename": p.relative_to(repo).as_posix()} for p in sorted(repo.rglob("*")) if p.is_file()]
            facts = {"id": name, "sha": commit(name, revision), "private": False, "gated": False, "disabled": False}
            self._json(facts | {"tags": [], "downloads": 0, "likes": 0, "siblings": siblings})

    def _file(self, file: Path, sha: str) -> None:
        if not file.is_file():
            self._json({}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
            return
        content = file.read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first, last = (int(asked[1]), int(asked[2] or len(content) - 1)) if asked else (0, len(content) - 1)
        headers = {"ETag": f'"{_oid(file)}"', "X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(content[first : last + 1], 206 if asked else 200, headers)

    def _json(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(content).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(repo: Path, path: Path) -> dict[str, Any]:
    name = path.relative_to(repo).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "size": 0, "oid": "0" * 40}
    return {"type": "file", "path": name, "size": path.stat().st_size, "oid": _oid(path)}


def _oid(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve ``root`` on a free port; gives the address and the list of what is asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"root": root, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
