"""Drift: is this deployment the same model? Every way of getting its vectors against the reference, text by text."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import drift as drift_queries
from dashboard.queries.drift import SCALES
from dashboard.sections.diagnosis import show_candidate_diagnosis
from dashboard.sections.drift_maps import VIEWS, Chosen, show_map
from dashboard.sections.drift_text import show_text
from dashboard.sections.drift_verdicts import show_verdicts
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.private import show_private

COMMAND = (
    "python -m evaluators parity --reference sentence-transformers:sentence-transformers/all-MiniLM-L6-v2"
    " --candidate 'sentence-transformers:sentence-transformers/all-MiniLM-L6-v2?dtype=bf16'"
)


class Choices(NamedTuple):
    """A parity check and one of its outputs."""

    check: str
    output: str


class Answers(NamedTuple):
    """What is chosen, the encoders of the check, and the verdict on each, under the names of the check."""

    choices: Choices
    encoders: pd.DataFrame
    verdicts: pd.DataFrame


def main() -> None:
    """Which encoder is the same model, where the others drift, text by text, and why."""
    lay_out(
        controls,
        questions,
        (show_same_model, show_where),
    )


def controls() -> Choices | None:
    """The check and its output."""
    checks = answer_of(drift_queries.checks)
    if checks.empty:
        show_empty("**No parity check yet.** A check compares the vectors of two or more encoders.", COMMAND)
        return None
    left, right = st.columns([3, 1])
    name = url_state.selectbox("Check", list(checks["name"]), "check", where=left, remember="check")
    check = checks[checks["name"] == name].iloc[0]
    output = url_state.selectbox("Output", list(check["outputs"]), "output", where=right)
    revision = str(check["revision"])[:12] if pd.notna(check["revision"]) else "no named revision"
    st.caption(
        f"Reference {plain(check['label'])}: {plain(check['model'])} at {plain(revision)}. "
        f"{count(int(check['n_texts']), 'text')} of the set {plain(check['probe_set'])}, "
        f"{count(int(check['candidates']), 'encoder')}."
    )
    page_link("runs", f"Run {plain(check['run_id'])}", run=str(check["run_id"]))
    return Choices(str(check["check_id"]), str(output))


def questions(choices: Choices) -> Answers:
    """The encoders and the verdicts."""
    encoders = answer_of(drift_queries.encoders, choices.check)
    names = encoders.set_index("encoder_id")["name"]
    verdicts = answer_of(drift_queries.verdicts, *choices)
    return Answers(choices, encoders, verdicts.assign(name=verdicts["encoder_id"].map(names)))


def show_same_model(answers: Answers) -> None:
    """Which encoder is the same model as the reference."""
    encoders = answers.encoders
    show_private(models=encoders["model"].unique())
    show_verdicts(answers.verdicts, encoders.loc[encoders["is_reference"], "name"].iloc[0])


def show_where(answers: Answers) -> None:
    """A map of the drift; below it one text and the two encoders chosen, and why the candidate drifts."""
    st.subheader("Where it drifts", divider="gray")
    view = url_state.segmented_control("Look at", VIEWS, "view")
    chosen = choose_encoders(answers)
    if chosen.texts.empty:
        st.info("The reference gave no vectors, so there is nothing to compare text by text.", icon=":material/info:")
        return
    show_map(view, chosen, answers.verdicts)
    st.subheader("One text, two encoders", divider="gray")
    show_text(chosen, choose_text(chosen))
    name = chosen.names[chosen.candidate]
    st.subheader(f"From files to scores: {plain(name)}", divider="gray")
    show_candidate_diagnosis(chosen.check, chosen.output, chosen.candidate, name)


def choose_encoders(answers: Answers) -> Chosen:
    """The candidate and what it is laid against, the measure and how the map is drawn."""
    (check, output), encoders, verdicts = answers
    ids = dict(zip(encoders["name"], encoders["encoder_id"], strict=True))
    worst_first = list(verdicts.sort_values(["neighbour_overlap", "name"])["name"])
    columns = st.columns([3, 2, 3, 3, 1.6], vertical_alignment="bottom")
    meanings = "\n\n".join(f"**{measure.label}**: {measure.explained}" for measure in SCALES.values())
    measure = url_state.selectbox("Measure", list(SCALES), "measure", where=columns[0], help=meanings)
    order = url_state.selectbox("Order", ["worst first", "clustered", "by name"], "order", where=columns[1])
    hint = "The one that loses most neighbours first."
    candidate = url_state.selectbox("Encoder", worst_first, "encoder", where=columns[2], help=hint)
    against = url_state.selectbox("Against", list(encoders["name"]), "against", where=columns[3])
    log = url_state.toggle("Log scale", "log", value=True, where=columns[4])
    texts = answer_of(drift_queries.texts, check)
    return Chosen(check, output, encoders, texts, ids[str(candidate)], ids[str(against)], str(measure), str(order), log)


def choose_text(chosen: Chosen) -> str:
    """The hash of a text, offered worst first."""
    distances = answer_of(drift_queries.drift_by_text, chosen.check, chosen.output, "cosine distance").mean(axis=1)
    texts = chosen.texts.assign(drift=chosen.texts["text_hash"].map(distances))
    names = list(texts.sort_values("drift", ascending=False)["name"])
    text = url_state.selectbox("Text", names, "probe", help="Worst first; a click on a map chooses here.")
    return str(texts.loc[texts["name"] == text, "text_hash"].iloc[0])


main()
