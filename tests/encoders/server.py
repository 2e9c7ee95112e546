"""An embeddings server on loopback that speaks OpenAI's and TEI's protocols and misbehaves on demand.

Its vectors come from a hash of the text, so that any two servers agree unless one of them is told to misbehave; or
from a model that is handed to it, which it then serves as a Text-Embeddings-Inference of that name and commit would.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

WIDTH = 32
INFO = {"model_id": "org/served", "model_sha": "a" * 40, "model_dtype": "float32", "version": "1.8.0",
        "max_input_length": 256, "model_type": {"embedding": {"pooling": "mean"}}}  # fmt: skip


# As TEI, nginx, OpenAI and Azure put it.
TOO_MANY: dict[str, tuple[dict[str, str], int]] = {
    "at-most-4-422": ({"error": "batch size 16 > maximum allowed batch size 4", "error_type": "Validation"}, 422),
    "at-most-4-413": ({"error": "Request Entity Too Large"}, 413),
    "at-most-4-400": ({"error": "Invalid 'input': array too long. Expected an array with maximum length 4"}, 400),
    "at-most-4-azure": ({"error": "Too many inputs. The max number of inputs is 4."}, 400),
}


@dataclass
class Server:
    """Where it is, how it behaves, and what it was asked."""

    url: str
    mode: str
    model: Callable[[list[str]], np.ndarray] | None = None
    info: dict[str, Any] = field(default_factory=lambda: INFO)
    seed: random.Random = field(default_factory=lambda: random.Random(0))
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on a free port of 127.0.0.1, for as long as the block lasts."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join(timeout=5)


@contextmanager
def serving(mode: str = "ok", model: Callable[[list[str]], np.ndarray] | None = None, **info: Any) -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1 for as long as the block lasts.

    Args:
        mode: how it misbehaves; "raw" leaves vectors at the length the model gives them.
        model: texts -> vectors [n, d] as they leave the pooling; a hash of each text otherwise.
        info: entries of ``/info`` that are others than usual.
    """
    state = Server("", mode, model, INFO | info)
    with listening(type("Bound", (_Handler,), {"state": state})) as state.url:
        yield state


def vector(text: str, *, normalised: bool = True) -> np.ndarray:
    """The right vector of a text; as it is, its length depends on the text."""
    rng = np.random.default_rng(int.from_bytes(sha256(text.encode()).digest()[:8]))
    found = rng.normal(size=WIDTH)
    found /= np.linalg.norm(found)
    return found if normalised else found * (4 + len(text) % 5)


def _right(state: Server, texts: list[str], normalised: bool) -> list[Any]:
    if state.model is None:
        return [vector(text, normalised=normalised).tolist() for text in texts]
    rows = state.model(texts)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True) if normalised else rows).tolist()


def answer(state: Server, texts: list[str], normalised: bool) -> list[Any]:
    """What a server in this mode gives for a batch."""
    rows = _right(state, texts, normalised and state.mode != "raw")
    if state.mode == "shuffled":
        return rows[1:] + rows[:1]
    if state.mode == "batch":
        noise = np.random.default_rng(len(texts)).normal(size=WIDTH) * 0.05 * (len(texts) > 1)
        return [(np.array(row) + noise).tolist() for row in rows]
    if state.mode == "random":
        return [(np.array(row) + np.random.default_rng().normal(size=WIDTH) * 0.05).tolist() for row in rows]
    if state.mode == "few" and len(rows) > 1:
        return rows[:-1]
    if state.mode == "wrong-dimensions":
        return [row[: WIDTH // 2] for row in rows]
    if state.mode == "ragged":
        return [row[: WIDTH - i % 2] for i, row in enumerate(rows)]
    if state.mode == "mixed":
        odd = [text.isupper() or not text.strip() for text in texts]
        return [row[: WIDTH // 2] if is_odd else row for is_odd, row in zip(odd, rows, strict=True)]
    if state.mode == "words":
        return [["a", "b"] for _ in rows]
    bad = {"nan": float("nan"), "null": None, "nan-word": "NaN"}
    if state.mode in bad:
        return [[bad[state.mode], *row[1:]] if text.isupper() else row for text, row in zip(texts, rows, strict=True)]
    if state.mode == "null-vector":
        return [None if text.isupper() else row for text, row in zip(texts, rows, strict=True)]
    return rows


class _Handler(BaseHTTPRequestHandler):
    state: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/info":
            self._send(self.state.info)
        else:
            self._send({"error": "no such page"}, 404)

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state.requests.append(body)
        state.headers.append(dict(self.headers))
        if self._misbehaved():
            return
        texts = body.get("input") or body.get("inputs")
        if state.mode.startswith("at-most-4") and len(texts) > 4:
            self._send(*TOO_MANY[state.mode])
            return
        if state.mode in ("refuses-blank", "refuses-blank-422") and not all(text.strip() for text in texts):
            status = 422 if state.mode.endswith("422") else 400
            self._send({"error": "`inputs` cannot be empty", "error_type": "Empty"}, status)
            return
        if self.path == "/embed":
            self._send(answer(state, texts, body.get("normalize", True)))
        elif self.path == "/embed_sparse":
            self._send([[{"index": len(word), "value": 1.5} for word in text.split()] for text in texts])
        elif self.path == "/v1/embeddings":
            rows = [{"index": i, "embedding": row} for i, row in enumerate(answer(state, texts, True))]
            if state.mode == "reordered":
                rows.reverse()
            self._send({"data": rows, "model": body["model"] if state.mode != "other-model" else "something-else"})
        else:
            self._send({"error": "no such page"}, 404)

    def _misbehaved(self) -> bool:
        """Answer badly if this mode does, whatever was asked."""
        state = self.state
        if state.mode == "flaky" and state.seed.random() < 0.4:
            self._send({"error": "out of luck"}, 500)
        elif state.mode == "gone-after-4" and len(state.requests) > 4:
            self._send({"error": "the key has expired"}, 401)
        elif state.mode == "down":
            self._send({"error": "for ever"}, 503)
        elif state.mode == "busy-once" and len(state.requests) == 1:
            self._send({"error": "busy"}, 429, {"Retry-After": "0.3"})
        elif state.mode == "refuses-key":
            self._send({"error": f"wrong key: {self.headers.get('Authorization')}"}, 401)
        elif state.mode == "html":
            self._raw(b"<!doctype html><title>Welcome</title>", "text/html")
        elif state.mode == "truncated":
            self._raw(b'{"data": [{"index": 0, "embed', "application/json")
        elif state.mode == "not-a-list":
            self._send({"result": "fine"})
        elif state.mode == "redirect":
            self._send({}, 307, {"Location": "http://127.0.0.1:9/"})
        elif state.mode == "huge":
            self._raw(b"[" * 3_000_000, "application/json")
        elif state.mode == "slow":
            time.sleep(1.0)
            return False
        elif state.mode == "dribble":
            self._dribble()
        else:
            return False
        return True

    def _dribble(self) -> None:
        """A byte now and then: each arrives within any read timeout."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(40):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass  # the client has given up, as it should

    def _send(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._raw(json.dumps(value).encode(), "application/json", status, headers)

    def _raw(self, body: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client has given up
