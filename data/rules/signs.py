"""Likely causes of one difference, from the signs it shows: a suggestion, not a proof.

Each rule looks at the difference, at what its model and its task show elsewhere, and at what differs between the two
sides, and says what it saw. The order of ``RULES`` is the order of trust: what is certain (another metric) before what
is only common. The figures behind the rules were measured with faults put into all-MiniLM-L6-v2: CLS pooling cost
classification twice what it cost STS, missing weights cost all of it, precision next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from data.rules.causes import CAUSES, OF_FINDING, cause_of_setting, words_of
from data.rules.words import mark, phrase
from data.store.vocabulary import Obstacle, Revisions, Verdict

__all__ = ["RULES", "CellEvidence", "WeightsFinding", "Rule", "Sign", "signs"]

WRECKED = -0.25  # typical delta of a model whose weights are not its own
GONE = 0.6  # share of a score that none of the other faults took
SLIGHT = 0.03  # at most this much is lost by lower precision
QUERIES, PAIRS = ("Retrieval", "Reranking", "InstructionRetrieval"), ("STS", "PairClassification")
# What libraries say, who have no codes.
_WEIGHTS = re.compile(r"newly initialized|not initialized|MISSING|size mismatch|randomly", re.IGNORECASE)


class WeightsFinding(NamedTuple):
    """What preflight found of the weights before a run: its code, and what was seen."""

    code: str
    seen: str


@dataclass(frozen=True)
class CellEvidence:
    """What is known about one difference; scores and deltas on the 0-1 scale, None where there is nothing to know."""

    delta: float | None
    floor: float
    verdict: str
    obstacle: str | None = None  # why the two cannot be compared, as a code
    why_not: str | None = None  # the same in words
    revisions: str | None = None  # how their model revisions are apart, as a code
    claim_score: float | None = None
    check_score: float | None = None
    same_data: bool | None = None
    model_significant: bool = False  # the model stands out on its tasks
    model_typical: float | None = None
    model_tasks: int = 0
    task_significant: bool = False  # the task stands out over models
    task_moved: int = 0
    task_models: int = 0
    by_type: Mapping[str, float] = field(default_factory=dict)  # the model's median delta by task type
    differs: frozenset[str] = frozenset()  # names of the settings, versions and revisions that differ
    warnings: tuple[str, ...] = ()
    faults: tuple[WeightsFinding, ...] = ()  # of the weights, found before the run
    set_up: str | None = None  # what sets the run apart from one of the same model that matches on this cell
    set_up_cause: str | None = None  # the code of what that is, where it is one cause

    @property
    def setting_causes(self) -> frozenset[str | None]:
        """Codes of the causes that the differing settings are of."""
        return frozenset(cause_of_setting(name) for name in self.differs)


class Sign(NamedTuple):
    """A cause that fits: its code and its words in the catalogue of causes, what was seen, and what would settle it."""

    code: str
    words: str
    seen: str
    settle: str


class Rule(NamedTuple):
    """``when`` gives what it saw in words, or None; ``narrower`` the code of the very cause, where that is known.

    ``settle`` is what would settle it for a cell; empty where that is the remedy of the catalogue.
    """

    code: str
    settle: str
    when: Callable[[CellEvidence], str | None]
    narrower: Callable[[CellEvidence], str | None] = lambda e: None


def signs(evidence: CellEvidence) -> list[Sign]:
    """The causes whose signs are there, the most trustworthy first; none for a match or a missing figure."""
    if evidence.delta is None or evidence.verdict == Verdict.MATCH:
        return []
    observed = [(rule, rule.narrower(evidence) or rule.code, rule.when(evidence)) for rule in RULES]
    return [
        Sign(code, words_of(code), seen, rule.settle or CAUSES[rule.code].remedy)
        for rule, code, seen in observed
        if seen
    ]


def _metric(e: CellEvidence) -> str | None:
    return (e.why_not or mark("the metrics differ")) if e.obstacle == Obstacle.METRIC else None


def _set_up(e: CellEvidence) -> str | None:
    return e.set_up


def _weights(e: CellEvidence) -> str | None:
    if e.faults:
        return phrase("preflight found: {seen}", seen=e.faults[0].seen[:200])
    warning = next((w for w in e.warnings if _WEIGHTS.search(w)), None)
    return phrase("the run warned: {warning}", warning=warning[:200]) if warning else None


def _loading(e: CellEvidence) -> str | None:
    if e.model_significant and e.model_typical is not None and e.model_typical <= WRECKED:
        return phrase(
            "the model is {points:.0f} points below the claim on most of its {n} tasks",
            points=-100 * e.model_typical, n=e.model_tasks,
        )  # fmt: skip
    if (
        e.claim_score
        and e.check_score is not None
        and not e.task_significant
        and e.check_score < (1 - GONE) * e.claim_score
    ):
        share = min(1 - e.check_score / e.claim_score, 1.0)  # a correlation below zero is no more than all of it
        return phrase("{share:.0%} of the score is gone", share=share)
    return None


def _data(e: CellEvidence) -> str | None:
    if e.same_data is True or e.delta is None or abs(e.delta) <= e.floor:
        return None
    unknown = phrase("the data set revision of one side is not known")
    seen = unknown if e.same_data is None else phrase("the data set revision differs")
    if not e.task_significant:
        return seen
    moved = {"moved": e.task_moved, "models": e.task_models}
    return phrase("{seen}, and {moved} of {models} models moved on this task", seen=seen, **moved)


def _task(e: CellEvidence) -> str | None:
    if e.task_significant and e.same_data is True:
        return phrase(
            "{moved} of {models} models moved on this task, on the same data set revision",
            moved=e.task_moved, models=e.task_models,
        )  # fmt: skip
    return None


def _prompt(e: CellEvidence) -> str | None:
    queries = [e.by_type[t] for t in QUERIES if t in e.by_type]
    pairs = [e.by_type[t] for t in PAIRS if t in e.by_type]
    if queries and pairs and max(queries) < -0.015 and min(pairs) > -0.015:
        return mark("tasks with queries lose and tasks with plain pairs do not")
    return mark("the prompts differ") if "prompt" in e.setting_causes else None


def _pooling(e: CellEvidence) -> str | None:
    classes, pairs = e.by_type.get("Classification"), e.by_type.get("STS")
    if "pooling" in e.setting_causes:
        return mark("the modules differ (pooling is one of them)")
    if (
        e.model_significant
        and classes is not None
        and pairs is not None
        and 1.5 * pairs > classes
        and classes < -0.05 > pairs
    ):
        return mark("classification loses more than half as much again as STS")
    return None


def _length(e: CellEvidence) -> str | None:
    if "max-length" in e.setting_causes:
        return mark("the maximum length differs")
    long = [e.by_type[t] for t in ("Retrieval", "Reranking") if t in e.by_type]
    if long and max(long) < -0.015 and abs(e.by_type.get("STS", 1)) <= 0.005:
        return mark("tasks with long texts lose and short ones do not")
    return None


def _precision(e: CellEvidence) -> str | None:
    if "precision" in e.setting_causes:
        return mark("the precision differs")
    if e.model_significant and e.model_typical is not None and -SLIGHT <= e.model_typical < 0:
        return phrase("a small loss ({points:.1f} points) on most tasks alike", points=-100 * e.model_typical)
    return None


def _dimensions(e: CellEvidence) -> str | None:
    return mark("the dimensions differ") if "dimensions-cut" in e.setting_causes else None


def _revision(e: CellEvidence) -> str | None:
    words = {
        Revisions.REVISION: mark("the two are of different model revisions"),
        Revisions.WEIGHTS: mark("the weights differ"),
    }
    return words.get(Revisions(e.revisions)) if e.revisions else None


def _version(e: CellEvidence) -> str | None:
    # A model that is off everywhere is not off because of the evaluator.
    return mark("the major version of mteb differs") if "mteb major" in e.differs and not e.model_significant else None


def _code(e: CellEvidence) -> str | None:
    return mark("whether the model's own code ran differs") if "code-not-run" in e.setting_causes else None


def _gain(e: CellEvidence) -> str | None:
    if e.delta is not None and e.delta > e.floor and e.verdict in (Verdict.GAP, Verdict.DRIFT):
        return mark("the check is above the claim")
    return None


# Code of the cause or its family, what would settle it, and the sign. docs: README of data/, section "Whose fault".
RULES = (
    Rule("metric-other", "Compare the same metric, listed above.", _metric),
    Rule("set-up-other", "", _set_up, lambda e: e.set_up_cause),
    Rule(
        "weights-random", "Run the preflight on the model.", _weights,
        lambda e: OF_FINDING.get(e.faults[0].code, "weights") if e.faults else None,
    ),
    Rule("code-not-run", "Allow the model's code, by name.", _code),
    Rule("loaded-wrongly", "", _loading),
    Rule("data-other", "", _data),
    Rule("task-other", "", _task),
    Rule("weights-of-revision", "Run the revision of the claim (--revision).", _revision),
    Rule("prompt", "Run with --prompts as on the card.", _prompt),
    Rule("pooling", "Compare modules.json and the pooling in use with the card.", _pooling),
    Rule("max-length", "Run with --max-seq-length as on the card.", _length),
    Rule("dimensions-cut", "Run without --truncate-dim.", _dimensions),
    Rule("precision", "Run with --dtype float32.", _precision),
    Rule("evaluator-other", "", _version),
    Rule("claim-older", "", _gain),
)  # fmt: skip
