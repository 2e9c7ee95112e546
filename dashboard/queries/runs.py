"""Questions of the runs page: what was run on this machine, on what, and how two runs differ."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from dashboard.diff import file_digests, side_by_side
from dashboard.queries.rows import Cursor
from data.store.runs import Recorded, recorded, warnings_of

__all__ = ["PARTS", "Run", "part", "recorded_run", "run_differences", "runs", "tasks_of_run"]

PARTS = ["settings", "environment", "files"]


class Run(NamedTuple):
    """One run: what stands in its row as it is, and its records."""

    facts: dict[str, Any]
    records: Recorded


def runs(cursor: Cursor) -> pd.DataFrame:
    """Every run, the newest first, with how many tasks it finished, and its warnings and findings."""
    frame = cursor.execute("""
        SELECT r.run_id, r.kind, r.model, r.revision, r.private, r.status, r.started_at,
            date_diff('second', r.started_at, r.finished_at) AS seconds, r.command,
            r.warnings,
            (SELECT count(DISTINCT fault_of(tier, code, evidence, seen)) FROM findings f WHERE f.run_id = r.run_id)
                AS findings,
            (SELECT count(*) FROM findings f WHERE f.run_id = r.run_id AND f.severity = 'fatal') AS fatal,
            (SELECT count(*) FROM run_tasks t WHERE t.run_id = r.run_id) AS tasks,
            (SELECT count(*) FROM run_tasks t WHERE t.run_id = r.run_id AND t.status = 'done') AS done
        FROM runs r ORDER BY r.started_at DESC, r.run_id
    """).df()
    return frame.assign(warnings=[len(warnings_of(text)) for text in frame["warnings"]])


def recorded_run(cursor: Cursor, run_id: str) -> Run:
    """One run with everything it recorded."""
    frame = cursor.execute("SELECT * FROM runs WHERE run_id = ?", [run_id]).df()
    facts = frame.to_dict("records")[0]
    return Run(
        {str(name): value for name, value in facts.items() if name not in (*PARTS, "warnings")},
        recorded(facts["settings"], facts["environment"], facts["files"], facts["warnings"]),
    )


def tasks_of_run(cursor: Cursor, run_id: str) -> pd.DataFrame:
    """The tasks of a reproduction with their scores (0-1, the mean of the cells); no row for other runs."""
    return cursor.execute(
        """
        SELECT t.task, t.status, t.error, t.texts, t.seconds, t.peak_memory_mb, t.batch_size, t.dataset_path,
            json_array_length(t.warnings) AS warnings, r.dataset_revision, r.mteb_version,
            (SELECT avg(s.main_score) FROM scores s WHERE s.result_id = t.result_id) AS score
        FROM run_tasks t LEFT JOIN results r USING (result_id)
        WHERE t.run_id = ? ORDER BY t.status <> 'failed', t.task
        """,
        [run_id],
    ).df()


def part(cursor: Cursor, run_id: str, name: str) -> pd.DataFrame:
    """Settings, environment or files of one run as ``name`` and ``left``."""
    one = _part(recorded_run(cursor, run_id), name)
    return side_by_side(one, one)[["name", "left"]]


def run_differences(cursor: Cursor, left: str, right: str, name: str) -> pd.DataFrame:
    """Settings, environment or files of two runs, differences first: ``name``, ``left``, ``right``, ``differs``."""
    return side_by_side(*(_part(recorded_run(cursor, each), name) for each in (left, right)))


def _part(run: Run, name: str) -> dict[str, Any]:
    if name == "files":
        return file_digests(run.records.files)
    if name == "environment":  # what is not known is no entry
        return {fact: value for fact, value in run.records.environment.items() if value not in ("", [], {}, None)}
    return {"model": run.facts["model"], "revision": run.facts["revision"]} | run.records.settings
