"""What looking at a model costs: the preflight beside a bare load, and the diagnosis beside one encoding a cause."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter
from typing import Any

from evaluators.probes import load_probes
from tests.models import minilm_folder

PREFLIGHT_S, DIAGNOSIS_S = 5, 60
ROUNDS = 3
LOAD = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1]).encode(["a text"])
"""


def measure(context: Any) -> None:
    """Print seconds by the clock of both, and of what somebody without them would do."""
    model = str(minilm_folder())
    bare = _command("-c", LOAD, model)
    ours = _command("-m", "evaluators", "preflight", model)
    print(f"{'load all-MiniLM-L6-v2 and encode a text':44} {bare:6.1f} s   as a process")
    print(f"{'preflight':44} {ours:6.1f} s   {ours / bare:.1f} x; aim {PREFLIGHT_S} s")
    one, causes, spent = _diagnosis(model)
    print(
        f"{'16 probes encoded once for each cause':44} {one * causes:6.1f} s   {causes} causes, sentence-transformers"
    )
    print(f"{'all single causes by diagnose':44} {spent:6.1f} s   {spent / one / causes:.2f} x; aim {DIAGNOSIS_S} s")


def _command(*arguments: str) -> float:
    """Median seconds of a process; one more, unmeasured, reads the libraries from disk."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(perf_counter() - started)
    return median(seconds[1:])


def _diagnosis(model: str) -> tuple[float, int, float]:
    """Seconds of encoding the probes once, how many causes there are, seconds of trying them all."""
    from sentence_transformers import SentenceTransformer

    from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
    from evaluators.diagnose.causes import catalogue
    from evaluators.diagnose.recipe import combine

    texts = [probe.text for probe in load_probes().core]
    plain = SentenceTransformer(model, device="cpu")
    plain.encode(texts)
    started = perf_counter()
    for _ in range(ROUNDS):
        plain.encode(texts, show_progress_bar=False)
    one = (perf_counter() - started) / ROUNDS

    bench = Bench(load_reference(model), batched(texts))
    causes = catalogue(bench.reference, 384, 384)
    (cut,) = [cause for cause in causes if cause.words == "texts cut at 64 tokens"]
    vectors = bench.vectors(combine(bench.reference.recipe, (cut,)))
    started = perf_counter()
    found = diagnose(bench, vectors)
    spent = perf_counter() - started
    assert [named.cause.words for named in found.causes] == ["texts cut at 64 tokens"]
    return one, len(causes), spent
