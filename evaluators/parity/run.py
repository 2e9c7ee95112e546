"""Run a parity check: open each encoder, ask it, encode the probes, compare, and keep everything in the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from data.rules.drift import floor_of
from data.store.errors import EncoderError, ModelError, PlumblineError
from data.store.vocabulary import DriftVerdict, Outcome, Severity
from evaluators.encoders.base import Description, Encoder, in_use
from evaluators.encoders.registry import backend_of, open_encoder
from evaluators.encoders.settings import EncoderSettings
from evaluators.parity.asking import CallLog, ask_at_once
from evaluators.parity.compare import CheckedSide, OutputComparison, compare_outputs
from evaluators.parity.loads import two_loads
from evaluators.parity.plan import CheckPlan
from evaluators.parity.protocol import few_probes, self_agreement, shape_of_answers
from evaluators.parity.selftest import TESTS, SelfTest, with_observations
from evaluators.parity.stability import observe
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.parity.verdict import DriftJudgement
from evaluators.preflight import Finding, at_least
from evaluators.preflight.encoders import Seen, look

__all__ = ["Check", "Examined", "check", "examine"]

Progress = Callable[[str, str], None]  # (encoder, what is being done)


@dataclass
class Examined:
    """One encoder's part of a check.

    Attributes:
        error: why there are no vectors at all, or none for the rest of the texts.
        findings: preflight's.
        log: every call made to see whether it agrees with itself.
    """

    settings: EncoderSettings
    description: Description
    protocol: list[SelfTest]
    vectors: ProbeVectors
    seconds: float
    error: str = ""
    findings: tuple[Finding, ...] = ()
    comparisons: list[OutputComparison] = field(default_factory=list)
    log: CallLog | None = None

    @property
    def side(self) -> CheckedSide:
        """What a comparison needs of it."""
        return CheckedSide(self.vectors, self.description.settings, self.protocol)


@dataclass(frozen=True)
class Check:
    """A finished check."""

    check_id: str
    plan: CheckPlan
    reference: Examined
    candidates: list[Examined]
    started_at: datetime
    finished_at: datetime


def check(
    plan: CheckPlan, progress: Progress = lambda encoder, what: None, *, reference: Examined | None = None
) -> Check:
    """Run the plan; an encoder that fails is a result like any other and loses none of the rest.

    Args:
        plan: what is compared.
        progress: told what is being done.
        reference: as an earlier check of the same plan found it; it is not asked again.

    Raises:
        ModelError: preflight finds the reference unable to give right vectors, and the plan does not say anyway.
    """
    started = datetime.now(UTC).replace(tzinfo=None)
    looks: Seen = {}
    reference = reference or _looked_at(plan.reference, plan, looks, progress)
    candidates = []
    for settings in plan.candidates:
        candidate = _looked_at(settings, plan, looks, progress, reference.log)
        progress(settings.display, "comparing")
        candidate.comparisons = compare_outputs(reference.side, candidate.side, plan.probes.probes)
        if candidate.vectors.gone and len(candidate.vectors.failed) < candidate.vectors.count:
            candidate.comparisons = [_cut_short(comparison, candidate.vectors) for comparison in candidate.comparisons]
        candidates.append(candidate)
    digest = sha256(repr((started, plan.reference, plan.candidates)).encode()).hexdigest()
    check_id = f"{started:%Y%m%d-%H%M%S}-{digest[:8]}"
    return Check(check_id, plan, reference, candidates, started, datetime.now(UTC).replace(tzinfo=None))


def _cut_short(comparison: OutputComparison, vectors: ProbeVectors) -> OutputComparison:
    """What was compared of an encoder that ended before all texts had their vectors: it cannot be relied on."""
    had = vectors.count - len(vectors.failed)
    words = f"It was gone after {had} of {vectors.count} texts had vectors. {vectors.gone} Of those: "
    return replace(comparison, verdict=DriftJudgement(DriftVerdict.UNUSABLE, words + comparison.verdict.sentence))


def _looked_at(
    settings: EncoderSettings, plan: CheckPlan, looks: Seen, progress: Progress, reference: CallLog | None = None
) -> Examined:
    """One encoder, its files before its vectors; a candidate at fault still runs, to show what the fault does."""
    progress(settings.display, "looking at its files")
    findings = look(settings, looks)
    if settings is plan.reference and not plan.anyway:
        _refuse_if_doomed(settings, findings)
    examined = examine(settings, plan, progress, reference)
    examined.findings = findings
    return examined


def _refuse_if_doomed(settings: EncoderSettings, findings: tuple[Finding, ...]) -> None:
    """Stop where the reference cannot give right vectors: nothing that is compared with them would mean anything.

    Raises:
        ModelError: a fatal finding.
    """
    if fatal := at_least(findings, Severity.FATAL):
        raise ModelError(
            "Preflight stops the check: the reference is at fault: " + "; ".join(finding.seen for finding in fatal),
            where=settings.display,
            remedy=f"{fatal[0].remedy} To compare with it as it is, add --anyway.",
        )


def examine(
    settings: EncoderSettings,
    plan: CheckPlan,
    progress: Progress = lambda encoder, what: None,
    reference: CallLog | None = None,
) -> Examined:
    """Open one encoder, put it through the protocol and get the vectors of all probes.

    Args:
        settings: of the encoder.
        plan: the check.
        progress: told what is being done.
        reference: what the reference was asked, if this is not it.
    """
    probes = plan.probes.probes
    empty = ProbeVectors(len(probes))
    progress(settings.display, "opening")
    began = time.monotonic()
    try:
        backend, encoder = backend_of(settings.backend), open_encoder(settings)
    except PlumblineError as error:
        return _without(settings, empty, str(error))
    try:
        progress(settings.display, "encoding")
        started = time.perf_counter()
        vectors = encode_probes(encoder, probes)
        seconds = time.perf_counter() - started
        if len(vectors.failed) == len(probes):
            return _without(settings, vectors, next(iter(vectors.failed.values())))
        progress(settings.display, "does it agree with itself?")
        chosen = few_probes(plan.probes.core) or plan.probes.core
        log = CallLog(probes, tuple(probes.index(probe) for probe in chosen))
        log.add("all", 1, range(len(probes)), vectors.dense)
        first = encode_probes(encoder, chosen)
        protocol = self_agreement(encoder, log, first, vectors.refused, reference)
        ended = ""
        if backend.shared and not encoder.gone:
            ended = ask_at_once(lambda: open_encoder(_in_time(settings, began)), log)
        description = _described(encoder, vectors)
        if ended:
            description.warnings.append(f"Asked by several clients at the same time, it ended: {ended}")
    except PlumblineError as error:
        return _without(settings, empty, str(error))
    finally:
        encoder.close()
    if encoder.gone:
        description.warnings.append(encoder.gone)
        loads, *protocol = [SelfTest(test, Outcome.SKIPPED, None, encoder.gone) for test in TESTS[:4]]
    else:
        progress(settings.display, "does a second load agree?")
        loads = two_loads(first, lambda: open_encoder(settings), log, backend, settings.dtype)
    shape = shape_of_answers(vectors, settings.dimensions, description.settings.get("normalise"))
    observed = observe(log, floor_of(settings.dtype), reference)
    outcomes = with_observations([loads, *protocol, *shape], observed)
    return Examined(settings, description, outcomes, vectors, seconds, vectors.gone, log=log)


def _in_time(settings: EncoderSettings, began: float) -> EncoderSettings:
    """The settings of a further client: all clients together get no longer than the first had, and none waits twice."""
    left = max(settings.timeout - (time.monotonic() - began), 1.0)
    return replace(settings, timeout=left, call_timeout=min(settings.seconds_a_call, left), retries=0)


def _described(encoder: Encoder, vectors: ProbeVectors) -> Description:
    """What it says of itself and what it would not take; one that cannot say has its vectors all the same."""
    try:
        description = encoder.describe()
    except PlumblineError as error:
        settings = encoder.settings
        description = Description(settings.model, settings.revision, in_use(settings), {}, warnings=[str(error)])
    return replace(description, warnings=[*description.warnings, *vectors.smaller[:1]])


def _without(settings: EncoderSettings, vectors: ProbeVectors, error: str) -> Examined:
    """An encoder that gave nothing: every test is skipped for the one reason."""
    description = Description(settings.model, settings.revision, in_use(settings), {})
    vectors.failed = vectors.failed or dict.fromkeys(range(vectors.count), error)
    outcomes = [SelfTest(test, Outcome.SKIPPED, None, error) for test in TESTS]
    return Examined(settings, description, outcomes, vectors, 0.0, error)


def require_reference(check: Check) -> None:
    """Raise what kept the reference from giving vectors, once everything has been written down.

    Raises:
        EncoderError: it gave none, or not those of all texts.
    """
    if check.reference.error:
        partly = len(check.reference.vectors.failed) < check.reference.vectors.count
        some = "not the vectors of all texts" if partly else "no vectors"
        raise EncoderError(f"The reference gave {some}: {check.reference.error}")
