"""One text through two encoders: the text, its tokens, its vectors, its neighbours, and the settings of both."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.diff import visible
from dashboard.figures import drift_spread as drift_spread_figures
from dashboard.formatting import count, plain, word
from dashboard.queries import drift_text as drift_text_queries
from dashboard.queries import drift_vectors as drift_vectors_queries
from dashboard.sections.drift_maps import Chosen
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_table
from dashboard.stored_words import tr_stored
from dashboard.tables import drift as drift_tables
from dashboard.words import listed, mark, tr, tr_n
from data.store.vocabulary import Output

__all__ = ["show_text"]

_LONGEST = 6_000  # characters of a text on the page
_TABS = [mark("tokens"), mark("vectors"), mark("neighbours"), mark("settings")]


def show_text(chosen: Chosen, text: str) -> None:
    """Everything there is on one text and the two encoders chosen."""
    facts = chosen.texts[chosen.texts["text_hash"] == text].iloc[0]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _text(facts)
    with right:
        _measures(chosen, text)
    tab = url_state.segmented_control(tr("Beside each other"), _TABS, "beside", shown=tr, label_visibility="collapsed")
    {"tokens": _tokens, "vectors": _vectors, "neighbours": _neighbours, "settings": _settings}[tab](chosen, text)


def _text(facts: pd.Series) -> None:
    text = facts["text"]
    if pd.isna(text):
        st.info(tr("The text was not kept, as asked; only its hash is."), icon=":material/visibility_off:")
        st.code(facts["text_hash"], language=None)
    else:
        shown = visible(text[:_LONGEST]) or tr("(an empty text)")
        st.code(shown, language=None, wrap_lines=True, height="content" if len(shown) < 700 else 260)
        st.caption(tr("White space made visible: · space, ⇥ tab, ⏎ new line, ⟨U+…⟩ other unseen characters."))
    about = [count(int(facts["characters"]), "character")]
    if pd.notna(facts["tokens"]):
        about.append(tr("{tokens} in the reference", tokens=count(int(facts["tokens"]), "token")))
    if pd.notna(facts["role"]):
        about.append(plain(word(facts["role"])))
    about.append(listed(plain(trait) for trait in facts["traits"]))
    why = f"  \n{plain(tr_stored(facts['why']))}" if facts["why"] else ""
    st.markdown(" · ".join(about) + why)


def _measures(chosen: Chosen, text: str) -> None:
    """Every measure against the check's reference, for both encoders where both are candidates."""
    rows = answer_of(drift_text_queries.text_measures, chosen.check, chosen.output, text).to_dict("records")
    by_encoder = {row["encoder_id"]: row for row in rows}
    sides = [each for each in dict.fromkeys((chosen.candidate, chosen.against)) if each in by_encoder]
    for each in sides:
        if isinstance(error := by_encoder[each]["error"], str):
            gave_none = tr(
                "{encoder} gave no vector: {error}", encoder=plain(chosen.names[each]), error=plain(tr_stored(error))
            )
            st.error(gave_none, icon=":material/error:")
    measures = {chosen.names[each]: by_encoder[each] for each in sides}
    show_table(drift_tables.text_measures_table(measures, chosen.reference_name))


def _tokens(chosen: Chosen, text: str) -> None:
    tokens = answer_of(drift_vectors_queries.tokens, *chosen.pair, text)
    if tokens is None:
        untold = tr("One of the two does not tell its tokens (a server, or vectors made elsewhere).")
        st.info(untold, icon=":material/info:")
        return
    candidate, against = (plain(chosen.names[each]) for each in (chosen.candidate, chosen.against))
    counts = [int(tokens[side].notna().sum()) for side in ("candidate", "reference")]
    differing = tokens[tokens["differs"]]
    if differing.empty:
        same = tr("**The same {tokens}** on both sides.", tokens=count(counts[0], "token"))
        st.markdown(f":green[:material/check:] {same}")
    else:
        first = int(differing.index[0])
        ours, theirs = tokens.loc[first, "reference"], tokens.loc[first, "candidate"]
        sentence = tr(
            "**The first difference is at place {place}**: {ours}, {theirs}. {tokens} against {others}, {n} places "
            "differ.",
            place=first + 1, ours=_has(against, ours), theirs=_has(candidate, theirs), n=len(differing),
            tokens=count(counts[1], "token"), others=counts[0],
        )  # fmt: skip
        st.markdown(f":orange[:material/error:] {sentence}")
        tokens = tokens.iloc[max(first - 5, 0) :]
    show_table(drift_tables.tokens_table(tokens, *chosen.pair_names), height=280)


def _has(side: str, token: Any) -> str:
    if pd.isna(token):
        return tr("{side} has nothing more there", side=side)
    return tr("{side} has “{token}”", side=side, token=plain(visible(str(token))))


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
    moved = mark("**{stay} of its {n} nearest texts stay**; {lost} are lost, {gained} gained.")
    st.markdown(tr(moved, stay=stay, n=lost + stay, lost=lost, gained=gained))
    show_table(drift_tables.neighbours_table(neighbours, chosen.text_names, *chosen.pair_names))


def _show_no_vector() -> None:
    st.info(tr("One of the two has no vector of this text."), icon=":material/info:")


def _settings(chosen: Chosen, _text: str) -> None:
    settings = answer_of(drift_text_queries.settings, chosen.against, chosen.candidate)
    differing = int(settings["differs"].sum())
    st.markdown(
        tr_n(differing, "**{n:,} setting, version or file differs**", "**{n:,} settings, versions or files differ**")
        if differing
        else tr("**Nothing that is recorded differs** between the two.")
    )
    candidate, against = chosen.pair_names
    show_table(drift_tables.differences_table(settings, against, candidate))
