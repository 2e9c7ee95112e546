"""How often the diagnosis is right: candidates made with a known cause, with two, with noise, and with one unknown."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from evaluators.diagnose.answer import Bench, Facts, diagnose
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.causes.chance import random_part, random_parts
from evaluators.diagnose.causes.space import SOLVED
from evaluators.diagnose.measure import ROUNDING, apart
from evaluators.diagnose.recipe import Cause, combine
from evaluators.diagnose.reference import Vectors
from evaluators.diagnose.search import compatible
from evaluators.diagnose.verdict import Diagnosis

__all__ = ["Count", "Trial", "effective", "run_self_test"]

_SUMMATION = 1e-6  # relative noise that another order of summation leaves
_SHOWS = 1e-3  # largest distance of a text from which a cause can be asked for at all
_CUT = 3  # a cut keeps one dimension in so many


@dataclass(frozen=True)
class Trial:
    """A candidate and what made it."""

    truth: tuple[str, ...]
    vectors: Vectors
    clean: Vectors
    facts: Facts | None = None


@dataclass
class Count:
    """How many of a kind of trial came out right."""

    kind: str
    asked: int = 0
    right: int = 0
    partly: int = 0
    missed: list[str] = field(default_factory=list)

    def share(self, number: int) -> float:
        """A number of trials as a share of those asked, 0 to 1."""
        return number / self.asked if self.asked else float("nan")


def run_self_test(
    bench: Bench, *, pairs: int = 100, withheld: int = 100, seed: int = 1, progress: Callable[[str], None] = print
) -> list[Count]:
    """Counts for single causes, pairs, pairs under bf16 noise, and causes withheld from the catalogue.

    Args:
        bench: the model and the probes.
        pairs: pairs of causes tried, half of them with noise.
        withheld: causes withheld, at most.
        seed: of the draw.
        progress: called with a line as each kind ends.
    """
    draw = random.Random(seed)
    causes = effective(bench)
    single = Count("one cause: first guess")
    for trial in [*_singles(bench, causes), *_solved(bench), *_random(bench)]:
        _count_single(single, bench, trial)
    progress(_line(single))
    both, one = Count("two causes: both named"), Count("two causes and bf16 noise: one named")
    chosen = _pairs(bench, causes, draw, pairs)
    for pair in chosen:
        _count_pair(both, bench, _trial(bench, pair, ()))
    progress(_line(both))
    for pair in [pair for pair in chosen if not any(cause.precision for cause in pair)]:
        _count_pair(one, bench, _trial(bench, pair, ("noise",)))
    progress(_line(one))
    silent = Count("cause withheld: no wrong one stated")
    for cause in draw.sample(causes, min(withheld, len(causes))):
        _count_withheld(silent, bench, cause, causes)
    progress(_line(silent))
    return [single, both, one, silent]


def effective(bench: Bench) -> list[Cause]:
    """The causes that change any vector of this model and these probes, one of each class that gives equal vectors."""
    base = bench.vectors(bench.reference.recipe)
    kept: list[tuple[Cause, Vectors]] = []
    for cause in catalogue(bench.reference, base.shape[1], base.shape[1] // _CUT):
        vectors = bench.vectors(combine(bench.reference.recipe, (cause,)))
        if _same(vectors, base) or any(_same(vectors, other) for _, other in kept):
            continue
        kept.append((cause, vectors))
    return [cause for cause, _ in kept]


def _same(left: Vectors, right: Vectors) -> bool:
    return left.shape == right.shape and float(apart(left, right).max()) < 2 * ROUNDING


def _trial(bench: Bench, causes: Sequence[Cause], noise: tuple[str, ...]) -> Trial:
    recipe = combine(bench.reference.recipe, tuple(causes))
    clean = bench.vectors(recipe)
    if noise:
        # Half precision by other kernels than the catalogue's own, so that no entry gives these very vectors.
        bench.add_change("noise", _other_half_precision)
        vectors = bench.vectors(type(recipe)(**{**recipe.__dict__, "weights": (*recipe.weights, *noise)}))
    else:
        spread = _SUMMATION * np.linalg.norm(clean, axis=1, keepdims=True) / clean.shape[1] ** 0.5
        vectors = clean + np.random.default_rng(5).normal(size=clean.shape) * spread
    return Trial(tuple(cause.name for cause in causes), vectors.astype(np.float32), clean)


def _other_half_precision(model: object) -> object:
    model.set_attn_implementation("eager")  # type: ignore[attr-defined]
    return model.bfloat16()  # type: ignore[attr-defined]


def _singles(bench: Bench, causes: Sequence[Cause]) -> Iterator[Trial]:
    return (_trial(bench, (cause,), ()) for cause in causes)


def _solved(bench: Bench) -> Iterator[Trial]:
    base, draw = bench.vectors(bench.reference.recipe), np.random.default_rng(3)
    count, width = base.shape
    turn = np.linalg.qr(draw.normal(size=(width, width)))[0].astype(np.float32)
    made = {
        "scale": base * 9.4,
        "shuffled": base[draw.permutation(count)],
        "permuted": base[:, draw.permutation(width)],
        "rotated": base @ turn,
    }
    for name, vectors in made.items():
        yield Trial((SOLVED[name].name,), vectors, vectors)


def _random(bench: Bench) -> Iterator[Trial]:
    """Weights lost in part or whole, with what two loads would have shown."""
    model = bench.reference.model
    for part, pattern in random_parts(model).items():
        if part == "all" or part.startswith("layer"):
            vectors = bench.with_model(random_part(model, pattern, seed=901))
            yield Trial((f"weights random: {part}",), vectors, vectors, Facts(loads_agree=False))


def _pairs(bench: Bench, causes: Sequence[Cause], draw: random.Random, wanted: int) -> list[tuple[Cause, ...]]:
    """Pairs from two slots of which each changes the vectors on top of the other."""
    possible = [pair for pair in combinations(causes, 2) if compatible(pair) and pair[0].slot != pair[1].slot]
    draw.shuffle(possible)
    found: list[tuple[Cause, ...]] = []
    for pair in possible:
        if len(found) == wanted:
            break
        together = _trial(bench, pair, ()).clean
        alone = [_trial(bench, (cause,), ()).clean for cause in pair]
        if all(one.shape != together.shape or float(apart(one, together).max()) > _SHOWS for one in alone):
            found.append(pair)
    return found


def _named(found: Diagnosis) -> list[set[str]]:
    return [{named.cause.name, *named.same_as} for named in found.causes]


def _right(found: Diagnosis, trial: Trial) -> bool:
    """Whether every cause is named, or what is named gives the same vectors."""
    named = _named(found)
    if all(any(truth in names for names in named) for truth in trial.truth):
        return True
    return found.match is not None and _same(found.match.vectors, trial.clean)


def _count_single(count: Count, bench: Bench, trial: Trial) -> None:
    found = diagnose(bench, trial.vectors, facts=trial.facts)
    count.asked += 1
    right = _right(found, trial) and len(found.causes) == 1
    count.right += right
    count.partly += right or any(trial.truth[0] in names for names in _named(found))
    if not right:
        count.missed.append(f"{trial.truth[0]} -> {found.verdict}: {_told(found)}")


def _count_pair(count: Count, bench: Bench, trial: Trial) -> None:
    found = diagnose(bench, trial.vectors)
    named = _named(found)
    count.asked += 1
    right = _right(found, trial)
    count.right += right
    count.partly += right or any(truth in names for truth in trial.truth for names in named)
    if not right:
        count.missed.append(f"{' + '.join(trial.truth)} -> {found.verdict}: {_told(found)}")


def _count_withheld(count: Count, bench: Bench, cause: Cause, causes: Sequence[Cause]) -> None:
    trial = _trial(bench, (cause,), ())
    everything = catalogue(bench.reference, bench.vectors(bench.reference.recipe).shape[1], trial.vectors.shape[1])
    same = [
        one.name for one in everything if _same(bench.vectors(combine(bench.reference.recipe, (one,))), trial.clean)
    ]
    found = diagnose(bench, trial.vectors, without=[cause.name, *same])
    count.asked += 1
    count.right += not found.causes
    if found.causes:
        count.missed.append(f"{cause.name} -> {found.verdict}: {_told(found)}")


def _told(found: Diagnosis) -> str:
    stated = " + ".join(named.cause.name for named in found.causes)
    return stated or f"({found.runners_up[0].cause.name} nearest)" if found.runners_up else stated


def _line(count: Count) -> str:
    partly = f", at least one named {count.share(count.partly):.0%}" if "two" in count.kind else ""
    return f"{count.kind}: {count.right} of {count.asked} ({count.share(count.right):.0%}{partly})"
