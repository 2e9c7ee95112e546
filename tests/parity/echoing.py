"""A server and a program on this machine that quote the key they were sent, by every road an answer has."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from tests.encoders.server import INFO, vector
from tests.encoders.test_keys import ENCODINGS

__all__ = ["BY_PROGRAMS", "ROADS", "echoing", "program"]


class Said(NamedTuple):
    """One answer."""

    body: Any
    status: int = 200
    reason: str = "OK"
    headers: dict[str, str] = {}


Road = Callable[[str, Any], Said]


def _printed(key: str) -> str:
    """A long error that prints headers, and the key in every encoding there is."""
    said = "Traceback (most recent call last): " + "handler.py line 12 in serve " * 4
    return said + "; ".join(f"{name}: {encoded(key)}" for name, encoded in ENCODINGS.items())


def _at(place: int, key: str) -> dict[str, str]:
    """An error in which the key lies across a place where somebody might cut."""
    begin = '{"error": "'
    return {"error": "." * (place - len(begin) - len(key) // 2) + key}


ROADS: dict[str, Road] = {
    "no list": lambda key, right: Said({"detail": f"sent: Bearer {key}"}),
    "a word": lambda key, right: Said(f"sent: Bearer {key}"),
    "a web page": lambda key, right: Said(f"<html>{key}</html>", headers={"Content-Type": "text/html"}),
    "in every encoding": lambda key, right: Said({"error": _printed(key)}, 500),
    "headers in 401": lambda key, right: Said({"error": _printed(key)}, 401),
    "across 200": lambda key, right: Said(_at(200, key), 400),
    "across 120": lambda key, right: Said(_at(120, key)),
    "across 300": lambda key, right: Said(_at(300, key), 422),
    "reason": lambda key, right: Said({}, 400, f"No {key} here"),
    "type": lambda key, right: Said("[", headers={"Content-Type": f"text/{key}"}),
    "location": lambda key, right: Said({}, 307, headers={"Location": f"http://127.0.0.1:9/?key={key}"}),
    "other scheme": lambda key, right: Said({}, 301, headers={"Location": f"https://elsewhere.invalid/{key}"}),
    "encoding": lambda key, right: Said({}, headers={"Content-Encoding": key}),
    "later": lambda key, right: Said({}, 429, headers={"Retry-After": "9999", "X-Key": key}),
    "right, and named after it": lambda key, right: Said(right),
}


@contextmanager
def echoing() -> Iterator[str]:
    """Serve each road below a path of its own: ``/NUMBER/v1`` speaks OpenAI's protocol, ``/NUMBER`` TEI's."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    @property
    def _key(self) -> str:
        return str(self.headers["Authorization"]).removeprefix("Bearer ")

    def do_GET(self) -> None:
        key = self._key
        names = {"model_id": f"org/{key}", "model_sha": key[:20], "version": key[4:], "model_dtype": key.upper()}
        kind = {"model_type": {"embedding": {"pooling": ENCODINGS["base64 of a header"](key)}}, key: key}
        self._send(Said(INFO | names | kind))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number, key = int(self.path.split("/")[1]), self._key
        texts = asked.get("input") or asked["inputs"]
        rows: Any = [vector(text).tolist() for text in texts]
        listed: Any = [[key]] * len(texts)
        if "input" in asked:
            rows = {"data": [{"index": i, "embedding": row} for i, row in enumerate(rows)], "model": f"served/{key}"}
            listed = {"data": [{"index": i, "embedding": f"key: {key}"} for i in range(len(texts))], "model": key[3:]}
        inside = number == len(ROADS)
        self._send(Said(listed) if inside else list(ROADS.values())[number](key, rows))

    def _send(self, said: Said) -> None:
        body = said.body.encode() if isinstance(said.body, str) else json.dumps(said.body).encode()
        self.send_response(said.status, said.reason)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **said.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


BY_PROGRAMS = {
    "names": """
said = {"model": "m-" + key, "revision": key[2:], "versions": {key: key}, "settings": {"note": key}}
print(json.dumps(said | {"files": [{"path": key, "size": 1, "sha256": "a" * 64}]}), flush=True)
for line in sys.stdin:
    texts = json.loads(line)["texts"]
    answer = {"dense": [[1.0, len(text)] for text in texts], "sparse": [{key: 1.0} for _ in texts]}
    print(json.dumps(answer | {"token_ids": [[1] for _ in texts], "tokens": [[key] for _ in texts]}), flush=True)
""",
    "error": """
print("{}", flush=True)
for line in sys.stdin:
    print(json.dumps({"error": "." * 290 + key}), flush=True)
""",
    "no JSON": """
print("{}", flush=True)
for line in sys.stdin:
    print("." * 110 + key, flush=True)
""",
    "dies": """
print("{}", flush=True)
sys.stdin.readline()
print("x" * 9000, key, "y" * 290, file=sys.stderr)
sys.exit(3)
""",
    "raises": "raise RuntimeError(key)",
}


def program(folder: Path, name: str, variable: str) -> str:
    """The spec of a program that takes its key from ``variable``."""
    file = folder / f"{name.replace(' ', '-')}.py"
    file.write_text(f"import json, os, sys\nkey = os.environ[{variable!r}]\n{BY_PROGRAMS[name]}\n")
    return f"command:{sys.executable} {file}?key_env={variable}&outputs=dense,sparse&label={name}"
