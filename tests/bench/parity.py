"""Parity measures against bare numpy, their memory, and the 16 core probes through a real model."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from data.rules.vectors.per_text import PerText, per_text
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from evaluators.parity.vectors import encode_probes
from evaluators.probes import load_probes
from tests.small_models import minilm

TEXTS, WIDTH, CANDIDATES = 100_000, 384, 8
MEASURES = len(fields(PerText))
ROUNDS = 3
AIM = 1.5  # times (bare cosine x measures)


def measure(context: Any = None) -> None:
    """Print what all per-text measures cost against the cosine alone, the memory of a pass, and 16 probes' seconds."""
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((TEXTS, WIDTH), dtype=np.float32)
    candidates = [reference + np.float32(0.01 * i) for i in range(1, CANDIDATES + 1)]
    times: dict[str, list[float]] = {"float64": [], "float32": [], "ours": []}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine hits all of them
        for kind in ("float64", "float32"):
            times[kind].append(_seconds(lambda kind=kind: [_cosine(reference, each, kind) for each in candidates]))
        times["ours"].append(_seconds(lambda: per_text(reference, candidates)))
    middle = {kind: statistics.median(values) for kind, values in times.items()}
    print(f"{MEASURES} measures of {TEXTS:,} x {WIDTH} texts, {CANDIDATES} candidates: {middle['ours']:.2f} s")
    for kind in ("float64", "float32"):
        ratio = middle["ours"] / middle[kind] / MEASURES
        print(f"  to {MEASURES} x the bare {kind} cosine ({middle[kind]:.2f} s)   ratio {ratio:.2f}   aim {AIM}")
    print(f"  memory above vectors and results   {_peak(reference, candidates):.1f} MB   aim 50 MB")
    opened, encoded = _probes()
    print(f"16 probes through MiniLM   open {opened:.1f} s   encode {encoded:.1f} s")


def _cosine(left: np.ndarray, right: np.ndarray, kind: str) -> np.ndarray:
    """The cosine as one would write it; in float64 its sums are as good as ours, in float32 they are not."""
    left, right = left.astype(kind, copy=False), right.astype(kind, copy=False)
    return 1 - (left * right).sum(1) / (np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1))


def _peak(reference: np.ndarray, candidates: list[np.ndarray]) -> float:
    """Most memory held during a pass beyond what it returns, MB."""
    tracemalloc.start()
    per_text(reference, candidates)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak - CANDIDATES * MEASURES * TEXTS * 8 / 1e6


def _probes() -> tuple[float, float]:
    """Seconds to open MiniLM and to encode the core probes."""
    started = time.perf_counter()
    encoder = open_encoder(parse_spec(f"sentence-transformers:{minilm()}"))
    opened = time.perf_counter()
    encode_probes(encoder, load_probes().core)
    encoded = time.perf_counter()
    encoder.close()
    return opened - started, encoded - opened


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    measure()
