"""Why a score differs, as far as anybody has looked: the chain behind it, a proof, or what the scores suggest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.formatting import count, plain
from dashboard.queries import chain as chain_queries
from dashboard.queries import diagnosis as diagnosis_queries
from dashboard.queries import drift as drift_queries
from dashboard.queries.chain import Link, Linked
from dashboard.sections.chain import show_chain
from dashboard.sections.diagnosis import show_diagnosis, show_findings
from dashboard.sections.grid import show_table
from dashboard.sections.links import page_link
from dashboard.tables import diagnosis as diagnosis_tables
from dashboard.words import mark, tr
from data.rules import task_deltas
from data.rules.suggestions import suggest
from data.store.vocabulary import Comparison, LinkState, Verdict

__all__ = ["show_cell_diagnosis"]

_MOVED = (Verdict.GAP, Verdict.BROKEN, Verdict.DRIFT)
_KNOWN = (Comparison.REPRODUCED, Comparison.RUNS)  # kinds of comparison whose later side is a run of this machine


def show_cell_diagnosis(cell: Mapping[str, Any], frame: pd.DataFrame) -> None:
    """The chain to a run's score, the newest diagnosis of its set-up, and else what its scores suggest.

    Args:
        cell: a row of ``queries.reproduction.judged``.
        frame: all rows of the comparison, for the pattern over the tasks.
    """
    run = cell["check_run"]
    diagnosed: pd.DataFrame | None = None
    if cell["kind"] in _KNOWN and isinstance(run, str):
        st.markdown(tr("**From files to the score**"))
        other = cell["claim_run"] if isinstance(cell["claim_run"], str) else None
        show_chain(answer_of(chain_queries.chain_of_run, run, other, _verdict(cell)))
        about = answer_of(diagnosis_queries.findings, run=run)
        if len(about):
            st.markdown(tr("**Found before the run**: {findings}", findings=count(len(about), "finding")))
            show_findings(about)
        diagnosed = _proved(answer_of(chain_queries.check_of_run, run))
    if cell["verdict"] in _MOVED and (diagnosed is None or diagnosed.empty):
        _suggested(cell, frame[(frame["row"] == cell["row"]) & frame["obstacle"].isna()])


def _verdict(cell: Mapping[str, Any]) -> Link:
    """The score's own link in the chain."""
    known = {Verdict.MATCH: LinkState.SAME, Verdict.NOT_COMPARABLE: LinkState.UNKNOWN}
    state = known.get(Verdict(cell["verdict"]), LinkState.DIFFERS)
    facts = {name: cell[name] for name in ("task", "verdict", "delta")}
    return Link("scores", state, "verdict", {**facts, "apart": state == LinkState.DIFFERS})


def _proved(linked: Linked | None) -> pd.DataFrame | None:
    """The diagnosis of a check's candidate that is this set-up, shown; None where there is no such check."""
    if linked is None:
        return None
    diagnosed = answer_of(diagnosis_queries.diagnosis, linked.check_id, linked.encoder_id)
    checks, encoders = answer_of(drift_queries.checks), answer_of(drift_queries.encoders, linked.check_id)
    check = checks.loc[checks["check_id"] == linked.check_id, "name"].iloc[0]
    name = encoders.loc[encoders["encoder_id"] == linked.encoder_id, "name"].iloc[0]
    if not diagnosed.empty:
        st.markdown(tr("**Diagnosis of this set-up**, by its vectors in a parity check ({name})", name=plain(name)))
        show_diagnosis(diagnosed.to_dict("records")[0], str(name))
    page_link(
        "drift", tr("The vectors of this set-up, text by text"), check=str(check), output=linked.output,
        encoder=str(name),
    )  # fmt: skip
    return diagnosed


def _suggested(cell: Mapping[str, Any], own: pd.DataFrame) -> None:
    """Known faults by how well their measured cost fits all deltas of the row."""
    deltas = answer_of(task_deltas.task_deltas, task_deltas.cells_of(own))
    run = cell["check_run"] if isinstance(cell["check_run"], str) else None
    suggestions = suggest(deltas, answer_of(task_deltas.source_of, str(cell["model"]), run))
    if not suggestions:
        return
    pattern = mark(
        "**What the scores suggest**, from the pattern over {tasks}: a suggestion, nothing is proved until vectors are "
        "compared"
    )
    st.markdown(tr(pattern, tasks=count(len(deltas), "task")))
    show_table(diagnosis_tables.suggestions_table(suggestions))
    st.caption(tr("What would settle it, with your way of encoding in the place of YOUR_ENCODER:"))
    st.code(tr(suggestions[0].settle), language=None, wrap_lines=True)
