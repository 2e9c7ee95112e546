"""Is a run broken? The few tasks that between them show the most faults, and what a run of them says.

A run is held against the model's published figures on those tasks, by how far honest reruns are off. Where nothing is
published, the pattern of its scores is held against the record's models; that sees far less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.faults import FaultTable, MeasuredFault
from data.rules.budget.prediction import Predictor
from data.rules.budget.reruns import ALARM, carriers, far_off, runs_p
from data.rules.budget.table import TaskTable
from data.rules.words import Phrase, in_a_row, phrase

__all__ = ["SMOKE_SHARE", "Smoke", "SmokePlan", "SmokeTask", "SmokeVerdict", "smoke_plan", "smoke_verdict"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SMOKE_SHARE = 0.01  # of the benchmark's time
# Where no task of a type was run with faults, the type its tasks are most like.
_LIKE = {
    "PairClassification": "STS", "Summarization": "STS", "Reranking": "Retrieval", "InstructionReranking": "Retrieval",
    "InstructionRetrieval": "Retrieval", "MultilabelClassification": "Classification",
}  # fmt: skip
# Of what others of its type lost, how much is expected of a task that nobody ran with faults.
_STANDING = 0.5
# How much a second counts beside what a task shows; each is tried.
_POWERS = (0.0, 0.5, 1.0)
# A fault is worth showing with room (p of ALARM squared): another model loses less by it here and more there.
_ROOM = 2.0
_GAIN = 1e-3


class Smoke(StrEnum):
    """What a smoke run says; that a run is right is not among it."""

    BROKEN = "broken"
    NOTHING_SEEN = "nothing-seen"
    CANNOT_TELL = "cannot-tell"


class SmokePlan(NamedTuple):
    """The tasks of a smoke run, and what they would show.

    Attributes:
        benchmark: they are of.
        tasks: in the order to run, the quickest first; empty where none fits the budget or shows anything.
        seconds: of each, published.
        floors: of each, 0-1 scale.
        share: of the benchmark's time, 0 to 1.
        model: that the faults were measured on.
        faults: that were measured.
        effects: (faults, tasks), how far each moved each task, 0-1 scale.
        assumed: those of the tasks that not every fault was measured on, whole; others of their type stand for them.
        strange: of each fault, whether the record's models show it; None where published figures do.
    """

    benchmark: str
    tasks: tuple[str, ...]
    seconds: tuple[float, ...]
    floors: tuple[float, ...]
    share: float
    model: str
    faults: tuple[MeasuredFault, ...]
    effects: Floats
    assumed: tuple[str, ...]
    strange: tuple[bool, ...] | None = None

    def of_tasks(self, tasks: Collection[str]) -> SmokePlan:
        """The same with some of the tasks, such as those that ended and can be compared with published figures."""
        places = [i for i, task in enumerate(self.tasks) if task in tasks]
        seconds = tuple(self.seconds[i] for i in places)
        return self._replace(
            tasks=tuple(self.tasks[i] for i in places),
            seconds=seconds,
            floors=tuple(self.floors[i] for i in places),
            share=self.share * sum(seconds) / sum(self.seconds) if seconds else 0.0,
            effects=self.effects[:, places],
            assumed=tuple(task for task in self.assumed if task in tasks),
            strange=None,
        )

    def by_pattern(self, predictor: Predictor) -> SmokePlan:
        """The same for a model of which nothing is published: what the pattern of its scores would show.

        Each fault is put on the published scores of the model it was measured on; without those nothing is shown.
        """
        table = predictor.table
        row = table.scores[table.models.index(self.model)] if self.model in table.models else None
        own = {task: float(row[table.tasks.index(task)]) if row is not None else np.nan for task in self.tasks}
        faulty = ({t: own[t] + float(e) for t, e in zip(self.tasks, effect, strict=True)} for effect in self.effects)
        return self._replace(strange=tuple(predictor.strangeness(scores).p <= ALARM for scores in faulty))

    @property
    def shown(self) -> tuple[MeasuredFault, ...]:
        """Faults that the tasks would show."""
        return self._faults(True)

    @property
    def missed(self) -> tuple[MeasuredFault, ...]:
        """Faults that they would not."""
        return self._faults(False)

    def _faults(self, shown: bool) -> tuple[MeasuredFault, ...]:
        every = list(range(len(self.tasks)))
        seen = _closer(self.effects, np.array(self.floors), every) <= ALARM if self.strange is None else self.strange
        return tuple(fault for fault, sees in zip(self.faults, seen, strict=True) if sees == shown)

    @property
    def coverage(self) -> Phrase:
        """How many of the measured faults would be noticed, and which would not."""
        missed = self.missed
        if not missed:
            return phrase("All {total} measured faults would be noticed.", total=len(self.faults))
        if not self.shown:
            return phrase("None of the {total} measured faults would be noticed.", total=len(self.faults))
        return phrase(
            "{n} of {total} measured faults would be noticed; not: {missed}.",
            n=len(self.shown), total=len(self.faults), missed=in_a_row([fault.words for fault in missed]),
        )  # fmt: skip

    @property
    def standing(self) -> Phrase:
        """Which tasks' faults were measured on others of their type; empty where all were measured themselves."""
        if not self.assumed:
            return Phrase("")
        return phrase(
            "Not every fault was measured on {tasks} whole; for the rest stands half of what others of its type lost.",
            tasks=in_a_row(self.assumed),
        )


class SmokeTask(NamedTuple):
    """A task of a smoke run beside its published figure; 0-1 scale.

    ``limit``: how far it may be off before it alone makes the run broken; ``beyond``: whether it is among the tasks
    that make it so, alone or together.
    """

    task: str
    score: float
    published: float
    limit: float
    beyond: bool

    @property
    def delta(self) -> float:
        """Score minus published figure."""
        return self.score - self.published


class SmokeVerdict(NamedTuple):
    """What a smoke run says.

    Attributes:
        code: broken, nothing-seen or cannot-tell.
        sentence: the same in words, with its error rate or with what it would miss.
        tasks: those that were held against a published figure.
        p: how often right runs are as far off, 0 to 1; 1 where nothing could be compared.
        plan: of the tasks that were compared: what they would have shown, and what not.
    """

    code: Smoke
    sentence: Phrase
    tasks: tuple[SmokeTask, ...]
    p: float
    plan: SmokePlan


def smoke_plan(
    table: TaskTable, faults: FaultTable, usable: Collection[str] | None = None, share: float = SMOKE_SHARE
) -> SmokePlan:
    """The tasks to run: those that between them show the most measured faults within the budget.

    A fault counts as shown where the verdict would be "broken" with every task a noise floor closer than was measured.
    For a task that was not run whole with faults stands, fault by fault, half of the least that tasks of its type were
    moved.

    Args:
        table: the benchmark.
        faults: of :func:`data.rules.budget.faults.fault_table`.
        usable: tasks that can be run and compared: those with a published figure on the same data; all by default.
        share: of the benchmark's published time.
    """
    effects, assumed = _effects(table, faults)
    able = np.array([usable is None or task in usable for task in table.tasks])
    budget = share * float(table.seconds.sum())
    choices = [_chosen(effects, table.floors, table.seconds, able, budget, power) for power in _POWERS]
    best = max(choices, key=lambda places: (*_coverage(effects, table.floors, places), -table.seconds[places].sum()))
    best = sorted(best, key=lambda place: float(table.seconds[place]))
    return SmokePlan(
        benchmark=table.benchmark,
        tasks=tuple(table.tasks[place] for place in best),
        seconds=tuple(float(table.seconds[place]) for place in best),
        floors=tuple(float(table.floors[place]) for place in best),
        share=float(table.seconds[best].sum() / table.seconds.sum()),
        model=faults.model,
        faults=faults.faults,
        effects=effects[:, best],
        assumed=tuple(table.tasks[place] for place in best if assumed[place]),
    )


def smoke_verdict(
    plan: SmokePlan, scores: Mapping[str, float], published: Mapping[str, float], predictor: Predictor | None = None
) -> SmokeVerdict:
    """What a smoke run says: broken, or that nothing broken was seen; of right runs at most 1% are called broken.

    Args:
        plan: of :func:`smoke_plan`.
        scores: of the run, by task, 0-1 scale; tasks that did not end are left out.
        published: figures that these can be compared with (the same data and metric), by task.
        predictor: of the record's models, asked where nothing is published; best without the model's own family.
    """
    compared = [task for task in plan.tasks if _known(scores, task) and _known(published, task)]
    if compared:
        return _beside_published(plan.of_tasks(compared), scores, published)
    measured = plan.of_tasks([task for task in plan.tasks if _known(scores, task)])
    if not measured.tasks or predictor is None:
        return SmokeVerdict(Smoke.CANNOT_TELL, phrase("No task could be held against anything."), (), 1.0, measured)
    return _beside_models(measured.by_pattern(predictor), scores, predictor)


def _known(scores: Mapping[str, float], task: str) -> bool:
    return bool(np.isfinite(scores.get(task, np.nan)))


def _beside_published(plan: SmokePlan, scores: Mapping[str, float], published: Mapping[str, float]) -> SmokeVerdict:
    deltas, floors = np.array([scores[task] - published[task] for task in plan.tasks]), np.array(plan.floors)
    tasks = tuple(
        SmokeTask(task, scores[task], published[task], far_off(floor, len(floors)), bool(beyond))
        for task, floor, beyond in zip(plan.tasks, plan.floors, carriers(deltas, floors), strict=True)
    )
    p = float(runs_p(deltas, floors))
    if p > ALARM:
        return SmokeVerdict(Smoke.NOTHING_SEEN, _nothing(plan), tasks, p, plan)
    off = [
        phrase("{task} by {points:+.1f} points", task=one.task, points=100 * one.delta) for one in tasks if one.beyond
    ]
    broken = phrase(
        "Broken: {n} of {k} tasks are further from the published figures than honest reruns: {tasks}."
        " At most 1% of right runs are called so.",
        n=len(off), k=len(tasks), tasks=in_a_row(off),
    )  # fmt: skip
    return SmokeVerdict(Smoke.BROKEN, broken, tasks, p, plan)


def _beside_models(plan: SmokePlan, scores: Mapping[str, float], predictor: Predictor) -> SmokeVerdict:
    among = predictor.strangeness({task: scores[task] for task in plan.tasks})
    if (1 + among.of) * ALARM < 1:
        few = phrase("Only {n} models of the record have these tasks: too few to call a run broken.", n=among.of)
        return SmokeVerdict(Smoke.CANNOT_TELL, few, (), 1.0, plan)
    if among.p > ALARM and not plan.shown:
        blind = phrase("Without published figures these tasks show none of the measured faults.")
        return SmokeVerdict(Smoke.CANNOT_TELL, blind, (), among.p, plan)
    if among.p > ALARM:
        return SmokeVerdict(Smoke.NOTHING_SEEN, _nothing(plan), (), among.p, plan)
    strange = phrase("Broken: of {n} models of the record at most 1% score as strangely on these tasks.", n=among.of)
    return SmokeVerdict(Smoke.BROKEN, strange, (), among.p, plan)


def _nothing(plan: SmokePlan) -> Phrase:
    return phrase(
        "Nothing broken was seen on {k} tasks, which does not say that the run is right. {coverage}",
        k=len(plan.tasks), coverage=plan.coverage,
    )  # fmt: skip


def _effects(table: TaskTable, faults: FaultTable) -> tuple[Floats, Flags]:
    """(faults, tasks) how far each fault moves each task; and (tasks,) whether others of its type stand for it."""
    whole = {task: i for i, task in enumerate(faults.tasks) if not faults.parts[i]}
    types, count = np.array(faults.types), len(faults.faults)
    effects, assumed = np.zeros((count, len(table.tasks))), np.zeros(len(table.tasks), dtype=bool)
    for i, (task, kind) in enumerate(zip(table.tasks, table.types, strict=True)):
        alike = faults.deltas[:, types == (kind if kind in types else _LIKE.get(kind, kind))]
        # The least of them, whichever sign it has; a column of zeros is there where no task is alike.
        alike = np.hstack([alike, np.where(np.isnan(alike).all(axis=1, keepdims=True), 0.0, np.nan)])
        least = alike[np.arange(count), np.nanargmin(np.abs(alike), axis=1)]
        own = faults.deltas[:, whole[task]] if task in whole else np.full(count, np.nan)
        effects[:, i] = np.where(np.isnan(own), _STANDING * least, own)
        assumed[i] = np.isnan(own).any()
    return effects, assumed


def _closer(effects: Floats, floors: Floats, places: list[int]) -> Floats:
    """(faults,), p of each fault on these tasks, each a floor closer than measured."""
    if not places:
        return np.ones(len(effects))
    return runs_p(np.maximum(np.abs(effects[:, places]) - floors[places], 0.0), floors[places])


def _coverage(effects: Floats, floors: Floats, places: list[int]) -> tuple[int, float]:
    """How many faults are shown, and how plainly, summed."""
    plain = np.log(_closer(effects, floors, places)) / np.log(ALARM)
    return int((plain >= 1.0).sum()), float(np.minimum(plain, _ROOM).sum())


def _chosen(effects: Floats, floors: Floats, seconds: Floats, able: Flags, budget: float, power: float) -> list[int]:
    """Tasks by what each adds, greedily; then without those that the others made idle."""
    chosen: list[int] = []
    while True:
        left = budget * (1 + 1e-9) - seconds[chosen].sum()
        fitting = [int(i) for i in np.flatnonzero(able & (seconds <= left)) if i not in chosen]
        now = sum(_coverage(effects, floors, chosen))
        gains = [(sum(_coverage(effects, floors, [*chosen, i])) - now) / seconds[i] ** power for i in fitting]
        if not gains or max(gains) <= _GAIN:
            break
        chosen.append(fitting[int(np.argmax(gains))])
    for place in sorted(chosen, key=lambda place: -float(seconds[place])):
        rest = [other for other in chosen if other != place]
        if _coverage(effects, floors, rest) >= _coverage(effects, floors, chosen):
            chosen = rest
    return chosen
