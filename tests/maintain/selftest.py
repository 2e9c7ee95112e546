"""How often the diagnosis is right: candidates made with a known cause, with two, with noise, and with one unknown."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np

from data.rules.causes import CAUSES, Cause
from data.rules.drift import SAME_VECTORS
from evaluators.diagnose.answer import Bench, Facts, diagnose
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.match import ALIKE, compatible
from evaluators.diagnose.measure import ROUNDING, apart, cosine
from evaluators.diagnose.nondeterminism import random_part, random_parts
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.verdict import Diagnosis
from evaluators.parity.asking import CallLog
from evaluators.parity.stability import observe
from evaluators.probes import Probe
from tests.maintain.candidates import encode

__all__ = ["KINDS", "Kind", "Outcome", "Trial", "ask", "effective", "plan", "repeated", "summary"]

Kind = Literal["one cause", "two causes", "two causes, bf16 noise", "cause withheld"]
KINDS: tuple[Kind, ...] = ("one cause", "two causes", "two causes, bf16 noise", "cause withheld")
_SHOWS = 1e-3  # largest distance of a text from which a cause can be asked for at all
_CUT = 3  # a cut keeps one dimension in so many
_TENSORS = 6  # single tensors made random
_SOLVED = tuple(CAUSES[code] for code in ("scaled", "rows-shuffled", "dimensions-permuted", "rotated"))
_MORE_GENERAL = {
    "dimensions permuted": ("a rotation of the space",),  # a permutation is a rotation
    # The table of words is next to nothing beside the weights; and one string of JSON is another with all it escapes.
    "int4 weights in groups of 64, from least to greatest": (
        "int4 weights and word embeddings in groups of 64, from least to greatest",
    ),
    "int4 weights and word embeddings in groups of 64, from least to greatest": (
        "int4 weights in groups of 64, from least to greatest",
    ),
    "texts quoted and escaped as in JSON": (
        "quotation marks around each text",
        "each text as a JSON string in ASCII, with its quotation marks",
    ),
    # The same weights, of which llama.cpp rounds what goes through them as well.
    "GGUF Q4_0, as llama.cpp computes it": ("int4 weights (q4_0)",),
    "GGUF Q8_0, as llama.cpp computes it": ("int8 weights (q8_0)",),
    # The one is tried, the other read off the candidate's own numbers.
    "vectors stored as int8": ("vectors rounded to int8, a range a dimension",),
}
_SIZES = re.compile(r"_[SML],")  # files of one format whose few most sensitive tensors have one bit more or less
_READ_OFF = {words: others for words, others in _MORE_GENERAL.items() if words.startswith("vectors stored")}
_ASKED = 8  # texts asked again and again
_TIMES = 8
_DROPOUT = CAUSES["dropout-on"].words


@dataclass(frozen=True)
class Trial:
    """What is asked: the names of the causes that make the candidate, and under which conditions."""

    kind: Kind
    truth: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        right: one cause or two: every cause named and nothing else; withheld: nothing stated.
        partly: at least one of the causes named.
        wrong: a cause was stated that is not the truth nor gives its vectors.
        answer: the verdict and what was stated, or was nearest.
        seconds: of the processor, for the candidate and its diagnosis.
    """

    trial: Trial
    right: bool
    partly: bool
    wrong: bool
    answer: str
    seconds: float


def plan(bench: Bench, *, pairs: int, seed: int) -> list[Trial]:
    """The trials of one model: every single cause, pairs with and without noise, every single cause withheld.

    Args:
        bench: the model and the probes.
        pairs: pairs of causes; those without a precision cause are asked again under noise.
        seed: of the draws.
    """
    draw = random.Random(seed)
    causes = effective(bench)
    names = [cause.words for cause in causes]
    chance = [*map(_random, _parts(bench, draw)), *_dropout(bench)]
    drawn = _pairs(bench, causes, draw, pairs)
    quiet = [pair for pair in drawn if not any(cause.precision for cause in pair)]
    singles = [*names, *(cause.words for cause in _SOLVED), *chance]
    trials = [
        *(Trial("one cause", (name,)) for name in singles),
        *(Trial("two causes", tuple(cause.words for cause in pair)) for pair in drawn),
        *(Trial("two causes, bf16 noise", tuple(cause.words for cause in pair)) for pair in quiet),
        *(Trial("cause withheld", (name,)) for name in singles),
    ]
    draw.shuffle(trials)  # a run cut short is then a fair sample
    return trials


def effective(bench: Bench) -> list[Cause]:
    """The causes that change any vector of this model and these probes, one of each class that gives equal vectors."""
    base = bench.vectors(bench.reference.recipe)
    kept: list[tuple[Cause, Embeddings]] = []
    for cause in _catalogue(bench).values():
        vectors = bench.vectors(combine(bench.reference.recipe, (cause,)))
        if _same(vectors, base) or any(_same(vectors, other) for _, other in kept):
            continue
        kept.append((cause, vectors))
    return [cause for cause, _ in kept]


def ask(bench: Bench, trial: Trial) -> Outcome:
    """Make the candidate of a trial, have it diagnosed, and judge the answer."""
    started = time.process_time()
    candidate, facts = _candidate(bench, trial)
    causes = tuple(_catalogue(bench)[name] for name in trial.truth if name in _catalogue(bench))
    clean = bench.vectors(combine(bench.reference.recipe, causes)) if causes else None
    if trial.kind == "cause withheld":
        # Embeddings alone, and without whatever would give the same ones.
        equal = [*_equal(bench, clean), *_MORE_GENERAL.get(trial.truth[0], ()), *_sizes(bench, trial.truth[0])]
        found = diagnose(bench, candidate, without=[*trial.truth, *equal])
        right, wrong = not found.causes, bool(found.causes)
        partly = right
    else:
        found = diagnose(bench, candidate, facts=facts)
        right, partly, wrong = _judged(bench, found, trial, clean)
    return Outcome(trial, right, partly, wrong, _told(found), time.process_time() - started)


def _sizes(bench: Bench, words: str) -> list[str]:
    """The other files of a format, which are the same but for a few tensors, under whatever name.

    Rows as short as these are no whole blocks of the k-quants, in whose place llama.cpp takes a few older formats:
    Q3_K_S is Q4_0 then, to the last bit, and Q3_K_L for most of it.
    """
    every, plain = _catalogue(bench), bench.vectors(bench.reference.recipe)
    sizes = [other for other in every if _SIZES.split(other)[0] == _SIZES.split(words)[0]]
    files = [cause for cause in every.values() if cause.code == "gguf"] if words.startswith("GGUF ") else []
    moved = {cause.words: bench.vectors(bench.under((cause,))) - plain for cause in files}
    return [*sizes, *(other for other in moved if cosine(moved[words], moved[other]) > ALIKE)]


def _catalogue(bench: Bench) -> dict[str, Cause]:
    width = bench.vectors(bench.reference.recipe).shape[1]
    return {cause.words: cause for cause in catalogue(bench.reference, width, width // _CUT)}


def _same(left: Embeddings, right: Embeddings) -> bool:
    return left.shape == right.shape and float(apart(left, right).max()) < 2 * ROUNDING


def _equal(bench: Bench, clean: Embeddings | None) -> list[str]:
    """Causes of the catalogue that give a cause's vectors."""
    if clean is None:
        return []
    recipe = bench.reference.recipe
    return [
        cause.words for cause in _catalogue(bench).values() if _same(bench.vectors(combine(recipe, (cause,))), clean)
    ]


def _candidate(bench: Bench, trial: Trial) -> tuple[Embeddings, Facts | None]:
    reference, texts, (first, *_) = bench.reference, bench.texts, trial.truth
    parts = {_random(name): part for name, part in random_parts(reference.model).items()}
    if (pattern := parts.get(first)) is not None:
        loads = (partial(random_part, part=pattern, seed=seed) for seed in (901, 902))
        return repeated(bench, list(loads), times=1)
    if first == _DROPOUT:
        return repeated(bench, [lambda model: model.train()], times=_TIMES)
    if first in [cause.words for cause in _SOLVED]:
        return _moved(first, encode(reference, reference.recipe, texts)), None
    recipe = combine(reference.recipe, tuple(_catalogue(bench)[name] for name in trial.truth))
    noise = (lambda model: model.bfloat16()) if trial.kind == "two causes, bf16 noise" else None
    return encode(reference, recipe, texts, noise), None


def repeated(bench: Bench, loads: Sequence[Callable[[Any], Any]], times: int) -> tuple[Embeddings, Facts]:
    """A candidate's vectors from its first load, and the facts that asking a few short texts again shows.

    Args:
        bench: the reference and its texts.
        loads: what each load makes of a copy of the model.
        times: how often each load is asked beyond the first two times.
    """
    reference, recipe = bench.reference, bench.reference.recipe
    every = [Probe(str(place), text, role) for place, (text, role) in enumerate(zip(*bench.texts[:2], strict=True))]
    short = sorted((place for place, probe in enumerate(every) if probe.text.strip()), key=lambda i: len(every[i].text))
    asked, known = CallLog(every, tuple(short[:_ASKED])), CallLog(every, tuple(short[:_ASKED]))
    known.add("all", 1, range(len(every)), bench.vectors(recipe))
    texts, roles, _ = bench.texts
    chosen = asked.chosen
    few = Texts(tuple(texts[i] for i in chosen), tuple(roles[i] for i in chosen), (tuple(range(len(chosen))),))
    whole = encode(reference, recipe, bench.texts, loads[0])
    asked.add("all", 1, range(len(every)), whole)
    for number, load in enumerate(loads, 1):
        for _ in range(2 + times):
            asked.add("batch", number, asked.chosen, encode(reference, recipe, few, load))
    observed = tuple(observe(asked, SAME_VECTORS, known))
    tests = {one.test for one in observed}
    calls = tuple(call for call in asked.calls if call.how != "all")
    facts = Facts("loads" not in tests, "deterministic" not in tests, observed=observed, calls=calls)
    return whole, facts


def _random(part: str) -> str:
    return CAUSES["weights-random"].filled({"part": part}).words


def _moved(how: str, base: Embeddings) -> Embeddings:
    """Embeddings scaled, shuffled, permuted or rotated."""
    draw, (count, width) = np.random.default_rng(3), base.shape
    if how == CAUSES["scaled"].words:
        return base * np.float32(9.4)
    if how == CAUSES["rows-shuffled"].words:
        return base[draw.permutation(count)]
    if how == CAUSES["dimensions-permuted"].words:
        return base[:, draw.permutation(width)]
    return base @ np.linalg.qr(draw.normal(size=(width, width)))[0].astype(np.float32)


def _parts(bench: Bench, draw: random.Random) -> list[str]:
    """Parts made random: the whole, each layer, a few single tensors."""
    parts = list(random_parts(bench.reference.model))
    tensors = [part for part in parts if part.startswith("the tensor")]
    return [*(part for part in parts if part not in tensors), *draw.sample(tensors, min(_TENSORS, len(tensors)))]


def _dropout(bench: Bench) -> list[str]:
    """Dropout, where the model has any."""
    import torch

    active = [module for module in bench.reference.model.modules() if isinstance(module, torch.nn.Dropout)]
    return [_DROPOUT] if any(module.p > 0 for module in active) else []


def _pairs(bench: Bench, causes: Sequence[Cause], draw: random.Random, wanted: int) -> list[tuple[Cause, ...]]:
    """Pairs from two slots of which each changes the vectors on top of the other."""
    possible = [pair for pair in combinations(causes, 2) if compatible(pair) and pair[0].slot != pair[1].slot]
    draw.shuffle(possible)
    return [pair for _, pair in zip(range(wanted), _both_show(bench, possible), strict=False)]


def _both_show(bench: Bench, pairs: Sequence[tuple[Cause, ...]]) -> Iterator[tuple[Cause, ...]]:
    recipe = bench.reference.recipe
    for pair in pairs:
        together = bench.vectors(combine(recipe, pair))
        alone = [bench.vectors(combine(recipe, (cause,))) for cause in pair]
        if all(one.shape != together.shape or float(apart(one, together).max()) > _SHOWS for one in alone):
            yield pair


def _judged(bench: Bench, found: Diagnosis, trial: Trial, clean: Embeddings | None) -> tuple[bool, bool, bool]:
    """Whether all causes were named and nothing else, whether one was, and whether a wrong one was stated."""
    stated = [named for named in found.causes if not (named.cause.precision and "noise" in trial.kind)]
    truth = {*trial.truth, *(name for words in trial.truth for name in _READ_OFF.get(words, ()))}
    hits = [bool({named.cause.words, *named.same_as} & truth) for named in stated or found.causes]
    whole = len(stated) == len(trial.truth) and len(hits) > 0 and all(hits)
    if not whole and clean is not None and 0 < len(stated) <= len(trial.truth):
        recipe = combine(bench.reference.recipe, tuple(named.cause for named in stated))
        whole = _same(bench.vectors(recipe), clean)
    return whole, whole or any(hits), not whole and not all(hits[: len(stated)])


def _told(found: Diagnosis) -> str:
    stated = " + ".join(named.cause.words for named in found.causes)
    nearest = f"({found.runners_up[0].cause.words} nearest)" if found.runners_up else ""
    return f"{found.verdict}: {stated or nearest}".rstrip(": ")


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row a kind of trial: kind, asked, right, partly, wrong."""
    rows = []
    for kind in KINDS:
        these = [outcome for outcome in outcomes if outcome.trial.kind == kind]
        counts = {name: sum(getattr(outcome, name) for outcome in these) for name in ("right", "partly", "wrong")}
        rows.append({"kind": kind, "asked": len(these), **counts})
    return rows
