"""Causes looked for on a few texts and held against all of them: sixteen tell most causes apart, a check has more.

The few are chosen anew for each candidate (some of those that differ must be among them), but vectors are kept by what
the model is given, so that the next candidate's texts are mostly read, not encoded. Where what the few say does not
hold on all texts, those that it leaves open join them once, and the causes are looked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from data.rules.causes import Cause
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes.places import ORDERS, SINGLE
from evaluators.diagnose.directions import possible
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.match import EACH, Match
from evaluators.diagnose.measure import Errors, apart
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.search import Search
from evaluators.diagnose.verdict import IDENTICAL_WITHIN, Diagnosis, runners_up, same_vectors, settles, with_alike
from evaluators.diagnose.worth import Worth
from evaluators.probes import derived_traits

__all__ = ["borne_out", "searched_for"]

_FEW = 16  # texts looked at first
_ALL = 24  # texts up to which all are looked at at once
_DIFFERING, _DIFFERING_LONG = 6, 2  # of the few, where so many differ; so many where only long texts do
_ANOTHER = 1e-3  # distance of a row that is another text's
_ROUNDS = 3  # of looking for more causes on top of the best so far
_FAR_OFF = 3.0  # times the worst of the texts looked at
_SHORT = 400  # characters: every cause is tried on each of the few, which is what a diagnosis costs

Judge = Callable[[Sequence[Match], Bench, Embeddings], Diagnosis]


def searched_for(
    bench: Bench,
    candidate: Embeddings,
    causes: Sequence[Cause],
    judged: Judge,
    *,
    progress: Callable[[int, int], None] | None = None,
    without: Collection[str] = (),
) -> tuple[Diagnosis, Match]:
    """The diagnosis of a candidate by a search on as few texts as tell, judged on all; and the best match of those.

    Args:
        bench: the reference and all texts.
        candidate: float [n, d].
        causes: the catalogue.
        judged: the verdict over matches of some texts.
        progress: called with (done, total).
        without: causes to leave out, in words.
    """
    causes = possible(bench, candidate, causes)
    # On all texts, at no pass more: poolings and outputs alone, and rows in another order, which few do not show.
    late = Search(bench, candidate, [cause for cause in causes if not cause.forward], None, without)
    whole = late.run()
    if not _moved(whole[0]):
        return _by_few(late, whole, causes, judged, progress, without)
    diagnosis = judged(whole, bench, candidate)
    if settles(diagnosis.verdict):
        return diagnosis, whole[0]
    # Of vectors that are nothing like their texts' some order always comes nearest: it is asked of all texts last.
    answer = _by_few(late, [match for match in whole if not _moved(match)], causes, judged, progress, without)
    if settles(answer[0].verdict):
        return answer
    whole = Search(bench, candidate, [cause for cause in causes if not cause.by_look], progress, without).run()
    diagnosis = judged(whole, bench, candidate)
    return (diagnosis, whole[0]) if settles(diagnosis.verdict) else answer


def _moved(match: Match) -> bool:
    return any(cause.code in ORDERS for cause in match.causes)


def _by_few(
    late: Search,
    whole: Sequence[Match],
    causes: Sequence[Cause],
    judged: Judge,
    progress: Callable[[int, int], None] | None,
    without: Collection[str],
) -> tuple[Diagnosis, Match]:
    """The same, after the late causes alone were tried on all texts; whole are their matches, the best first."""
    bench, candidate, count = late.bench, late.candidate, len(late.candidate)
    usual = [cause for cause in causes if not cause.by_look]
    few = count > _ALL
    # Rows of other texts say nothing of how their own are encoded.
    own = sorted(set(range(count)) - _of_others(bench, whole[0])) if few else list(range(count))
    chosen = _first(bench.texts, whole[0].errors, own) if few else own
    worth = Worth(bench, candidate, causes, without)
    shown = worth.more(())
    likely: list[tuple[Cause, ...]] = []
    precise = False  # whether all is told but for what may hide in an arithmetic
    for round_ in range(_ROUNDS):
        chosen = sorted({*chosen, *shown}) if few else chosen
        part = bench.among(chosen) if few else bench
        ranked = Search(part, candidate[chosen], [*usual, *worth.causes], progress, without).run(likely)
        solving = ranked[0].solved or len(own) < count
        whole, ranked = _on_all(late, ranked, likely, solving=solving) if few else (ranked, ranked)
        diagnosis = judged(whole, bench, candidate)
        if few and diagnosis.causes and (parts := _parts(ranked)):
            # What each of them explains is asked where they are stated, and not before: each is a pass over all texts.
            diagnosis = judged(borne_out(late.with_early(parts, solving=solving), ranked[0]), bench, candidate)
        settled, known = settles(diagnosis.verdict), len(worth.causes)
        precise = precise or diagnosis.verdict is DiagnosisVerdict.PRECISION
        look = worth.lengths if precise else worth.more
        shown = look(ranked[0].early) if precise or not settled else []
        more = (
            _left_open(bench.texts.texts, whole[0].errors, chosen, own, far_off=settled) if few and not round_ else []
        )
        if len(worth.causes) == known and not more:
            break
        chosen = sorted({*chosen, *more})
        likely = [(*early, cause) for early in _same_sets(ranked) for cause in worth.causes[known:]]
    return replace(diagnosis, runners_up=runners_up(ranked)), ranked[0]


def _of_others(bench: Bench, match: Match) -> set[int]:
    """The texts whose rows a match takes from other texts."""
    if not any(cause.code in SINGLE for cause in match.causes):
        return set()
    return set(np.flatnonzero(apart(match.vectors, bench.vectors(match.recipe)) > _ANOTHER).tolist())


def _first(all_texts: Texts, errors: Errors, own: Sequence[int]) -> list[int]:
    """Of some texts those that between them have every trait and role, the shortest first, some that differ, others."""
    texts, roles, _ = all_texts
    order = sorted(own, key=lambda place: (len(texts[place]), place))
    chosen: list[int] = []
    shown: set[str] = set()
    for place in order:
        fresh = {*derived_traits(texts[place]), f"role {roles[place]}"} - shown
        if fresh and len(chosen) < _FEW - 4:
            chosen.append(place)
            shown |= fresh
    short = [place for place in order if len(texts[place]) <= _SHORT]
    for place in order:
        differing = sum(errors[each] > IDENTICAL_WITHIN for each in chosen)
        wanted = differing < _DIFFERING if place in short else differing < _DIFFERING_LONG
        if wanted and errors[place] > IDENTICAL_WITHIN and place not in chosen:
            chosen.append(place)
    spread = [*short[::4], *short[2::4], *short[1::2], *order]
    for place in dict.fromkeys(spread):
        if len(chosen) < _FEW and place not in chosen:
            chosen.append(place)
    return sorted(chosen)


def _left_open(
    texts: Sequence[str], errors: Errors, chosen: Sequence[int], own: Sequence[int], *, far_off: bool
) -> list[int]:
    """Texts not looked at yet that the best explanation does not make right, the shortest of them.

    Args:
        texts: all texts.
        errors: of all texts, under the best explanation.
        chosen: the texts looked at.
        own: the texts whose rows are their own.
        far_off: only those that are left much further off than any looked at: a verdict was reached without them.
    """
    edge = max(IDENTICAL_WITHIN, _FAR_OFF * float(errors[list(chosen)].max()) if far_off else 0.0)
    others = [place for place in own if place not in chosen and errors[place] > edge]
    return sorted(others, key=lambda place: (len(texts[place]), place))[:_FEW]


def _on_all(
    late: Search, ranked: list[Match], likely: Sequence[tuple[Cause, ...]], *, solving: bool
) -> tuple[list[Match], list[Match]]:
    """What a few texts ranked, held against all; and the ranking, where all tell apart what the few hardly do."""
    close = _close(ranked, likely)
    sets = [*_same_sets(ranked), *(match.early for match in close)]
    whole = borne_out(late.with_early(sets, solving=solving), ranked[0], *close)
    return whole, sorted(ranked, key=lambda match: match.early != whole[0].early) if close else ranked


def borne_out(matches: Sequence[Match], *best: Match) -> list[Match]:
    """Matches of all texts, the likeliest first: what few showed to be the best, or as many of its causes as hold.

    A cause that touches few texts gains little in the mean over all of them: it has to gain in sum what it had to gain
    on the few.
    """
    share = min(1.0, best[0].errors.size / matches[0].errors.size)

    def score(match: Match) -> float:
        part_of_it = any(set(match.causes) <= set(one.causes) for one in best)
        return match.score - EACH * (1 - share) * len(match.causes) * part_of_it

    return sorted(matches, key=score)


def _close(ranked: Sequence[Match], likely: Sequence[tuple[Cause, ...]]) -> list[Match]:
    """Of the sets that were tried before others those that a few texts do not tell from the best.

    What touches long texts alone has little to show on the few, which are short.
    """
    sets = {frozenset(early) for early in likely} - {frozenset(ranked[0].early)}
    return [match for match in ranked if frozenset(match.early) in sets and match.score < ranked[0].score + EACH]


def _same_sets(ranked: Sequence[Match]) -> list[tuple[Cause, ...]]:
    """Early causes: of the best match, of what cannot be told from it, and with the arithmetic its rest points to."""
    best, alike = ranked[0], with_alike(ranked)
    same = [match for match in ranked[1:] if match is alike or same_vectors(match, best)]
    return list(dict.fromkeys([best.early, *(match.early for match in same)]))


def _parts(ranked: Sequence[Match]) -> list[tuple[Cause, ...]]:
    """Those of the best match's early causes that were tried without the others."""
    best, known = ranked[0], {frozenset(match.early) for match in ranked}
    parts = (part for size in range(1, len(best.early)) for part in combinations(best.early, size))
    return [part for part in parts if frozenset(part) in known]
