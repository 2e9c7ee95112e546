"""What preflight says: one named fault, what was seen, why it matters and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["AGAIN", "SEVERITIES", "TIERS", "Finding", "Severity", "Tier", "at_least", "worst"]

Tier = Literal["files", "code", "pipeline", "weights", "tokenizer", "configuration"]
Severity = Literal["notice", "serious", "fatal"]

# In the order they are checked: what one tier finds can make the next meaningless, never the other way round.
TIERS: tuple[Tier, ...] = ("files", "code", "pipeline", "weights", "tokenizer", "configuration")
# fatal: the model cannot give right vectors; serious: it probably does not; notice: worth knowing, vectors are right.
SEVERITIES: tuple[Severity, ...] = ("notice", "serious", "fatal")

AGAIN = "Download the model again, or copy it from the machine where it works."  # the remedy where files are at fault


@dataclass(frozen=True)
class Finding:
    """One fault of a model's files, code, pipeline, weights, tokenizer or configuration."""

    tier: Tier
    code: str
    severity: Severity
    seen: str
    why: str
    remedy: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """The finding as plain values, as `--json` prints it and the store keeps it."""
        return asdict(self)


def at_least(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    """The findings of this severity or a worse one."""
    floor = SEVERITIES.index(severity)
    return [finding for finding in findings if SEVERITIES.index(finding.severity) >= floor]


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The worst severity among the findings; None when there is none."""
    found = [SEVERITIES.index(finding.severity) for finding in findings]
    return SEVERITIES[max(found)] if found else None
