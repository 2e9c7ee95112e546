"""One text through two encoders: the text, its tokens, its vectors, its neighbours, and the settings of both."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import ask
from dashboard.diff import visible
from dashboard.figures import drift_spread
from dashboard.formatting import count, plain
from dashboard.queries import drift_text, drift_vectors
from dashboard.sections.diff import beside, mark, marked
from dashboard.sections.drift_maps import Chosen
from data.store.vocabulary import Output

__all__ = ["show"]

_LONGEST = 6_000  # characters of a text on the page
_TABS = ["tokens", "vectors", "neighbours", "settings"]


def show(chosen: Chosen, text: str) -> None:
    """Everything there is on one text and the two encoders chosen."""
    facts = chosen.texts[chosen.texts["text_hash"] == text].iloc[0]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _text(facts)
    with right:
        _measures(chosen, text)
    tab = url_state.one_of("Beside each other", _TABS, "beside", label_visibility="collapsed")
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
    rows = ask(drift_text.text_measures, chosen.check, chosen.output, text).to_dict("records")
    found = {row["encoder_id"]: row for row in rows}
    sides = [each for each in dict.fromkeys((chosen.candidate, chosen.against)) if each in found]
    for each in sides:
        if isinstance(error := found[each]["error"], str):
            st.error(f"{plain(chosen.names[each])} gave no vector: {plain(error)}", icon=":material/error:")
    reference = chosen.encoders.loc[chosen.encoders["is_reference"], "name"].iloc[0]
    shown = [
        {"measure": label, **{each: _number(found[each][name]) for each in sides}} for name, label in _MEASURES.items()
    ]
    st.dataframe(
        pd.DataFrame(shown), hide_index=True,
        column_config={"measure": f"Against {reference}", **{each: chosen.names[each] for each in sides}},
    )  # fmt: skip


_MEASURES = {
    "cosine_distance": "Cosine distance",
    "l2": "L2",
    "l2_normalised": "L2 of unit vectors",
    "max_difference": "Largest difference",
    "max_dimension": "in dimension",
    "norm": "Length",
    "norm_ratio": "Length ratio",
    "neighbours_kept": "Neighbours kept",
}


def _number(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"


def _tokens(chosen: Chosen, text: str) -> None:
    found = ask(drift_vectors.tokens, chosen.check, chosen.output, chosen.candidate, chosen.against, text)
    if found is None:
        st.info(
            "One of the two does not tell its tokens (a server, or vectors made elsewhere).", icon=":material/info:"
        )
        return
    candidate, against = (plain(chosen.names[each]) for each in (chosen.candidate, chosen.against))
    counts = [int(found[side].notna().sum()) for side in ("candidate", "reference")]
    apart = found[found["differs"]]
    if apart.empty:
        st.markdown(f":green[:material/check:] **The same {count(counts[0], 'token')}** on both sides.")
        shown = found
    else:
        first = int(apart.index[0])
        ours, theirs = found.loc[first, "reference"], found.loc[first, "candidate"]
        st.markdown(
            f":orange[:material/error:] **The first difference is at place {first + 1}**: {_told(against, ours)}, "
            f"{_told(candidate, theirs)}. {count(counts[1], 'token')} against {counts[0]}, {len(apart)} places differ."
        )
        shown = found.iloc[max(first - 5, 0) :]
    st.dataframe(
        marked(shown).assign(**{side: shown[side] + 1 for side in ("reference_position", "candidate_position")}),
        hide_index=True, height=280, placeholder="",
        column_order=["mark", "reference_position", "reference", "candidate_position", "candidate"],
        column_config={
            "mark": mark(),
            "reference_position": st.column_config.NumberColumn("#", width=60),
            "candidate_position": st.column_config.NumberColumn("# ", width=60),
            "reference": st.column_config.TextColumn(chosen.names[chosen.against]),
            "candidate": st.column_config.TextColumn(chosen.names[chosen.candidate]),
        },
    )  # fmt: skip


def _told(side: str, token: Any) -> str:
    return f"{side} has nothing more there" if pd.isna(token) else f"{side} has “{plain(visible(str(token)))}”"


def _vectors(chosen: Chosen, text: str) -> None:
    if chosen.output != Output.DENSE:
        for column, payload, each in zip(
            st.columns(2),
            ask(drift_vectors.payloads, chosen.check, chosen.output, chosen.candidate, chosen.against, text),
            (chosen.against, chosen.candidate),
            strict=True,
        ):
            column.caption(plain(chosen.names[each]))
            column.json(payload if payload is not None else {}, expanded=1)
        return
    found = ask(drift_vectors.dimensions, chosen.check, chosen.output, chosen.candidate, chosen.against, text)
    if found.empty:
        st.info("One of the two has no vector of this text.", icon=":material/info:")
        return
    st.plotly_chart(drift_spread.vector_chart(found), key="vector", config={"displaylogo": False})
    st.dataframe(
        found.sort_values("difference", key=abs, ascending=False), hide_index=True, height=280, placeholder="",
        column_config={
            "dimension": "Dimension",
            "reference": st.column_config.NumberColumn(chosen.names[chosen.against], format="%.6f"),
            "candidate": st.column_config.NumberColumn(chosen.names[chosen.candidate], format="%.6f"),
            "difference": st.column_config.NumberColumn("Difference", format="%+.2e"),
        },
    )  # fmt: skip


def _neighbours(chosen: Chosen, text: str) -> None:
    found = ask(drift_vectors.neighbours, chosen.check, chosen.output, chosen.candidate, chosen.against, text)
    if found.empty:
        st.info("One of the two has no vector of this text.", icon=":material/info:")
        return
    counts = found["change"].value_counts()
    lost, gained, kept = (int(counts.get(change, 0)) for change in ("lost", "gained", "kept"))
    st.markdown(f"**{kept} of its {lost + kept} nearest texts stay**; {lost} are lost, {gained} gained.")
    st.dataframe(
        found.assign(
            name=found["text_hash"].map(chosen.text_names), change=found["change"].map(lambda change: [change])
        ),
        hide_index=True,
        placeholder="",
        column_order=["change", "name", "reference_rank", "reference", "candidate_rank", "candidate"],
        column_config={
            "change": st.column_config.MultiselectColumn(
                "", options=["kept", "lost", "gained"], color=["gray", "red", "blue"]
            ),
            "name": "Text",
            "reference_rank": st.column_config.NumberColumn("Rank", help=plain(chosen.names[chosen.against])),
            "reference": st.column_config.NumberColumn(f"Cosine, {chosen.names[chosen.against]}", format="%.4f"),
            "candidate_rank": st.column_config.NumberColumn("Rank now", help=plain(chosen.names[chosen.candidate])),
            "candidate": st.column_config.NumberColumn(f"Cosine, {chosen.names[chosen.candidate]}", format="%.4f"),
        },
    )


def _settings(chosen: Chosen, _text: str) -> None:
    found = ask(drift_text.settings, chosen.against, chosen.candidate)
    apart = int(found["differs"].sum())
    st.markdown(
        f"**{count(apart, 'setting, version or file differs', 'settings, versions or files differ')}**"
        if apart
        else "**Nothing that is recorded differs** between the two."
    )
    beside(found, chosen.names[chosen.against], chosen.names[chosen.candidate])
