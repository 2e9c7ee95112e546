"""Questions about causes: what was found in files, what a diagnosis proved, and where the chain to the score breaks."""

from __future__ import annotations

import json
from typing import NamedTuple

import duckdb
import pandas as pd

from dashboard.queries import drift_cost
from data.side_by_side import differences, file_digests

__all__ = ["Link", "Proof", "causes", "chain", "diagnosis", "findings", "of_run", "proof"]

_PAIR = ["name", "left", "right", "differs"]
_SAME = ("identical", "precision only")


class Link(NamedTuple):
    """One link from the files to the score: ``same``, ``differs``, ``broken`` (a fault was found) or ``unknown``."""

    name: str
    state: str
    sentence: str


def diagnosis(cursor: duckdb.DuckDBPyConnection, check: str, candidate: str) -> pd.DataFrame:
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


def of_run(cursor: duckdb.DuckDBPyConnection, run: str) -> pd.DataFrame:
    """The diagnoses one run made, a row a candidate, with its ``label``."""
    return cursor.execute(
        "SELECT d.* EXCLUDE (proof), coalesce(e.label, d.candidate) AS label FROM diagnoses d"
        " LEFT JOIN encoders e ON e.encoder_id = d.candidate WHERE d.run_id = ? ORDER BY d.rowid",
        [run],
    ).df()


def causes(cursor: duckdb.DuckDBPyConnection, diagnosis_id: str) -> pd.DataFrame:
    """The causes of a diagnosis in the order they were accepted, then the runners-up."""
    return cursor.execute(
        "SELECT * FROM diagnosis_causes WHERE diagnosis_id = ? ORDER BY accepted DESC, position", [diagnosis_id]
    ).df()


class Proof(NamedTuple):
    """What a diagnosis keeps beside its words: the recipes as ``name, left, right, differs``, and distances by text."""

    name: str
    agrees: pd.DataFrame | None
    texts: pd.DataFrame
    hints: list[str]


def proof(cursor: duckdb.DuckDBPyConnection, diagnosis_id: str) -> Proof:
    """The proof of a diagnosis; ``texts`` has ``before`` and ``after``, the relative distances of each text.

    The vectors that were made stay in the store: they are for programs, and many.
    """
    row = cursor.execute("SELECT proof FROM diagnoses WHERE diagnosis_id = ?", [diagnosis_id]).fetchone()
    kept = (json.loads(row[0]) if row and row[0] else None) or {}
    agrees = kept.get("agrees")
    recipes = None if agrees is None else pd.DataFrame(differences(kept.get("reference") or {}, agrees), columns=_PAIR)
    before, after = kept.get("before"), kept.get("after")
    both = isinstance(before, list) and isinstance(after, list) and len(before) == len(after)
    texts = pd.DataFrame({"before": before, "after": after} if both else {"before": [], "after": []})
    return Proof(diagnosis_id, recipes, texts, [str(hint) for hint in kept.get("hints") or []])


def findings(
    cursor: duckdb.DuckDBPyConnection, *, run: str | None = None, check: str | None = None, candidate: str | None = None
) -> pd.DataFrame:
    """Findings of one run, or those on a candidate of a check: of its own check, on it, or on its model's files."""
    return cursor.execute(
        """
        WITH asked AS (SELECT encoder_id, label, model FROM encoders WHERE encoder_id = $candidate),
        others AS (SELECT unnest([encoder_id, label]) AS name FROM encoders WHERE encoder_id <> $candidate)
        SELECT f.* FROM findings f LEFT JOIN asked a ON true
        WHERE f.run_id = $run OR f.subject IN (a.encoder_id, a.label)
            OR (f.run_id = (SELECT run_id FROM checks WHERE check_id = $check)
                    OR f.model = a.model AND f.tier <> 'scores')
                AND (f.subject IS NULL OR f.subject NOT IN (FROM others))
        ORDER BY list_position(['fatal', 'serious', 'notice'], f.severity), f.tier, f.code
        """,
        {"run": run, "check": check, "candidate": candidate},
    ).df()


def chain(cursor: duckdb.DuckDBPyConnection, check: str, output: str, candidate: str) -> list[Link]:
    """Files, tokens, vectors and scores of a candidate against the check's reference: what is the same so far."""
    found = findings(cursor, check=check, candidate=candidate)
    return [
        _files(cursor, check, candidate, found),
        _tokens(cursor, check, candidate, found),
        _vectors(cursor, check, output, candidate),
        _scores(cursor, candidate),
    ]


def _files(cursor: duckdb.DuckDBPyConnection, check: str, candidate: str, found: pd.DataFrame) -> Link:
    if fault := _fault(found, "files", "code", "weights"):
        return Link("files", "broken", fault)
    rows = cursor.execute(
        "SELECT e.files FROM encoders e, checks c WHERE c.check_id = ? AND e.encoder_id IN (c.reference, ?)"
        " ORDER BY e.encoder_id = c.reference DESC",
        [check, candidate],
    ).fetchall()
    sides = [json.loads(files) for (files,) in rows]
    if len(sides) == 1:  # the reference against itself
        return Link("files", "same", "The same encoder on both sides.")
    if not all(sides):
        return Link("files", "unknown", "One side does not show its files.")
    apart = [pair.name for pair in differences(*map(file_digests, sides)) if pair.differs]
    if apart:
        more = f" and {len(apart) - 2} more" if len(apart) > 2 else ""
        return Link("files", "differs", f"{', '.join(apart[:2])}{more} differ.")
    return Link("files", "same", f"The same {len(sides[0])} files, byte for byte.")


def _tokens(cursor: duckdb.DuckDBPyConnection, check: str, candidate: str, found: pd.DataFrame) -> Link:
    if fault := _fault(found, "tokenizer"):
        return Link("tokens", "broken", fault)
    row = cursor.execute(
        """
        SELECT count(*), count(*) FILTER (r.tokens <> v.tokens)
        FROM checks c
        JOIN vectors r ON r.check_id = c.check_id AND r.encoder_id = c.reference
        JOIN vectors v ON v.check_id = c.check_id AND v.encoder_id = $candidate AND v.text_hash = r.text_hash
            AND v.output = r.output
        WHERE c.check_id = $check AND r.tokens IS NOT NULL AND v.tokens IS NOT NULL
        """,
        {"check": check, "candidate": candidate},
    ).fetchone()
    texts, apart = row or (0, 0)
    if not texts:
        return Link("tokens", "unknown", "One side does not tell its tokens.")
    if apart:
        return Link("tokens", "differs", f"Other tokens on {apart} of {texts} texts.")
    return Link("tokens", "same", f"The same tokens on all {texts} texts.")


def _vectors(cursor: duckdb.DuckDBPyConnection, check: str, output: str, candidate: str) -> Link:
    row = cursor.execute(
        "SELECT verdict, sentence FROM drift_summary WHERE check_id = ? AND output = ? AND encoder_id = ?",
        [check, output, candidate],
    ).fetchone()
    if row is None:
        return Link("vectors", "unknown", "Not compared.")
    return Link("vectors", "same" if row[0] in _SAME else "differs", f"{row[0].capitalize()}. {row[1]}")


def _scores(cursor: duckdb.DuckDBPyConnection, candidate: str) -> Link:
    points = drift_cost.points(cursor)
    points = points[points["encoder_id"] == candidate]
    if points.empty:
        return Link("scores", "unknown", "No reproduction under these settings yet.")
    worst = points.iloc[int(points["delta"].abs().argmax())]
    moved = points[points["verdict"] != "match"]
    said = (
        f"{len(points) - len(moved)} of {len(points)} tasks match; {worst['task']} {100 * worst['delta']:+.2f} points."
    )
    return Link("scores", "differs" if len(moved) else "same", said)


def _fault(found: pd.DataFrame, *tiers: str) -> str:
    serious = found[found["tier"].isin(tiers) & found["severity"].isin(["fatal", "serious"])]
    if serious.empty:
        return ""
    more = f" And {len(serious) - 1} more." if len(serious) > 1 else ""
    return f"{serious.iloc[0]['seen']}{more}"
