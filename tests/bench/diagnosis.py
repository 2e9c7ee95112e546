"""What looking at a model costs: the preflight beside a bare load, and the diagnosis of a check of 24 candidates."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.probes import load_probes
from tests.maintain.candidates import encode
from tests.models import minilm_folder

PREFLIGHT_S, FIRST_S, FURTHER_S, CHECK_S = 5, 30, 3, 120
ROUNDS = 3
LOAD = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1]).encode(["a text"])
"""
# Candidates of a check by the words of what was done to them: one thing, two, and what no entry of the catalogue does.
ONE = (
    "texts cut at 64 tokens", "CLS pooling", "normalisation missing", "bf16 arithmetic", "int8 weights (q8_0)",
    "layer 5 of 6 (counted from 0) missing", 'prompt "query: " added', "lower-casing lost in the tokenizer",
    "special tokens missing",
    "unicode form NFKC", "mean pooling with padding", "int8 activations, as PyTorch quantises",
)  # fmt: skip
TWO = (
    ("CLS pooling", "normalisation missing"), ("texts cut at 64 tokens", "max pooling"),
    ('prompt "query: " added', "lower-casing lost in the tokenizer"),
    ("int4 weights (q4_0)", "texts cut at 128 tokens"), ("punctuation removed", "causal mask"),
    ("accents kept by the tokenizer", "texts cut at 32 tokens"), ("UTF-8 read as Latin-1", "int8 weights (q8_0)"),
)  # fmt: skip
UNKNOWN = ("noise", "main directions off", "half of another model", "digits masked", "long words cut")


def measure(context: Any) -> None:
    """Print seconds by the clock of both, and of what somebody without them would do."""
    model = str(minilm_folder())
    bare = _command("-c", LOAD, model)
    ours = _command("-m", "evaluators", "preflight", model)
    print(f"{'load all-MiniLM-L6-v2 and encode a text':44} {bare:6.1f} s   as a process")
    print(f"{'preflight':44} {ours:6.1f} s   {ours / bare:.1f} x; aim {PREFLIGHT_S} s")
    _of_a_check(model)


def _command(*arguments: str) -> float:
    """Median seconds of a process; one more, unmeasured, reads the libraries from disk."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(perf_counter() - started)
    return median(seconds[1:])


def _of_a_check(model: str) -> None:
    """Seconds by the clock and of the processor for a check of 24 candidates: the first, each further, and tomorrow."""
    from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
    from evaluators.diagnose.identity import reference_identity
    from evaluators.diagnose.kept import KeptVectors

    probes = load_probes().probes
    texts = batched([probe.text for probe in probes], [probe.role for probe in probes])
    candidates = made(Bench(load_reference(model), texts))
    with tempfile.TemporaryDirectory() as folder:
        for day in ("today", "tomorrow, vectors kept"):
            began, worked = perf_counter(), process_time()
            reference = load_reference(model)
            bench = Bench(reference, texts, KeptVectors(reference_identity(reference), Path(folder) / "kept.sqlite"))
            seconds, verdicts, right = [], [], 0
            for name, vectors in candidates.items():
                started, busy = perf_counter(), process_time()
                diagnosis = diagnose(bench, vectors)
                seconds.append(perf_counter() - started)
                right += _right(diagnosis, name)
                how = f"{seconds[-1]:.1f} s, {process_time() - busy:.1f} s of the processor, {diagnosis.searched} texts"
                verdicts.append(f"{name}: {diagnosis.verdict} ({how}): {diagnosis.sentence}")
            whole, processor = perf_counter() - began, process_time() - worked
            if os.environ.get("PLUMBLINE_BENCH_EACH"):
                print("\n".join(verdicts))
            print(f"a check of {len(candidates)} candidates on {len(probes)} texts, {day}:")
            print(f"{'  all of them':44} {whole:6.1f} s   aim {CHECK_S} s; {processor:.0f} s of the processor")
            print(f"{'  what was done to them named, no more':44} {right:6}     of {len(candidates)}")
            print(f"{'  the first':44} {seconds[0]:6.1f} s   aim {FIRST_S} s")
            further = f"{max(seconds[1:]):.1f} s at most; {sum(one <= FURTHER_S for one in seconds[1:])} within the aim"
            print(f"{'  each further one, median':44} {median(seconds[1:]):6.1f} s   aim {FURTHER_S} s; {further}")


def _right(diagnosis: Any, name: str) -> bool:
    """Whether what was done, or what gives the same vectors, is named and nothing else."""
    wanted = set() if name in UNKNOWN else {*name.split(" + ")}
    named = [{one.cause.words, *one.same_as} for one in diagnosis.causes]
    return len(named) == len(wanted) and all(names & wanted for names in named)


def made(bench: Any) -> dict[str, NDArray[np.float32]]:
    """The candidates, by another route than the diagnosis takes."""
    from evaluators.diagnose.causes import catalogue
    from evaluators.diagnose.recipe import combine

    reference, texts = bench.reference, bench.texts
    causes = {cause.words: cause for cause in catalogue(reference, 384, 384)}
    done = {}
    for words in (*((one,) for one in ONE), *TWO):
        recipe = combine(reference.recipe, tuple(causes[one] for one in words))
        done[" + ".join(words)] = encode(reference, recipe, texts)
    plain, draw = encode(reference, reference.recipe, texts), np.random.default_rng(5)
    main = np.linalg.svd(plain, full_matrices=False)[2][:3]
    less = plain - plain @ main.T @ main
    half = plain.copy()
    half[:, 192:] = np.tanh(3 * plain @ draw.normal(size=(384, 192))) / 14
    masked = tuple(re.sub(r"[0-9]", "#", text) for text in texts.texts)
    shorter = tuple(re.sub(r"[A-Za-z]{7,}", lambda word: word[0][:6], text) for text in texts.texts)
    unknown = (
        plain + draw.normal(size=plain.shape) * (0.05 / 384**0.5),
        less / np.linalg.norm(less, axis=1, keepdims=True),
        half,
        *(encode(reference, reference.recipe, texts._replace(texts=edited)) for edited in (masked, shorter)),
    )
    return done | {name: np.asarray(one, np.float32) for name, one in zip(UNKNOWN, unknown, strict=True)}
