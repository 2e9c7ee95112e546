"""Live encoders that misbehave, made by somebody who has not read the rules of diagnosis, and what is true of each.

Each is the real all-MiniLM-L6-v2 with one thing wrong: a callable (``encoder.encode(texts)``) and, by
``served(encoder)``, an OpenAI-compatible server. ``python -m tests.diagnose.others`` checks what is said of each by
asking it, without Plumbline.
"""

# ruff: noqa: E501

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.models import minilm_folder

__all__ = ["ENCODERS", "Encoder", "Misbehaviour", "Truth", "right", "served"]

Vectors = NDArray[np.float64]
WIDTH = 384


@dataclass(frozen=True)
class Truth:
    """What is true of an encoder; vectors have length 1 where nothing else is said."""

    answers: int | None = (
        1  # vectors that a text asked alone gets in a hundred askings one after another; None: no bound
    )
    another: Literal["", "batch", "earlier", "concurrent"] = ""  # whose vector an answer may be in its place
    batch: bool = False  # an answer depends on the other texts of its request (beyond 1e-5)
    place: bool = False  # ... on its place in the request, the others being the same texts
    before: bool = False  # ... on what was asked before
    time: bool = False  # ... on how long the encoder has run
    load: bool = False  # ... on other requests at the same time
    connection: bool = False  # ... on the connection, and is steady within one
    start: bool = False  # ... on the start: two starts disagree, each by itself is steady
    texts: Literal["all", "some", "long", "short"] = "all"  # which texts may be answered wrongly
    noise: float = 0.0  # length of the random part of an answer to a text asked alone, by chance alone
    share: float = 1.0  # share of the answers to such texts that are wrong, roughly
    finite: bool = True  # every number is finite
    honest: bool = False  # nothing is wrong: differences are those of arithmetic


@dataclass(frozen=True)
class Misbehaviour:
    """An encoder of the set: its name, one sentence, the truth, and how one is started (the seed is of the start)."""

    name: str
    what: str
    truth: Truth
    start: Callable[[int], Encoder]


# --- the right model -----------------------------------------------------------------------------------------------


@cache
def _parts(version: str = "right") -> tuple[Any, Any]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(minilm_folder()).eval()
    if version != "right":
        generator = torch.Generator().manual_seed(int(hashlib.sha256(version.encode()).hexdigest()[:8], 16))
        with torch.no_grad():
            for name, value in model.named_parameters():
                if "layer.5." in name and value.ndim == 2:
                    value += torch.randn(value.shape, generator=generator) * value.std() * 0.25
    return model, AutoTokenizer.from_pretrained(minilm_folder())


def computed(
    texts: Sequence[str],
    *,
    version: str = "right",
    tokens: int = 256,
    attend_padding: bool = False,
    average_padding: bool = False,
    dropout: int | None = None,
    dtype: str = "float32",
    change: Callable[[Any], None] | None = None,
) -> Vectors:
    """Vectors of the texts in one batch; each option is one thing that servers get wrong."""
    import torch

    model, tokenizer = _parts(version)
    given = tokenizer(list(texts), padding=True, truncation=True, max_length=tokens, return_tensors="pt")
    mask = given["attention_mask"]
    if attend_padding:
        given["attention_mask"] = torch.ones_like(mask)
    with _LOCK, torch.no_grad():
        if dropout is not None:
            torch.manual_seed(dropout)
            model.train()
        try:
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                hidden = model(**given).last_hidden_state.float()
        finally:
            model.eval()
    weight = (torch.ones_like(mask) if average_padding else mask)[..., None].float()
    pooled = (hidden * weight).sum(1) / weight.sum(1)
    return unit(pooled.double().numpy())


_LOCK = threading.Lock()  # dropout sets the mode of a model that threads share


def unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def right(texts: Sequence[str]) -> Vectors:
    """What the model gives each text alone."""
    return np.concatenate([computed([text]) for text in texts])


# --- encoders ------------------------------------------------------------------------------------------------------


class Encoder:
    """One start of a misbehaving server; thread-safe, as a server has to be."""

    def __init__(self, seed: int, answer: Callable[[Encoder, list[str], Any], Vectors]) -> None:
        self.random = np.random.default_rng(seed)
        self.seed = seed
        self.state: dict[Any, Any] = {}
        self.lock = threading.RLock()
        self.began = time.monotonic()
        self.clock: Callable[[], float] = time.monotonic  # a test may put its own there
        self.asked = 0
        self.going = 0
        self._answer = answer

    def encode(self, texts: Sequence[str], connection: Any = None) -> Vectors:
        """Vectors of the texts, (n, 384), as this start gives them; connection: whatever tells connections apart."""
        with self.lock:
            self.asked += 1
            self.going += 1
        try:
            return self._answer(self, list(texts), connection)
        finally:
            with self.lock:
                self.going -= 1

    def chance(self, share: float) -> bool:
        with self.lock:
            return bool(self.random.random() < share)

    def normal(self, *shape: int) -> Vectors:
        with self.lock:
            return self.random.standard_normal(shape)


Answer = Callable[[Encoder, list[str], Any], Vectors]
ENCODERS: list[Misbehaviour] = []


def misbehaviour(
    name: str, what: str, truth: Truth, to: list[Misbehaviour] | None = None
) -> Callable[[Answer], Answer]:
    def take(answer: Answer) -> Answer:
        (ENCODERS if to is None else to).append(Misbehaviour(name, what, truth, lambda seed: Encoder(seed, answer)))
        return answer

    return take


@misbehaviour("honest", "Nothing is wrong.", Truth(honest=True, share=0.0))
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts)


@misbehaviour(
    "honest in bfloat16",
    "The whole model computes in bfloat16: each answer is off by the same small amount, a little other in another batch.",
    Truth(honest=True, batch=True, share=0.0),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, dtype="bfloat16")


@misbehaviour(
    "two versions in turn",
    "A balancer gives requests in turn to two versions of the model.",
    Truth(answers=2, before=True, share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version="right" if e.asked % 2 else "newer")


@misbehaviour(
    "two versions by chance",
    "A balancer gives each request to one of two versions of the model by chance.",
    Truth(answers=2, share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version="right" if e.chance(0.5) else "newer")


@misbehaviour(
    "two versions by connection",
    "A balancer sticks each connection to one of two versions of the model.",
    Truth(connection=True, share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        version = e.state.setdefault(connection, ("right", "newer")[len(e.state) % 2])
    return computed(texts, version=version)


@misbehaviour(
    "two precisions",
    "Two replicas, one in float32 and one in bfloat16, are asked by chance.",
    Truth(answers=2, share=0.5, batch=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, dtype="bfloat16" if e.chance(0.5) else "float32")


@misbehaviour(
    "requests exchanged",
    "Two requests at the same time get each other's answer.",
    Truth(load=True, another="concurrent", share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    box: dict[str, Any] = {"partner": None, "done": threading.Event()}
    with e.lock:
        partner = e.state.pop("waiting", None)
        if partner is None:
            e.state["waiting"] = box
        else:
            box["partner"], partner["partner"] = partner, box
    box["vectors"] = mine = computed(texts)
    box["done"].set()
    if box["partner"] is None:
        time.sleep(0.02)
    with e.lock:
        if e.state.get("waiting") is box:
            del e.state["waiting"]
    if box["partner"] is None or not box["partner"]["done"].wait(10):
        return mine
    theirs = box["partner"]["vectors"]
    rows = min(len(mine), len(theirs))
    return np.concatenate([theirs[:rows], mine[rows:]])


@misbehaviour(
    "the previous vector",
    "One answer in five is the vector of the text answered before it.",
    Truth(another="earlier", before=True, share=0.2),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        for i in range(len(vectors)):
            own = vectors[i].copy()
            if "last" in e.state and e.random.random() < 0.2:
                vectors[i] = e.state["last"]
            e.state["last"] = own
    return vectors


def _noise(size: float) -> Answer:
    def answer(e: Encoder, texts: list[str], connection: Any) -> Vectors:
        return computed(texts) + e.normal(len(texts), WIDTH) * size / np.sqrt(WIDTH)

    return answer


for _size in (1e-4, 1e-3, 1e-2, 1e-1):
    misbehaviour(
        f"gaussian noise of {_size:g}",
        f"Each answer has gaussian noise of length {_size:g} added.",
        Truth(answers=None, noise=_size),
    )(_noise(_size))


@misbehaviour(
    "uniform noise",
    "Each number of each answer has uniform noise added, 0.02 long in all.",
    Truth(answers=None, noise=0.02),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        noise = e.random.uniform(-1, 1, (len(texts), WIDTH))
    return computed(texts) + noise * 0.02 / np.sqrt(WIDTH / 3)


@misbehaviour(
    "the running mean is taken off",
    "The mean of all answers so far is taken off each answer.",
    Truth(answers=None, before=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        total, count = e.state.get("sum", (np.zeros(WIDTH), 0))
        mean = total / max(count, 1)
        e.state["sum"] = (total + vectors.sum(0), count + len(vectors))
    return unit(vectors - 0.5 * mean)


@misbehaviour(
    "a rotation for each start",
    "All answers are rotated by a rotation drawn when the server starts.",
    Truth(start=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        if "rotation" not in e.state:
            e.state["rotation"] = np.linalg.qr(np.random.default_rng(e.seed).standard_normal((WIDTH, WIDTH)))[0]
    return np.asarray(computed(texts) @ e.state["rotation"])


@misbehaviour("a layer for each start", "The last layer is drawn at random when the server starts.", Truth(start=True))
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version=f"start {e.seed}")


@misbehaviour(
    "dropout on", "The model is left in training mode: dropout of 0.1 at each request.", Truth(answers=None, noise=0.25)
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        seed = int(e.random.integers(2**31))
    return computed(texts, dropout=seed)


@misbehaviour(
    "dropout by the text", "Dropout is on, its generator seeded by the text: wrong, and the same each time.", Truth()
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    seeds = [int(hashlib.sha256(t.encode()).hexdigest()[:8], 16) % 2**31 for t in texts]
    return np.concatenate([computed([t], dropout=s) for t, s in zip(texts, seeds, strict=True)])


@misbehaviour(
    "padding attended to",
    "The attention mask is ignored in the model, not in the mean.",
    Truth(batch=True, texts="short"),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, attend_padding=True)


@misbehaviour(
    "padding in the mean",
    "The attention mask is ignored in the mean, not in the model.",
    Truth(batch=True, texts="short"),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, average_padding=True)


@misbehaviour(
    "the batch's mean is taken off",
    "The mean of the request's vectors is taken off each of them, where there are two or more.",
    Truth(batch=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    return unit(vectors - vectors.mean(0)) if len(vectors) > 1 else vectors


@misbehaviour(
    "scaled by the batch",
    "Each dimension is divided by its spread in the request, where there are three texts or more.",
    Truth(batch=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    return unit(vectors / (vectors.std(0) + 1e-3)) if len(vectors) > 2 else vectors


def _cached(key: Callable[[str], Any]) -> Answer:
    def answer(e: Encoder, texts: list[str], connection: Any) -> Vectors:
        vectors = computed(texts)
        with e.lock:
            return np.stack([e.state.setdefault(key(t), v) for t, v in zip(texts, vectors, strict=True)])

    return answer


misbehaviour(
    "a cache of forty letters",
    "A cache is keyed by a text's first forty characters: a second text that begins alike gets the first one's vector.",
    Truth(another="earlier", before=True, texts="some", share=1.0),
)(_cached(lambda text: text[:40]))
misbehaviour(
    "a cache without white space",
    "A cache is keyed by the text without its white space and punctuation: 'no where' after 'now here' gets the first one's vector.",
    Truth(another="earlier", before=True, texts="some"),
)(_cached(lambda text: "".join(c for c in text.lower() if c.isalnum())))


@misbehaviour(
    "an old cache",
    "A third of the texts come from a cache that an older version of the model filled.",
    Truth(texts="some", share=1 / 3),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    old = np.array([hashlib.sha256(t.encode()).digest()[0] % 3 == 0 for t in texts])
    return np.where(old[:, None], computed(texts, version="older"), computed(texts))


@misbehaviour(
    "drift with time",
    "The answers turn away from the right ones by a hundredth of a radian a second.",
    Truth(answers=None, time=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    angle = 0.01 * (e.clock() - e.began)
    vectors = computed(texts)
    away = unit(np.random.default_rng(1).standard_normal((1, WIDTH)))
    return unit(np.cos(angle) * vectors + np.sin(angle) * away)


@misbehaviour(
    "drift with use",
    "The answers turn away from the right ones by two hundredths of a radian a request.",
    Truth(answers=None, before=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    angle = 0.02 * e.asked
    away = unit(np.random.default_rng(1).standard_normal((1, WIDTH)))
    return unit(np.cos(angle) * computed(texts) + np.sin(angle) * away)


@misbehaviour(
    "a cold start",
    "The first request after the start is answered from weights not loaded yet.",
    Truth(answers=2, before=True, share=0.01),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version="cold" if e.asked == 1 else "right")


@misbehaviour(
    "not a number for long texts",
    "Texts of more than sixty words get NaN (null in JSON).",
    Truth(texts="long", finite=False),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    vectors[[len(t.split()) > 60 for t in texts]] = np.nan
    return vectors


@misbehaviour("zeros for long texts", "Texts of more than sixty words get zeros.", Truth(texts="long"))
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    vectors[[len(t.split()) > 60 for t in texts]] = 0
    return vectors


@misbehaviour(
    "a state carried over",
    "A fifth of the last vector of the request before is added.",
    Truth(answers=2, before=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        carried, e.state["carried"] = e.state.get("carried", 0.0), vectors[-1]
    return unit(vectors + 0.2 * carried)


@misbehaviour("two decimals", "Each number is rounded to two decimals.", Truth())
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts).round(2)


@misbehaviour(
    "int8 by the batch",
    "Vectors are rounded to 16 levels whose step is the largest number of the request.",
    Truth(batch=True),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    step = abs(vectors).max() / 8
    return np.asarray((vectors / step).round() * step)


@misbehaviour(
    "a sign that flaps", "Dimension 7 changes its sign by chance at each answer.", Truth(answers=2, share=0.5)
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        vectors[:, 7] *= np.where(e.random.random(len(vectors)) < 0.5, -1, 1)
    return vectors


@misbehaviour(
    "rows shuffled",
    "The rows of an answer are in an order drawn by chance.",
    Truth(batch=True, place=True, another="batch", share=0.8),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        order = e.random.permutation(len(texts))
    return computed(texts)[order]


@misbehaviour(
    "rows by length",
    "The rows of an answer are in the order of the texts' lengths, in which they were computed.",
    Truth(batch=True, place=True, another="batch", share=0.8),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts)[np.argsort([len(t) for t in texts], kind="stable")]


@misbehaviour(
    "rows one off",
    "Each row of an answer is that of the text before, the first that of the last.",
    Truth(batch=True, place=True, another="batch"),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return np.roll(computed(texts), 1, axis=0)


@misbehaviour(
    "the first row for all",
    "Every row of an answer is the first text's.",
    Truth(batch=True, place=True, another="batch", share=0.9),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return np.repeat(computed(texts)[:1], len(texts), axis=0)


@misbehaviour(
    "a replica of 64 tokens",
    "One of two replicas, asked by chance, cuts texts at 64 tokens.",
    Truth(answers=2, texts="long", share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, tokens=64 if e.chance(0.5) else 256)


@misbehaviour(
    "cut under load",
    "While another request runs, texts are cut at 16 tokens.",
    Truth(load=True, texts="long", share=0.5),
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    time.sleep(0.02)
    return computed(texts, tokens=16 if e.going > 1 else 256)


# --- a server ------------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    encoder: Encoder

    def do_GET(self) -> None:
        models = {"object": "list", "data": [{"id": "all-MiniLM-L6-v2", "object": "model"}]}
        self._send(models if "models" in self.path else {"status": "ok"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else list(given)
        vectors = self.encoder.encode(texts, self.client_address)
        rows: list[Any]
        if body.get("encoding_format") == "base64":
            rows = [base64.b64encode(v.astype("<f4").tobytes()).decode() for v in vectors]
        else:
            rows = [[float(x) if np.isfinite(x) else None for x in v] for v in vectors]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self._send({"object": "list", "model": "all-MiniLM-L6-v2", "data": data, "usage": usage})

    def _send(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(encoder: Encoder) -> Iterator[str]:
    """The address (http://127.0.0.1:PORT/v1) of a server of that start, while the context lasts."""
    handler = type("Handler", (_Handler,), {"encoder": encoder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


# --- whether what is said is so ------------------------------------------------------------------------------------

SHORT = (
    "A child flies a red kite on a windy hill.",
    "Interest rates rose again in March.",
    "Which medicine lowers blood pressure?",
    "Boil the potatoes for fifteen minutes.",
    "NASA signed an agreement with ESA.",
    "The dog slept under the table all day.",
)
LONG = tuple(" ".join([text] * 14) for text in SHORT)
ALIKE = ("The committee on the use of public money met today.", "The committee on the use of public money has been dissolved by law.", "now here is a text", "no where is a text", "Now, HERE is a text")  # fmt: skip
NEAR = 1e-5  # vectors closer than that are one answer


def _far(a: Vectors, b: Vectors) -> float:
    both = np.isnan(a) & np.isnan(b)
    return float(np.nan_to_num(np.linalg.norm(np.where(both, 0, a - b), axis=-1), nan=9.0).max())


def _answers(e: Encoder, text: str, times: int = 24) -> int:
    kept: list[Vectors] = []
    for _ in range(times):
        v = e.encode([text], "one")
        if not any(_far(v, k) < NEAR for k in kept):
            kept.append(v)
    return len(kept)


def observed(m: Misbehaviour) -> dict[str, Any]:
    """What asking shows: the fields of the truth that can be seen from outside, short and long texts taken together."""
    e = m.start(1)
    asked = [SHORT[0], LONG[1]]
    answers = max(_answers(e, text) for text in asked)
    other = m.start(2)
    for one in (e, other):
        one.encode([SHORT[5]], "one")
    starts = max(_far(e.encode([t], "one"), other.encode([t], "one")) for t in asked)
    mixed = [*SHORT[:3], LONG[3], *ALIKE]
    truth = np.concatenate([right(mixed)])
    given = m.start(3).encode(mixed, "one")
    alone = [m.start(3).encode([t], "one")[0] for t in mixed]
    batch = max(_far(g, a) for g, a in zip(given, alone, strict=True))
    one = m.start(4)
    spread = [_far(one.encode([SHORT[0]], "one"), one.encode([SHORT[0]], "one")) / np.sqrt(2) for _ in range(12)]
    near = np.linalg.norm(given[:, None] - truth[None], axis=-1)
    swapped = any(near[i].argmin() != i and near[i].min() < 1e-3 and near[i, i] > 0.05 for i in range(len(mixed)) if np.isfinite(near[i]).all())  # fmt: skip
    by_connection = m.start(5)
    connections = _far(by_connection.encode([SHORT[0]], "a"), by_connection.encode([SHORT[0]], "b"))
    wrong = max(float(np.nan_to_num(np.linalg.norm(g - t), nan=9)) for g, t in zip(given, truth, strict=True))
    return {
        "answers": answers,
        "starts differ": round(starts, 4),
        "batch moves": round(batch, 5),
        "noise": round(float(np.mean(spread)), 5),
        "rows of others": swapped,
        "connections differ": round(connections, 4),
        "off": round(wrong, 4),
        "finite": bool(np.isfinite(given).all()),
        "under load": round(_loaded(m), 4),
    }


def _loaded(m: Misbehaviour) -> float:
    """How far the answers to two requests at once are from the answers to each of them alone."""
    e = m.start(6)
    texts = [[LONG[0], SHORT[1]], [LONG[2], SHORT[3]]]
    calm = [m.start(6).encode(t, i) for i, t in enumerate(texts)]
    got: dict[int, Vectors] = {}
    threads = [threading.Thread(target=lambda i=i: got.update({i: e.encode(texts[i], i)})) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(_far(got[i], calm[i]) for i in (0, 1))


def contradictions(m: Misbehaviour, seen: dict[str, Any]) -> list[str]:
    """Where what is said of an encoder and what asking shows are not one."""
    t = m.truth
    said: list[tuple[str, bool]] = [
        ("answers", seen["answers"] > 2 if t.answers is None else seen["answers"] == t.answers),
        ("start", t.answers != 1 or t.before or (seen["starts differ"] > 1e-3) == t.start),
        ("finite", seen["finite"] == t.finite),
        ("noise", t.answers is not None or not t.noise or 0.5 < seen["noise"] / t.noise < 2),
        ("connection", t.answers != 1 or t.before or (seen["connections differ"] > 1e-3) == t.connection),
        ("another", t.another != "batch" or seen["rows of others"]),
    ]
    if t.answers == 1 and not t.before:
        said.append(("batch", (seen["batch moves"] > NEAR) == t.batch))
        said.append(("load", t.batch or t.connection or (seen["under load"] > 1e-3) == t.load))
    return [name for name, holds in said if not holds]


def main(encoders: Sequence[Misbehaviour] = ENCODERS, names: Sequence[str] = ()) -> int:
    import torch

    torch.set_num_threads(1)
    bad = 0
    for m in [m for m in encoders if not names or m.name in names]:
        seen = observed(m)
        wrong = contradictions(m, seen)
        bad += bool(wrong)
        print(("ok " if not wrong else f"CONTRADICTED {wrong} ") + m.name, seen, flush=True)
    print(f"{len(encoders)} encoders, {bad} contradicted")
    return bad


if __name__ == "__main__":
    raise SystemExit(main(names=sys.argv[1:]))
