"""Is a run broken? The few tasks that between them show the most faults, and what a run of them says.

A run is held against the model's published figures on those tasks. Honest reruns differ, and now and then by much: how
much was measured on the reruns in the record's history, in units of the noise floor, and its tail is a power law.
Simes' test (1986) makes one verdict of the tasks, so that the rate of false alarms is that of the whole run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.rules.budget.faults import FaultTable, MeasuredFault
from data.rules.budget.prediction import Strangeness
from data.rules.budget.table import TaskTable
from data.rules.words import Phrase, in_a_row, phrase

__all__ = [
    "ALARM", "Smoke", "SmokePlan", "SmokeTask", "SmokeVerdict", "rerun_p", "smoke_p", "smoke_plan",
    "smoke_verdict",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

ALARM = 0.01  # of right runs, those called broken
SHARE = 0.01  # of the benchmark's time
# Honest reruns: of 449 that moved at all, this share moved by more than two noise floors, and the tail falls with this
# power (`python -m tests.bench budget` takes both again from the reruns).
_BEYOND, _FROM, _POWER = 0.027, 2.0, 2.07
# Where no task of a type was run with faults, the type its tasks are most like.
_LIKE = {
    "PairClassification": "STS", "Summarization": "STS", "Reranking": "Retrieval", "InstructionReranking": "Retrieval",
    "InstructionRetrieval": "Retrieval", "MultilabelClassification": "Classification",
}  # fmt: skip
_STANDING = 0.5
# How much a second counts beside what a task shows; each is tried.
_POWERS = (0.0, 0.5, 1.0)
_GAIN = 1e-6


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
        faults: that were measured, on another model.
        effects: (faults, tasks), how far each moved each task, at least 0, 0-1 scale.
        assumed: those of the tasks that nobody ran with faults, or not whole; others of their type stand for them.
    """

    benchmark: str
    tasks: tuple[str, ...]
    seconds: tuple[float, ...]
    floors: tuple[float, ...]
    share: float
    faults: tuple[MeasuredFault, ...]
    effects: Floats
    assumed: tuple[str, ...]

    def of_tasks(self, tasks: Collection[str]) -> SmokePlan:
        """The same with some of the tasks, such as those that ended and can be compared."""
        places = [i for i, task in enumerate(self.tasks) if task in tasks]
        seconds = tuple(self.seconds[i] for i in places)
        return self._replace(
            tasks=tuple(self.tasks[i] for i in places),
            seconds=seconds,
            floors=tuple(self.floors[i] for i in places),
            share=self.share * sum(seconds) / sum(self.seconds) if seconds else 0.0,
            effects=self.effects[:, places],
            assumed=tuple(task for task in self.assumed if task in tasks),
        )

    @property
    def shown(self) -> tuple[MeasuredFault, ...]:
        """Faults that the tasks would show."""
        return self._faults(True)

    @property
    def missed(self) -> tuple[MeasuredFault, ...]:
        """Faults that they would not."""
        return self._faults(False)

    def _faults(self, shown: bool) -> tuple[MeasuredFault, ...]:
        seen = _shown(self.effects, np.array(self.floors), list(range(len(self.tasks))))
        return tuple(fault for fault, sees in zip(self.faults, seen, strict=True) if sees == shown)

    @property
    def coverage(self) -> Phrase:
        """How many of the measured faults would be noticed, and which would not."""
        missed = self.missed
        if not missed:
            return phrase("All {total} measured faults would be noticed.", total=len(self.faults))
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
            "Nobody ran {tasks} whole with faults; half of what others of its type lost stands for it.",
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


def rerun_p(floors_off: Floats) -> Floats:
    """Share of honest reruns that are at least so many noise floors off, 0 to 1, elementwise."""
    off = np.maximum(np.abs(floors_off), 1e-12)
    return np.minimum(1.0, _BEYOND * (off / _FROM) ** -_POWER)


def smoke_p(deltas: Floats, floors: Floats) -> Floats:
    """How often honest reruns of as many tasks are as far off, by Simes' test, 0 to 1.

    Args:
        deltas: (..., tasks), score minus published figure, 0-1 scale; one task at least.
        floors: (tasks,), noise floors.

    Returns:
        (...,).
    """
    p = np.sort(rerun_p(deltas / floors), axis=-1)
    k = p.shape[-1]
    return np.asarray(np.minimum(1.0, (p * k / np.arange(1, k + 1)).min(axis=-1)))


def _limit(floor: float, tasks: int) -> float:
    """How far one of so many tasks may be off before it alone makes the run broken, 0-1 scale."""
    return floor * _FROM * float((_BEYOND * tasks / ALARM) ** (1 / _POWER))


def smoke_plan(
    table: TaskTable, faults: FaultTable, usable: Collection[str] | None = None, share: float = SHARE
) -> SmokePlan:
    """The tasks to run: those that between them show the most measured faults within the budget.

    A fault counts as shown where the verdict would be "broken" with every task a noise floor closer than was measured.
    For a task that was not run whole with faults stands, fault by fault, half of the least that tasks of its type were
    moved.

    Args:
        table: the benchmark (a ``TaskTable``).
        faults: of :func:`data.rules.budget.faults.fault_table`.
        usable: tasks that can be run and compared, such as those with a published figure; all by default.
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
        faults=faults.faults,
        effects=effects[:, best],
        assumed=tuple(table.tasks[place] for place in best if assumed[place]),
    )


def smoke_verdict(
    plan: SmokePlan, scores: Mapping[str, float], published: Mapping[str, float], pattern: Strangeness | None = None
) -> SmokeVerdict:
    """What a smoke run says: broken, or that nothing broken was seen; of right runs at most 1 % are called broken.

    Args:
        plan: of :func:`smoke_plan`.
        scores: of the run, by task, 0-1 scale; tasks that did not end are left out.
        published: figures that these can be compared with (the same data and metric), by task.
        pattern: how strange the scores are among the record's models; asked where nothing is published.
    """
    compared = [task for task in plan.tasks if _known(scores, task) and _known(published, task)]
    if compared:
        return _beside_published(plan.of_tasks(compared), scores, published)
    measured = plan.of_tasks([task for task in plan.tasks if _known(scores, task)])
    if not measured.tasks or pattern is None:
        return SmokeVerdict(Smoke.CANNOT_TELL, phrase("No task could be held against anything."), (), 1.0, measured)
    if (1 + pattern.of) * ALARM < 1:
        few = phrase("Only {n} models of the record have these tasks: too few to call a run broken.", n=pattern.of)
        return SmokeVerdict(Smoke.CANNOT_TELL, few, (), 1.0, measured)
    if pattern.p > ALARM:
        return SmokeVerdict(Smoke.NOTHING_SEEN, _nothing(measured), (), pattern.p, measured)
    strange = phrase("Broken: of {n} models of the record at most 1 % score as strangely on these tasks.", n=pattern.of)
    return SmokeVerdict(Smoke.BROKEN, strange, (), pattern.p, measured)


def _known(scores: Mapping[str, float], task: str) -> bool:
    return bool(np.isfinite(scores.get(task, np.nan)))


def _beside_published(plan: SmokePlan, scores: Mapping[str, float], published: Mapping[str, float]) -> SmokeVerdict:
    deltas = np.array([scores[task] - published[task] for task in plan.tasks])
    each, k = rerun_p(deltas / np.array(plan.floors)), len(plan.tasks)
    ordered = np.sort(each)
    # Simes' test says that something is off; these tasks made it so (Benjamini and Hochberg, 1995).
    reached = np.flatnonzero(ordered * k / np.arange(1, k + 1) <= ALARM)
    line = ordered[reached[-1]] if len(reached) else -1.0
    tasks = tuple(
        SmokeTask(task, scores[task], published[task], _limit(floor, k), bool(p <= line))
        for task, floor, p in zip(plan.tasks, plan.floors, each, strict=True)
    )
    p = float(smoke_p(deltas, np.array(plan.floors)))
    if p > ALARM:
        return SmokeVerdict(Smoke.NOTHING_SEEN, _nothing(plan), tasks, p, plan)
    off = [
        phrase("{task} by {points:+.1f} points", task=one.task, points=100 * one.delta) for one in tasks if one.beyond
    ]
    broken = phrase(
        "Broken: {n} of {k} tasks are further from the published figures than honest reruns: {tasks}."
        " At most 1 % of right runs are called so.",
        n=len(off), k=k, tasks=in_a_row(off),
    )  # fmt: skip
    return SmokeVerdict(Smoke.BROKEN, broken, tasks, p, plan)


def _nothing(plan: SmokePlan) -> Phrase:
    return phrase(
        "Nothing broken was seen on {k} tasks, which does not say that the run is right. {coverage}",
        k=len(plan.tasks), coverage=plan.coverage,
    )  # fmt: skip


def _effects(table: TaskTable, faults: FaultTable) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(faults, tasks) how far each fault moves each task, at least 0; and (tasks,) whether others stand for it."""
    size = np.abs(faults.deltas)
    whole = {task: i for i, task in enumerate(faults.tasks) if not faults.parts[i]}
    types = np.array(faults.types)
    effects, assumed = np.zeros((len(faults.faults), len(table.tasks))), np.zeros(len(table.tasks), dtype=bool)
    for i, (task, kind) in enumerate(zip(table.tasks, table.types, strict=True)):
        alike = np.flatnonzero(types == (kind if kind in types else _LIKE.get(kind, kind)))
        others = [np.where(np.isnan(size[:, other]), np.inf, size[:, other]) for other in alike]
        least = np.min([np.full(len(size), np.inf), *others], axis=0)
        standing = np.where(np.isfinite(least), _STANDING * least, 0.0)
        own = size[:, whole[task]] if task in whole else np.full(len(size), np.nan)
        effects[:, i] = np.where(np.isnan(own), standing, own)
        assumed[i] = task not in whole
    return effects, assumed


def _closer(effects: Floats, floors: Floats, places: list[int]) -> Floats:
    """(faults,), Simes' p of each fault on these tasks, each a floor closer than measured."""
    if not places:
        return np.ones(len(effects))
    return smoke_p(np.maximum(effects[:, places] - floors[places], 0.0), floors[places])


def _shown(effects: Floats, floors: Floats, places: list[int]) -> npt.NDArray[np.bool_]:
    return np.asarray(_closer(effects, floors, places) <= ALARM)


def _coverage(effects: Floats, floors: Floats, places: list[int]) -> tuple[int, float]:
    """How many faults are shown, and how near the others come to it, summed."""
    near = np.minimum(np.log(_closer(effects, floors, places)) / np.log(ALARM), 1.0)
    return int((near >= 1.0).sum()), float(near.sum())


def _chosen(
    effects: Floats, floors: Floats, seconds: Floats, able: npt.NDArray[np.bool_], budget: float, power: float
) -> list[int]:
    """Tasks by what each adds, greedily; then without those that the others made idle."""
    chosen: list[int] = []
    while True:
        left = budget * (1 + 1e-9) - seconds[chosen].sum()
        fitting = [i for i in np.flatnonzero(able & (seconds <= left)) if i not in chosen]
        now = sum(_coverage(effects, floors, chosen))
        gains = [(sum(_coverage(effects, floors, [*chosen, int(i)])) - now) / seconds[i] ** power for i in fitting]
        if not gains or max(gains) <= _GAIN:
            break
        chosen.append(int(fitting[int(np.argmax(gains))]))
    for place in sorted(chosen, key=lambda place: -float(seconds[place])):
        rest = [other for other in chosen if other != place]
        if _coverage(effects, floors, rest) >= _coverage(effects, floors, chosen):
            chosen = rest
    return chosen
