"""Keep a look at a model in the store: a run of the kind ``preflight`` with its findings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

import duckdb

from data.store.database import store_path, writing
from data.store.errors import StoreError
from data.store.findings import put_findings
from data.store.runs import File, PreflightSettings, RunRow, put_run
from data.store.vocabulary import RunKind, Status
from evaluators.environment import environment
from evaluators.model_files.hashes import hash_files
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["keep_run", "row_of"]


def keep_run(
    target: Target,
    findings: Iterable[Finding],
    *,
    command: str,
    settings: PreflightSettings,
    started: datetime,
    finished: datetime,
) -> str | None:
    """Write the look as a run into the store, where there is one; times are in UTC, without a zone.

    Returns:
        Why it was not kept, in a sentence, where there is a store that cannot be written now; else None.
    """
    if not store_path().exists():
        return None
    row = row_of(target, command=command, settings=settings, started=started, finished=finished)
    try:
        with writing() as connection:
            put_run(connection, row)
            put_findings(connection, row["run_id"], row["model"], [finding.as_row() for finding in findings])
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
        files=cast(list[File], hash_files(target.folder)),
        warnings=[],
        started_at=started,
        finished_at=finished,
        status=Status.DONE,
    )
