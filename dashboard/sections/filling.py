"""The switches that show predicted means where tasks are missing, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count
from dashboard.queries import filling as filling_queries
from dashboard.queries.filling import FilledBoard, Unfilled
from dashboard.queries.leaderboard import Selection
from dashboard.words import mark, running, tr, tr_n

__all__ = ["choose_filling", "show_filled"]

PREDICT, RANKS = "predict", "predict_ranks"
_WHY = {
    Unfilled.STRICT: mark("figures are left out on purpose here"),
    Unfilled.SUBSETS: mark("the mean of this benchmark is over subsets"),
    Unfilled.UNFINISHED: mark("a task counts that no model in this record has every cell of"),
    Unfilled.FEW: mark("too few families of models have most of these tasks to say how sure it would be"),
}


def choose_filling(
    benchmark: str,
    selection: Selection,
    lacking: int,
    *,
    ranks: bool = True,
    models: Sequence[str] | None = None,
    where: Any = st,
) -> FilledBoard | None:
    """The switches; None while they are off, or where nobody lacks a task or figures are left out on purpose.

    Nothing is computed before somebody asks for it.

    Args:
        benchmark: its name.
        selection: who takes part and what counts.
        lacking: how many models lack tasks.
        ranks: whether there is a switch that mixes predictions into ranks.
        models: those that are drawn of very many, of whom alone it is asked; None for all.
        where: a container.
    """
    url_state.declare(PREDICT, *([RANKS] if ranks else []))
    if not lacking or selection.trusted:
        return None
    on = url_state.toggle(
        tr("Predict missing means"), PREDICT, where=where,
        help=tr(
            "A column of its own for models that lack tasks: what their mean would come to, and how sure that is. "
            "Measured figures stay as they are."
        ),
    )  # fmt: skip
    if not on:
        return None
    mixed = ranks and url_state.toggle(
        tr("Rank them too"), RANKS, where=where,
        help=tr("Ranks as if the missing tasks had the scores that are predicted. It moves the ranks of all."),
    )  # fmt: skip
    few = [] if models is None else [tuple(models)]
    return answer_of(filling_queries.filled, benchmark, selection, mixed, *few)


def show_filled(filled: FilledBoard, lacking: int, *, drawn: bool = False) -> None:
    """What is predicted, what it rests on, and who stays blank; ``drawn``: of very many models only those drawn are."""
    if drawn:
        st.caption(
            tr(
                "There are so many models that means are predicted of those in the table alone, by a sample of the "
                "others."
            )
        )
        if not lacking:
            st.caption(tr("None of these lacks a task."))
            return
    if filled.means.empty:
        why = tr(_WHY[filled.why]) if filled.why else tr("too little was measured of each, or too few models have it")
        st.caption(tr("No mean is predicted: {why}.", why=why))
        return
    n = len(filled.means)
    least, most = (int(filled.means["held_out"].agg(end)) for end in ("min", "max"))
    models = count(most, "model") if least == most else tr("{least:,} to {most:,} models", least=least, most=most)
    sentences = [
        tr_n(
            n,
            "≈ is a predicted mean, no score: {n:,} of {lacking:,} models that lack tasks has one.",
            "≈ is a predicted mean, no score: {n:,} of {lacking:,} models that lack tasks have one.",
            lacking=lacking,
        ),
        tr("Each rests on the tasks the model has; its ± is calibrated on {models} of other families.", models=models),
        tr("Of the others too little was measured, or too few models have what they lack.") if n < lacking else "",
    ]
    st.caption(running(*sentences))
    if not filled.ranks.empty:
        st.info(
            tr(
                "**Ranks with predicted.** Models with a predicted mean are ranked as if they had their missing tasks; "
                "what was measured alone stands under “Rank without predicted”, and on every other page."
            ),
            icon=":material/query_stats:",
        )
