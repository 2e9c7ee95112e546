"""From files to scores, link by link, and where it breaks: for a candidate of a check, and for a cell of a run."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pandas as pd

from dashboard.diff import differences, file_digests
from dashboard.queries import diagnosis, drift_cost
from dashboard.queries.rows import Cursor
from data.store.vocabulary import DriftVerdict, LinkState, Severity, Tier, Verdict

__all__ = ["Link", "Linked", "chain_of_candidate", "chain_of_run", "check_of_run"]


class Link(NamedTuple):
    """One link from the files to the score: ``same``, ``differs``, ``broken`` (a fault was found) or ``unknown``.

    ``about`` is a code for what is known of it, which ``dashboard/sections/chain.py`` says, with these ``facts`` in it.
    """

    name: str
    state: LinkState
    about: str
    facts: dict[str, Any] = {}


class Linked(NamedTuple):
    """A parity check that had an encoder of a run's set-up as a candidate, with that encoder."""

    check_id: str
    encoder_id: str
    output: str


def chain_of_candidate(cursor: Cursor, check: str, output: str, candidate: str) -> list[Link]:
    """Files, tokens, vectors and scores of a candidate against the check's reference: what is the same so far."""
    findings = diagnosis.findings(cursor, check=check, candidate=candidate)
    return [
        _files(cursor, check, candidate, findings),
        _tokens(cursor, check, candidate, findings),
        _vectors(cursor, check, output, candidate),
        _scores(cursor, check, candidate),
    ]


def check_of_run(cursor: Cursor, run: str) -> Linked | None:
    """The newest check with a candidate under the settings of a run and with its weights; None when there is none."""
    row = cursor.execute("SELECT model, settings, files FROM runs WHERE run_id = ?", [run]).fetchone()
    if row is None:
        return None
    ran = drift_cost.stored_set_up(*row[1:])
    checked = cursor.execute(
        """
        SELECT s.check_id, s.encoder_id, s.output, e.settings, e.files, e.own_weights
        FROM drift_summary s JOIN checks c USING (check_id) JOIN encoders e USING (encoder_id)
        WHERE e.model = $model OR list_has_any($weights, json_extract_string(e.files, '$[*].sha256'))
        ORDER BY s.output = 'dense' DESC, c.started_at DESC
        """,
        {"model": row[0], "weights": sorted(drift_cost.weight_digests(ran.files))},
    ).fetchall()
    for check, encoder, output, its_settings, its_files, own in checked:
        if drift_cost.same_setup(drift_cost.stored_set_up(its_settings, its_files, own_weights=own), ran):
            return Linked(check, encoder, output)
    return None


def chain_of_run(cursor: Cursor, run: str, other: str | None, verdict: Link) -> list[Link]:
    """Files, tokens and vectors behind a score of a run, and the score itself.

    Args:
        cursor: of the store.
        run: the run.
        other: the run it is compared with; None for a published figure, whose files and vectors nobody has.
        verdict: what the comparison says of the score.
    """
    findings = diagnosis.findings(cursor, run=run)
    linked = check_of_run(cursor, run)
    files = _files_of_run(cursor, run, other, findings)
    if linked is None:
        fault = _fault(findings, Tier.TOKENIZER)
        tokens = (
            Link("tokens", LinkState.BROKEN, "fault", fault) if fault else Link("tokens", LinkState.UNKNOWN, "no check")
        )
        return [files, tokens, Link("vectors", LinkState.UNKNOWN, "no check"), verdict]
    every = pd.concat([findings, diagnosis.findings(cursor, check=linked.check_id, candidate=linked.encoder_id)])
    return [
        files if files.state != LinkState.UNKNOWN else _files(cursor, linked.check_id, linked.encoder_id, every),
        _tokens(cursor, linked.check_id, linked.encoder_id, every),
        _vectors(cursor, linked.check_id, linked.output, linked.encoder_id),
        verdict,
    ]


def _files_of_run(cursor: Cursor, run: str, other: str | None, findings: pd.DataFrame) -> Link:
    if fault := _fault(findings, Tier.FILES, Tier.CODE, Tier.PIPELINE, Tier.WEIGHTS):
        return Link("files", LinkState.BROKEN, "fault", fault)
    rows = cursor.execute("SELECT run_id, files FROM runs WHERE list_contains(?, run_id)", [[run, other]]).fetchall()
    sides = {name: json.loads(files or "[]") for name, files in rows}
    if not sides.get(run):
        return Link("files", LinkState.UNKNOWN, "run shows no files")
    if not other or not sides.get(other):
        return Link("files", LinkState.UNKNOWN, "other run shows no files")
    return _compared(sides[other], sides[run])


def _files(cursor: Cursor, check: str, candidate: str, findings: pd.DataFrame) -> Link:
    if fault := _fault(findings, Tier.FILES, Tier.CODE, Tier.PIPELINE, Tier.WEIGHTS):
        return Link("files", LinkState.BROKEN, "fault", fault)
    sides = drift_cost.both_encoders(cursor, check, candidate)
    if len(sides) == 1:  # the reference against itself
        return Link("files", LinkState.SAME, "one encoder")
    if not all(side.files for side in sides):
        return _revisions(*(side.revision for side in sides))
    return _compared(*(side.files for side in sides))


def _revisions(ours: str | None, theirs: str | None) -> Link:
    """What can be said of files that one side does not show: whether both claim one revision."""
    if not ours or not theirs:
        return Link("files", LinkState.UNKNOWN, "one side shows no files")
    if ours == theirs:
        return Link("files", LinkState.UNKNOWN, "one revision, unseen", {"revision": ours[:12]})
    apart = {"candidate": theirs[:12], "reference": ours[:12]}
    return Link("files", LinkState.DIFFERS, "another revision", apart)


def _compared(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> Link:
    apart = [pair for pair in differences(file_digests(left), file_digests(right)) if pair.differs]
    if not apart:
        return Link("files", LinkState.SAME, "same files", {"n": len(left)})
    names = {
        "changed": [pair.name for pair in apart if pair.left is not None and pair.right is not None],
        "missing": [pair.name for pair in apart if pair.right is None],
        "added": [pair.name for pair in apart if pair.left is None],
    }
    return Link("files", LinkState.DIFFERS, "files", names)


def _tokens(cursor: Cursor, check: str, candidate: str, findings: pd.DataFrame) -> Link:
    if fault := _fault(findings, Tier.TOKENIZER):
        return Link("tokens", LinkState.BROKEN, "fault", fault)
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
        return Link("tokens", LinkState.UNKNOWN, "no tokens")
    if apart:
        return Link("tokens", LinkState.DIFFERS, "other tokens", {"apart": apart, "texts": texts})
    return Link("tokens", LinkState.SAME, "same tokens", {"texts": texts})


def _vectors(cursor: Cursor, check: str, output: str, candidate: str) -> Link:
    row = cursor.execute(
        "SELECT verdict, sentence FROM drift_summary WHERE check_id = ? AND output = ? AND encoder_id = ?",
        [check, output, candidate],
    ).fetchone()
    if row is None:
        return Link("vectors", LinkState.UNKNOWN, "not compared")
    state = LinkState.SAME if DriftVerdict(row[0]).same else LinkState.DIFFERS
    return Link("vectors", state, "vectors", {"verdict": row[0], "sentence": row[1]})


def _scores(cursor: Cursor, check: str, candidate: str) -> Link:
    """Against the reference's own run where there is one: what else it ran on is then the same on both sides."""
    tasks, reference = drift_cost.against_reference(cursor, check, candidate), True
    if tasks.empty:
        points = drift_cost.drift_and_delta(cursor)
        tasks, reference = points[points["encoder_id"] == candidate], False
    if tasks.empty:
        return Link("scores", LinkState.UNKNOWN, "no reproduction")
    worst = tasks.iloc[int(tasks["delta"].abs().argmax())]
    moved = int((tasks["verdict"] != Verdict.MATCH).sum())
    facts = {
        "matching": len(tasks) - moved, "total": len(tasks), "reference": reference, "task": str(worst["task"]),
        "delta": float(worst["delta"]),
    }  # fmt: skip
    return Link("scores", LinkState.DIFFERS if moved else LinkState.SAME, "scores", facts)


def _fault(findings: pd.DataFrame, *tiers: str) -> dict[str, Any]:
    """The first serious finding of these tiers as it was seen, and how many more there are; empty without one."""
    serious = findings[findings["tier"].isin(tiers) & findings["severity"].isin([Severity.FATAL, Severity.SERIOUS])]
    return {} if serious.empty else {"seen": str(serious.iloc[0]["seen"]), "more": len(serious) - 1}
