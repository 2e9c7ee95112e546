"""From a candidate's vectors to a diagnosis: facts of chance first, then the search, then the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from data.errors import InputError
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.causes.chance import Facts, by_chance
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import apart
from evaluators.diagnose.recipe import Cause, Recipe, combine
from evaluators.diagnose.reference import Reference, Vectors, load_reference
from evaluators.diagnose.rest import rounding
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.search import Match, Search
from evaluators.diagnose.verdict import IDENTICAL, Diagnosis, Named, judge

__all__ = [
    "BATCH", "Bench", "Cause", "Diagnosis", "Facts", "Match", "Named", "Recipe", "Reference", "Texts", "batched",
    "diagnose", "load_reference",
]  # fmt: skip

BATCH = 32  # texts at once, where an encoder does not say


def diagnose(
    bench: Bench,
    candidate: Vectors,
    *,
    facts: Facts | None = None,
    without: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """Name the causes of the drift between the reference and a candidate's vectors of the same texts.

    Args:
        bench: the reference with its texts; keeps what it computes, so that a second candidate costs little.
        candidate: float [n, d], one row a text; rows of a failed text are NaN and left out.
        facts: what the protocol tests of the candidate found (do two loads agree? is it deterministic?).
        without: names of causes to leave out of the catalogue.
        progress: called with (done, total).

    Raises:
        InputError: the candidate has another number of rows, or no finite one.
    """
    candidate = np.asarray(candidate, dtype=np.float32)
    count = len(bench.texts.texts)
    if candidate.ndim != 2 or len(candidate) != count:
        raise InputError(f"The candidate has shape {candidate.shape}, the texts are {count}", remedy="One row a text.")
    finite = np.isfinite(candidate).all(axis=1)
    if not finite.any():
        raise InputError("None of the candidate's vectors is finite", remedy="Look at the protocol tests first.")
    if not finite.all():
        bench = bench.only(np.flatnonzero(finite).tolist())
        candidate = candidate[finite]
    base = bench.vectors(bench.reference.recipe)
    plain = Match((), bench.reference.recipe, apart(candidate, base), base)
    identical = float(plain.errors.max()) < IDENTICAL
    if facts is not None:
        # What is identical was not drawn at random, whatever another load of it gave; its other outputs may be.
        known = replace(facts, loads_agree=None, deterministic=None) if identical else facts
        if (found := by_chance(bench, candidate, base, known)) is not None:
            return found
    causes = [c for c in catalogue(bench.reference, base.shape[1], candidate.shape[1]) if c.name not in without]
    claimed = facts.revision if facts else None
    # Of causes that vectors cannot tell apart the first is stated: let that be one of the revision it says it is.
    causes.sort(key=lambda cause: not claimed or f"revision {claimed[:12]}" not in cause.name)
    ranked = [plain] if identical else Search(bench, candidate, causes, progress, without).run()
    floor = _floor(bench, base)
    return judge(ranked, floor, lambda best: rounding(bench, candidate, best, floor))


def batched(texts: Sequence[str], roles: Sequence[str | None] | None = None, size: int = BATCH) -> Texts:
    """Texts in batches of ``size``, each of one role, by length and the longest first: as a parity check has them made.

    Each role is encoded by itself, because each has its own prompt, and sentence-transformers sorts by length.
    """
    roles = tuple(roles or [None] * len(texts))
    batches: list[tuple[int, ...]] = []
    for role in dict.fromkeys(roles):
        order = sorted((i for i, own in enumerate(roles) if own == role), key=lambda index: -len(texts[index]))
        batches += [tuple(order[start : start + size]) for start in range(0, len(order), size)]
    return Texts(tuple(texts), roles, tuple(batches))


def _floor(bench: Bench, base: Vectors) -> float:
    """Mean distance that bf16 arithmetic leaves on this model and these texts."""
    recipe = bench.reference.recipe
    half = combine(recipe, tuple(c for c in catalogue(bench.reference, 1, 1) if c.name == "bf16 arithmetic"))
    return float(apart(bench.vectors(half), base).mean())
