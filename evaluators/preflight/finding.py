"""What preflight says: one named fault, what was seen, why it matters and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from data.store.findings import FindingRow
from data.store.vocabulary import Severity, Tier

__all__ = ["Finding", "at_least", "worst"]

_GRAVITY = {severity: gravity for gravity, severity in enumerate(Severity)}


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

    def as_row(self) -> FindingRow:
        """The finding as plain values, as `--json` prints it and the store keeps it."""
        return cast(FindingRow, asdict(self))


def at_least(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    """The findings of this severity or a worse one."""
    return [finding for finding in findings if _GRAVITY[finding.severity] >= _GRAVITY[severity]]


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The worst severity among the findings; None when there is none."""
    return max((finding.severity for finding in findings), key=_GRAVITY.__getitem__, default=None)
