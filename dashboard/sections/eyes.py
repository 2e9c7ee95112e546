"""What needs eyes, the most severe first: each a line that leads to the cell, the run or the check it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import looks
from dashboard.access import answer_of
from dashboard.formatting import count, plain, score, signed, word
from dashboard.looks import Look
from dashboard.queries import believing as believing_queries
from dashboard.queries import eyes as eyes_queries
from dashboard.queries import overview as overview_queries
from dashboard.queries import reproduction as reproduction_queries
from dashboard.queries.eyes import Claims
from dashboard.sections.decisions import all_decisions, is_superseded, moved_of
from dashboard.sections.links import Choice, linked_line, page_link
from dashboard.stored_words import tr_stored
from dashboard.tables import deltas as deltas_tables
from dashboard.words import tr, tr_n
from data.rules.believing import BeliefVerdict
from data.rules.deltas import SIDES, thresholds
from data.store.vocabulary import Comparison, DriftVerdict, Severity, Status, Verdict

__all__ = ["show_eyes"]

_SHOWN = 3  # of a group
# How the Reproduction page's address calls a kind of comparison, in the order in which it starts with one.
_COMPARED = {Comparison.REPRODUCED: "Our runs", Comparison.REPORTED: "Model cards"}


class _Line(NamedTuple):
    """One thing that needs eyes: how it looks, its words (Markdown), and where it is seen."""

    look: Look
    words: str
    page: str
    choices: dict[str, Choice]


class _Group(NamedTuple):
    """Things of one kind: how many and what, the gravest of them, and where all are seen."""

    words: str
    lines: list[_Line]
    number: int
    page: str
    choices: dict[str, Choice]


def show_eyes() -> None:
    """Every group in which there is something, in the order of severity; or that nothing is."""
    st.markdown(f"#### {tr('What needs eyes')}")
    claims = answer_of(eyes_queries.checked_claims, thresholds())
    groups = [group for group in (make(claims) for make in _GROUPS) if group.number]
    for group in groups:
        _show_group(group)
    if not groups:
        facts = answer_of(overview_queries.record_facts)
        with st.container(border=True):
            st.markdown(looks.GOOD.mark(f"**{tr('Nothing needs eyes.')}**"))
            st.caption(
                tr("Looked at: {figures:,} figures measured a second time, {runs} and {checks}.",
                   figures=claims.figures, runs=count(facts.runs, "run"), checks=count(facts.checks, "check"))
            )  # fmt: skip


def _show_group(group: _Group) -> None:
    st.markdown(f"**{group.words}**")
    with st.container(gap="xxsmall"):
        for line in group.lines[:_SHOWN]:
            linked_line(line.page, f":{line.look.colour}[{line.look.icon}] {line.words}", **line.choices)
        if group.number > _SHOWN:
            page_link(group.page, tr("All {n:,}", n=group.number), **group.choices)


def _broken(claims: Claims) -> _Group:
    return _cells(claims, Verdict.BROKEN, lambda n: tr_n(n, "{n:,} broken figure", "{n:,} broken figures"))


def _gaps(claims: Claims) -> _Group:
    return _cells(claims, Verdict.GAP, lambda n: tr_n(n, "{n:,} figure with a gap", "{n:,} figures with a gap"))


def _cells(claims: Claims, verdict: Verdict, words: Callable[[int], str]) -> _Group:
    cells = claims.cells[claims.cells["verdict"] == verdict]
    # What was run here comes first: it is ours to mend.
    ours = cells[cells["kind"] == Comparison.REPRODUCED]
    first = pd.concat([ours, cells.drop(index=ours.index)]).head(_SHOWN)
    names = deltas_tables.cell_names(first)
    lines = [_cell(cell, str(name)) for cell, name in zip(first.to_dict("records"), names, strict=True)]
    kind = Comparison.REPRODUCED if len(ours) else Comparison.REPORTED
    total = sum(claims.totals.get((each, verdict), 0) for each in _COMPARED)
    everything: dict[str, Choice] = {**_comparison(kind), "verdicts": [str(verdict)], "part": "Table"}
    return _Group(words(total), lines, total, "reproduction", everything)


def _cell(cell: dict[Any, Any], name: str) -> _Line:
    sides = SIDES[cell["kind"]]
    words = tr(
        "**{model}** on **{task}**: {claim_side} {claim}, {check_side} {check} ({difference})",
        model=plain(cell["model"]), task=plain(cell["task"]), claim_side=tr(sides.claim), check_side=tr(sides.check),
        claim=score(cell["claim_score"]), check=score(cell["check_score"]), difference=signed(cell["delta"]),
    )  # fmt: skip
    choices: dict[str, Choice] = {**_comparison(cell["kind"]), "row": cell["row"], "task": cell["task"], "cell": name}
    return _Line(looks.VERDICT_LOOKS[Verdict(cell["verdict"])], words, "reproduction", choices)


def _comparison(kind: str) -> dict[str, Choice]:
    """The choice that makes the Reproduction page compare these; none where it starts with them."""
    present = answer_of(reproduction_queries.kinds)
    first = next((each for each in _COMPARED if present.get(each)), Comparison.REPORTED)
    return {} if kind == first else {"compare": _COMPARED[Comparison(kind)]}


def _encoders(claims: Claims) -> _Group:
    encoders = answer_of(eyes_queries.unreliable_encoders)
    lines = [
        _Line(
            looks.DRIFT_LOOKS[DriftVerdict(row["verdict"])],
            tr("**{encoder}** is {verdict} in the check of {date:%Y-%m-%d}",
               encoder=plain(row["encoder"]), verdict=word(row["verdict"]), date=row["started_at"]),
            "drift", {"check": row["check"], "output": row["output"], "encoder": row["encoder"]},
        )
        for row in encoders.head(_SHOWN).to_dict("records")
    ]  # fmt: skip
    words = tr_n(len(encoders), "{n:,} encoder that cannot be relied on", "{n:,} encoders that cannot be relied on")
    return _Group(words, lines, len(encoders), "drift", {})


def _findings(claims: Claims) -> _Group:
    findings = answer_of(eyes_queries.fatal_findings)
    lines = [
        _Line(
            looks.SEVERITY_LOOKS[Severity.FATAL],
            tr("**{model}**: {seen}", model=plain(row["model"]), seen=plain(_short(tr_stored(row["seen"])))),
            "runs", {"run": row["run_id"]},
        )
        for row in findings.head(_SHOWN).to_dict("records")
    ]  # fmt: skip
    words = tr_n(len(findings), "{n:,} fatal finding", "{n:,} fatal findings")
    return _Group(words, lines, len(findings), "runs", {})


def _failed(claims: Claims) -> _Group:
    return _runs(Status.FAILED, lambda n: tr_n(n, "{n:,} failed run", "{n:,} failed runs"))


def _stopped(claims: Claims) -> _Group:
    return _runs(Status.STOPPED, lambda n: tr_n(n, "{n:,} stopped run", "{n:,} stopped runs"))


def _runs(status: Status, words: Callable[[int], str]) -> _Group:
    runs = answer_of(eyes_queries.unfinished_runs)
    runs = runs[runs["status"] == status]
    lines = [
        _Line(
            looks.STATUS_LOOKS[status],
            tr("{kind} of **{model}**, {date:%Y-%m-%d %H:%M}",
               kind=word(row["kind"]), model=plain(row["model"]), date=row["started_at"]),
            "runs", {"run": row["run_id"]},
        )
        for row in runs.head(_SHOWN).to_dict("records")
    ]  # fmt: skip
    return _Group(words(len(runs)), lines, len(runs), "runs", {})


def _doubtful(claims: Claims) -> _Group:
    believed = answer_of(believing_queries.believed, thresholds())
    doubtful = [
        one for one in believed.beliefs if one.verdict not in (BeliefVerdict.HOLDS, BeliefVerdict.NOT_COMPARABLE)
    ]
    lines = [
        _Line(
            looks.BELIEF_LOOKS[one.verdict],
            tr("**{model}**: {verdict}, {held} of {tasks} hold", model=plain(one.model), held=one.held,
               verdict=tr(one.verdict), tasks=count(one.compared, "task")),
            "reproduction", {**_comparison(Comparison.REPORTED), "find": one.model},
        )
        for one in doubtful[:_SHOWN]
    ]  # fmt: skip
    n = believed.doubtful
    words = tr_n(n, "{n:,} model whose claims do not hold", "{n:,} models whose claims do not hold")
    return _Group(words, lines, n, "reproduction", _comparison(Comparison.REPORTED))


def _decisions(claims: Claims) -> _Group:
    decisions = all_decisions().decisions
    outdated = [one for one in decisions if not is_superseded(one, decisions) and moved_of(one)]
    lines = [
        _Line(looks.CAUTION, f"**{plain(one.name)}**", "decisions", {"text": one.name}) for one in outdated[:_SHOWN]
    ]
    words = tr_n(len(outdated), "{n:,} outdated decision", "{n:,} outdated decisions")
    return _Group(words, lines, len(outdated), "decisions", {"state": "outdated"})


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


# The most severe first: what makes vectors or figures wrong, then what is off, then what waits.
_GROUPS: tuple[Callable[[Claims], _Group], ...] = (
    _findings, _encoders, _failed, _broken, _doubtful, _gaps, _stopped, _decisions,
)  # fmt: skip
