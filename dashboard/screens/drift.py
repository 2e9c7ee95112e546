"""Drift: is this deployment the same model? Every way of getting its vectors against the reference, text by text."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import messages, private, url_state
from dashboard.access import ask
from dashboard.formatting import count, plain
from dashboard.queries import drift
from dashboard.queries.drift import SCALES
from dashboard.sections import diagnosis, drift_maps, drift_text, drift_verdicts
from dashboard.sections.drift_maps import Chosen

COMMAND = (
    "python -m evaluators parity --reference sentence-transformers:sentence-transformers/all-MiniLM-L6-v2"
    " --candidate 'sentence-transformers:sentence-transformers/all-MiniLM-L6-v2?dtype=bf16'"
)


def page() -> None:
    """The page, top to bottom."""
    st.title("Drift")
    st.caption("Is this deployment the same model? The vectors of each encoder against a reference's, text by text.")
    checks = ask(drift.checks)
    if checks.empty:
        messages.empty("**No parity check yet.** A check compares the vectors of two or more encoders.", COMMAND)
        return
    check, output = _check(checks)
    verdicts, encoders = _named(ask(drift.verdicts, check["check_id"], output), ask(drift.encoders, check["check_id"]))
    private.badge(models=encoders["model"].unique())
    drift_verdicts.sentences(verdicts, encoders.loc[encoders["is_reference"], "name"].iloc[0])
    st.subheader("Where it drifts", divider="gray")
    view = url_state.one_of("Look at", drift_maps.VIEWS, "drift_view")
    chosen = _chosen(check["check_id"], output, encoders, verdicts)
    if chosen.texts.empty:
        st.info("The reference gave no vectors, so there is nothing to compare text by text.", icon=":material/info:")
        return
    drift_maps.show(view, chosen, verdicts)
    st.subheader("One text, two encoders", divider="gray")
    drift_text.show(chosen, _text(chosen))
    name = chosen.names[chosen.candidate]
    st.subheader(f"From files to scores: {plain(name)}", divider="gray")
    diagnosis.show(chosen.check, chosen.output, chosen.candidate, name)


def _check(checks: pd.DataFrame) -> tuple[pd.Series, str]:
    left, right = st.columns([3, 1])
    chosen = url_state.choose("Check", list(checks["name"]), "check", where=left, remember="check")
    check = checks[checks["name"] == chosen].iloc[0]
    output = url_state.choose("Output", list(check["outputs"]), "output", where=right)
    revision = str(check["revision"])[:12] if pd.notna(check["revision"]) else "no named revision"
    st.caption(
        f"Reference {plain(check['label'])}: {plain(check['model'])} at {plain(revision)}. "
        f"{count(int(check['n_texts']), 'text')} of the set {plain(check['probe_set'])}, "
        f"{count(int(check['candidates']), 'encoder')}."
    )
    st.page_link(
        "screens/runs.py",
        label=f"Run {plain(check['run_id'])}",
        icon=":material/list_alt:",
        query_params={"run": str(check["run_id"])},
    )
    return check, str(output)


def _named(verdicts: pd.DataFrame, encoders: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with the names of the check."""
    names = encoders.set_index("encoder_id")["name"]
    return verdicts.assign(name=verdicts["encoder_id"].map(names)), encoders


def _chosen(check: str, output: str, encoders: pd.DataFrame, verdicts: pd.DataFrame) -> Chosen:
    ids = dict(zip(encoders["name"], encoders["encoder_id"], strict=True))
    first, second, third, fourth, fifth = st.columns([3, 2, 3, 3, 1.6], vertical_alignment="bottom")
    measure = url_state.choose(
        "Scale",
        list(SCALES),
        "measure",
        where=first,
        help="\n\n".join(f"**{m.label}**: {m.explained}" for m in SCALES.values()),
    )
    order = url_state.choose("Order", ["worst first", "clustered", "by name"], "order", where=second)
    candidate = url_state.choose(
        "Encoder",
        list(verdicts.sort_values(["neighbour_overlap", "name"])["name"]),
        "encoder",
        where=third,
        help="The one that loses most neighbours first.",
    )
    against = url_state.choose("Against", list(encoders["name"]), "against", where=fourth)
    log = url_state.switch("Log scale", "log", value=True, where=fifth)
    texts = ask(drift.texts, check)
    return Chosen(
        check, output, encoders, texts, ids[str(candidate)], ids[str(against)], str(measure), str(order), log
    )  # fmt: skip


def _text(chosen: Chosen) -> str:
    drifted = ask(drift.drift_by_text, chosen.check, chosen.output, "cosine distance").mean(axis=1)
    names = chosen.texts.assign(drift=chosen.texts["text_hash"].map(drifted)).sort_values("drift", ascending=False)
    text = url_state.choose("Text", list(names["name"]), "probe", help="Worst first; a click on a map chooses here.")
    return str(names.loc[names["name"] == text, "text_hash"].iloc[0])


page()
