"""Why a candidate drifts: the chain to the score and where it breaks, the causes proved, evidence and remedy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import ask
from dashboard.figures import diagnosis as figures
from dashboard.queries import chain, diagnosis, drift
from dashboard.queries.chain import Link
from dashboard.sections.side_by_side import beside
from dashboard.words import count, plain

__all__ = ["findings", "links_of", "show", "told"]

_STATES = {
    "same": (":material/check_circle:", "green", "same"),
    "differs": (":material/error:", "orange", "differs"),
    "broken": (":material/cancel:", "red", "a fault"),
    "unknown": (":material/help:", "gray", "not known"),
}
_BETWEEN = {
    "files": "The files already differ, so everything after them may.",
    "tokens": "The same files, other tokens: look at the tokenizer, the text before it, prompts and lengths.",
    "vectors": "The same tokens, other vectors: look at weights, precision, attention, pooling and output.",
    "scores": "The same vectors, another score: look at the task, its data set and how it was scored.",
}
_SEVERITIES = {"fatal": (":material/cancel:", "red"), "serious": (":material/error:", "orange")}
_VERDICTS = {
    "identical": "green",
    "precision only": "green",
    "explained": "blue",
    "partly explained": "orange",
    "unstable": "red",
    "unknown": "gray",
}


def show(check: str, output: str, candidate: str, name: str) -> None:
    """Everything known about why one candidate of a check drifts."""
    found = ask(diagnosis.diagnosis, check, candidate)
    links = ask(chain.of_candidate, check, output, candidate)
    links_of(links)
    if not found.empty:
        told(found.to_dict("records")[0])
    elif any(link.state in ("differs", "broken") for link in links if link.name != "scores"):
        st.markdown(
            "No diagnosis of this pair yet. This names the cause and proves it by encoding the reference again:"
        )
        st.code(f"python -m evaluators diagnose {shlex.quote(check)} --candidate {shlex.quote(name)}", language=None)
    _own_tests(check, candidate)
    encoders = ask(drift.encoders, check)
    reference = encoders[encoders["is_reference"]].iloc[0]
    shown = _found_before(check, candidate, name, set())
    if reference["encoder_id"] != candidate:
        _found_before(check, str(reference["encoder_id"]), f"the reference, {reference['name']}", shown)


def _found_before(check: str, encoder: str, name: str, shown: set[str]) -> set[str]:
    """What preflight found in an encoder, less what is shown already; the ids of all that is shown then."""
    about = ask(diagnosis.findings, check=check, candidate=encoder)
    # Those of vectors and scores are what the diagnosis has said already.
    about = about[~about["tier"].isin(["vectors", "scores"]) & ~about["finding_id"].isin(shown)]
    if not about.empty:
        st.markdown(f"**Found in the files and configuration of {plain(name)}**")
        findings(about)
    return shown | set(about["finding_id"])


def _own_tests(check: str, candidate: str) -> None:
    """What the encoder was asked before any comparison: does it agree with itself?"""
    found = ask(drift.protocol, check, candidate)
    failed = int((found["outcome"] == "fail").sum())
    if found.empty:
        return
    passed = f"{int((found['outcome'] == 'pass').sum())} of {len(found)} passed"
    with st.expander(f"Its own behaviour: {passed}{f', :red[{failed} failed]' if failed else ''}", expanded=failed > 0):
        st.dataframe(
            found, hide_index=True, placeholder="",
            column_config={
                "test": "Test", "outcome": "Outcome", "value": st.column_config.NumberColumn("Value", format="%.2e"),
                "detail": st.column_config.TextColumn("What was seen", width="large"),
            },
        )  # fmt: skip


def links_of(links: Sequence[Link]) -> None:
    """The chain as a row of links; the first that is not the same is where it breaks."""
    breaks = next((link for link in links if link.state in ("differs", "broken")), None)
    for column, link in zip(st.columns(len(links)), links, strict=True):
        icon, colour, word = _STATES[link.state]
        with column.container(border=True, height="stretch"):
            here = "  \n:red[**it breaks here**]" if link is breaks else ""
            st.markdown(f":{colour}[{icon} **{link.name}**] · {word}{here}  \n{plain(link.sentence)}")
    if breaks is not None:
        before = links[: list(links).index(breaks)]
        known = all(link.state == "same" for link in before)
        st.markdown(
            _BETWEEN[breaks.name] if known else "What comes before the break is not known, so it may begin earlier."
        )


def findings(found: pd.DataFrame) -> None:
    """Findings, each with what was seen, why it matters, its remedy to copy and its evidence."""
    several = found["about"].nunique() > 1
    for row in found.to_dict("records"):
        icon, colour = _SEVERITIES.get(row["severity"], (":material/info:", "blue"))
        whose = f"**{plain(row['about'])}** · " if several else ""
        label = f":{colour}[{icon} {plain(row['severity'])}] {whose}{plain(row['seen'])}"
        with st.expander(label, key=f"finding_{row['finding_id']}"):
            st.markdown(f"{plain(row['why'])}  \n{plain(row['tier'])} · {plain(row['code'])} · {plain(row['about'])}")
            st.code(row["remedy"], language=None, wrap_lines=True)
            _evidence(row["evidence"])


def told(row: Mapping[Hashable, Any]) -> None:
    """One diagnosis: its verdict, how much each cause explains, the remedy to copy, the runners-up and the evidence."""
    name = str(row["diagnosis_id"])
    causes = ask(diagnosis.causes, name)
    accepted, others = causes[causes["accepted"]], causes[~causes["accepted"]]
    colour = _VERDICTS.get(row["verdict"], "gray")
    st.markdown(f":{colour}[**{plain(str(row['verdict']).capitalize())}.**] {plain(row['sentence'])}")
    # Without a proof (weights drawn at random) there is no share that was measured.
    proved = bool(len(accepted) and pd.notna(row["unexplained"]) and pd.notna(row["snippet"]))
    left, right = st.columns([3, 2], gap="medium") if proved else (None, st.container())
    if left is not None:
        with left:
            figure = figures.waterfall(accepted, float(row["unexplained"]), _floor_share(row, accepted))
            st.plotly_chart(figure, key=f"waterfall_{name}", config={"displaylogo": False})
    with right:
        _remedies(accepted, row)
    if len(others):
        with st.expander(f"Runners-up ({len(others)})"):
            _table(others)
    with st.expander("Evidence"):
        _proof(ask(diagnosis.proof, name))
        measured = proved | ~causes["accepted"]
        _table(causes.assign(**{name: causes[name].where(measured) for name in ("explained", "remaining")}))


def _proof(kept: diagnosis.Proof) -> None:
    """The recipes before and after, and every text's distance under both."""
    if kept.agrees is not None and kept.agrees["differs"].any():
        st.markdown("The recipe of the reference, and the one that gives the candidate's vectors:")
        beside(kept.agrees, "Reference", "Agrees with the candidate")
    if len(kept.texts):
        st.markdown(f"Distance of each of {count(len(kept.texts), 'text')} from the candidate's, before and after:")
        st.plotly_chart(figures.before_and_after(kept.texts), key=f"proof_{kept.name}", config={"displaylogo": False})
    for hint in kept.hints:
        st.markdown(f"- {plain(hint)}")


def _remedies(accepted: pd.DataFrame, row: Mapping[Hashable, Any]) -> None:
    for cause in accepted.to_dict("records"):
        alike = ", ".join(cause["same_as"]) if cause["same_as"] is not None else ""
        same = f" (cannot be told from {plain(alike)} on this model)" if alike else ""
        st.markdown(f"**{plain(cause['cause'])}** · {plain(cause['slot'])}{same}")
        if cause["remedy"]:
            st.code(cause["remedy"], language=None, wrap_lines=True)
    if pd.notna(row["snippet"]):
        st.markdown("The setting that makes the two agree:")
        st.code(row["snippet"], language="python", wrap_lines=True)


def _table(causes: pd.DataFrame) -> None:
    st.dataframe(
        causes.assign(explained=100 * causes["explained"]), hide_index=True, placeholder="",
        column_order=["cause", "slot", "accepted", "explained", "remaining", "same_as"],
        column_config={
            "cause": "Cause", "slot": "Where", "accepted": "Stated",
            "explained": st.column_config.NumberColumn("Explains, %", format="%.1f"),
            "remaining": st.column_config.NumberColumn("Drift left after it", format="%.2e"),
            "same_as": st.column_config.ListColumn("Cannot be told from"),
        },
    )  # fmt: skip


def _floor_share(row: Mapping[Hashable, Any], accepted: pd.DataFrame) -> float | None:
    """The precision floor as a share of all the drift, which is what was left at the end by the share of it."""
    if pd.isna(row["floor"]) or not row["unexplained"]:
        return None
    drift = float(accepted["remaining"].iloc[-1]) / float(row["unexplained"])
    return min(float(row["floor"]) / drift, 1.0) if drift else None


def _evidence(evidence: str | None) -> None:
    if isinstance(evidence, str) and evidence not in ("{}", "null"):
        st.json(json.loads(evidence), expanded=1)
