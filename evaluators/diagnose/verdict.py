"""From matches to a verdict: what may be stated, what is only near, and when to say that the cause is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.rules.causes import Cause, joined
from data.rules.causes.alike import either
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.described import Statement
from evaluators.diagnose.match import ALIKE, EACH, Match
from evaluators.diagnose.measure import ROUNDING, Errors, apart, even
from evaluators.diagnose.reading import Reading

__all__ = [
    "IDENTICAL_WITHIN",
    "Diagnosis",
    "NamedCause",
    "judge",
    "runners_up",
    "same_vectors",
    "settles",
    "stated_as_stored",
    "with_alike",
    "with_reading",
]

# Share of the drift that may stay unexplained. With a true cause withheld from the catalogue, no wrong one came below.
_ACCEPTED = 0.10
IDENTICAL_WITHIN = 2e-4  # worst text, relative distance: 1e-8 in cosine
_STANDS_OUT = 10.0  # times what is left of the median text
_MUCH = 0.25  # of the drift, that a coarse arithmetic computed otherwise may leave
_BEYOND, _SOME = 2.0, 2  # times what an arithmetic moves a text; texts that are
_NOTHING = 1e-3  # relative distance of a text that needs no further explanation
_SETTLED = 1e-4  # so little left on a text that drifted is no accident
_LIKE, _LIKE_IN_FEW, _FEW_DIRECTIONS = 0.9, 0.5, 5  # participation ratio of the squares of singular values
_OF_STEPS = 4.0  # grains
_MOST_LEFT = 0.6  # of a text's distance, by an arithmetic that is the candidate's
_RUNNERS_UP = 5


@dataclass(frozen=True)
class NamedCause:
    """A cause in an answer.

    Attributes:
        same_as: words of causes that this model and these texts cannot tell from it.
        explained: share of the drift it explains by itself on top of those before it, 0 to 1.
        remaining: mean distance left after it and those before it.
    """

    cause: Cause
    same_as: tuple[str, ...]
    explained: float
    remaining: float


_Causes = tuple[NamedCause, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The answer.

    Attributes:
        drift: mean relative distance between reference and candidate.
        remaining: the same after the causes stated; equal to ``drift`` when none is.
        floor: mean distance that bf16 arithmetic leaves on this model and these texts.
        causes: those stated, the strongest first; empty unless the verdict rests on them.
        runners_up: the next best explanations, not stated.
        errors: distance of each text before and after.
        match: the explanation whose vectors are the proof; None when nothing is stated.
        searched: texts that the causes were looked for on; what is stated was held against all of them.
        tried: causes of the catalogue that were looked for.
        described: what is true of a drift that no cause explains, or of what is left of it.
    """

    verdict: DiagnosisVerdict
    sentence: str
    drift: float
    remaining: float
    floor: float
    causes: _Causes
    runners_up: _Causes
    before: Errors
    after: Errors
    match: Match | None = None
    searched: int | None = None
    tried: int = 0
    described: tuple[Statement, ...] = ()

    @property
    def unexplained(self) -> float:
        """Share of the drift that is left, 0 to 1."""
        return self.remaining / self.drift if self.drift else 0.0


def judge(ranked: Sequence[Match], floor: float, rounding: Callable[[Match], float]) -> Diagnosis:
    """The verdict over the matches of a search.

    Args:
        ranked: every match tried, best first, the plain reference among them.
        floor: mean distance that bf16 leaves on this model and these texts.
        rounding: the distance that may be left by a match as rounding (``rest.rounding``); asked where it matters.
    """
    plain = next(match for match in ranked if not match.causes)
    best = ranked[0]
    drift = float(plain.errors.mean())
    if float(plain.errors.max()) < IDENTICAL_WITHIN:
        return _without(DiagnosisVerdict.IDENTICAL, "The candidate's vectors are the reference's.", plain, floor, ())
    runners = runners_up(ranked)
    left = float(best.errors.mean())
    precision = bool(best.causes) and all(cause.precision for cause in best.causes)
    if best.causes and _accepted(best, plain, floor, rounding):
        verdict = DiagnosisVerdict.PRECISION if precision else DiagnosisVerdict.EXPLAINED
        return _stated(verdict, best, ranked, plain, floor, runners)
    if not precision and (alike := with_alike(ranked)) is not None:
        return _stated(DiagnosisVerdict.EXPLAINED, alike, ranked, plain, floor, runners)
    if (
        precision
        and even(plain.errors)
        and left < _least_like(best, plain) * drift
        and _same_size(best, plain)
        and not _others_left(best, plain)
    ):
        return _stated(DiagnosisVerdict.PRECISION, best, ranked, plain, floor, runners)
    if drift < 2 * floor and even(plain.errors):
        sentence = f"The drift ({drift:.1e}) is even over the texts and no larger than half precision makes it."
        return _without(DiagnosisVerdict.PRECISION, sentence, plain, floor, runners)
    if best.causes and _settles_some(best, plain):
        return _stated(DiagnosisVerdict.PARTLY, best, ranked, plain, floor, runners)
    sentence = "No known cause or combination of causes explains the drift."
    if best.causes:
        sentence = f"{sentence[:-1]}; the nearest ({' + '.join(best.names)}) leaves {left / drift:.0%} of it."
    return _without(DiagnosisVerdict.UNKNOWN, sentence, plain, floor, runners)


def _accepted(best: Match, plain: Match, floor: float, rounding: Callable[[Match], float]) -> bool:
    left, drift = float(best.errors.mean()), float(plain.errors.mean())
    worst = float(best.errors.max())
    if left < _ACCEPTED * drift and worst < _NOTHING:
        return True
    # What is left must be rounding on every text, in half precision at most, and look like it. A cause that is merely
    # like the true one (a mean that leaves out two tokens) leaves little on long texts and much on short ones.
    if left < _ACCEPTED * drift:
        return worst < rounding(best)
    # A coarse arithmetic beside a smaller cause leaves more of the drift than a tenth: it must point where it points.
    if any(cause.precision and cause.forward for cause in best.causes) and not all(c.precision for c in best.causes):
        return even(best.errors) and worst < rounding(best)
    return left < min(1.5 * floor, 0.5 * drift) and even(best.errors) and rounding(best) > 0


def with_alike(ranked: Sequence[Match]) -> Match | None:
    """The best match with the arithmetic more that what it leaves points to, where that is little and even.

    Two formulas of as many bits round the same weights to other numbers: one leaves as much as none of them, and
    points where the other does.
    """
    best, plain = ranked[0], next(match for match in ranked if not match.causes)
    left = float(best.errors.mean())
    if not best.causes or left >= _ACCEPTED * float(plain.errors.mean()) or not even(best.errors):
        return None
    larger = [match for match in ranked if set(match.causes) > set(best.causes)]
    rounded = [match for match in larger if _is_one_arithmetic(set(match.causes) - set(best.causes))]
    pointing = [(_pointing(best, match), match) for match in rounded]
    agrees, alike = max(pointing, key=lambda one: one[0], default=(0.0, None))
    return alike if agrees > ALIKE else None


def _is_one_arithmetic(causes: set[Cause]) -> bool:
    return len(causes) == 1 and all(cause.precision and cause.forward for cause in causes)


def _pointing(best: Match, other: Match) -> float:
    """Cosine between what is left of the candidate and what another match moves, by the sides of their triangle."""
    near, far, moved = (
        float((one**2).sum()) for one in (best.errors, other.errors, apart(other.vectors, best.vectors))
    )
    return (near + moved - far) / (2 * (near * moved) ** 0.5) if near * moved > 0 else 0.0


def _others_left(best: Match, plain: Match) -> bool:
    """Whether some texts are left much further off than most: they have another cause besides.

    Where one rounding decides how the next ones fall, a text is left as far off as the arithmetic moves it, no further.
    """
    own = apart(best.vectors, plain.vectors)
    stands_out = (best.errors > _STANDS_OUT * max(float(np.median(best.errors)), _NOTHING)) & (best.errors > own)
    beyond = best.errors > _BEYOND * np.maximum(own, _NOTHING)
    return bool(stands_out.any()) or int(beyond.sum()) >= _SOME


def _least_like(best: Match, plain: Match) -> float:
    """Share of the drift that an arithmetic like the candidate's own may leave.

    Where all texts move along a few directions (of a small model), any two changes of its weights point alike.
    """
    moved = best.vectors.astype(np.float64) - plain.vectors
    squares = np.linalg.svd(moved, compute_uv=False) ** 2
    directions = float(squares.sum() ** 2 / (squares**2).sum()) if squares.any() else 0.0
    return _LIKE if directions >= _FEW_DIRECTIONS else _LIKE_IN_FEW


def _same_size(best: Match, plain: Match) -> bool:
    """Whether the precision's own drift is of the candidate's size."""
    own, drift = float(apart(best.vectors, plain.vectors).mean()), float(plain.errors.mean())
    return 0.6 < own / drift < 1.6


def _settles_some(best: Match, plain: Match) -> bool:
    """Whether texts that drifted come right to the last digits, and no text that was near is driven away.

    A coarse arithmetic is no nearer than it rounds: of most texts it must take away nearly half, which no other does.
    """
    moved = plain.errors > _NOTHING
    if any(cause.precision and cause.forward for cause in best.causes):
        nearer = moved & (best.errors < _MOST_LEFT * plain.errors)
        worse = best.errors > 1.3 * plain.errors + _SETTLED
        return int(nearer.sum()) >= max(4, int(np.ceil(0.6 * moved.sum()))) and not bool(worse.any())
    # Of what was stored as whole numbers some fell on the other side of a step.
    settled = moved & (best.errors < np.maximum(_SETTLED, _OF_STEPS * np.asarray(best.grain)))
    worse = best.errors > 1.1 * plain.errors + _SETTLED
    return int(settled.sum()) >= max(2, int(np.ceil(0.25 * moved.sum()))) and not bool(worse.any())


def _stated(
    verdict: DiagnosisVerdict,
    best: Match,
    ranked: Sequence[Match],
    plain: Match,
    floor: float,
    runners: _Causes,
) -> Diagnosis:
    causes = _in_order(best, ranked, plain)
    left, drift = float(best.errors.mean()), float(plain.errors.mean())
    names = " and ".join(either(named.cause.words, named.same_as) for named in causes)
    s = "" if len(causes) > 1 else "s"
    explained = f"{names} explain{s} {1 - left / drift:.1%} of the drift."
    if left > _MUCH * drift:
        explained = (
            f"{names} explain{s} the drift; what is left of it ({left / drift:.0%}) is what such arithmetic rounds."
        )
    sentence = {
        DiagnosisVerdict.EXPLAINED: explained,
        DiagnosisVerdict.PRECISION: f"The drift is one of precision: {names}.",
        DiagnosisVerdict.PARTLY: f"{names} settle{s} part of the texts; "
        f"{left / drift:.0%} of the drift is left, and its cause is not known.",
    }[verdict]
    sentence = sentence[0].upper() + sentence[1:]
    return Diagnosis(verdict, sentence, drift, left, floor, causes, runners, plain.errors, best.errors, best)


def _without(verdict: DiagnosisVerdict, sentence: str, plain: Match, floor: float, runners: _Causes) -> Diagnosis:
    drift = float(plain.errors.mean())
    return Diagnosis(verdict, sentence, drift, drift, floor, (), runners, plain.errors, plain.errors)


def _in_order(best: Match, ranked: Sequence[Match], plain: Match) -> _Causes:
    """The causes of a match, each where it helped most, with what it added."""
    tried = {frozenset(match.causes): match for match in ranked}
    left, order, now = list(best.causes), [], frozenset[Cause]()
    remaining = drift = float(plain.errors.mean())
    while left:
        steps = [(cause, tried.get(now | {cause})) for cause in left]
        known = [(cause, match) for cause, match in steps if match is not None]
        cause, match = min(known, key=lambda step: step[1].score) if known else (left[0], best)
        after = float((match if len(left) > 1 else best).errors.mean())
        order.append(NamedCause(cause, _same_as(cause, best, ranked), max(0.0, (remaining - after) / drift), after))
        remaining, now = after, now | {cause}
        left.remove(cause)
    return tuple(order)


def stated_as_stored(match: Match, plain: Match, floor: float) -> Diagnosis:
    """The verdict on vectors that are the reference's but for the type they were stored as."""
    return _stated(DiagnosisVerdict.PRECISION, match, [match, plain], plain, floor, ())


def with_reading(reading: Reading, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis of vectors read as they were meant, with the cause that they were not read so."""
    bits = {cause.cause for cause in diagnosis.causes if cause.cause.changes.get("rounding") == "binary"}
    others = tuple(named for named in diagnosis.causes if named.cause not in bits)
    named = NamedCause(reading.cause, (), 1.0, diagnosis.drift if others else diagnosis.remaining)
    words = reading.cause.words
    whole = f"{words[0].upper()}{words[1:]}"
    sentence = f"{whole}: read as they were meant, they are vectors of the reference's kind."
    if reading.cause.family == "space":
        sentence = f"{whole}: each held against its own text, most are vectors of the reference's kind."
    clear = settles(diagnosis.verdict)
    if not clear or others:
        sentence = f"{sentence} {diagnosis.sentence}"
    verdict = DiagnosisVerdict.EXPLAINED if clear else diagnosis.verdict
    if diagnosis.verdict is DiagnosisVerdict.UNKNOWN:
        verdict = DiagnosisVerdict.PARTLY
    return replace(diagnosis, verdict=verdict, sentence=sentence, causes=(named, *others))


def settles(verdict: DiagnosisVerdict) -> bool:
    """Whether a verdict says where all of the drift comes from."""
    return verdict in (DiagnosisVerdict.IDENTICAL, DiagnosisVerdict.EXPLAINED, DiagnosisVerdict.PRECISION)


def same_vectors(match: Match, best: Match) -> bool:
    """Whether another match, of which one cause is another, gives the best one's vectors."""
    swapped = set(match.causes) ^ set(best.causes)
    one_other = len(match.causes) == len(best.causes) and len(swapped) == 2
    return one_other and float(apart(match.vectors, best.vectors).max()) < 2 * ROUNDING


def _same_as(cause: Cause, best: Match, ranked: Sequence[Match]) -> tuple[str, ...]:
    """Other causes that put in its place give the same vectors on these texts."""
    others = [match for match in ranked if cause not in match.causes and same_vectors(match, best)]
    return tuple(dict.fromkeys(swapped.words for match in others for swapped in set(match.causes) - set(best.causes)))


def runners_up(ranked: Sequence[Match]) -> _Causes:
    """The next best explanations that are not the best one with something added."""
    best, plain = ranked[0], next(match for match in ranked if not match.causes)
    drift, runners = float(plain.errors.mean()), []
    for match in ranked:
        if not match.causes or set(match.causes) >= set(best.causes) or match.score > plain.score + EACH:
            continue
        left = float(match.errors.mean())
        runners.append(NamedCause(joined(match.causes), (), max(0.0, 1 - left / drift), left))
        if len(runners) == _RUNNERS_UP:
            break
    return tuple(runners)
