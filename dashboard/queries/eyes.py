"""What needs eyes: figures that do not hold, encoders that cannot be relied on, runs that failed, fatal findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd

from dashboard.queries import drift, reproduction
from dashboard.queries.rows import Cursor
from data.rules.deltas import Thresholds, worst_first
from data.store.vocabulary import Comparison, DriftVerdict, Severity, Status

__all__ = ["Claims", "checked_claims", "fatal_findings", "unreliable_encoders", "unfinished_runs"]


class Claims(NamedTuple):
    """What of the published figures was measured a second time, and what does not hold of it.

    ``figures`` can be compared, ``held`` of them hold: a figure that was checked several times does if it once did.
    ``cells`` are the comparisons that are a gap or broken, the gravest first: kind, row (as the Reproduction page names
    it), model, task, split, subset, verdict, claim_score, check_score, delta (0-1); of each kind and verdict those with
    the largest differences, of as many as ``totals`` says.
    """

    figures: int
    held: int
    cells: pd.DataFrame
    totals: Mapping[tuple[str, str], int]


# Of a kind and verdict: more than any page lists.
_MOST = 300
_KEYS = ["claim_id", "check_id", "kind", "split", "subset"]
_UNDER = "deltas_under($match_floors, $drift, $drift_floors, $lost)"
# A figure that was checked several times holds if it once did.
_FIGURES = f"""
WITH figures AS (
    SELECT bool_or(verdict IN ('match', 'drift')) AS holds FROM {_UNDER}
    WHERE comparable AND kind IN ('reproduced', 'reported') GROUP BY claim_id, split, subset
)
SELECT count(*), count(*) FILTER (holds) FROM figures
"""
_OFF = f"""
SELECT claim_id, check_id, kind, split, subset, model, verdict, count(*) OVER (PARTITION BY kind, verdict) AS total
FROM {_UNDER} WHERE kind IN ('reproduced', 'reported') AND verdict IN ('broken', 'gap')
QUALIFY row_number() OVER (
    PARTITION BY kind, verdict ORDER BY abs(delta) DESC, model, check_run, claim_run, task, split, subset) <= $most
"""
_CELL = ["kind", "row", "model", "task", "split", "subset", "verdict", "claim_score", "check_score", "delta"]


def checked_claims(cursor: Cursor, limits: Thresholds) -> Claims:
    """Model cards' figures against official runs, and published ones against runs of this machine."""
    kinds = (Comparison.REPRODUCED, Comparison.REPORTED)
    [(figures, held)] = cursor.execute(_FIGURES, asdict(limits)).fetchall()
    off = cursor.execute(_OFF, {**asdict(limits), "most": _MOST}).df()
    models = tuple(off["model"].unique()) if len(off) else ()
    judged = [frame for kind in kinds if models and len(frame := reproduction.judged(cursor, kind, limits, models))]
    if not judged:
        return Claims(int(figures), int(held), pd.DataFrame(columns=_CELL), {})
    every = pd.concat(judged, ignore_index=True).merge(off[_KEYS], on=_KEYS)
    totals = {(str(row["kind"]), str(row["verdict"])): int(row["total"]) for row in off.to_dict("records")}
    return Claims(int(figures), int(held), worst_first(every)[_CELL].reset_index(drop=True), totals)


def unreliable_encoders(cursor: Cursor) -> pd.DataFrame:
    """Encoders whose newest check calls them unstable or unusable, and servers whose vectors are not the model's.

    Columns: check, encoder (their names there), output, verdict. What was loaded here otherwise was meant to differ.
    An encoder is the same where its label and model are, beside a reference of the same label and model.
    """
    rows = cursor.execute(
        """
        SELECT c.check_id, s.encoder_id, s.output, s.verdict, e.model, e.outside, c.started_at
        FROM drift_summary s JOIN checks c USING (check_id)
        JOIN encoders e USING (encoder_id) JOIN encoders r ON r.encoder_id = c.reference
        QUALIFY row_number() OVER (
            PARTITION BY r.label, r.model, e.label, e.model, s.output ORDER BY c.started_at DESC, c.check_id) = 1
        """
    ).df()
    bad = [DriftVerdict.UNUSABLE, DriftVerdict.UNSTABLE]
    of_a_server = [DriftVerdict.SPACE, DriftVerdict.EVERYWHERE]
    rows = rows[rows["verdict"].isin(bad) | (rows["verdict"].isin(of_a_server) & rows["outside"].fillna(False))]
    names = {check: drift.encoders(cursor, check).set_index("encoder_id")["name"] for check in set(rows["check_id"])}
    rows = rows.assign(
        check=rows["check_id"].map(drift.checks(cursor).set_index("check_id")["name"]),
        encoder=[
            str(names[check][encoder]) for check, encoder in zip(rows["check_id"], rows["encoder_id"], strict=True)
        ],
        place=rows["verdict"].map({str(verdict): place for place, verdict in enumerate(bad + of_a_server)}),
    )
    return rows.sort_values(["place", "started_at", "encoder"], ascending=[True, False, True]).reset_index(drop=True)


def unfinished_runs(cursor: Cursor) -> pd.DataFrame:
    """Runs that failed or were stopped, and whose command was not run to its end since: failed first, then the newest.

    Columns: run_id, kind, model, status, started_at.
    """
    return cursor.execute(
        """
        SELECT run_id, kind, model, status, started_at FROM runs r
        WHERE status IN ($failed, $stopped) AND NOT EXISTS (
            FROM runs l WHERE l.command = r.command AND l.status = $done AND l.started_at > r.started_at)
        ORDER BY status = $failed DESC, started_at DESC, run_id
        """,
        {"failed": Status.FAILED, "stopped": Status.STOPPED, "done": Status.DONE},
    ).df()


def fatal_findings(cursor: Cursor) -> pd.DataFrame:
    """Faults with which a model cannot give right vectors, each once, the newest first: run_id, model, code, seen."""
    return cursor.execute(
        """
        SELECT f.run_id, f.model, f.code, f.seen, r.started_at FROM findings f LEFT JOIN runs r USING (run_id)
        WHERE f.severity = $fatal
        QUALIFY row_number() OVER (PARTITION BY f.model, fault_of(f.tier, f.code, f.evidence, f.seen)
            ORDER BY r.started_at DESC NULLS LAST, f.finding_id) = 1
        ORDER BY r.started_at DESC NULLS LAST, f.model, f.code
        """,
        {"fatal": Severity.FATAL},
    ).df()
