"""Leaderboard: every model on a benchmark, by MTEB's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import pareto as pareto_figures
from dashboard.formatting import count, plain, score
from dashboard.messages import show_empty
from dashboard.queries import badges as badges_queries
from dashboard.queries import intervals as intervals_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import names as names_queries
from dashboard.queries import training as training_queries
from dashboard.queries.intervals import LACKS, Intervals
from dashboard.queries.leaderboard import Among, Pool
from dashboard.sections import filters
from dashboard.sections.grid import show_csv, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import compare_link
from dashboard.sections.private import show_private
from dashboard.sections.provenance import show_sources
from dashboard.tables import leaderboard as leaderboard_tables
from dashboard.tables.columns import PRIVATE, Table
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


class Choices(NamedTuple):
    """A benchmark, the models and tasks that are asked for, and the place of the headline above the controls."""

    benchmark: dict[str, Any]
    among: Among
    headline: Any

    @property
    def name(self) -> str:
        """The benchmark's."""
        return str(self.benchmark["benchmark"])

    @property
    def quality(self) -> str:
        """Column of the benchmark's headline mean."""
        return leaderboard_tables.quality_of(self.benchmark)


class Answers(NamedTuple):
    """What is chosen, who takes part, the board of those, and how sure its ranks are."""

    choices: Choices
    pool: Pool
    board: pd.DataFrame
    intervals: Intervals


def main() -> None:
    """The best of a benchmark, all models on it, and where the figures of the one chosen come from."""
    lay_out(controls, questions, (show_headline, show_left_out, show_compare_link, show_views, show_provenance))


def controls() -> Choices | None:
    """The benchmark, and in the sidebar the filters of models and tasks."""
    benchmarks = answer_of(leaderboard_queries.benchmarks)
    if benchmarks.empty:
        show_empty("**The store is empty.** No scores have been imported yet.", "python -m evaluators import")
        return None
    benchmark = choose_benchmark(benchmarks)
    if benchmark is None:
        return None
    headline = st.container()
    url_state.declare(WHOLE)
    offered = answer_of(leaderboard_queries.choices, benchmark["benchmark"])
    among = filters.choose_among(offered, zero_shot=bool(benchmark["show_zero_shot"]))
    if not among.trusted:
        among = replace(among, whole=choose_whole(benchmark["benchmark"]))
    return Choices(benchmark, among, headline)


def choose_benchmark(benchmarks: pd.DataFrame) -> dict[str, Any] | None:
    """A row of the benchmarks, narrowed to a group of MTEB's menu."""
    headings = benchmarks["menu"].fillna(UNLISTED)
    bar = st.container(horizontal=True)
    heading = url_state.selectbox("Group", [ALL, *dict.fromkeys(headings)], "group", where=bar, width=220)
    rows = benchmarks if heading == ALL else benchmarks[headings == heading]
    names = rows["benchmark"].tolist()
    first = leaderboard_queries.first_shown(names)
    name = url_state.subject(
        "benchmark", "Benchmark", names, "benchmark", index=first, remember="benchmark", where=bar, width=320
    )
    if name is None:
        return None
    return {str(key): value for key, value in rows[rows["benchmark"] == name].iloc[0].items()}


def choose_whole(benchmark: str) -> bool:
    """Why tasks are left out, where nobody has finished them, and the switch to MTEB's own table."""
    tasks = answer_of(leaderboard_queries.unfinished, benchmark)
    if not tasks:
        return False
    left, right = st.columns([5, 2], vertical_alignment="center")
    whole = url_state.toggle(
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


def questions(choices: Choices) -> Answers | None:
    """The board of those that take part, and intervals of its ranks."""
    name = choices.name
    pool = answer_of(leaderboard_queries.pool, name, choices.among)
    board = answer_of(leaderboard_queries.table, name, pool, leaderboard_tables.fact_sources())
    if board.empty:
        show_nobody(choices.among)
        return None
    if choices.benchmark["show_zero_shot"]:
        board["zero_shot"] = board["model"].map(answer_of(training_queries.training, name, pool.asked)["zero_shot"])
    board["private"] = board["model"].isin(answer_of(names_queries.private).models)
    # Those of a whole benchmark are computed once, those of a choice at once, with fewer draws.
    draws = DRAWS // 4 if pool.chosen() else DRAWS
    intervals = answer_of(intervals_queries.intervals, name, pool.models, pool.tasks, pool.trusted, draws)
    return Answers(choices, pool, board, intervals)


def show_nobody(among: Among) -> None:
    """Why the table is empty."""
    if among == Among():
        st.info("**Nobody has a score here yet** on a task that anybody may see.", icon=":material/inbox:")
    else:
        st.info("**No model meets all of these filters.** Widen one of them.", icon=":material/filter_alt:")


def show_headline(answers: Answers) -> None:
    """One sentence a hurried reader can take away, and what the numbers are in one more."""
    with answers.choices.headline:
        board, quality = answers.board, answers.choices.quality
        ranked = board[board["rank"].notna()]
        tasks = int(board["tasks_scored"].iloc[0])
        if ranked.empty:
            models = count(len(board), "model")
            st.markdown(f"#### None of {models} can be ranked: none has all of {count(tasks, 'task')}.")
            st.caption("Leave tasks out, or choose some by type, language or domain, in the bar at the side.")
            return
        first = ranked.iloc[0]
        lead = f"Best of {count(len(ranked), 'model')} on {count(tasks, 'task')}: **{plain(first['model'])}**"
        st.markdown("#### " + lead + _mean(first, quality) + "." + _how_sure(answers.intervals, len(ranked)))
        st.markdown(_also_best(ranked, quality) + _rival(answers.intervals))
        st.caption(f"{_RANKED_BY[answers.choices.benchmark['ranked_by']]} {filters.RULE}")


def _how_sure(intervals: Intervals, ranked: int) -> str:
    """What the tasks say of the first against all others; empty where they say nothing."""
    if ranked == 1:
        return " Nobody else is ranked here, so it is first of one."
    against = intervals.models["against_first"].value_counts()
    tied, ahead, lacks = (int(against.get(code, 0)) for code in (TIED, AHEAD, LACKS))
    if against.get(FEW, 0) or not intervals.models["rank_low"].notna().any():
        return ""
    judged = int((intervals.models["against_first"] != "").sum()) - lacks
    if not judged:
        return " No other model has all of its tasks, so it is set apart from none."
    if not tied and not ahead:
        return f" The tasks set it apart from all {judged} others" + (" that have all of its tasks." if lacks else ".")
    level = f" {count(tied, 'other is', 'others are')} statistically tied with it." if tied else ""
    return level + (f" {count(ahead, 'other has', 'others have')} a reliably higher mean." if ahead else "")


def _rival(intervals: Intervals) -> str:
    """Those that lack tasks, and so rank below, and do better on what is shared."""
    if not intervals.rivals:
        return ""
    best, more = intervals.rivals[0], len(intervals.rivals) - 1
    lead = (
        f" Of those that lack tasks, **{plain(best.model)}** is better on {best.better} of the {best.shared} they share"
    )
    return lead + (f", and {count(more, 'other')} on most." if more else ".")


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
    reasons_by_place: dict[int, list[str]] = {}
    for words, within in limits.items():
        places = within.fillna(False).to_numpy().nonzero()[0]
        if len(places):
            reasons_by_place.setdefault(int(places[0]), []).append(words)
    sentences = []
    for place, reasons in reasons_by_place.items():
        row = board.iloc[place]
        rank = f"rank {row['rank']:.0f}" if pd.notna(row["rank"]) else "no rank"
        model = f"**{plain(row['model'])}** ({rank}{_mean(row, quality)})"
        sentences.append(f"Best {' and best '.join(reasons)}: {model}.")
    return " ".join(sentences)


def _commercial(licence: object) -> bool:
    return licence_of(licence if isinstance(licence, str) else None).code == ALLOWED


def show_left_out(answers: Answers) -> None:
    """What the strict switch leaves out, and how to rank on other tasks."""
    pool = answers.pool
    if not pool.trusted:
        return
    unranked = int(answers.board["rank"].isna().sum())
    sentence = "Ranked are the models with figures run on today's data on all of these tasks"
    sentence += (
        f"; {count(unranked, 'model lacks some and stands', 'models lack some and stand')} below, without a rank."
        if unranked
        else "."
    )
    if n := len(pool.unshared):
        sentence += (
            f" {count(n, 'task is', 'tasks are')} left out because too few of them share {'it' if n == 1 else 'them'}:"
            f" {_listed(pool.unshared)}. Choose tasks in the bar at the side to rank on others."
        )
    st.caption(sentence)


def show_compare_link(answers: Answers) -> None:
    """The way to the same question task by task: the first, those tied with it or above it, and the model chosen."""
    board, intervals, pool = answers.board, answers.intervals, answers.pool
    close = intervals.models.loc[intervals.models["against_first"].isin([TIED, AHEAD]), "model"]
    ranked = board.loc[board["rank"].notna(), "model"]
    chosen = [model for model in (url_state.choice("model"),) if model in set(board["model"])]
    rivals = [rival.model for rival in intervals.rivals[:1]]
    near = [*ranked.iloc[:1], *chosen, *ranked[ranked.isin(close)], *ranked.iloc[:2], *rivals]
    models = list(dict.fromkeys(near))[:5]
    if len(models) < 2:
        return
    narrowed = pool.tasks is not None and (pool.asked is not None or bool(pool.unshared))
    compare_link(
        f"Compare the first with {count(len(models) - 1, 'other')}, task by task",
        answers.choices.name,
        models,
        tasks=(pool.tasks or ()) if narrowed else (),
        strict=pool.trusted,
    )


def show_views(answers: Answers) -> None:
    """The table, and quality against size."""
    table, plot = url_state.tabs(["Table", "Quality against size"], "view")
    with table:
        show_board(answers)
    if plot.open:
        with plot:
            show_figure(answers)


def show_board(answers: Answers) -> None:
    """The table with its controls, and what the signs in it mean."""
    name, board = answers.choices.name, answers.board
    table = _board_table(answers)
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    wanted = url_state.text_input(
        "Search by name", "name", where=bar, placeholder="part of a name", icon=":material/search:", width=300
    )
    by = url_state.selectbox("Sort by", table.sortable, "sort", where=bar, width=180) or "Rank"
    reverse = url_state.toggle("Reverse", "reverse", where=bar)
    named = table.source["model"].str.contains(wanted.strip(), case=False, regex=False)
    table = table.rows(named).sorted_by(by, reverse=reverse)
    show_csv(_file_name(name), table.csv, "Exactly the rows and columns shown.", where=bar)
    if table.source.empty:
        st.info(f"No model's name holds “{plain(wanted)}”.", icon=":material/search_off:")
        return
    show_grid(table)
    show_legend(board, len(board) - len(table.source))


def _board_table(answers: Answers) -> Table:
    name, pool = answers.choices.name, answers.pool
    by_type = answers.choices.benchmark["show_task_types"]
    whole = pool.tasks is None and not pool.trusted
    return leaderboard_tables.board_table(
        answers.board,
        answers.choices.benchmark,
        groups=answer_of(leaderboard_queries.group_means, name) if whole else None,
        types=answer_of(leaderboard_queries.type_means, name, pool) if by_type else None,
        intervals=answers.intervals.models,
        checked=badges_queries.short(answer_of(badges_queries.badges)),
    )


def show_grid(table: Table) -> None:
    """The rows; selecting one sets the model choice below, which is what the address keeps."""
    models = table.source["model"].tolist()
    order = [url_state.choice("sort"), url_state.choice("reverse")]
    key = f"grid_{hash((tuple(models), *map(str, order)))}"

    def selected() -> None:
        selection = st.session_state[key]["selection"]
        if selection["columns"]:  # a click on a head: Streamlit's own sorting is in no link and puts blanks first
            _sort_by(str(selection["columns"][0]), table.sortable)
        else:
            url_state.set_choice("model", models[selection["rows"][0]] if selection["rows"] else None)

    chosen = url_state.choice("model")
    rows = [models.index(chosen)] if chosen in models else []
    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    show_table(
        table,
        key=key,
        height="content" if len(models) < 20 else 640,
        on_select=selected,
        selection_mode=["single-row", "single-column"],
        alt="Leaderboard: one row a model, best first",
    )


def _sort_by(column: str, sortable: list[str]) -> None:
    """Callback: sort by this column, or turn it round if it is sorted by already."""
    if column in sortable:
        url_state.set_choice("reverse", url_state.choice("sort") == column and not url_state.choice("reverse"))
        url_state.set_choice("sort", column)


def show_legend(board: pd.DataFrame, hidden: int) -> None:
    """What the table's blanks, bars and badges mean."""
    incomplete = int((board["tasks_missing"] > 0).sum())
    lacking = (
        f"{count(incomplete, 'model lacks', 'models lack')} at least one task and"
        f" {'has' if incomplete == 1 else 'have'} no mean over all."
        if incomplete
        else ""
    )
    sentences = [
        "Scores run from 0 to 100, higher is better; a blank is a missing score, never a zero.",
        lacking,
        f"{hidden:,} hidden by the name search." if hidden else "",
    ]
    st.caption(" ".join(filter(None, sentences)))
    meaning = str(PRIVATE.help)
    legend = [
        ("orange", f"n {leaderboard_tables.CARD}", "scores stated on the model's own card, not run by MTEB"),
        (
            "gray", f"n {leaderboard_tables.DATA}",
            "scores on another version of the data set than today's or none stated",
        ),
        (
            "violet", f"n {leaderboard_tables.REVISION}",
            "scores of another revision of the model than most of its others",
        ),
    ]  # fmt: skip
    if board["private"].any():
        legend.append(("blue", leaderboard_tables.PRIVATE_MODEL, f"{meaning[0].lower()}{meaning[1:-1]}"))
    if not board["ranked"].all():
        legend.append(("green", leaderboard_tables.OWN_RUN, "only run here; moves nobody's rank"))
    st.markdown(" ".join(f":{colour}-badge[{label}] :small[{words}]" for colour, label, words in legend))


def show_figure(answers: Answers) -> None:
    """Quality against size; a click on a model chooses it."""
    by = url_state.segmented_control("Colour by", ["licence", "release"], "colour")
    quality = answers.choices.quality
    label = leaderboard_tables.MEANS[quality]
    frame = answers.board.assign(quality=answers.board[quality])
    left_out = len(frame) - len(pareto_figures.drawable(frame))
    figure = pareto_figures.quality_against_size(frame, quality=label, by=by, chosen=url_state.choice("model"))

    def picked() -> None:
        points = st.session_state["plot"]["selection"]["points"]
        if points and "customdata" in points[0]:
            data = points[0]["customdata"]
            url_state.set_choice("model", data if isinstance(data, str) else data[0])

    st.plotly_chart(figure, key="plot", on_select=picked, selection_mode="points", config={"displaylogo": False})
    st.caption(
        f"Up and to the left is better. Models on the dotted line are beaten by none of their size or smaller. "
        f"{count(left_out, 'model')} not drawn: size not stated or {label} missing."
    )


def show_provenance(answers: Answers) -> None:
    """Where the figures of the model chosen come from."""
    st.markdown("#### Where the numbers come from")
    models = answers.board["model"].tolist()
    hint = "Select a row above, or a name here"
    chosen = url_state.selectbox("Model", models, "model", index=None, placeholder=hint)
    if chosen is not None:
        show_private(models=[chosen])
        show_sources(answers.choices.name, chosen)


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name).strip("-").lower()


main()
