"""Questions about causes: what was found in files, and what a diagnosis proved."""

from __future__ import annotations

import json
from typing import NamedTuple

import pandas as pd

from dashboard.diff import side_by_side
from dashboard.queries.rows import Cursor
from data.store.vocabulary import Severity

__all__ = ["Proof", "causes", "diagnoses_of_run", "diagnosis", "findings", "proof"]


def diagnosis(cursor: Cursor, check: str, candidate: str) -> pd.DataFrame:
    """The newest diagnosis of a candidate of a check in one row; empty when nobody asked for one."""
    return cursor.execute(
        """
        SELECT d.* EXCLUDE (proof), r.command, r.started_at FROM diagnoses d LEFT JOIN runs r USING (run_id)
        WHERE d.check_id = $check AND d.candidate IN (
            SELECT unnest([encoder_id, label]) FROM encoders WHERE encoder_id = $candidate)
        ORDER BY r.started_at DESC NULLS LAST, d.rowid DESC LIMIT 1
        """,
        {"check": check, "candidate": candidate},
    ).df()


def diagnoses_of_run(cursor: Cursor, run: str) -> pd.DataFrame:
    """The diagnoses one run made, a row a candidate, with its ``label``."""
    return cursor.execute(
        "SELECT d.* EXCLUDE (proof), coalesce(e.label, d.candidate) AS label FROM diagnoses d"
        " LEFT JOIN encoders e ON e.encoder_id = d.candidate WHERE d.run_id = ? ORDER BY d.rowid",
        [run],
    ).df()


def causes(cursor: Cursor, diagnosis_id: str) -> pd.DataFrame:
    """The causes of a diagnosis in the order they were accepted, then the runners-up."""
    return cursor.execute(
        "SELECT * FROM diagnosis_causes WHERE diagnosis_id = ? ORDER BY accepted DESC, position", [diagnosis_id]
    ).df()


class Proof(NamedTuple):
    """What a diagnosis keeps beside its words: the recipes as ``name, left, right, differs``, and distances by text."""

    name: str
    agrees: pd.DataFrame | None
    texts: pd.DataFrame


def proof(cursor: Cursor, diagnosis_id: str) -> Proof:
    """The proof of a diagnosis; ``texts`` has ``before`` and ``after``, the relative distances of each text.

    The vectors that were made stay in the store: they are for programs, and many.
    """
    row = cursor.execute("SELECT proof FROM diagnoses WHERE diagnosis_id = ?", [diagnosis_id]).fetchone()
    record = (json.loads(row[0]) if row and row[0] else None) or {}
    agrees = record.get("agrees")
    recipes = None if agrees is None else side_by_side(record.get("reference") or {}, agrees)
    before, after = record.get("before"), record.get("after")
    both = isinstance(before, list) and isinstance(after, list) and len(before) == len(after)
    texts = pd.DataFrame({"before": before, "after": after} if both else {"before": [], "after": []})
    return Proof(diagnosis_id, recipes, texts)


def findings(
    cursor: Cursor, *, run: str | None = None, check: str | None = None, candidate: str | None = None
) -> pd.DataFrame:
    """Findings of one run, or those on a candidate of a check: of its own check, on it, or on its model's files.

    One fault is one row, however many runs and encoders met it: the newest finding of its code and evidence.
    ``about``: the encoders or the model it is about, as people call them. ``fault``: code and evidence, by which two
    frames can be told apart.
    """
    return cursor.execute(
        """
        WITH asked AS (SELECT encoder_id, label, model FROM encoders WHERE encoder_id = $candidate),
        others AS (SELECT unnest([encoder_id, label]) AS name FROM encoders WHERE encoder_id <> $candidate),
        met AS (
        SELECT f.*, coalesce(e.label, f.subject, f.model) AS name, r.started_at,
            fault_of(f.tier, f.code, f.evidence, f.seen) AS fault
        FROM findings f LEFT JOIN encoders e ON e.encoder_id = f.subject LEFT JOIN asked a ON true
        LEFT JOIN runs r ON r.run_id = f.run_id
        WHERE f.run_id = $run OR f.subject IN (a.encoder_id, a.label)
            OR (f.run_id = (SELECT run_id FROM checks WHERE check_id = $check)
                    OR f.model = a.model AND f.tier <> 'scores')
                AND (f.subject IS NULL OR f.subject NOT IN (FROM others))
        )
        SELECT * EXCLUDE (name, started_at),
            array_to_string(list_sort(list_distinct(list(name) OVER (PARTITION BY fault))), ', ') AS about
        FROM met
        QUALIFY row_number() OVER (PARTITION BY fault ORDER BY started_at DESC NULLS LAST, finding_id) = 1
        ORDER BY list_position($gravest, severity), tier, code, fault
        """,
        {"run": run, "check": check, "candidate": candidate, "gravest": [str(each) for each in reversed(Severity)]},
    ).df()
