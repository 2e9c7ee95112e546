"""Every finding of preflight as one row of a table: its tier, how severe it is, why it matters and what to do.

A check says what it saw; all else stands in the ``.toml`` beside this file, one table a finding, in files of one tier
each. ``why`` and ``remedy`` may have blanks in braces that the check fills: ``finding("stale-bin", seen, file=name)``.
A row ``code/case`` is the same finding in a case with a remedy of its own. What keeps a folder from being opened at all
is a finding as well; its rows lie with the rules, in :mod:`evaluators.model_files.fault`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data.store.vocabulary import Severity, Tier
from evaluators.model_files.fault import REFUSALS
from evaluators.preflight.finding import Finding

__all__ = ["CATALOGUE", "Entry", "finding", "read_catalogue"]


class Entry(NamedTuple):
    """What is always true of a finding of one code."""

    tier: Tier
    severity: Severity
    why: str
    remedy: str


def read_catalogue(folder: Path) -> dict[str, Entry]:
    """The rows of all tables in a folder, by code.

    Raises:
        ValueError: a code stands in two rows, or a tier or severity is none.
        TypeError: a row has another key than severity, why and remedy, or lacks one.
    """
    rows: dict[str, Entry] = {}
    for code, entry in _rows(folder):
        if code in rows:
            raise ValueError(f"{code} stands in two rows of the catalogue")
        rows[code] = entry
    return rows


def _rows(folder: Path) -> Iterator[tuple[str, Entry]]:
    for file in sorted(folder.glob("*.toml")):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        tier = Tier(table.pop("tier"))
        for code, row in table.items():
            yield code, Entry(tier, Severity(row.pop("severity")), **row)


CATALOGUE: Mapping[str, Entry] = read_catalogue(Path(__file__).parent) | {
    code: Entry(Tier.FILES, Severity.FATAL, *texts) for code, texts in REFUSALS.items()
}


def finding(
    code: str, seen: str, evidence: Mapping[str, Any] | None = None, severity: Severity | None = None, **blanks: object
) -> Finding:
    """The finding of this code.

    Args:
        code: a key of ``CATALOGUE``; the finding's code is what stands before a slash.
        seen: what was seen in this very model, in one sentence.
        evidence: plain values that prove it.
        severity: where this case is milder or worse than the catalogue says.
        blanks: what the blanks of ``why`` and ``remedy`` are filled with.

    Raises:
        KeyError: there is no such code, or a blank is left open.
    """
    entry = CATALOGUE[code]
    why, remedy = entry.why.format_map(blanks), entry.remedy.format_map(blanks)
    name = code.partition("/")[0]
    return Finding(entry.tier, name, severity or entry.severity, seen, why, remedy, dict(evidence or {}))
