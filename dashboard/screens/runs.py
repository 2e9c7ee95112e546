"""Runs: everything that was run on this machine, what it ran on, and how two runs differ."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import looks, messages, private, url_state
from dashboard.access import ask
from dashboard.formatting import count, plain
from dashboard.queries import diagnosis, drift, runs
from dashboard.sections.diagnosis import diagnosed, findings
from dashboard.sections.diff import beside
from data.store.runs import RunWarning, in_one_line
from data.store.vocabulary import Status

_NOBODY = "no other run"
_TABLE = "runs_table"


def page() -> None:
    """The page, top to bottom."""
    st.title("Runs")
    st.caption("Everything run on this machine, with what is needed to tell why two runs differ.")
    found = ask(runs.runs)
    if found.empty:
        messages.empty(
            "**No run yet.** Reproductions, parity checks, preflights and diagnoses are listed here.",
            "python -m evaluators preflight sentence-transformers/all-MiniLM-L6-v2",
        )
        return
    kinds = sorted(found["kind"].unique())
    kind = url_state.one_of("Kind", ["all", *kinds], "kind") if len(kinds) > 1 else "all"
    shown = found if kind == "all" else found[found["kind"] == kind]
    _list(shown)
    left, right = st.columns(2)
    names = list(found["run_id"])
    first = url_state.choose("Run", list(shown["run_id"]), "run", where=left, help="A click on a row chooses here.")
    other = url_state.choose(
        "Compare with", [_NOBODY, *[name for name in names if name != first]], "other", where=right
    )
    if other == _NOBODY:
        _one(str(first))
    else:
        _two(str(first), str(other))


def _list(found: pd.DataFrame) -> None:
    marks = private.of_cells(found, "model", "task")
    st.dataframe(
        found.assign(done=_progress(found), Private=marks),
        hide_index=True,
        placeholder="",
        key=_TABLE,
        on_select=lambda: _picked(list(found["run_id"])),
        selection_mode="single-row",
        height=min(38 + 35 * len(found), 320),
        column_order=[
            "started_at",
            "kind",
            "model",
            *(["Private"] if marks.ne("").any() else []),
            "status",
            "done",
            "warnings",
            "findings",
            "seconds",
            "revision",
            "run_id",
        ],
        column_config=private.COLUMN
        | {
            "started_at": st.column_config.DatetimeColumn("Started (UTC)", format="YYYY-MM-DD HH:mm"),
            "kind": "Kind",
            "model": "Model or reference",
            "status": "Status",
            "done": "Tasks",
            "warnings": "Warnings",
            "findings": "Findings",
            "seconds": st.column_config.NumberColumn("Seconds", format="%d"),
            "revision": "Revision",
            "run_id": "Run",
        },
    )


def _progress(found: pd.DataFrame) -> list[str]:
    return [f"{done} of {tasks}" if tasks else "" for done, tasks in zip(found["done"], found["tasks"], strict=True)]


def _picked(names: list[str]) -> None:
    rows = st.session_state[_TABLE]["selection"]["rows"]
    if rows:
        st.session_state["run"] = names[rows[0]]


def _one(name: str) -> None:
    run = ask(runs.recorded_run, name)
    facts = run.facts
    st.subheader(f"{plain(facts['kind'])} · {plain(facts['model'])}", divider="gray")
    private.badge(models=[str(facts["model"])], tasks=ask(runs.tasks_of_run, name)["task"])
    status = looks.STATUS[Status(facts["status"])].mark(f"**{plain(facts['status'])}**")
    ended = "" if pd.isna(facts["finished_at"]) else f", ended {facts['finished_at']:%Y-%m-%d %H:%M:%S}"
    st.markdown(
        f"{status} · started {facts['started_at']:%Y-%m-%d %H:%M:%S} UTC{ended} · "
        f"revision {plain(facts['revision'] or 'none named')}"
    )
    st.caption("To do it again:")
    st.code(facts["command"], language=None, wrap_lines=True)
    checks = ask(drift.checks)
    for check in checks.loc[checks["run_id"] == name, "name"]:
        st.page_link(
            "screens/drift.py",
            label="Its vectors, text by text",
            icon=":material/difference:",
            query_params={"check": check},
        )
    _tasks(name)
    for answer in ask(diagnosis.diagnoses_of_run, name).to_dict("records"):
        st.markdown(f"**Diagnosis of {plain(answer['label'])}**")
        diagnosed(answer, str(answer["label"]))
    about = ask(diagnosis.findings, run=name)
    st.markdown(f"**Findings** · {len(about) or 'none'}")
    findings(about)
    _warnings(run.records.warnings)
    tab = url_state.one_of("Recorded", runs.PARTS, "recorded")
    st.dataframe(
        ask(runs.part, name, tab),
        hide_index=True,
        placeholder="",
        column_config={
            "name": st.column_config.TextColumn(tab.capitalize()),
            "left": st.column_config.TextColumn("As in use", width="large"),
        },
    )


def _two(left: str, right: str) -> None:
    st.subheader("Two runs beside each other", divider="gray")
    for name in runs.PARTS:
        found = ask(runs.run_differences, left, right, name)
        apart = int(found["differs"].sum())
        said = f"**{name.capitalize()}**: " + (
            f"{apart} of {count(len(found), 'entry', 'entries')} differ" if apart else "the same"
        )
        st.markdown(said if len(found) else f"**{name.capitalize()}**: none recorded")
        if apart:
            beside(found, left, right)
    _warnings_apart(ask(runs.recorded_run, left).records.warnings, ask(runs.recorded_run, right).records.warnings)


def _warnings_apart(left: list[RunWarning], right: list[RunWarning]) -> None:
    ours, theirs = ([in_one_line(warning) for warning in side] for side in (left, right))
    only = [w for w in ours if w not in theirs], [w for w in theirs if w not in ours]
    if not any(only):
        st.markdown("**Warnings**: the same")
        return
    for column, side, words in zip(st.columns(2), only, ("first", "second"), strict=True):
        column.markdown(f"**Warnings** only of the {words} run · {len(side) or 'none'}")
        if side:
            column.code("\n\n".join(side), language=None, wrap_lines=True)


def _warnings(given: list[RunWarning]) -> None:
    st.markdown(f"**Warnings** · {len(given) or 'none'}")
    if given:
        st.code("\n\n".join(in_one_line(warning) for warning in given), language=None, wrap_lines=True)


def _tasks(name: str) -> None:
    found = ask(runs.tasks_of_run, name)
    if found.empty:
        return
    st.dataframe(
        found.assign(score=100 * found["score"]),
        hide_index=True,
        placeholder="",
        column_config={
            "task": "Task",
            "status": "Status",
            "error": st.column_config.TextColumn("Error", width="medium"),
            "score": st.column_config.NumberColumn("Score", format="%.2f"),
            "texts": st.column_config.NumberColumn("Texts", format="localized"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "peak_memory_mb": st.column_config.NumberColumn("Peak memory, MB", format="%.0f"),
            "batch_size": "Batch size",
            "dataset_path": "Local data set",
            "warnings": "Warnings",
            "dataset_revision": "Data set revision",
            "mteb_version": "mteb",
        },
    )


page()
