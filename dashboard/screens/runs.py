"""Runs: everything that was run on this machine, what it ran on, and how two runs differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain, word
from dashboard.messages import show_empty
from dashboard.queries import diagnosis as diagnosis_queries
from dashboard.queries import drift as drift_queries
from dashboard.queries import runs as runs_queries
from dashboard.sections.budget_outcome import show_budgets
from dashboard.sections.diagnosis import show_diagnosis, show_findings
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.private import show_private, with_private
from dashboard.tables import drift as drift_tables
from dashboard.tables import runs as runs_tables
from dashboard.words import language, listed, mark, tr
from data.store.runs import Recorded, in_one_line
from data.store.vocabulary import Status

_NOBODY, _ALL, _RECORDED = mark("no other run"), mark("all"), mark("Recorded")


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
            tr("**No run yet.** Reproductions, parity checks, preflights and diagnoses are listed here."),
            "python -m evaluators preflight sentence-transformers/all-MiniLM-L6-v2",
        )
        return None
    kinds = sorted(runs["kind"].unique())
    offered = [_ALL, *kinds]
    kind = url_state.segmented_control(tr("Kind"), offered, "kind", shown=word) if len(kinds) > 1 else _ALL
    of_kind = runs if kind == _ALL else runs[runs["kind"] == kind]
    table = runs_tables.runs_table(with_private(of_kind))
    row = show_sortable(table, "list", height=min(38 + 35 * len(of_kind), 320))
    if row is not None:  # before the control it sets, which is below
        url_state.set_choice("run", row["run_id"])
    left, right = st.columns(2)
    names = list(of_kind["run_id"])
    first = url_state.selectbox(tr("Run"), names, "run", where=left, help=tr("A click on a row chooses here."))
    others = [_NOBODY, *(name for name in runs["run_id"] if name != first)]
    other = url_state.selectbox(tr("Compare with"), others, "other", where=right, shown=tr)
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
    st.subheader(f"{plain(word(facts['kind']))} · {plain(facts['model'])}", divider="gray")
    show_private(models=[str(facts["model"])], tasks=tasks["task"])
    status = looks.STATUS_LOOKS[Status(facts["status"])].mark(f"**{plain(word(facts['status']))}**")
    started, ended = facts["started_at"], facts["finished_at"]
    when = (
        tr("started {started:%Y-%m-%d %H:%M:%S} UTC", started=started)
        if pd.isna(ended)
        else tr(
            "started {started:%Y-%m-%d %H:%M:%S} UTC, ended {ended:%Y-%m-%d %H:%M:%S}", started=started, ended=ended
        )
    )
    revision = tr("revision {revision}", revision=plain(facts["revision"] or tr("none named")))
    st.markdown(f"{status} · {when} · {revision}")
    st.code(facts["command"], language=None, wrap_lines=True)
    checks = answer_of(drift_queries.checks)
    for check in checks.loc[checks["run_id"] == name, "name"]:
        page_link("drift", tr("Its vectors, text by text"), check=check)
    show_parts(name, tasks, answers.runs[0].records)


def show_parts(name: str, tasks: pd.DataFrame, records: Recorded) -> None:
    """What a run has, a tab each; the open one is drawn."""
    diagnoses = answer_of(diagnosis_queries.diagnoses_of_run, name).to_dict("records")
    findings = answer_of(diagnosis_queries.findings, run=name)
    warnings, budgets = records.warnings, records.settings.get("budgets") or {}
    parts: dict[str, tuple[int, Callable[[], None]]] = {
        mark("Budget"): (len(budgets), lambda: show_budgets(budgets)),
        mark("Tasks"): (len(tasks), lambda: show_table(runs_tables.run_tasks_table(tasks))),
        mark("Diagnoses"): (len(diagnoses), lambda: show_diagnoses(diagnoses)),
        mark("Findings"): (len(findings), lambda: show_findings(findings)),
        mark("Warnings"): (len(warnings), lambda: show_warnings("", [in_one_line(warning) for warning in warnings])),
        _RECORDED: (1, lambda: show_recorded(name)),
    }
    url_state.declare("recorded", "candidate")  # whichever tab is open
    # A part that is empty has no tab: the one that stays says what was run, which every run has.
    filled = {part: show for part, (size, show) in parts.items() if size}
    for tab, show in zip(url_state.tabs(list(filled), "part", shown=tr), filled.values(), strict=True):
        if tab.open:
            with tab:
                show()


def show_diagnoses(diagnoses: list[dict[Hashable, Any]]) -> None:
    """One diagnosis of a run; of several, the one chosen."""
    names = [str(diagnosis["label"]) for diagnosis in diagnoses]
    name: str | None = names[0]
    if len(names) > 1:
        name = url_state.selectbox(tr("Diagnosis of"), names, "candidate", width=480)
    else:
        st.markdown(tr("**Diagnosis of {name}**", name=plain(name)))
    show_diagnosis(diagnoses[names.index(str(name))], str(name))


def show_recorded(name: str) -> None:
    """What a run recorded: its settings, its environment or its files."""
    part = url_state.segmented_control(
        tr("Recorded"), runs_queries.PARTS, "recorded", shown=_part, label_visibility="collapsed"
    )
    show_table(runs_tables.recorded_table(answer_of(runs_queries.part, name, part), part), height=480)


def show_two(answers: Answers) -> None:
    """Two runs beside each other, what differs first."""
    first, other = answers.choices
    if other is None:
        return
    st.subheader(tr("Two runs beside each other"), divider="gray")
    for name in runs_queries.PARTS:
        entries = answer_of(runs_queries.run_differences, first, other, name)
        differing = int(entries["differs"].sum())
        of_all = tr("the same") if len(entries) else tr("none recorded")
        if differing:
            of_all = tr("{n} of {entries} differ", n=differing, entries=count(len(entries), "entry", "entries"))
        st.markdown(listed([f"**{tr(name.capitalize())}**", of_all], ": "))
        if differing:
            show_table(drift_tables.differences_table(entries, first, other))
    ours, theirs = ([in_one_line(warning) for warning in run.records.warnings] for run in answers.runs)
    only = [w for w in ours if w not in theirs], [w for w in theirs if w not in ours]
    if not any(only):
        st.markdown(listed([tr("**Warnings**"), tr("the same")], ": "))
        return
    headings = (tr("**Warnings** only of the first run"), tr("**Warnings** only of the second run"))
    for column, warnings, heading in zip(st.columns(2), only, headings, strict=True):
        with column:
            show_warnings(heading, warnings)


def _part(name: str) -> str:
    """What a run recorded, as a choice among its parts: in English by its name in the address."""
    return name if language() == "en" else tr(name.capitalize())


def show_warnings(heading: str, warnings: list[str]) -> None:
    """Warnings as they were given, below how many there are."""
    if heading:
        st.markdown(f"{heading} · {len(warnings) or tr('none')}")
    if warnings:
        st.code("\n\n".join(warnings), language=None, wrap_lines=True)


main()
