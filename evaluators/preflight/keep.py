"""Keep findings in the store, under the run that looked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256

import duckdb

from evaluators.preflight.finding import Finding

__all__ = ["keep_findings"]


def keep_findings(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    model: str,
    findings: Iterable[Finding],
    *,
    subject: str | None = None,
) -> None:
    """Add the findings of a model's preflight to an open store.

    Args:
        connection: inside :func:`data.store.writing`.
        run_id: the run that made it.
        model: as the run calls it.
        findings: of :func:`evaluators.preflight.preflight`.
        subject: the encoder they are about, in a parity check.
    """
    for finding in findings:
        key = f"{run_id} {subject} {finding.tier} {finding.code} {finding.seen}"
        connection.execute(
            "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                sha256(key.encode()).hexdigest()[:16], run_id, model, subject, finding.tier, finding.code,
                finding.severity, finding.seen, finding.why, finding.remedy,
                json.dumps(finding.evidence, ensure_ascii=False, default=str),
            ],
        )  # fmt: skip
