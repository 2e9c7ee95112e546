"""Every finding of preflight as one row: its tier, how severe it is, why it matters and what to do.

A check says what it saw; all else about a finding stands here. ``why`` and ``remedy`` may have blanks in braces, which
the check fills: ``finding("pooling-width", seen, given=384)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evaluators.preflight.finding import Finding, Severity, Tier

__all__ = ["CATALOGUE", "Entry", "finding"]


class Entry(NamedTuple):
    """What is always true of a finding of one code."""

    tier: Tier
    severity: Severity
    why: str
    remedy: str


_REPOSITORY = "Take {file} from the model's repository."

# What modules.json declares, each step and what it hands to the next.
_PIPELINE: dict[str, Entry] = {}

# Numbers of the configuration that contradict one another, or the stored shapes.
_NUMBERS: dict[str, Entry] = {}

# What the folder is, where it is no embedding model of safetensors and modules.
_KINDS: dict[str, Entry] = {}

# Values that no trained tensor holds, and tensors that are not the model's.
_WEIGHTS: dict[str, Entry] = {}

# The ids a text becomes.
_TOKENIZER: dict[str, Entry] = {}

CATALOGUE: dict[str, Entry] = {**_PIPELINE, **_NUMBERS, **_KINDS, **_WEIGHTS, **_TOKENIZER}


def finding(
    code: str, seen: str, evidence: Mapping[str, Any] | None = None, severity: Severity | None = None, **blanks: object
) -> Finding:
    """The finding of this code.

    Args:
        code: a key of ``CATALOGUE``.
        seen: what was seen in this very model, in one sentence.
        evidence: plain values that prove it.
        severity: where this case is milder or worse than the catalogue says.
        blanks: what the blanks of ``why`` and ``remedy`` are filled with.

    Raises:
        KeyError: there is no such code, or a blank is left open.
    """
    entry = CATALOGUE[code]
    return Finding(
        entry.tier,
        code,
        severity or entry.severity,
        seen,
        entry.why.format_map(blanks),
        entry.remedy.format_map(blanks),
        dict(evidence or {}),
    )
