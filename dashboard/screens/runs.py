"""Runs: everything that was run on this machine, what it ran on, and how two runs differ."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import diagnosis as diagnosis_queries
from dashboard.queries import drift as drift_queries
from dashboard.queries import runs as runs_queries
from dashboard.sections.diagnosis import show_diagnosis, show_findings
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.private import show_private, with_private
from dashboard.tables import drift as drift_tables
from dashboard.tables import runs as runs_tables
from data.store.runs import RunWarning, in_one_line
from data.store.vocabulary import Status

_NOBODY = "no other run"


class Choices(NamedTuple):
    """A run, and the one it is laid beside; None for none."""

    run: str
    other: str | None


class Answers(NamedTuple):
    """What is chosen, and the record of each of the runs."""

    choices: Choices
    runs: tuple[runs_queries.Run, ...]


def main() -> None:
    """All runs, then the one chosen or two beside each other."""
    lay_out(
        controls,
        questions,
        (show_run, show_two),
    )


def controls() -> Choices | None:
    """The list of runs, of which a click chooses one, and the run to lay beside it."""
    runs = answer_of(runs_queries.runs)
    if runs.empty:
        show_empty(
            "**No run yet.** Reproductions, parity checks, preflights and diagnoses are listed here.",
            "python -m evaluators preflight sentence-transformers/all-MiniLM-L6-v2",
        )
        return None
    kinds = sorted(runs["kind"].unique())
    kind = url_state.segmented_control("Kind", ["all", *kinds], "kind") if len(kinds) > 1 else "all"
    of_kind = runs if kind == "all" else runs[runs["kind"] == kind]
    table = runs_tables.runs_table(with_private(of_kind))
    row = show_sortable(table, "list", height=min(38 + 35 * len(of_kind), 320))
    if row is not None:  # before the control it sets, which is below
        url_state.set_choice("run", row["run_id"])
    left, right = st.columns(2)
    names = list(of_kind["run_id"])
    first = url_state.selectbox("Run", names, "run", where=left, help="A click on a row chooses here.")
    others = [_NOBODY, *(name for name in runs["run_id"] if name != first)]
    other = url_state.selectbox("Compare with", others, "other", where=right)
    return Choices(str(first), None if other == _NOBODY else other)


def questions(choices: Choices) -> Answers:
    """What the runs recorded."""
    names = [name for name in choices if name is not None]
    return Answers(choices, tuple(answer_of(runs_queries.recorded_run, name) for name in names))


def show_run(answers: Answers) -> None:
    """One run: how it ended, how to do it again, what it found and what it recorded."""
    name, other = answers.choices
    if other is not None:
        return
    facts = answers.runs[0].facts
    tasks = answer_of(runs_queries.tasks_of_run, name)
    st.subheader(f"{plain(facts['kind'])} · {plain(facts['model'])}", divider="gray")
    show_private(models=[str(facts["model"])], tasks=tasks["task"])
    status = looks.STATUS_LOOKS[Status(facts["status"])].mark(f"**{plain(facts['status'])}**")
    ended = "" if pd.isna(facts["finished_at"]) else f", ended {facts['finished_at']:%Y-%m-%d %H:%M:%S}"
    st.markdown(
        f"{status} · started {facts['started_at']:%Y-%m-%d %H:%M:%S} UTC{ended} · "
        f"revision {plain(facts['revision'] or 'none named')}"
    )
    st.caption("To do it again:")
    st.code(facts["command"], language=None, wrap_lines=True)
    checks = answer_of(drift_queries.checks)
    for check in checks.loc[checks["run_id"] == name, "name"]:
        page_link("drift", "Its vectors, text by text", check=check)
    if len(tasks):
        show_table(runs_tables.run_tasks_table(tasks))
    for diagnosis in answer_of(diagnosis_queries.diagnoses_of_run, name).to_dict("records"):
        st.markdown(f"**Diagnosis of {plain(diagnosis['label'])}**")
        show_diagnosis(diagnosis, str(diagnosis["label"]))
    show_recorded(name, answers.runs[0].records.warnings)


def show_recorded(name: str, warnings: list[RunWarning]) -> None:
    """Findings and warnings of a run, and what it recorded."""
    findings = answer_of(diagnosis_queries.findings, run=name)
    st.markdown(f"**Findings** · {len(findings) or 'none'}")
    show_findings(findings)
    show_warnings("**Warnings**", [in_one_line(warning) for warning in warnings])
    part = url_state.segmented_control("Recorded", runs_queries.PARTS, "recorded")
    show_table(runs_tables.recorded_table(answer_of(runs_queries.part, name, part), part))


def show_two(answers: Answers) -> None:
    """Two runs beside each other, what differs first."""
    first, other = answers.choices
    if other is None:
        return
    st.subheader("Two runs beside each other", divider="gray")
    for name in runs_queries.PARTS:
        entries = answer_of(runs_queries.run_differences, first, other, name)
        differing = int(entries["differs"].sum())
        of_all = f"{differing} of {count(len(entries), 'entry', 'entries')} differ" if differing else "the same"
        st.markdown(f"**{name.capitalize()}**: {of_all if len(entries) else 'none recorded'}")
        if differing:
            show_table(drift_tables.differences_table(entries, first, other))
    ours, theirs = ([in_one_line(warning) for warning in run.records.warnings] for run in answers.runs)
    only = [w for w in ours if w not in theirs], [w for w in theirs if w not in ours]
    if not any(only):
        st.markdown("**Warnings**: the same")
        return
    for column, warnings, words in zip(st.columns(2), only, ("first", "second"), strict=True):
        with column:
            show_warnings(f"**Warnings** only of the {words} run", warnings)


def show_warnings(heading: str, warnings: list[str]) -> None:
    """Warnings as they were given, below how many there are."""
    st.markdown(f"{heading} · {len(warnings) or 'none'}")
    if warnings:
        st.code("\n\n".join(warnings), language=None, wrap_lines=True)


main()
