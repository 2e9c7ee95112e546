"""Why a candidate drifts: the chain to the score and where it breaks, the causes proved, evidence and remedy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import looks
from dashboard.access import answer_of
from dashboard.figures import diagnosis as diagnosis_figures
from dashboard.formatting import count, plain, word
from dashboard.queries import chain as chain_queries
from dashboard.queries import diagnosis as diagnosis_queries
from dashboard.queries import drift as drift_queries
from dashboard.sections.chain import OFF, show_chain
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_table
from dashboard.stored_words import tr_stored
from dashboard.tables import diagnosis as diagnosis_tables
from dashboard.tables import drift as drift_tables
from dashboard.words import capital, listed, mark, running, stopped, tr
from data.rules.causes import CAUSES, OF_FINDING
from data.rules.causes.alike import first_alike
from data.store.vocabulary import DiagnosisVerdict, Outcome, Severity, Side, Tier

__all__ = ["show_candidate_diagnosis", "show_diagnosis", "show_findings"]


def show_candidate_diagnosis(check: str, output: str, candidate: str, name: str) -> None:
    """Everything known about why one candidate of a check drifts."""
    diagnosed = answer_of(diagnosis_queries.diagnosis, check, candidate)
    links = answer_of(chain_queries.chain_of_candidate, check, output, candidate)
    show_chain(links)
    if not diagnosed.empty:
        show_diagnosis(diagnosed.to_dict("records")[0], name)
    elif any(link.state in OFF for link in links if link.name != "scores"):
        names_it = mark(
            "No diagnosis of this pair yet. This names the cause and proves it by encoding the reference again:"
        )
        st.markdown(tr(names_it))
        st.code(f"python -m evaluators diagnose {shlex.quote(check)} --candidate {shlex.quote(name)}", language=None)
    _own_tests(check, candidate)
    encoders = answer_of(drift_queries.encoders, check)
    reference = encoders[encoders["is_reference"]].iloc[0]
    own = _preflight_findings(check, candidate, name, set())
    if reference["encoder_id"] != candidate:
        _preflight_findings(
            check, str(reference["encoder_id"]), tr("the reference, {name}", name=reference["name"]), own
        )


def _preflight_findings(check: str, encoder: str, name: str, on_page: set[str]) -> set[str]:
    """What preflight found in an encoder, less what is on the page; what is there then, by code and evidence."""
    about = answer_of(diagnosis_queries.findings, check=check, candidate=encoder)
    # Those of vectors and scores are what the diagnosis has said already.
    about = about[~about["tier"].isin([Tier.VECTORS, Tier.SCORES]) & ~about["fault"].isin(on_page)]
    if not about.empty:
        st.markdown(tr("**Found in the files and configuration of {name}**", name=plain(name)))
        show_findings(about)
    return on_page | set(about["fault"])


def _own_tests(check: str, candidate: str) -> None:
    """What the encoder was asked before any comparison: does it agree with itself?"""
    tests = answer_of(drift_queries.protocol, check, candidate)
    failed = int((tests["outcome"] == Outcome.FAIL).sum())
    if tests.empty:
        return
    counts = {"n": int((tests["outcome"] == Outcome.PASS).sum()), "total": len(tests)}
    label = (
        tr("Its own behaviour: {n} of {total} passed, :red[{failed} failed]", failed=failed, **counts)
        if failed
        else tr("Its own behaviour: {n} of {total} passed", **counts)
    )
    with st.expander(label, expanded=failed > 0):
        show_table(diagnosis_tables.protocol_table(tests))


def show_findings(findings: pd.DataFrame) -> None:
    """Findings, each with what was seen, why it matters, its remedy to copy and its evidence."""
    several = findings["about"].nunique() > 1
    for row in findings.to_dict("records"):
        whose = f"**{plain(row['about'])}** · " if several else ""
        severity = looks.SEVERITY_LOOKS[Severity(row["severity"])].mark(plain(word(row["severity"])))
        with st.expander(f"{severity} {whose}{plain(tr_stored(row['seen']))}", key=f"finding_{row['finding_id']}"):
            of = f"{plain(word(row['tier']))} · {plain(row['code'])} · {plain(row['about'])}"
            st.markdown(f"{plain(tr_stored(row['why']))}  \n{of}")
            _of_cause(OF_FINDING.get(row["code"], ""))
            st.code(tr_stored(row["remedy"]), language=None, wrap_lines=True)
            _evidence(row["evidence"])


def show_diagnosis(row: Mapping[Hashable, Any], candidate: str) -> None:
    """One diagnosis: its verdict, how much each cause explains, the remedy to copy, the runners-up and the evidence.

    Args:
        row: of the store's diagnoses.
        candidate: what the encoder that drifts is called, in which a remedy is to be made.
    """
    name = str(row["diagnosis_id"])
    stored = answer_of(diagnosis_queries.causes, name)
    sentence = diagnosis_tables.said_sentence(row, stored[stored["accepted"]])
    causes = diagnosis_tables.said_causes(stored)
    accepted, others = causes[causes["accepted"]], causes[~causes["accepted"]]
    look = looks.DIAGNOSIS_LOOKS[DiagnosisVerdict(row["verdict"])]
    verdict = look.mark(f"**{stopped(plain(capital(word(row['verdict']))))}**")
    st.markdown(f"{verdict} {plain(sentence)}")
    # Without a proof (weights drawn at random) there is no share that was measured.
    proved = bool(len(accepted) and pd.notna(row["unexplained"]) and pd.notna(row["snippet"]))
    left, right = st.columns([3, 2], gap="medium") if proved else (None, st.container())
    if left is not None:
        with left:
            figure = diagnosis_figures.waterfall_chart(accepted, float(row["unexplained"]), _floor_share(row, accepted))
            show_chart(figure, key=f"waterfall_{name}", config={"displaylogo": False})
    with right:
        _remedies(accepted, row, candidate)
    if len(others):
        with st.expander(tr("Runners-up ({n})", n=len(others))):
            show_table(diagnosis_tables.causes_table(others))
    with st.expander(tr("Evidence")):
        _proof(answer_of(diagnosis_queries.proof, name))
        measured = proved | ~causes["accepted"]
        shares = {name: causes[name].where(measured) for name in ("explained", "remaining")}
        show_table(diagnosis_tables.causes_table(causes.assign(**shares)))


def _proof(proof: diagnosis_queries.Proof) -> None:
    """The recipes before and after, and every text's distance under both."""
    if proof.agrees is not None and proof.agrees["differs"].any():
        st.markdown(tr("The reference's recipe, and the one found in the candidate, which gives its vectors:"))
        show_table(drift_tables.differences_table(proof.agrees, tr("Reference"), tr("Found in the candidate")))
    if len(proof.texts):
        distances = mark("Distance of each of {texts} from the candidate's, before and after:")
        st.markdown(tr(distances, texts=count(len(proof.texts), "text")))
        show_chart(
            diagnosis_figures.before_and_after_chart(proof.texts),
            key=f"proof_{proof.name}",
            config={"displaylogo": False},
        )


def _remedies(accepted: pd.DataFrame, row: Mapping[Hashable, Any], candidate: str) -> None:
    """What to change for each of the causes, which are said already (``tables.diagnosis.said_causes``)."""
    for cause in accepted.to_dict("records"):
        alike = [] if cause["same_as"] is None else list(cause["same_as"])
        st.markdown(f"**{plain(cause['cause'])}** · {plain(word(cause['slot']))}{_alike(alike)}")
        if first_alike(alike)[1]:
            with st.expander(tr("All {n} that cannot be told from it", n=len(alike))):
                st.markdown("\n".join(f"- {plain(each)}" for each in alike))
        _of_cause(cause["code"])
        if cause["remedy"]:
            both = cause["side"] == Side.BOTH
            to_change = mark("To change in the candidate, {candidate}:")
            st.markdown(tr("To change on both sides:") if both else tr(to_change, candidate=plain(candidate)))
            st.code(cause["remedy"], language=None, wrap_lines=True)
    if pd.notna(row["snippet"]):
        with st.expander(tr("The proof to run: the reference with the candidate's fault put in (no remedy)")):
            st.code(row["snippet"], language="python", wrap_lines=True)


def _alike(same_as: Sequence[str]) -> str:
    """Behind a cause, those that cannot be told from it: the first, and how many others."""
    named, more = first_alike(same_as)
    causes = plain(listed(named))
    if more:
        return tr(" (cannot be told from {causes} and {n} others on this model)", causes=causes, n=more)
    return tr(" (cannot be told from {causes} on this model)", causes=causes) if named else ""


def _of_cause(code: str | None) -> None:
    """What the catalogue knows of a cause beyond what the diagnosis said of it; nothing of one it does not know."""
    cause = CAUSES.get(str(code))
    if cause is not None:
        costs = listed(
            (listed([plain(tr(cause.filled(cost.of).words)), plain(tr(cost.words))]) for cost in cause.costs), "; "
        )
        measured = tr("Measured cost: {costs}.", costs=costs) if costs else ""
        st.caption(running(plain(tr(cause.effect)), measured))


def _floor_share(row: Mapping[Hashable, Any], accepted: pd.DataFrame) -> float | None:
    """The precision floor as a share of all the drift, which is what was left at the end by the share of it."""
    if pd.isna(row["floor"]) or not row["unexplained"]:
        return None
    drift = float(accepted["remaining"].iloc[-1]) / float(row["unexplained"])
    return min(float(row["floor"]) / drift, 1.0) if drift else None


def _evidence(evidence: str | None) -> None:
    if isinstance(evidence, str) and evidence not in ("{}", "null"):
        st.json(json.loads(evidence), expanded=1)
