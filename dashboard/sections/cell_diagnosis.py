"""Why a score differs, as far as anybody has looked: the chain behind it, a proof, or what the scores suggest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import ask
from dashboard.formatting import count, plain, signed
from dashboard.queries import chain, diagnosis, drift
from dashboard.queries.chain import Link, Linked
from dashboard.sections.diagnosis import diagnosed, findings, links_of
from data.rules import task_deltas
from data.rules.causes import effect_of
from data.rules.suggestions import suggest
from data.store.vocabulary import Comparison, LinkState, Verdict

__all__ = ["show"]

_MOVED = (Verdict.GAP, Verdict.BROKEN, Verdict.DRIFT)
_KNOWN = (Comparison.REPRODUCED, Comparison.RUNS)  # kinds of comparison whose later side is a run of this machine


def show(cell: Mapping[str, Any], frame: pd.DataFrame) -> None:
    """The chain to a run's score, the newest diagnosis of its set-up, and else what its scores suggest.

    Args:
        cell: a row of ``queries.reproduction.judged``.
        frame: all rows of the comparison, for the pattern over the tasks.
    """
    run = cell["check_run"]
    proved: pd.DataFrame | None = None
    if cell["kind"] in _KNOWN and isinstance(run, str):
        st.markdown("**From files to the score**")
        other = cell["claim_run"] if isinstance(cell["claim_run"], str) else None
        links_of(ask(chain.chain_of_run, run, other, _verdict(cell)))
        about = ask(diagnosis.findings, run=run)
        if len(about):
            st.markdown(f"**Found before the run**: {count(len(about), 'finding')}")
            findings(about)
        proved = _proved(ask(chain.check_of_run, run))
    if cell["verdict"] in _MOVED and (proved is None or proved.empty):
        _suggested(cell, frame[(frame["row"] == cell["row"]) & frame["obstacle"].isna()])


def _verdict(cell: Mapping[str, Any]) -> Link:
    """The score's own link in the chain."""
    known = {Verdict.MATCH: LinkState.SAME, Verdict.NOT_COMPARABLE: LinkState.UNKNOWN}
    state = known.get(Verdict(cell["verdict"]), LinkState.DIFFERS)
    by = f" by {signed(cell['delta'])} points" if signed(cell["delta"]) and state == LinkState.DIFFERS else ""
    return Link("scores", state, f"{cell['task']}: {cell['verdict']}{by}.")


def _proved(linked: Linked | None) -> pd.DataFrame | None:
    """The diagnosis of a check's candidate that is this set-up, shown; None where there is no such check."""
    if linked is None:
        return None
    newest = ask(diagnosis.diagnosis, linked.check_id, linked.encoder_id)
    checks, encoders = ask(drift.checks), ask(drift.encoders, linked.check_id)
    check = checks.loc[checks["check_id"] == linked.check_id, "name"].iloc[0]
    name = encoders.loc[encoders["encoder_id"] == linked.encoder_id, "name"].iloc[0]
    if not newest.empty:
        st.markdown(f"**Diagnosis of this set-up**, by its vectors in a parity check ({plain(name)})")
        diagnosed(newest.to_dict("records")[0], str(name))
    st.page_link(
        "screens/drift.py",
        label="The vectors of this set-up, text by text",
        icon=":material/difference:",
        query_params={"check": str(check), "output": linked.output, "encoder": str(name)},
    )
    return newest


def _suggested(cell: Mapping[str, Any], own: pd.DataFrame) -> None:
    """Known faults by how well their measured cost fits all deltas of the row."""
    deltas = ask(task_deltas.task_deltas, task_deltas.cells_of(own))
    run = cell["check_run"] if isinstance(cell["check_run"], str) else None
    suggestions = suggest(deltas, ask(task_deltas.source_of, str(cell["model"]), run))
    if not suggestions:
        return
    st.markdown(
        f"**What the scores suggest**, from the pattern over {count(len(deltas), 'task')}: a suggestion, "
        "nothing is proved until vectors are compared"
    )
    st.dataframe(
        pd.DataFrame(
            [(s.words, 100 * s.fit, s.why, effect_of(s.code)) for s in suggestions],
            columns=["cause", "fit", "why", "effect"],
        ),
        hide_index=True, placeholder="",
        column_config={
            "cause": "Known fault",
            "fit": st.column_config.ProgressColumn(
                "Fit", min_value=0, max_value=100, format="%.0f %%",
                help="Share of the deltas' squares that the fault's cost accounts for; of what single metrics say, the "
                "share of tasks that say so",
            ),
            "why": st.column_config.TextColumn("Mean difference by kind of task", width="large"),
            "effect": st.column_config.TextColumn("What it does to vectors", width="large"),
        },
    )  # fmt: skip
    st.caption("What would settle it, with your way of encoding in the place of YOUR_ENCODER:")
    st.code(suggestions[0].settle, language=None, wrap_lines=True)
