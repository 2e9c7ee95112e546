"""Keep findings in the store, under the run that looked; a look of its own is a run of the kind ``preflight``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

import duckdb

from data.store.database import store_path, writing
from data.store.errors import StoreError
from data.store.runs import File, PreflightSettings, RunRow, put_run
from data.store.vocabulary import RunKind, Status
from evaluators.environment import environment
from evaluators.preflight.finding import Finding
from evaluators.preflight.pin import describe_files
from evaluators.preflight.target import Target

__all__ = ["keep_findings", "keep_run", "row_of"]


def keep_run(
    target: Target,
    findings: Iterable[Finding],
    *,
    command: str,
    settings: PreflightSettings,
    started: datetime,
    finished: datetime,
) -> str | None:
    """Write the look as a run into the store, where there is one.

    Args:
        target: the model looked at.
        findings: what was found.
        command: what to type to look again.
        settings: as asked.
        started: when, in UTC, without a zone.
        finished: the same.

    Returns:
        Why it was not kept, in a sentence, where there is a store that cannot be written now; else None.
    """
    if not store_path().exists():
        return None
    row = row_of(target, command=command, settings=settings, started=started, finished=finished)
    try:
        with writing() as connection:
            put_run(connection, row)
            keep_findings(connection, row["run_id"], row["model"], findings)
    except (StoreError, OSError, duckdb.Error) as error:
        return f"Not kept in {store_path()}: {getattr(error, 'what', error)}."
    return None


def row_of(
    target: Target, *, command: str, settings: PreflightSettings, started: datetime, finished: datetime
) -> RunRow:
    """The look as a run."""
    here = Path(target.name).expanduser().is_dir()
    model = str(target.folder.resolve()) if here else target.name
    run_id = f"{started:%Y%m%dT%H%M%S}-{sha256(f'{started} {command}'.encode()).hexdigest()[:8]}"
    return RunRow(
        run_id=run_id,
        kind=RunKind.PREFLIGHT,
        model=model,
        revision=target.revision,
        private=here,
        command=command,
        settings=settings,
        environment=environment(),
        files=cast(list[File], describe_files(target)),
        warnings=[],
        started_at=started,
        finished_at=finished,
        status=Status.DONE,
    )


def _once(findings: Iterable[Finding]) -> dict[str, Finding]:
    """One finding a fault, by its code and evidence: of those that have both in common, the first."""
    first: dict[str, Finding] = {}
    for finding in findings:
        evidence = json.dumps(finding.evidence, sort_keys=True, default=str) if finding.evidence else finding.seen
        first.setdefault(f"{finding.tier} {finding.code} {evidence}", finding)
    return first


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
        connection: inside :func:`data.store.database.writing`.
        run_id: the run that made it.
        model: as the run calls it.
        findings: of :func:`evaluators.preflight.preflight`.
        subject: the encoder they are about, in a parity check.
    """
    for fault, finding in _once(findings).items():
        key = f"{run_id} {subject} {fault}"
        connection.execute(
            "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                sha256(key.encode()).hexdigest()[:16], run_id, model, subject, finding.tier, finding.code,
                finding.severity, finding.seen, finding.why, finding.remedy,
                json.dumps(finding.evidence, ensure_ascii=False, default=str),
            ],
        )  # fmt: skip
