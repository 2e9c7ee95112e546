"""Questions of the drift page about a whole check: its verdicts, and one number a text or trait and encoder."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pandas as pd

from dashboard.diff import differences, file_digests
from dashboard.queries.rows import Cursor
from data.rules.measures import MEASURES
from data.store.checks import place_of

__all__ = [
    "SCALES", "Scale", "checks", "drift_by_text", "encoders", "history", "protocol", "texts", "traits", "verdicts",
]  # fmt: skip


class Scale(NamedTuple):
    """A way to say how far a candidate's vector is from the reference's; larger is farther for all of them."""

    sql: str
    floor: str = ""  # what a precision floor (a cosine distance) is on this scale: distance | root | one; "" is none


# What they are called and mean is said in dashboard/sections/drift_scales.py.
SCALES = {
    "cosine distance": Scale("cosine_distance", "distance"),
    "times the floor": Scale("cosine_distance / floor", "one"),
    "L2": Scale("l2"),
    "L2 normalised": Scale("l2_normalised", "root"),
    "largest difference": Scale("abs(max_difference)"),
    "length": Scale("abs(norm_ratio - 1)", "root"),
    "neighbours lost": Scale("1 - neighbours_kept"),
}


def checks(cursor: Cursor) -> pd.DataFrame:
    """Every parity check, the newest first, with its reference, its outputs and how many candidates it has.

    ``name`` is what pages and addresses call it.
    """
    return cursor.execute("""
        SELECT c.check_id, c.run_id, c.started_at, c.probe_set, c.n_texts, c.reference, e.label, e.model, e.revision,
            count(DISTINCT s.encoder_id) AS candidates, list_sort(list(DISTINCT s.output)) AS outputs,
            strftime(c.started_at, '%Y-%m-%d %H:%M') || ' · ' || e.label || ' · ' || right(c.check_id, 8) AS name
        FROM checks c
        JOIN encoders e ON e.encoder_id = c.reference
        JOIN drift_summary s USING (check_id)
        GROUP BY ALL ORDER BY c.started_at DESC, c.check_id
    """).df()


def encoders(cursor: Cursor, check: str) -> pd.DataFrame:
    """The encoders of a check, the reference first, with a ``name`` that no two of them share."""
    rows = cursor.execute(
        """
        SELECT e.*, e.encoder_id = c.reference AS is_reference, (e.settings ->> '$.max_length')::INTEGER AS max_length
        FROM checks c JOIN encoders e ON e.encoder_id = c.reference OR e.encoder_id IN (
            SELECT encoder_id FROM drift_summary s WHERE s.check_id = c.check_id)
        WHERE c.check_id = ? ORDER BY is_reference DESC, e.label, e.encoder_id
        """,
        [check],
    ).df()
    return rows.assign(name=_apart(rows["label"]))


def texts(cursor: Cursor, check: str) -> pd.DataFrame:
    """The texts of a check by name, with a ``name`` no two share; ``tokens`` is the reference's count, if it tells."""
    rows = cursor.execute(
        """
        SELECT p.*, v.tokens FROM probes p JOIN texts_of($check) USING (text_hash)
        LEFT JOIN (
            SELECT v.text_hash, max(len(v.tokens)) AS tokens FROM vectors v
            JOIN checks c ON c.check_id = v.check_id AND c.reference = v.encoder_id
            WHERE v.check_id = $check GROUP BY v.text_hash
        ) v USING (text_hash)
        ORDER BY p.probe, p.text_hash
        """,
        {"check": check},
    ).df()
    return rows.assign(name=_apart(rows["probe"]))


def verdicts(cursor: Cursor, check: str, output: str) -> pd.DataFrame:
    """One row a candidate: its verdict, the sentence that says why, and a column each of :data:`MEASURES`.

    ``mixes``: whether its vectors have as many dimensions as the reference's, so that both fit one index.
    """
    rows = cursor.execute(
        """
        WITH widths AS (
            SELECT encoder_id, max(len(vector)) AS dimensions FROM vectors
            WHERE check_id = $check AND output = $output AND output = 'dense' GROUP BY encoder_id
        )
        SELECT s.*, e.label, e.model, e.revision, e.backend, w.dimensions,
            w.dimensions IS NOT DISTINCT FROM coalesce(r.dimensions, w.dimensions) AS mixes,
            (SELECT count(*) FROM protocol p WHERE p.check_id = s.check_id AND p.encoder_id = s.encoder_id
                AND p.outcome = 'fail') AS tests_failed
        FROM drift_summary s JOIN encoders e USING (encoder_id) JOIN checks c USING (check_id)
        LEFT JOIN widths w USING (encoder_id) LEFT JOIN widths r ON r.encoder_id = c.reference
        WHERE s.check_id = $check AND s.output = $output ORDER BY s.mean NULLS LAST, e.label
        """,
        {"check": check, "output": output},
    ).df()
    # A measure without a column of its own is kept by its name, as what it gave at the time of the check.
    others = [json.loads(measures or "{}") for measures in rows["measures"]]
    unnamed = [each.name for each in MEASURES if each.name not in rows]
    return rows.assign(**{name: pd.Series([its.get(name) for its in others], dtype=float) for name in unnamed})


def protocol(cursor: Cursor, check: str, encoder: str) -> pd.DataFrame:
    """What an encoder was asked before any comparison, failures first."""
    return cursor.execute(
        "SELECT test, outcome, value, detail FROM protocol WHERE check_id = ? AND encoder_id = ?"
        " ORDER BY outcome <> 'fail', outcome <> 'pass', rowid",
        [check, encoder],
    ).df()


def drift_by_text(cursor: Cursor, check: str, output: str, measure: str) -> pd.DataFrame:
    """One measure of every text (down, by hash) and candidate (across, by id) in float32; blank where it failed."""
    long = cursor.execute(
        f"SELECT text_hash, encoder_id, ({SCALES[measure].sql})::FLOAT AS value FROM drift d"
        " JOIN drift_summary s USING (check_id, encoder_id, output) WHERE check_id = ? AND output = ?",
        [check, output],
    ).df()
    return long.pivot(index="text_hash", columns="encoder_id", values="value").astype("float32")


def traits(cursor: Cursor, check: str, output: str, measure: str, worst: bool) -> pd.DataFrame:
    """One measure of every trait and candidate: ``value`` (mean or worst), ``n`` texts, ``text_hash`` of the worst."""
    return cursor.execute(
        f"""
        SELECT trait, encoder_id, (CASE WHEN ? THEN max(value) ELSE avg(value) END)::FLOAT AS value, count(value) AS n,
            arg_max(text_hash, value) AS text_hash
        FROM (
            SELECT d.encoder_id, d.text_hash, {SCALES[measure].sql} AS value, unnest(p.traits) AS trait
            FROM drift d JOIN drift_summary s USING (check_id, encoder_id, output) JOIN probes p USING (text_hash)
            WHERE d.check_id = ? AND d.output = ?
        )
        GROUP BY trait, encoder_id
        """,
        [worst, check, output],
    ).df()


def history(cursor: Cursor, check: str, output: str, encoder: str) -> pd.DataFrame:
    """Every check of the same pair, oldest first: the same labels and models, at any revision and any versions.

    A server is the same one at its address, whatever model it says it is.

    ``floor`` and the figures are of cosine distance. ``changed`` has which revision, version or file of either side is
    another than at the check before, so that a step can be laid to it: (side, name, before, after) each, None for none.
    It is None for the first check. ``away`` is where the candidate could not be had, which says nothing of its vectors;
    ``was`` is the verdict of the last check of the same texts before, where it was another.
    """
    checks = cursor.execute(
        f"""
        WITH asked AS (
            SELECT r.label AS ours, {place_of("r")} AS our_place, e.label AS theirs, {place_of("e")} AS their_place
            FROM checks c JOIN encoders r ON r.encoder_id = c.reference, encoders e
            WHERE c.check_id = $check AND e.encoder_id = $encoder
        )
        SELECT c.check_id, c.started_at, c.n_texts, c.probe_set, s.verdict, s.mean, s.median, s.p95, s.worst, s.floor,
            coalesce(s.measures ->> '$.away', 'false') = 'true' AS away,
            (
                SELECT md5(string_agg(d.text_hash ORDER BY d.text_hash)) FROM drift d
                WHERE (d.check_id, d.encoder_id, d.output) = (s.check_id, s.encoder_id, s.output)
            ) AS texts,
            r.revision AS reference_revision, e.revision AS candidate_revision,
            r.versions AS reference_versions, e.versions AS candidate_versions,
            r.files AS reference_files, e.files AS candidate_files
        FROM asked a
        JOIN encoders r ON r.label = a.ours AND {place_of("r")} = a.our_place
        JOIN encoders e ON e.label = a.theirs AND {place_of("e")} = a.their_place
        JOIN checks c ON c.reference = r.encoder_id
        JOIN drift_summary s ON s.check_id = c.check_id AND s.encoder_id = e.encoder_id AND s.output = $output
        ORDER BY c.started_at, c.check_id
        """,
        {"check": check, "output": output, "encoder": encoder},
    ).df()
    rows = checks.to_dict("records")
    changed = [_changed(before, after) for before, after in zip(rows, rows[1:], strict=False)]
    return checks.assign(
        changed=pd.Series([None, *changed][: len(checks)], index=checks.index, dtype=object),
        was=pd.Series(_turns(rows), index=checks.index, dtype=object),
    )


def _turns(rows: list[dict[Any, Any]]) -> list[str | None]:
    """The verdict before, at each check whose verdict is another; one that found nobody there is passed over."""
    before: dict[str, str] = {}
    turns: list[str | None] = []
    for row in rows:
        texts, verdict = row["texts"], row["verdict"]
        was = None if row["away"] else before.get(texts)
        turns.append(was if was != verdict else None)
        if not row["away"]:
            before[texts] = verdict
    return turns


def _changed(before: dict[Any, Any], after: dict[Any, Any]) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (side, pair.name, pair.left, pair.right)
        for side in ("reference", "candidate")
        for pair in differences(_facts(before, side), _facts(after, side))
        if pair.differs
    ]


def _facts(row: dict[Any, Any], side: str) -> dict[str, Any]:
    files = file_digests(json.loads(row[f"{side}_files"]))
    return {"revision": row[f"{side}_revision"], **json.loads(row[f"{side}_versions"]), **files}


def _apart(names: pd.Series) -> pd.Series:
    """The same names, the second of two alike with its number, so that an address can say which."""
    repetition = names.groupby(names).cumcount()
    return names.where(repetition == 0, names + " (" + (repetition + 1).astype(str) + ")")
