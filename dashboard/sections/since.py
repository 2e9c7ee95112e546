"""What changed since a date: the one in the address, else this browser's last visit, else before the newest import."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain, word
from dashboard.messages import errors_as_sentences
from dashboard.queries import changes as changes_queries
from dashboard.queries import names as names_queries
from dashboard.queries import overview as overview_queries
from dashboard.sections.links import linked_line, page_link
from dashboard.tables import changes as changes_tables
from dashboard.views import on_paper
from dashboard.words import tr, tr_n
from data.store.vocabulary import Origin, Status

__all__ = ["show_since"]

_SHOWN = 3
# The browser keeps when the page was last open in it: nothing of a visit is written on the server.
_VISIT = st.components.v2.component("plumbline_last_visit", js=Path(__file__).with_name("visit.js").read_text("utf-8"))


class _Since(NamedTuple):
    """Since when, and why then; the imports before and after it, None where there is no such two."""

    moment: datetime
    words: str
    before: int | None
    after: int


@st.fragment
def show_since(benchmark: str, imports: pd.DataFrame) -> None:
    """New models, scores and runs, and who moved on a benchmark; only this part runs again with another date.

    ``imports`` are all of the store's, the newest first.
    """
    with errors_as_sentences():
        _show_changes(benchmark, imports)


def _show_changes(benchmark: str, imports: pd.DataFrame) -> None:
    bar = st.container(horizontal=True, vertical_alignment="center")
    bar.markdown(f"#### {tr('What changed since')}", width="content")
    chosen = url_state.date_input(tr("Since"), "since", where=bar, label_visibility="collapsed", width=150)
    visit = "" if on_paper() else _last_visit()
    if imports.empty:
        st.caption(tr("Nothing was imported yet."))
        return
    since = _since(imports, chosen, visit)
    st.caption(since.words)
    changes = _show_scores(since)
    _show_runs(since.moment)
    if changes is not None and len(changes):
        _show_moves(since, changes, benchmark)
    if len(imports) > 1:
        page_link("changes", tr("Any two imports compared"))


def _last_visit() -> str:
    """When the page was last open in this browser, as it says so; empty at the first time, and until it has spoken."""
    answer = _VISIT(key="last_visit", data={}, default={"visit": ""}, on_visit_change=_nothing)
    return str(answer.get("visit") or "")


def _nothing() -> None:
    """What the browser says is in the component's answer."""


def _since(imports: pd.DataFrame, chosen: date | None, visit: str) -> _Since:
    """From the imports, the newest first, and what was asked for."""
    newest, after = imports.iloc[0], int(imports.iloc[0]["import_id"])
    if chosen is not None:
        moment, words = datetime.combine(chosen, time()), tr("Since {date}, as chosen.", date=chosen.isoformat())
    elif (last := _moment(visit)) is not None:
        moment, words = last, tr("Since {moment:%Y-%m-%d %H:%M} UTC, your last visit with this browser.", moment=last)
    else:
        moment = newest["started_at"].to_pydatetime()
        words = tr("With the newest import, of {moment:%Y-%m-%d %H:%M} UTC.", moment=moment)
    earlier = imports[imports["started_at"] < moment]
    if chosen is None and visit == "" and len(imports) > 1:
        earlier = imports.iloc[1:]
    return _Since(moment, words, int(earlier["import_id"].iloc[0]) if len(earlier) else None, after)


def _moment(text: str) -> datetime | None:
    """A moment as the browser writes it, without its zone, which is UTC."""
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=None) if text else None
    except ValueError:
        return None


def _show_scores(since: _Since) -> pd.DataFrame | None:
    """Models and scores that came or went; None where no earlier import can be compared with."""
    if since.before is None:
        st.markdown(tr("There was no import before: the whole record is new since then."))
        return None
    changes = answer_of(changes_queries.changed_scores, before=since.before, after=since.after)
    if changes.empty:
        st.markdown(tr("No model, score or rank is another one."))
        return changes
    added = changes_tables.models_added(changes, answer_of(changes_queries.models_before, before=since.before))
    new, changed, gone = (int(changes[f"cells_{kind}"].sum()) for kind in ("new", "changed", "gone"))
    st.markdown(
        tr("**{models}**, **{new}**, {changed}, {gone:,} gone.", models=count(len(added), "new model"),
           new=count(new, "new score"), changed=count(changed, "changed score"), gone=gone)
    )  # fmt: skip
    private = answer_of(names_queries.private).models
    with st.container(gap="xxsmall"):
        for row in added.head(_SHOWN).to_dict("records"):
            lock = " :material/lock:" if row["model"] in private else ""
            label = f"**{plain(row['model'])}**{lock} :gray[{count(row['tasks'], 'task')}]"
            linked_line("models", label, model=row["model"])
        if len(added) > _SHOWN:
            page_link("changes", tr("All {n:,}", n=len(added)))
    return changes


def _show_runs(moment: datetime) -> None:
    runs = answer_of(overview_queries.runs_since, moment)
    if runs.empty:
        return
    st.markdown(tr_n(len(runs), "**{n:,} run** of this machine", "**{n:,} runs** of this machine"))
    with st.container(gap="xxsmall"):
        for row in runs.head(_SHOWN).to_dict("records"):
            label = tr(
                "{kind} of **{model}**, {date:%Y-%m-%d %H:%M}",
                kind=word(row["kind"]), model=plain(row["model"]), date=row["started_at"],
            )  # fmt: skip
            look = looks.STATUS_LOOKS[Status(row["status"])]
            linked_line("runs", f":{look.colour}[{look.icon}] {label}", run=row["run_id"])
        if len(runs) > _SHOWN:
            page_link("runs", tr("All {n:,}", n=len(runs)))


def _show_moves(since: _Since, changes: pd.DataFrame, benchmark: str) -> None:
    """Who gained most places on the benchmark, if any score there is another one."""
    # Runs of this machine move nobody's rank.
    published = changes[(changes["origin"] != Origin.REPRODUCED) & (changes["experiment"] == "")]
    if since.before is None or not set(published["task"]) & set(answer_of(names_queries.tasks_of, benchmark)):
        return
    moves = answer_of(changes_queries.moves, benchmark, before=since.before, after=since.after)
    moved = moves[moves["move"].fillna(0) != 0]
    if moved.empty:
        st.markdown(tr("On {benchmark} nobody's rank moved.", benchmark=plain(benchmark)))
        return
    st.markdown(
        tr("On {benchmark} the ranks of **{models}** moved.", benchmark=plain(benchmark),
           models=count(len(moved), "model"))
    )  # fmt: skip
    for row in moved.sort_values("move", ascending=False).head(_SHOWN).to_dict("records"):
        linked_line(
            "models",
            tr("**{model}** from {before:.0f} to {after:.0f}", model=plain(row["model"]), before=row["rank_before"],
               after=row["rank_after"]),
            model=row["model"],
        )  # fmt: skip
