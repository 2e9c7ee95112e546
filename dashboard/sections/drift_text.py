"""One text through two encoders: the text, its tokens, its vectors, its neighbours, and the settings of both."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.diff import visible
from dashboard.figures import drift_spread as drift_spread_figures
from dashboard.formatting import count, plain
from dashboard.queries import drift_text as drift_text_queries
from dashboard.queries import drift_vectors as drift_vectors_queries
from dashboard.sections.drift_maps import Chosen
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_table
from dashboard.tables import drift as drift_tables
from data.store.vocabulary import Output

__all__ = ["show_text"]

_LONGEST = 6_000  # characters of a text on the page
_TABS = ["tokens", "vectors", "neighbours", "settings"]


def show_text(chosen: Chosen, text: str) -> None:
    """Everything there is on one text and the two encoders chosen."""
    facts = chosen.texts[chosen.texts["text_hash"] == text].iloc[0]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _text(facts)
    with right:
        _measures(chosen, text)
    tab = url_state.segmented_control("Beside each other", _TABS, "beside", label_visibility="collapsed")
    {"tokens": _tokens, "vectors": _vectors, "neighbours": _neighbours, "settings": _settings}[tab](chosen, text)


def _text(facts: pd.Series) -> None:
    text = facts["text"]
    if pd.isna(text):
        st.info("The text was not kept, as asked; only its hash is.", icon=":material/visibility_off:")
        st.code(facts["text_hash"], language=None)
    else:
        shown = visible(text[:_LONGEST]) or "(an empty text)"
        st.code(shown, language=None, wrap_lines=True, height="content" if len(shown) < 700 else 260)
        st.caption("White space made visible: · space, ⇥ tab, ⏎ new line, ⟨U+…⟩ other unseen characters.")
    tokens = "" if pd.isna(facts["tokens"]) else f" · {count(int(facts['tokens']), 'token')} in the reference"
    role = "" if pd.isna(facts["role"]) else f" · {plain(facts['role'])}"
    traits = ", ".join(plain(trait) for trait in facts["traits"])
    why = f"  \n{plain(facts['why'])}" if facts["why"] else ""
    st.markdown(f"{count(int(facts['characters']), 'character')}{tokens}{role} · {traits}{why}")


def _measures(chosen: Chosen, text: str) -> None:
    """Every measure against the check's reference, for both encoders where both are candidates."""
    rows = answer_of(drift_text_queries.text_measures, chosen.check, chosen.output, text).to_dict("records")
    by_encoder = {row["encoder_id"]: row for row in rows}
    sides = [each for each in dict.fromkeys((chosen.candidate, chosen.against)) if each in by_encoder]
    for each in sides:
        if isinstance(error := by_encoder[each]["error"], str):
            st.error(f"{plain(chosen.names[each])} gave no vector: {plain(error)}", icon=":material/error:")
    measures = {chosen.names[each]: by_encoder[each] for each in sides}
    show_table(drift_tables.text_measures_table(measures, chosen.reference_name))


def _tokens(chosen: Chosen, text: str) -> None:
    tokens = answer_of(drift_vectors_queries.tokens, *chosen.pair, text)
    if tokens is None:
        st.info(
            "One of the two does not tell its tokens (a server, or vectors made elsewhere).", icon=":material/info:"
        )
        return
    candidate, against = (plain(chosen.names[each]) for each in (chosen.candidate, chosen.against))
    counts = [int(tokens[side].notna().sum()) for side in ("candidate", "reference")]
    differing = tokens[tokens["differs"]]
    if differing.empty:
        st.markdown(f":green[:material/check:] **The same {count(counts[0], 'token')}** on both sides.")
    else:
        first = int(differing.index[0])
        ours, theirs = tokens.loc[first, "reference"], tokens.loc[first, "candidate"]
        st.markdown(
            f":orange[:material/error:] **The first difference is at place {first + 1}**: {_has(against, ours)}, "
            f"{_has(candidate, theirs)}. {count(counts[1], 'token')} against {counts[0]}, {len(differing)} places "
            "differ."
        )
        tokens = tokens.iloc[max(first - 5, 0) :]
    show_table(drift_tables.tokens_table(tokens, *chosen.pair_names), height=280)


def _has(side: str, token: Any) -> str:
    return f"{side} has nothing more there" if pd.isna(token) else f"{side} has “{plain(visible(str(token)))}”"


def _vectors(chosen: Chosen, text: str) -> None:
    if chosen.output != Output.DENSE:
        payloads = answer_of(drift_vectors_queries.payloads, *chosen.pair, text)
        for column, payload, each in zip(st.columns(2), payloads, (chosen.against, chosen.candidate), strict=True):
            column.caption(plain(chosen.names[each]))
            column.json(payload if payload is not None else {}, expanded=1)
        return
    dimensions = answer_of(drift_vectors_queries.dimensions, *chosen.pair, text)
    if dimensions.empty:
        _show_no_vector()
        return
    figure = drift_spread_figures.vector_chart(dimensions)
    show_chart(figure, key="vector", config={"displaylogo": False})
    show_table(drift_tables.dimensions_table(dimensions, *chosen.pair_names), height=280)


def _neighbours(chosen: Chosen, text: str) -> None:
    neighbours = answer_of(drift_vectors_queries.neighbours, *chosen.pair, text)
    if neighbours.empty:
        _show_no_vector()
        return
    counts = neighbours["change"].value_counts()
    lost, gained, stay = (int(counts.get(change, 0)) for change in ("lost", "gained", "kept"))
    st.markdown(f"**{stay} of its {lost + stay} nearest texts stay**; {lost} are lost, {gained} gained.")
    show_table(drift_tables.neighbours_table(neighbours, chosen.text_names, *chosen.pair_names))


def _show_no_vector() -> None:
    st.info("One of the two has no vector of this text.", icon=":material/info:")


def _settings(chosen: Chosen, _text: str) -> None:
    settings = answer_of(drift_text_queries.settings, chosen.against, chosen.candidate)
    differing = int(settings["differs"].sum())
    st.markdown(
        f"**{count(differing, 'setting, version or file differs', 'settings, versions or files differ')}**"
        if differing
        else "**Nothing that is recorded differs** between the two."
    )
    candidate, against = chosen.pair_names
    show_table(drift_tables.differences_table(settings, against, candidate))
