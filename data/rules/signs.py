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

from data.store.vocabulary import Obstacle, Revisions, Verdict

__all__ = ["RULES", "Evidence", "Rule", "Sign", "signs"]

WRECKED = -0.25  # typical delta of a model whose weights are not its own
GONE = 0.6  # share of a score that none of the other faults took
SLIGHT = 0.03  # at most this much is lost by lower precision
QUERIES, PAIRS = ("Retrieval", "Reranking", "InstructionRetrieval"), ("STS", "PairClassification")
# What libraries say, who have no codes.
_WEIGHTS = re.compile(r"newly initialized|not initialized|MISSING|size mismatch|randomly", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
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
    faults: tuple[tuple[str, str], ...] = ()  # of the weights, found before the run: code, and what was seen
    set_up: str | None = None  # what sets the run apart from one of the same model that matches on this cell


@dataclass(frozen=True)
class Sign:
    """A cause that fits: its stable name, the cause in words, what was seen, and what would settle it."""

    code: str
    cause: str
    seen: str
    settle: str


@dataclass(frozen=True)
class Rule:
    """``when`` gives what it saw in words, or None."""

    code: str
    cause: str
    settle: str
    when: Callable[[Evidence], str | None]


def signs(evidence: Evidence) -> list[Sign]:
    """The causes whose signs are there, the most trustworthy first; none for a match or a missing figure."""
    if evidence.delta is None or evidence.verdict == Verdict.MATCH:
        return []
    found = [(rule, rule.when(evidence)) for rule in RULES]
    return [Sign(rule.code, rule.cause, seen, rule.settle) for rule, seen in found if seen]


def _metric(e: Evidence) -> str | None:
    return (e.why_not or "the metrics differ") if e.obstacle == Obstacle.METRIC else None


def _set_up(e: Evidence) -> str | None:
    return e.set_up


def _weights(e: Evidence) -> str | None:
    if e.faults:
        return f"preflight found: {e.faults[0][1][:200]}"
    said = next((w for w in e.warnings if _WEIGHTS.search(w)), None)
    return f"the run warned: {said[:200]}" if said else None


def _loading(e: Evidence) -> str | None:
    if e.model_significant and e.model_typical is not None and e.model_typical <= WRECKED:
        return f"the model is {-100 * e.model_typical:.0f} points below the claim on most of its {e.model_tasks} tasks"
    if (
        e.claim_score
        and e.check_score is not None
        and not e.task_significant
        and e.check_score < (1 - GONE) * e.claim_score
    ):
        return f"{1 - e.check_score / e.claim_score:.0%} of the score is gone"
    return None


def _data(e: Evidence) -> str | None:
    if e.same_data is True or e.delta is None or abs(e.delta) <= e.floor:
        return None
    unknown = (
        "the data set revision of one side is not known" if e.same_data is None else "the data set revision differs"
    )
    return unknown + (
        f", and {e.task_moved} of {e.task_models} models moved on this task" if e.task_significant else ""
    )


def _task(e: Evidence) -> str | None:
    if e.task_significant and e.same_data is True:
        return f"{e.task_moved} of {e.task_models} models moved on this task, on the same data set revision"
    return None


def _prompt(e: Evidence) -> str | None:
    asked = [e.by_type[t] for t in QUERIES if t in e.by_type]
    plain = [e.by_type[t] for t in PAIRS if t in e.by_type]
    if asked and plain and max(asked) < -0.015 and min(plain) > -0.015:
        return "tasks with queries lose and tasks with plain pairs do not"
    return "the prompts differ" if "prompts" in e.differs else None


def _pooling(e: Evidence) -> str | None:
    classes, pairs = e.by_type.get("Classification"), e.by_type.get("STS")
    if "modules" in e.differs:
        return "the modules differ (pooling is one of them)"
    if (
        e.model_significant
        and classes is not None
        and pairs is not None
        and 1.5 * pairs > classes
        and classes < -0.05 > pairs
    ):
        return "classification loses more than half as much again as STS"
    return None


def _length(e: Evidence) -> str | None:
    if "max_seq_length" in e.differs:
        return "the maximum length differs"
    asked = [e.by_type[t] for t in ("Retrieval", "Reranking") if t in e.by_type]
    if asked and max(asked) < -0.015 and abs(e.by_type.get("STS", 1)) <= 0.005:
        return "tasks with long texts lose and short ones do not"
    return None


def _precision(e: Evidence) -> str | None:
    if "dtype" in e.differs:
        return "the precision differs"
    if e.model_significant and e.model_typical is not None and -SLIGHT <= e.model_typical < 0:
        return f"a small loss ({-100 * e.model_typical:.1f} points) on most tasks alike"
    return None


def _dimensions(e: Evidence) -> str | None:
    named = e.differs & {"truncate_dim", "dimensions"}
    return "the dimensions differ" if named else None


def _revision(e: Evidence) -> str | None:
    said = {Revisions.REVISION: "the two are of different model revisions", Revisions.WEIGHTS: "the weights differ"}
    return said.get(Revisions(e.revisions)) if e.revisions else None


def _version(e: Evidence) -> str | None:
    # A model that is off everywhere is not off because of the evaluator.
    return "the major version of mteb differs" if "mteb major" in e.differs and not e.model_significant else None


def _code(e: Evidence) -> str | None:
    return "whether the model's own code ran differs" if "trust" in e.differs else None


def _gain(e: Evidence) -> str | None:
    if e.delta is not None and e.delta > e.floor and e.verdict in (Verdict.GAP, Verdict.DRIFT):
        return "the check is above the claim"
    return None


# code, cause, what would settle it, and the sign. docs: README of data/, section "Whose fault".
RULES = (
    Rule("metric", "The two figures are of different metrics", "Compare the same metric, listed above.", _metric),
    Rule("set-up", "The set-up of the run", "Change that back and run the task again.", _set_up),
    Rule("weights", "Weights were missing and initialised at random", "Run the preflight on the model.", _weights),
    Rule("code", "Another class was loaded than the model's own code", "Allow the model's code, by name.", _code),
    Rule("loading", "The model is not loaded as it should be", "Run the preflight; look at its warnings.", _loading),
    Rule("data", "The data set changed", "Run the task on the data set revision of the claim.", _data),
    Rule("task", "The task changed: its metric, split or evaluator", "Compare the versions of mteb.", _task),
    Rule("revision", "The model changed", "Run the revision of the claim (--revision).", _revision),
    Rule("prompt", "A prompt or instruction is missing or another one", "Run with --prompts as on the card.", _prompt),
    Rule("pooling", "Another pooling", "Compare modules.json and the pooling in use with the card.", _pooling),
    Rule("length", "Texts are cut earlier", "Run with --max-seq-length as on the card.", _length),
    Rule("dimensions", "Vectors are cut to fewer dimensions", "Run without --truncate-dim.", _dimensions),
    Rule("precision", "Lower precision or quantised weights", "Run with --dtype float32.", _precision),
    Rule("version", "The evaluator changed between versions of mteb", "Run with the mteb of the claim.", _version),
    Rule("gain", "The claim is of an older model, or made without prompts", "Look at the claim's date.", _gain),
)
