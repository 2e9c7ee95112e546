"""Can we believe it: one verdict a model, first of all on Reproduction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain
from dashboard.looks import BELIEF_LOOKS
from dashboard.queries import believing as believing_queries
from dashboard.sections.grid import show_sortable
from dashboard.tables import believing as believing_tables
from dashboard.words import tr, tr_n
from data.rules.believing import Belief, BeliefVerdict, Suspect
from data.rules.deltas import Thresholds

__all__ = ["show_beliefs"]

_NAMED = 3
_ROWS = 7


def show_beliefs(limits: Thresholds, models: Sequence[str], *, whole: bool = True) -> None:
    """The verdicts of these models: counted in a line, the gravest in words, all in a table whose rows choose one.

    Of a record that is not asked about as a ``whole``, these alone are judged.
    """
    shown = set(models)
    asked = None if whole else tuple(models)
    beliefs = [one for one in answer_of(believing_queries.beliefs_of_models, limits, asked) if one.model in shown]
    if not beliefs:
        return
    if len(beliefs) == 1:
        _show_one(beliefs[0])
        return
    by_verdict = Counter(one.verdict for one in beliefs)
    holding, all_models = by_verdict[BeliefVerdict.HOLDS], len(beliefs)
    if not whole:
        every = answer_of(believing_queries.believed, limits)
        holding, all_models = every.holding, every.models
    st.markdown(tr("#### The claims of {holds:,} of {models} hold.", holds=holding, models=count(all_models, "model")))
    if not whole:
        st.caption(tr("Of the {n:,} models shown below:", n=len(beliefs)))
    st.markdown(
        " · ".join(
            BELIEF_LOOKS[verdict].mark(f"{by_verdict[verdict]:,} {tr(verdict)}")
            for verdict in BeliefVerdict
            if by_verdict[verdict]
        )
    )
    table = believing_tables.beliefs_table(beliefs)
    row = show_sortable(table, "beliefs", height=38 + 35 * min(len(beliefs), _ROWS))
    st.caption(
        tr(
            "All that was compared of a model, whichever comparison is open below. "
            "Select a row to see that model alone."
        )
    )
    if row is not None:
        url_state.set_choice("find", str(row["model"]))
        st.rerun()


def _show_one(belief: Belief) -> None:
    """One model's verdict in large: which side is suspect, and every reason."""
    st.markdown(f"#### {plain(belief.model)}: {BELIEF_LOOKS[belief.verdict].mark(tr(belief.verdict))}")
    if belief.suspect != Suspect.NOBODY:
        st.markdown(tr("Look at **{side}** first.", side=tr(belief.suspect)))
    st.markdown("\n".join(f"- {plain(tr(reason))}" for reason in belief.why))
    if belief.charged:
        st.caption(
            tr_n(
                belief.charged,
                "{n} of its tasks is left out: most models moved on it, which says something of the task.",
                "{n} of its tasks are left out: most models moved on them, which says something of the tasks.",
            )
        )
