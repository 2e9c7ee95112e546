"""Drift: is this deployment the same model? Every way of getting its vectors against the reference, text by text."""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain, word
from dashboard.messages import show_empty
from dashboard.queries import drift as drift_queries
from dashboard.queries.drift import SCALES
from dashboard.sections.diagnosis import show_candidate_diagnosis
from dashboard.sections.drift_maps import VIEWS, Chosen, show_map
from dashboard.sections.drift_scales import measures_explained
from dashboard.sections.drift_text import show_text
from dashboard.sections.drift_verdicts import show_verdicts
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.private import show_private
from dashboard.words import mark, tr

COMMAND = (
    "python -m evaluators parity --reference sentence-transformers:sentence-transformers/all-MiniLM-L6-v2"
    " --candidate 'sentence-transformers:sentence-transformers/all-MiniLM-L6-v2?dtype=bf16'"
)


_SOME = re.compile(r", \d+ of them$")  # how a watch calls the few texts of a set; their number is said already
ORDERS = [mark("worst first"), mark("clustered"), mark("by name")]


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
        nothing = tr("**No parity check yet.** A check compares the vectors of two or more encoders.")
        show_empty(nothing, COMMAND)
        return None
    left, right = st.columns([3, 1])
    name = url_state.selectbox(tr("Check"), list(checks["name"]), "check", where=left, remember="check")
    check = checks[checks["name"] == name].iloc[0]
    output = url_state.selectbox(tr("Output"), list(check["outputs"]), "output", where=right, shown=word)
    revision = str(check["revision"])[:12] if pd.notna(check["revision"]) else tr("no named revision")
    st.caption(
        tr(
            "Reference {label}: {model} at {revision}. {texts} of the set {set}, {encoders}.",
            label=plain(check["label"]), model=plain(check["model"]), revision=plain(revision),
            texts=count(int(check["n_texts"]), "text"), set=plain(_SOME.sub("", check["probe_set"])),
            encoders=count(int(check["candidates"]), "encoder"),
        )
    )  # fmt: skip
    page_link("runs", tr("Run {run}", run=plain(check["run_id"])), run=str(check["run_id"]))
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
    st.subheader(tr("Where it drifts"), divider="gray")
    view = url_state.segmented_control(tr("Look at"), VIEWS, "view", shown=tr)
    chosen = choose_encoders(answers)
    if chosen.texts.empty:
        nothing = tr("The reference gave no vectors, so there is nothing to compare text by text.")
        st.info(nothing, icon=":material/info:")
        return
    show_map(view, chosen, answers.verdicts)
    st.subheader(tr("One text, two encoders"), divider="gray")
    show_text(chosen, choose_text(chosen))
    name = chosen.names[chosen.candidate]
    st.subheader(tr("From files to scores: {name}", name=plain(name)), divider="gray")
    show_candidate_diagnosis(chosen.check, chosen.output, chosen.candidate, name)


def choose_encoders(answers: Answers) -> Chosen:
    """The candidate and what it is laid against, the measure and how the map is drawn."""
    (check, output), encoders, verdicts = answers
    ids = dict(zip(encoders["name"], encoders["encoder_id"], strict=True))
    worst_first = list(verdicts.sort_values(["neighbour_overlap", "name"])["name"])
    columns = st.columns([3, 2, 3, 3, 1.6], vertical_alignment="bottom")
    measure = url_state.selectbox(
        tr("Measure"), list(SCALES), "measure", where=columns[0], help=measures_explained(), shown=tr
    )
    order = url_state.selectbox(tr("Order"), ORDERS, "order", where=columns[1], shown=tr)
    hint = tr("The one that loses most neighbours first.")
    candidate = url_state.selectbox(tr("Encoder"), worst_first, "encoder", where=columns[2], help=hint)
    against = url_state.selectbox(tr("Against"), list(encoders["name"]), "against", where=columns[3])
    log = url_state.toggle(tr("Log scale"), "log", value=True, where=columns[4])
    texts = answer_of(drift_queries.texts, check)
    return Chosen(check, output, encoders, texts, ids[str(candidate)], ids[str(against)], str(measure), str(order), log)


def choose_text(chosen: Chosen) -> str:
    """The hash of a text, offered worst first."""
    distances = answer_of(drift_queries.drift_by_text, chosen.check, chosen.output, "cosine distance").mean(axis=1)
    texts = chosen.texts.assign(drift=chosen.texts["text_hash"].map(distances))
    names = list(texts.sort_values("drift", ascending=False)["name"])
    text = url_state.selectbox(tr("Text"), names, "probe", help=tr("Worst first; a click on a map chooses here."))
    return str(texts.loc[texts["name"] == text, "text_hash"].iloc[0])


main()
