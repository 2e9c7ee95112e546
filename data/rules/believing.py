"""Can a model's published figures be believed: one verdict a model, which side is suspect, and why, in words.

Three witnesses may speak of a task: the model's card, the official run of mteb, a run of this machine. Two that agree
outvote the third; where only two speak, the shape of their difference is told and no side is called wrong without a
reason that is said. Whether a model is in doubt at all is the rule of its badge: more than a quarter of its tasks do
not hold. Where those are tasks on which most models moved alike, the tasks are at fault, and not the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.rules.words import Phrase, mark, phrase
from data.store.vocabulary import Comparison, Origin, Verdict

__all__ = ["Belief", "BeliefVerdict", "Suspect", "beliefs", "is_doubtful"]

# As on badges (data/store/views/30_deltas.sql): contradicted is who has more than a quarter of tasks that do not hold.
_LET_PASS = 0.25
# Of what does not hold, this share in one direction is a direction.
_ONE_WAY = 0.75
# A run that keeps less than this share of the claimed score was not of the model as it is meant to be used.
_WRECKED = 0.5
_FEW = 3  # tasks, below which a verdict says how little it rests on


class BeliefVerdict(StrEnum):
    """What a model's figures come to, as pages say it; the one to look at first first."""

    OFFICIAL_SUSPECT = mark("official run suspect")
    ABOVE = mark("claim above the official run")
    OURS_DIFFER = mark("our run differs")
    MIXED = mark("figures differ both ways")
    BELOW = mark("claim below the official run")
    TASKS_MOVED = mark("tasks at fault")
    HOLDS = mark("claim holds")
    NOT_COMPARABLE = mark("not comparable")


class Suspect(StrEnum):
    """Which side to look at, as pages say it; empty for none."""

    CARD = mark("the model card")
    OFFICIAL = mark("the official run")
    OURS = mark("our run")
    TASKS = mark("the tasks")
    NOBODY = ""


class Belief(NamedTuple):
    """What one model's figures come to.

    Attributes:
        model: its name.
        verdict: one of :class:`BeliefVerdict`.
        suspect: the side to look at; nobody where it holds or nothing tells.
        why: sentences, the telling one first.
        compared: tasks on which two figures can be compared.
        held: of these, tasks on which they hold.
        charged: tasks that are no part of the reasons, as most models moved on them; 0 where the claim holds.
        typical: median difference over the tasks that do not hold, check minus claim, 0-1 scale; None where all hold.
    """

    model: str
    verdict: BeliefVerdict
    suspect: Suspect
    why: tuple[Phrase, ...]
    compared: int
    held: int
    charged: int
    typical: float | None


class _Told(NamedTuple):
    """What two witnesses come to on one task: whether they agree, how far apart they are, what is left of the claim."""

    holds: bool
    delta: float
    left: float


class _Pair:
    """Two witnesses over the tasks of one model."""

    def __init__(self, tasks: dict[str, _Told]) -> None:
        self.tasks = tasks
        self.failing = {task: one for task, one in tasks.items() if not one.holds}
        self.held = len(tasks) - len(self.failing)

    def holding(self, among: Iterable[str]) -> int:
        """How many of these tasks hold here."""
        return sum(task in self.tasks and self.tasks[task].holds for task in among)

    def without(self, tasks: frozenset[str]) -> _Pair:
        """The same but for some tasks."""
        return _Pair({task: one for task, one in self.tasks.items() if task not in tasks})

    def speaks_of(self, among: Iterable[str]) -> int:
        """How many of these tasks it has anything on."""
        return sum(task in self.tasks for task in among)


_NONE = _Pair({})


def beliefs(deltas: pd.DataFrame, charged: Iterable[str] = ()) -> list[Belief]:
    """One verdict a model, the ones to look at first.

    Args:
        deltas: judged deltas of every kind, as the view has them: kind, model, task, check_id, claim_origin,
            claim_score, check_score, delta, verdict, comparable, obstacle.
        charged: tasks on which most models moved.
    """
    charged = frozenset(charged)
    order = list(BeliefVerdict)
    pairs = _pairs(deltas)
    judged = [
        _of_model(str(model), frame, pairs.get(str(model), {}), charged)
        for model, frame in deltas.groupby("model", sort=True)
    ]
    return sorted(judged, key=lambda one: (order.index(one.verdict), one.held - one.compared, one.model.casefold()))


def _pairs(deltas: pd.DataFrame) -> dict[str, dict[str, _Pair]]:
    """By model and kind, the tasks of which every comparable cell holds, or not.

    Of several runs of a task the one that agrees best speaks. A run held against a card for want of an official result
    is a pair with the card.
    """
    kinds = [Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD]
    usable = deltas[deltas["comparable"].astype(bool) & deltas["kind"].isin(kinds)]
    usable = usable[(usable["kind"] != Comparison.REPRODUCED) | (usable["claim_origin"] == Origin.OFFICIAL)]
    if usable.empty:
        return {}
    fine = usable.assign(
        holds=usable["verdict"].isin([Verdict.MATCH, Verdict.DRIFT]), left=usable["check_score"] / usable["claim_score"]
    )
    results = fine.groupby(["model", "kind", "task", "check_id"], as_index=False).agg(
        holds=("holds", "all"), delta=("delta", "median"), left=("left", "median")
    )
    best = results.sort_values("holds", kind="stable").drop_duplicates(["model", "kind", "task"], keep="last")
    by_model: dict[str, dict[str, dict[str, _Told]]] = {}
    for row in best.sort_values("task").to_dict("records"):
        of_kind = by_model.setdefault(str(row["model"]), {}).setdefault(str(row["kind"]), {})
        of_kind[str(row["task"])] = _Told(bool(row["holds"]), float(row["delta"]), float(row["left"]))
    return {model: {kind: _Pair(tasks) for kind, tasks in kinds.items()} for model, kinds in by_model.items()}


def _of_model(model: str, deltas: pd.DataFrame, pairs: dict[str, _Pair], charged: frozenset[str]) -> Belief:
    """The verdict by all of its tasks; its reasons by those that are not charged."""
    kinds = (Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD)
    whole = [pairs.get(kind, _NONE) for kind in kinds]
    pair = next((pair for pair in whole if pair.tasks), _NONE)
    compared, left_out = len(pair.tasks), len(charged & set(deltas["task"]))
    typical = _median(one.delta for one in pair.failing.values()) if pair.failing else None

    def belief(verdict: BeliefVerdict, suspect: Suspect, *why: Phrase, charged: int = left_out) -> Belief:
        few = (_few(compared),) if 0 < compared < _FEW else ()
        return Belief(model, verdict, suspect, (*why, *few), compared, pair.held, charged, typical)

    if not compared:
        return belief(BeliefVerdict.NOT_COMPARABLE, Suspect.NOBODY, _nothing(deltas), charged=0)
    if not any(_doubtful(pair) for pair in whole):
        return belief(BeliefVerdict.HOLDS, Suspect.NOBODY, *_holds(*whole), charged=0)
    card, ours, ours_card = (pair.without(charged) for pair in whole)
    if _doubtful(card):
        return belief(*_between(card, ours, ours_card))
    against = ours if ours.tasks else ours_card
    if _doubtful(against):
        return belief(*_ours(against, card, ours is against))
    moved = phrase(
        "{n:,} of {compared:,} tasks do not hold, and most models moved on them: their data, metric or version is "
        "another one now.",
        n=len(pair.failing), compared=compared,
    )  # fmt: skip
    return belief(BeliefVerdict.TASKS_MOVED, Suspect.TASKS, moved)


def is_doubtful(failing: int, compared: int) -> bool:
    """Whether so many tasks that do not hold, of those compared, put a model in doubt."""
    return failing > _LET_PASS * compared


def _doubtful(pair: _Pair) -> bool:
    return is_doubtful(len(pair.failing), len(pair.tasks))


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def _few(compared: int) -> Phrase:
    if compared == 1:
        return phrase("This rests on a single task.")
    return phrase("This rests on {compared} tasks.", compared=compared)


def _between(card: _Pair, ours: _Pair, ours_card: _Pair) -> tuple[BeliefVerdict, Suspect, *tuple[Phrase, ...]]:
    """Card and official run disagree on too many tasks: who is suspect, by a third witness or by the direction."""
    failing = list(card.failing.values())
    names, compared = list(card.failing), len(card.tasks)
    with_card, with_official = ours_card.holding(names), ours.holding(names)
    heard = max(ours_card.speaks_of(names), ours.speaks_of(names))
    down = sum(one.delta < 0 for one in failing)
    points = abs(100 * _median(one.delta for one in failing))
    lower = phrase(
        "The official run is lower than the card on {down:,} of {compared:,} tasks, by {points:.1f} points in the "
        "median.",
        down=down, compared=compared, points=points,
    )  # fmt: skip
    higher = phrase(
        "The official run is higher than the card on {up:,} of {compared:,} tasks, by {points:.1f} points in the "
        "median.",
        up=len(failing) - down, compared=compared, points=points,
    )  # fmt: skip
    direction = lower if 2 * down >= len(failing) else higher
    if with_card > with_official:
        witness = phrase(
            "A run of this machine gives what the card claims on {n:,} of {heard:,} of these tasks.",
            n=with_card, heard=heard,
        )  # fmt: skip
        return BeliefVerdict.OFFICIAL_SUSPECT, Suspect.OFFICIAL, witness, direction
    if with_official > with_card:
        witness = phrase(
            "A run of this machine gives what the official run gave on {n:,} of {heard:,} of these tasks.",
            n=with_official, heard=heard,
        )  # fmt: skip
        above = 2 * down >= len(failing)
        return (BeliefVerdict.ABOVE if above else BeliefVerdict.BELOW), Suspect.CARD, witness, direction
    alone = phrase("No run of this machine has been made to tell which of the two is right.")
    left = _median(one.left for one in failing)
    if left < _WRECKED:
        lost = phrase(
            "Of the claimed score {left:.0f}% is left: a card seldom overstates by that much, a model loaded wrongly "
            "(weights, pooling, prompts) loses it at once.",
            left=100 * left,
        )
        return BeliefVerdict.OFFICIAL_SUSPECT, Suspect.OFFICIAL, lost, lower, alone
    if down >= _ONE_WAY * len(failing):
        return BeliefVerdict.ABOVE, Suspect.CARD, lower, alone
    if down <= (1 - _ONE_WAY) * len(failing):
        older = phrase("Nothing is overstated: the card may be of an older version, or the official run used a prompt.")
        return BeliefVerdict.BELOW, Suspect.NOBODY, higher, older
    both = phrase(
        "Card and official run differ on {n:,} of {compared:,} tasks, on {down:,} of them downwards: settings, not a "
        "claim, differ.",
        n=len(failing), compared=compared, down=down,
    )  # fmt: skip
    return BeliefVerdict.MIXED, Suspect.NOBODY, both, alone


def _ours(against: _Pair, card: _Pair, official: bool) -> tuple[BeliefVerdict, Suspect, *tuple[Phrase, ...]]:
    """A run of this machine disagrees with what is published, and the published figures do not with each other."""
    n, compared = len(against.failing), len(against.tasks)
    points = 100 * _median(one.delta for one in against.failing.values())
    differs = (
        phrase(
            "Our run differs from the official one on {n:,} of {compared:,} tasks, by {points:+.1f} points in the "
            "median.",
            n=n, compared=compared, points=points,
        )
        if official
        else phrase(
            "Our run differs from the card on {n:,} of {compared:,} tasks, by {points:+.1f} points in the median.",
            n=n, compared=compared, points=points,
        )
    )  # fmt: skip
    agreeing = card.holding(against.failing)
    if agreeing:
        agree = phrase("Card and official run agree on {n:,} of these, so look at our run first.", n=agreeing)
        return BeliefVerdict.OURS_DIFFER, Suspect.OURS, differs, agree
    nobody = phrase("Nobody else has published a figure to hold either against, so look at our run first.")
    return BeliefVerdict.OURS_DIFFER, Suspect.OURS, differs, nobody


def _holds(card: _Pair, ours: _Pair, ours_card: _Pair) -> list[Phrase]:
    sentences = []
    for pair, text in (
        (card, mark("The official run gives what the card claims on {held:,} of {compared:,} tasks.")),
        (ours, mark("A run of this machine gives what the official one gave on {held:,} of {compared:,} tasks.")),
        (ours_card, mark("A run of this machine gives what the card claims on {held:,} of {compared:,} tasks.")),
    ):
        if pair.tasks:
            sentences.append(phrase(text, held=pair.held, compared=len(pair.tasks)))
    return sentences


def _nothing(deltas: pd.DataFrame) -> Phrase:
    obstacles = deltas["obstacle"].dropna()
    if len(obstacles) > len(deltas) / 2:
        return phrase("The two figures of each task are of other metrics or other cells.")
    return phrase("The two figures of each task are on other or unknown data, and differ by more than noise.")
