"""The one writer of findings: what a look at a model saw, whichever command looked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, TypedDict

import duckdb

from data.store.vocabulary import Severity, Tier

__all__ = ["FindingRow", "put_findings"]


class FindingRow(TypedDict):
    """One finding as plain values: where it was seen, its stable code, three sentences and what proves it."""

    tier: Tier
    code: str
    severity: Severity
    seen: str
    why: str
    remedy: str
    evidence: dict[str, Any]


def put_findings(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    model: str,
    findings: Iterable[FindingRow],
    *,
    subject: str | None = None,
) -> None:
    """Add the findings of a run to an open store; of those of one tier, code and evidence the first.

    Args:
        connection: inside :func:`data.store.database.writing`.
        run_id: the run that made them.
        model: as the run calls it.
        findings: in the order they were made.
        subject: the encoder they are about, in a parity check or a diagnosis.
    """
    written: set[str] = set()
    for row in findings:
        evidence = json.dumps(row["evidence"], sort_keys=True, default=str) if row["evidence"] else row["seen"]
        key = f"{run_id} {subject} {row['tier']} {row['code']} {evidence}"
        if key in written:
            continue
        written.add(key)
        connection.execute(
            "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                sha256(key.encode()).hexdigest()[:16], run_id, model, subject, row["tier"], row["code"],
                row["severity"], row["seen"], row["why"], row["remedy"],
                json.dumps(row["evidence"], ensure_ascii=False, default=str),
            ],
        )  # fmt: skip
