"""Leaderboard: every model on a benchmark, by MTEB's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import asks, messages, private, url_state
from dashboard.access import ask
from dashboard.figures.pareto import drawable, pareto_chart
from dashboard.formatting import count, plain, score
from dashboard.queries import leaderboard as asked
from dashboard.queries import names
from dashboard.queries.badges import badges, short_badges
from dashboard.queries.intervals import LACKS, Intervals, first_of, intervals
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.queries.training import training
from dashboard.sections import filters
from dashboard.sections.provenance import show_sources
from dashboard.tables import leaderboard
from data.rules.bootstrap import AHEAD, DRAWS, FEW, TIED
from data.rules.licences import ALLOWED, licence_of

_RANKED_BY = {
    "borda": "Ranked by MTEB's Borda count: on every task a model earns a point for each model it beats, so the best "
    "mean need not come first, and a task a model has no score on earns it nothing.",
    "mean_task": "Ranked by the mean over all tasks.",
    "mean_task_type": "Ranked by the mean over the task types.",
}
ALL, UNLISTED = "All benchmarks", "Not on MTEB's menu"
WHOLE = "all_tasks"  # the switch to MTEB's own view, in the address


def page() -> None:
    """The page, top to bottom."""
    benchmarks = ask(asked.benchmarks)
    if benchmarks.empty:
        messages.empty("**The store is empty.** No scores have been imported yet.", "python -m evaluators import")
        return
    benchmark = _pick(benchmarks)
    if benchmark is None:
        return
    name = benchmark["benchmark"]
    head, notice = st.container(), st.container()
    url_state.known(WHOLE)
    among = filters.among(ask(asked.choices, name), zero_shot=bool(benchmark["show_zero_shot"]))
    if not among.trusted:
        among = replace(among, whole=_own_view(name, notice))
    taking = ask(asked.selected, name, among)
    board = ask(asked.table, name, taking)
    if board.empty:
        _nobody(among)
        return
    if benchmark["show_zero_shot"]:
        board["zero_shot"] = board["model"].map(ask(training, name, taking.filtered_tasks)["zero_shot"])
    board["private"] = board["model"].isin(ask(names.private).models)
    quality = leaderboard.quality_of(benchmark)
    sure = _intervals(name, taking, first_of(board))
    with head:
        _headline(board, quality, str(benchmark["ranked_by"]), sure)
    with notice:
        _left_out(board, taking)
        _compare(name, board, sure, taking)
    table, plot = st.tabs(["Table", "Quality against size"], key="view", bind="query-params", on_change="rerun")
    url_state.known("view")
    with table:
        _table(benchmark, board, quality, taking, sure)
    if plot.open:
        with plot:
            _plot(board, quality)
    _sources(name, board)


def _pick(benchmarks: pd.DataFrame) -> dict[str, Any] | None:
    headings = benchmarks["menu"].fillna(UNLISTED)
    bar = st.container(horizontal=True)
    heading = url_state.choose("Group", [ALL, *dict.fromkeys(headings)], "group", where=bar, width=220)
    rows = benchmarks if heading == ALL else benchmarks[headings == heading]
    names = rows["benchmark"].tolist()
    first = asked.first_shown(names)
    chosen = url_state.subject(
        "benchmark", "Benchmark", names, "benchmark", index=first, remember="benchmark", where=bar, width=320
    )
    if chosen is None:
        return None
    row = rows[rows["benchmark"] == chosen].iloc[0]
    return {str(key): value for key, value in row.items()}


def _nobody(among: Filter) -> None:
    if among == Filter():
        st.info("**Nobody has a score here yet** on a task that anybody may see.", icon=":material/inbox:")
    else:
        st.info("**No model meets all of these filters.** Widen one of them.", icon=":material/filter_alt:")


def _own_view(name: str, where: Any) -> bool:
    """Why tasks are left out, where nobody has finished them, and the switch to MTEB's own table."""
    tasks = ask(asked.unfinished, name)
    if not tasks:
        return False
    left, right = where.columns([5, 2], vertical_alignment="center")
    whole = url_state.switch(
        "MTEB's own view: all tasks", WHOLE, where=right, help="Then nobody has a mean; the rank counts what there is."
    )
    one = len(tasks) == 1
    verb = ("counts" if one else "count") if whole else ("is left out" if one else "are left out")
    them = "it" if one else "them"
    left.caption(
        f"{_listed(tasks)} {verb}: no model in this record has every cell of {them}, so with {them} none has a mean"
        " over all tasks."
    )
    return whole


def _listed(tasks: Sequence[str]) -> str:
    return ", ".join(f"**{plain(task)}**" for task in tasks[:5]) + (" and more" if len(tasks) > 5 else "")


def _intervals(name: str, taking: Selection, first: str | None) -> Intervals:
    """Intervals of the ranks; a whole benchmark's are computed once, those of a choice with fewer draws at once."""
    draws = DRAWS // 4 if taking.chosen() else DRAWS
    return ask(intervals, name, taking.models, taking.tasks, taking.trusted, draws, first)


def _sure(sure: Intervals, ranked: int) -> str:
    """What the tasks say of the first against all others; empty where they say nothing."""
    if ranked == 1:
        return " Nobody else is ranked here, so it is first of one."
    against = sure.models["against_first"].value_counts()
    tied, ahead, lacks = (int(against.get(code, 0)) for code in (TIED, AHEAD, LACKS))
    if against.get(FEW, 0) or not sure.models["rank_low"].notna().any():
        return ""
    judged = int((sure.models["against_first"] != "").sum()) - lacks
    said = f" {count(tied, 'other is', 'others are')} statistically tied with it." if tied else ""
    if ahead:
        said += f" {count(ahead, 'other has', 'others have')} a reliably higher mean."
    if not judged:
        return " No other model has all of its tasks, so it is set apart from none."
    if not said:
        said = f" The tasks set it apart from all {judged} others" + (" that have all of its tasks." if lacks else ".")
    return said


def _rival(sure: Intervals) -> str:
    """Those that lack tasks, and so rank below, and do better on what is shared."""
    if not sure.rivals:
        return ""
    best, more = sure.rivals[0], len(sure.rivals) - 1
    lead = (
        f" Of those that lack tasks, **{plain(best.model)}** is better on {best.better} of the {best.shared} they share"
    )
    return lead + (f", and {count(more, 'other')} on most." if more else ".")


def _headline(board: pd.DataFrame, quality: str, ranked_by: str, sure: Intervals) -> None:
    """One sentence a hurried reader can take away, and what the numbers are in one more."""
    ranked = board[board["rank"].notna()]
    tasks = int(board["tasks_scored"].iloc[0])
    if ranked.empty:
        st.markdown(f"#### None of {count(len(board), 'model')} can be ranked: none has all of {count(tasks, 'task')}.")
        st.caption("Leave tasks out, or choose some by type, language or domain, in the bar at the side.")
        return
    first = ranked.iloc[0]
    lead = f"Best of {count(len(ranked), 'model')} on {count(tasks, 'task')}: **{plain(first['model'])}**"
    st.markdown("#### " + lead + _mean(first, quality) + "." + _sure(sure, len(ranked)))
    st.markdown(_also_best(ranked, quality) + _rival(sure))
    st.caption(f"{_RANKED_BY[ranked_by]} {filters.RULE}")


def _left_out(board: pd.DataFrame, taking: Selection) -> None:
    """What the strict switch leaves out, and how to rank on other tasks."""
    if not taking.trusted:
        return
    unranked = int(board["rank"].isna().sum())
    said = "Ranked are the models with figures run on today's data on all of these tasks"
    said += (
        f"; {count(unranked, 'model lacks some and stands', 'models lack some and stand')} below, without a rank."
        if unranked
        else "."
    )
    if n := len(taking.unshared):
        said += (
            f" {count(n, 'task is', 'tasks are')} left out because too few of them share {'it' if n == 1 else 'them'}:"
            f" {_listed(taking.unshared)}. Choose tasks in the bar at the side to rank on others."
        )
    st.caption(said)


def _compare(name: str, board: pd.DataFrame, sure: Intervals, taking: Selection) -> None:
    """The way to the same question task by task: the first, those tied with it or above it, and the model chosen."""
    close = sure.models.loc[sure.models["against_first"].isin([TIED, AHEAD]), "model"]
    ranked = board.loc[board["rank"].notna(), "model"]
    named = [*ranked[ranked.isin(close)], *ranked.iloc[:2], *(rival.model for rival in sure.rivals[:1])]
    models = list(dict.fromkeys([*ranked.iloc[:1], *(m for m in [_chosen()] if m in set(board["model"])), *named]))[:5]
    if len(models) < 2:
        return
    narrowed = taking.tasks is not None and (taking.filtered_tasks is not None or bool(taking.unshared))
    asks.compare(
        f"Compare the first with {count(len(models) - 1, 'other')}, task by task",
        name,
        models,
        tasks=(taking.tasks or ()) if narrowed else (),
        strict=taking.trusted,
    )


def _mean(row: pd.Series, quality: str) -> str:
    if pd.notna(row[quality]):
        return f", mean {score(row[quality])}"
    return f", no mean as it lacks {count(int(row['tasks_missing']), 'task')}"


def _also_best(board: pd.DataFrame, quality: str) -> str:
    """The best for commercial use, up to 1B and up to 100M parameters; one that is best twice is named once."""
    limits = {
        "with open weights for commercial use": board["licence"].map(_commercial) & board["open_weights"].eq(True),
        "up to 1B parameters": board["n_parameters"].le(1e9),
        "up to 100M parameters": board["n_parameters"].le(1e8),
    }
    named: dict[int, list[str]] = {}
    for words, within in limits.items():
        places = within.fillna(False).to_numpy().nonzero()[0]
        if len(places):
            named.setdefault(int(places[0]), []).append(words)
    said = []
    for place, reasons in named.items():
        row = board.iloc[place]
        rank = f"rank {row['rank']:.0f}" if pd.notna(row["rank"]) else "no rank"
        said.append(f"Best {' and best '.join(reasons)}: **{plain(row['model'])}** ({rank}{_mean(row, quality)}).")
    return " ".join(said)


def _commercial(licence: object) -> bool:
    return licence_of(licence).code == ALLOWED


def _table(benchmark: dict[str, Any], board: pd.DataFrame, quality: str, taking: Selection, sure: Intervals) -> None:
    name = benchmark["benchmark"]
    types = ask(asked.type_means, name, taking) if benchmark["show_task_types"] else pd.DataFrame()
    whole = taking.tasks is None and not taking.trusted
    groups = ask(asked.group_means, name) if whole else pd.DataFrame()
    frame = leaderboard.sure(leaderboard.shown(board, groups, types, benchmark), sure.models, quality)
    frame = leaderboard.with_badges(frame, short_badges(ask(badges)))
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    wanted = url_state.text(
        "Search by name", "name", where=bar, placeholder="part of a name", icon=":material/search:", width=300
    )
    by = url_state.choose("Sort by", leaderboard.sortable(frame), "sort", where=bar, width=180) or "Rank"
    reverse = url_state.switch("Reverse", "reverse", where=bar)
    frame = leaderboard.ordered(frame[_named(frame["Model"], wanted)], by, reverse=reverse)
    bar.download_button(
        "CSV",
        lambda: leaderboard.as_csv(frame),
        file_name=f"{_file_name(name)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Exactly the rows and columns shown.",
    )
    if frame.empty:
        st.info(f"No model's name holds “{plain(wanted)}”.", icon=":material/search_off:")
        return
    _grid(frame, quality, int(board["tasks_scored"].iloc[0]))
    _legend(board, len(board) - len(frame))


def _grid(frame: pd.DataFrame, quality: str, tasks: int) -> None:
    """The table itself; selecting a row sets the model choice below it, which is what the address keeps."""
    models = frame["Model"].tolist()
    key = f"grid_{hash((tuple(models), st.session_state.get('sort'), st.session_state.get('reverse')))}"

    def selected() -> None:
        selection = st.session_state[key]["selection"]
        if selection["columns"]:  # a click on a head: Streamlit's own sorting is in no link and puts blanks first
            _sort(str(selection["columns"][0]), frame)
        else:
            st.session_state["model"] = models[selection["rows"][0]] if selection["rows"] else None

    chosen = _chosen()
    rows = [models.index(chosen)] if chosen in models else []
    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    st.dataframe(
        frame,
        key=key,
        column_config=leaderboard.columns_of(frame, quality, tasks),
        hide_index=True,
        height="content" if len(frame) < 20 else 640,
        on_select=selected,
        selection_mode=["single-row", "single-column"],
        placeholder="",
        alt="Leaderboard: one row a model, best first",
    )


def _sort(column: str, frame: pd.DataFrame) -> None:
    """Callback: sort by this column, or turn it round if it is sorted by already."""
    if column in leaderboard.sortable(frame):
        st.session_state["reverse"] = st.session_state.get("sort") == column and not st.session_state.get("reverse")
        st.session_state["sort"] = column


def _legend(board: pd.DataFrame, hidden: int) -> None:
    incomplete = int((board["tasks_missing"] > 0).sum())
    said = [
        "Scores run from 0 to 100, higher is better; a blank is a missing score, never a zero.",
        f"{count(incomplete, 'model lacks', 'models lack')} at least one task and has no mean over all."
        if incomplete == 1
        else f"{incomplete:,} models lack at least one task and have no mean over all."
        if incomplete
        else "",
        f"{hidden:,} hidden by the name search." if hidden else "",
    ]
    st.caption(" ".join(text for text in said if text))
    mine = f":blue-badge[{leaderboard.PRIVATE}] :small[{private.MEANING[0].lower()}{private.MEANING[1:-1]}] "
    own = mine if board["private"].any() else ""
    own += (
        "" if board["ranked"].all() else f":green-badge[{leaderboard.OWN}] :small[only run here; moves nobody's rank] "
    )
    st.markdown(
        f":orange-badge[n {leaderboard.CARD}] :small[scores stated on the model's own card, not run by MTEB] "
        f":gray-badge[n {leaderboard.DATA}] "
        f":small[scores on another version of the data set than today's or none stated] "
        f":violet-badge[n {leaderboard.REVISION}] "
        f":small[scores of another revision of the model than most of its others] " + own
    )


def _plot(board: pd.DataFrame, quality: str) -> None:
    by = url_state.one_of("Colour by", ["licence", "release"], "colour")
    label = leaderboard.label_of(quality)
    frame = board.assign(quality=board[quality])
    left_out = len(frame) - len(drawable(frame))
    figure = pareto_chart(frame, quality=label, by=by, chosen=_chosen())

    def picked() -> None:
        points = st.session_state["plot"]["selection"]["points"]
        if points and "customdata" in points[0]:
            data = points[0]["customdata"]
            st.session_state["model"] = data if isinstance(data, str) else data[0]

    st.plotly_chart(figure, key="plot", on_select=picked, selection_mode="points", config={"displaylogo": False})
    st.caption(
        f"Up and to the left is better. Models on the dotted line are beaten by none of their size or smaller. "
        f"{count(left_out, 'model')} not drawn: size not stated or {label} missing."
    )


def _chosen() -> str | None:
    """The model whose sources are open; on a page's first run only the address knows it yet."""
    chosen: str | None = st.session_state.get("model") or st.query_params.get("model")
    return chosen


def _sources(name: str, board: pd.DataFrame) -> None:
    st.markdown("#### Where the numbers come from")
    models = board["model"].tolist()
    chosen = url_state.choose("Model", models, "model", index=None, placeholder="Select a row above, or a name here")
    if chosen is not None:
        private.badge(models=[chosen])
        show_sources(name, chosen)


def _named(names: pd.Series, wanted: str) -> pd.Series:
    held: pd.Series = names.str.contains(wanted.strip(), case=False, regex=False)
    return held


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name).strip("-").lower()


page()
