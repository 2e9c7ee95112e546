"""The words the store is written in: every value of a column that stands for a thing, in one place and in its order.

Members are strings, so that they go into SQL, JSON and frames as they are. Which column holds which is in ``COLUMNS``;
a test holds every literal of the code and of the SQL against it.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "COLUMNS", "Badge", "Comparison", "DiagnosisVerdict", "DriftVerdict", "ImportKind", "LinkState", "Obstacle",
    "Origin", "Outcome", "Output", "Revisions", "RunKind", "Severity", "Side", "Slot", "Status", "StorageFault",
    "Tier", "Verdict",
]  # fmt: skip


class Verdict(StrEnum):
    """What a difference of two scores means, from harmless to serious; the last says nothing about the model."""

    MATCH = "match"
    DRIFT = "drift"
    GAP = "gap"
    BROKEN = "broken"
    NOT_COMPARABLE = "not comparable"

    @property
    def holds(self) -> bool:
        """Whether the claim holds: within the noise floor, or close beyond it."""
        return self in (Verdict.MATCH, Verdict.DRIFT)

    @property
    def gravity(self) -> int:
        """0 for a match and more the worse; of several cells the gravest says what they come to.

        Below a match is what cannot be compared: only where nothing can, it is the verdict on the whole.
        """
        return -1 if self is Verdict.NOT_COMPARABLE else list(Verdict).index(self)


class Comparison(StrEnum):
    """Which two figures a delta is between (column ``kind`` of the deltas)."""

    REPORTED = "reported"
    REPRODUCED = "reproduced"
    CARD = "card"
    RUNS = "runs"


class Obstacle(StrEnum):
    """Why two figures can never be compared (column ``obstacle`` of the deltas; ``why_not`` says it in words)."""

    NO_SHARED_CELL = "no shared cell"
    MISSING = "missing"
    METRIC = "metric"


class Revisions(StrEnum):
    """How the model revisions of two figures are apart (column ``revisions`` of the deltas; ``remarks`` in words)."""

    REVISION = "revision"
    WEIGHTS = "weights"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Who made a score: mteb's maintainers, the model's makers, or this machine and colleagues."""

    OFFICIAL = "official"
    REPORTED = "reported"
    REPRODUCED = "reproduced"


class Badge(StrEnum):
    """What is known of a model as a whole."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    NOT_REPRODUCED = "not reproduced"


class ImportKind(StrEnum):
    """Where a change of the record came from; a run of this machine counts as one."""

    BUNDLE = "bundle"
    FOLDER = "folder"
    DOWNLOAD = "download"
    RUN = "run"


class RunKind(StrEnum):
    """Which command made a run."""

    REPRODUCE = "reproduce"
    PARITY = "parity"
    PREFLIGHT = "preflight"
    DIAGNOSE = "diagnose"


class Status(StrEnum):
    """How far a run, or a task of one, has come; a fleet sets a task aside that failed as often as it may."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    SET_ASIDE = "set aside"


class Severity(StrEnum):
    """How much a finding matters, from harmless to serious.

    fatal: the model cannot give right vectors; serious: it probably does not; notice: worth knowing, vectors are right.
    """

    NOTICE = "notice"
    SERIOUS = "serious"
    FATAL = "fatal"


class Tier(StrEnum):
    """What a finding is about, in the order it is looked at."""

    FILES = "files"
    CODE = "code"
    PIPELINE = "pipeline"
    WEIGHTS = "weights"
    TOKENIZER = "tokenizer"
    CONFIGURATION = "configuration"
    VECTORS = "vectors"
    SCORES = "scores"


class Outcome(StrEnum):
    """How an encoder's own test went."""

    PASS = "pass"  # noqa: S105 -- no password
    FAIL = "fail"
    SKIPPED = "skipped"


class Output(StrEnum):
    """What an encoder gives for a text."""

    DENSE = "dense"
    SPARSE = "sparse"
    MULTI = "multi"


class DriftVerdict(StrEnum):
    """What a drift between two encoders means, in order of gravity; ``data/rules/drift.py`` says it in words."""

    IDENTICAL = "identical"
    PRECISION = "precision only"
    SCALE = "scale only"
    SOME_TEXTS = "differs on some texts"
    EVERYWHERE = "differs everywhere"
    SPACE = "different space"
    UNSTABLE = "unstable"
    UNUSABLE = "unusable"

    @property
    def same(self) -> bool:
        """Whether the two are one model: what differs is what arithmetic explains."""
        return self in (DriftVerdict.IDENTICAL, DriftVerdict.PRECISION)


class DiagnosisVerdict(StrEnum):
    """How much of a drift the causes that were named explain."""

    IDENTICAL = "identical"
    PRECISION = "precision only"
    EXPLAINED = "explained"
    PARTLY = "partly explained"
    UNSTABLE = "unstable"
    UNKNOWN = "unknown"


class Slot(StrEnum):
    """Where on the way from a text to a score a cause acts, in the order a text passes."""

    TEXT = "text"
    TOKENS = "tokens"
    MODEL = "model"
    POOLING = "pooling"
    OUTPUT = "output"
    SCORE = "score"


class Side(StrEnum):
    """Where a cause is mended: in the candidate, which differs from the reference, or on both sides alike."""

    CANDIDATE = "candidate"
    BOTH = "both"


class LinkState(StrEnum):
    """What is known of one link in the chain from files to scores."""

    SAME = "same"
    DIFFERS = "differs"
    BROKEN = "broken"
    UNKNOWN = "unknown"


# The words that a column of the store, or a field of the code of the same name, may hold. ``kind`` and ``verdict`` are
# columns of several tables.
class StorageFault(StrEnum):
    """Why shared storage did not do what it was asked."""

    AWAY = "away"
    REFUSED = "refused"
    NO_BUCKET = "no bucket"
    MISSING = "missing"
    ARCHIVED = "archived"
    TOO_LARGE = "too large"
    FULL = "full"
    FAILED = "failed"


COLUMNS: dict[str, tuple[type[StrEnum], ...]] = {
    "verdict": (Verdict, DriftVerdict, DiagnosisVerdict),
    "origin": (Origin,),
    "claim_origin": (Origin,),
    "check_origin": (Origin,),
    "badge": (Badge,),
    "kind": (RunKind, ImportKind, Comparison),
    "status": (Status,),
    "severity": (Severity,),
    "tier": (Tier,),
    "outcome": (Outcome,),
    "output": (Output,),
    "obstacle": (Obstacle,),
    "revisions": (Revisions,),
    "side": (Side,),
    "slot": (Slot,),
    "state": (LinkState,),
}
