"""Live encoders kept back until the rules of diagnosis were frozen."""

# ruff: noqa: E501

from __future__ import annotations

import hashlib
import sys
import time
from typing import Any

import numpy as np

from tests.diagnose.others import (
    WIDTH,
    Encoder,
    Misbehaviour,
    Truth,
    Vectors,
    computed,
    main,
    misbehaviour,
    unit,
)

FROZEN: list[Misbehaviour] = []


@misbehaviour(
    "three versions by chance",
    "Three replicas hold three versions of the model; each request goes to one by chance.",
    Truth(answers=3, share=2 / 3),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        version = ("right", "newer", "newest")[int(e.random.integers(3))]
    return computed(texts, version=version)


@misbehaviour(
    "a version changed while it runs",
    "After thirty requests another version of the model answers, for good.",
    Truth(answers=2, before=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version="right" if e.asked <= 30 else "newer")


@misbehaviour(
    "one replica normalises",
    "One of two replicas, asked by chance, does not bring vectors to length one (they are 5.3 long).",
    Truth(answers=2, share=0.5),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts) * (5.3 if e.chance(0.5) else 1.0)


@misbehaviour(
    "one replica puts a prompt",
    "One of two replicas, asked by chance, puts 'query: ' in front.",
    Truth(answers=2, share=0.5),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed([f"query: {t}" for t in texts] if e.chance(0.5) else texts)


@misbehaviour(
    "one request in ten elsewhere",
    "One request in ten goes to a replica whose last layer is another version's.",
    Truth(answers=2, share=0.1),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, version="newer" if e.chance(0.1) else "right")


@misbehaviour(
    "a cache with collisions",
    "A cache is keyed by three bits of a hash: most texts get the vector of an earlier one.",
    Truth(another="earlier", before=True, share=0.8),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        return np.stack(
            [
                e.state.setdefault(hashlib.sha256(t.encode()).digest()[0] % 8, v)
                for t, v in zip(texts, vectors, strict=True)
            ]
        )


@misbehaviour(
    "a cache by length",
    "A cache is keyed by the number of characters.",
    Truth(another="earlier", before=True, texts="some"),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        return np.stack([e.state.setdefault(len(t), v) for t, v in zip(texts, vectors, strict=True)])


@misbehaviour(
    "a budget of tokens",
    "A request has sixty words in all; each of its texts is cut to its share of them.",
    Truth(batch=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    share = max(60 // len(texts), 1)
    return np.concatenate([computed([" ".join(t.split()[:share])]) for t in texts])


@misbehaviour(
    "the second half of a batch",
    "From the fifth text of a request on, another version answers.",
    Truth(batch=True, place=True, share=0.5),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    first = computed(texts[:4])
    return np.concatenate([first, computed(texts[4:], version="newer")]) if len(texts) > 4 else first


@misbehaviour(
    "rows in reverse",
    "The rows of an answer are in the reverse order.",
    Truth(batch=True, place=True, another="batch"),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts)[::-1].copy()


@misbehaviour(
    "two neighbours exchanged",
    "In one request of three two neighbouring rows are exchanged.",
    Truth(batch=True, place=True, another="batch", share=0.1),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        if len(texts) > 1 and e.random.random() < 1 / 3:
            i = int(e.random.integers(len(texts) - 1))
            vectors[[i, i + 1]] = vectors[[i + 1, i]]
    return vectors


@misbehaviour(
    "stochastic rounding",
    "Each number is rounded up or down to 1/64 by chance.",
    Truth(answers=None, noise=0.13),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        dither = e.random.random((len(texts), WIDTH))
    return np.asarray(np.floor(computed(texts) * 64 + dither) / 64)


@misbehaviour(
    "noise that grows with the text",
    "Gaussian noise of length 0.0005 for each word of the text.",
    Truth(answers=None, texts="all"),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    sizes = np.array([[0.0005 * len(t.split())] for t in texts])
    return computed(texts) + e.normal(len(texts), WIDTH) * sizes / np.sqrt(WIDTH)


@misbehaviour(
    "heavy tails", "One answer in ten has noise of length 0.3, the others none.", Truth(answers=None, share=0.1), FROZEN
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    with e.lock:
        hit = (e.random.random(len(texts)) < 0.1)[:, None]
    return computed(texts) + hit * e.normal(len(texts), WIDTH) * 0.3 / np.sqrt(WIDTH)


@misbehaviour(
    "NaN now and then", "One answer in eight is NaN throughout.", Truth(answers=2, share=0.125, finite=False), FROZEN
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        vectors[e.random.random(len(texts)) < 0.125] = np.nan
    return vectors


@misbehaviour(
    "a dimension left unset",
    "The last eight dimensions are whatever an earlier answer had there.",
    Truth(answers=2, before=True, another="", share=1.0),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    vectors = computed(texts)
    with e.lock:
        kept, e.state["tail"] = e.state.get("tail", np.zeros(8)), vectors[-1, -8:].copy()
    vectors[:, -8:] = kept
    return vectors


@misbehaviour(
    "a signs' mask for each start",
    "The signs of a random half of the dimensions are turned, drawn at the start.",
    Truth(start=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts) * np.random.default_rng(e.seed).choice([-1.0, 1.0], WIDTH)


@misbehaviour(
    "precision by batch",
    "Requests of eight texts and more are computed in bfloat16, smaller ones in float32.",
    Truth(batch=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed(texts, dtype="bfloat16" if len(texts) > 7 else "float32")


@misbehaviour(
    "capitals after a while",
    "After ten requests texts are lower-cased and stripped of their last word.",
    Truth(answers=2, before=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed([t.lower().rsplit(" ", 1)[0] for t in texts] if e.asked > 10 else texts)


@misbehaviour(
    "a clock in the prompt",
    "A wrapper puts the second of the day in front of each text.",
    Truth(answers=None, time=True),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    return computed([f"[{int(e.clock() * 4)}] {t}" for t in texts])


@misbehaviour(
    "slow, then short",
    "While another request runs, a request is answered from a model without its last layer's changes.",
    Truth(load=True, share=0.5),
    FROZEN,
)
def _(e: Encoder, texts: list[str], connection: Any) -> Vectors:
    time.sleep(0.02)
    return unit(computed(texts, version="right" if e.going < 2 else "newer"))


if __name__ == "__main__":
    raise SystemExit(main(FROZEN, sys.argv[1:]))
