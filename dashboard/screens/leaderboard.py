"""Leaderboard: every model on a benchmark, by MTEB's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import names as names_queries
from dashboard.queries import training as training_queries
from dashboard.queries.leaderboard import Filter
from dashboard.sections.board import Board, board_of, show_board
from dashboard.sections.filters import choose_among
from dashboard.sections.headline import show_headline
from dashboard.sections.layout import lay_out
from dashboard.sections.links import compare_link
from dashboard.sections.private import show_private
from dashboard.sections.provenance import show_sources
from dashboard.views import on_paper
from dashboard.words import listed, mark, running, tr, tr_n
from data.rules.bootstrap import AHEAD, TIED

ALL, UNLISTED = mark("All benchmarks"), mark("Not on MTEB's menu")
WHOLE = "all_tasks"  # the switch to MTEB's own view, in the address


class Choices(NamedTuple):
    """A benchmark, the models and tasks that are asked for, and the place of the headline above the controls."""

    benchmark: dict[str, Any]
    among: Filter
    headline: DeltaGenerator


class Answers(NamedTuple):
    """What is chosen, and the board."""

    choices: Choices
    board: Board


def main() -> None:
    """The best of a benchmark, all models on it, and where the figures of the one chosen come from."""
    lay_out(controls, questions, (show_best, show_left_out, show_compare_link, show_views, show_provenance))


def controls() -> Choices | None:
    """The benchmark, and in the sidebar the filters of models and tasks."""
    benchmarks = answer_of(leaderboard_queries.benchmarks)
    if benchmarks.empty:
        show_empty(tr("**The store is empty.** No scores have been imported yet."), "python -m evaluators import")
        return None
    benchmark = choose_benchmark(benchmarks)
    if benchmark is None:
        return None
    headline = st.container()
    url_state.declare(WHOLE)
    offered = answer_of(leaderboard_queries.choices, benchmark["benchmark"])
    among = choose_among(offered, zero_shot=bool(benchmark["show_zero_shot"]))
    if not among.trusted:
        among = replace(among, whole=choose_whole(benchmark["benchmark"]))
    return Choices(benchmark, among, headline)


def choose_benchmark(benchmarks: pd.DataFrame) -> dict[str, Any] | None:
    """A row of the benchmarks, narrowed to a group of MTEB's menu."""
    headings = benchmarks["menu"].fillna(UNLISTED)
    bar = st.container(horizontal=True)
    groups = [ALL, *dict.fromkeys(headings)]
    heading = url_state.selectbox(tr("Group"), groups, "group", where=bar, width=220, shown=tr)
    rows = benchmarks if heading == ALL else benchmarks[headings == heading]
    names = rows["benchmark"].tolist()
    first = leaderboard_queries.first_shown(names)
    name = url_state.subject(
        "benchmark", tr("Benchmark"), names, "benchmark", index=first, remember="benchmark", where=bar, width=320
    )
    if name is None:
        return None
    return leaderboard_queries.benchmark_row(rows, name)


def choose_whole(benchmark: str) -> bool:
    """Why tasks are left out, where nobody has finished them, and the switch to MTEB's own table."""
    tasks = answer_of(leaderboard_queries.unfinished, benchmark)
    if not tasks:
        return False
    left, right = st.columns([5, 2], vertical_alignment="center")
    whole = url_state.toggle(
        tr("MTEB's own view: all tasks"), WHOLE, where=right,
        help=tr("Then nobody has a mean; the rank counts what there is."),
    )  # fmt: skip
    if whole:
        sentence = tr_n(
            len(tasks),
            "{tasks} counts: no model in this record has every cell of it, so with it none has a mean over all tasks.",
            "{tasks} count: no model in this record has every cell of them, so with them none has a mean over all "
            "tasks.",
            tasks=_some(tasks),
        )
    else:
        sentence = tr_n(
            len(tasks),
            "{tasks} is left out: no model in this record has every cell of it, so with it none has a mean over all "
            "tasks.",
            "{tasks} are left out: no model in this record has every cell of them, so with them none has a mean over "
            "all tasks.",
            tasks=_some(tasks),
        )
    left.caption(sentence)
    return whole


def _some(tasks: Sequence[str]) -> str:
    names = listed(f"**{plain(task)}**" for task in tasks[:5])
    return tr("{names} and more", names=names) if len(tasks) > 5 else names


def questions(choices: Choices) -> Answers | None:
    """The board of those that take part, and intervals of its ranks."""
    board = board_of(choices.benchmark, choices.among)
    if board is None:
        show_nobody(choices.among)
        return None
    models = board.models
    if choices.benchmark["show_zero_shot"]:
        models["zero_shot"] = models["model"].map(
            answer_of(training_queries.training, board.name, board.selection.filtered_tasks)["zero_shot"]
        )
    models["private"] = models["model"].isin(answer_of(names_queries.private).models)
    return Answers(choices, board)


def show_nobody(among: Filter) -> None:
    """Why the table is empty."""
    if among == Filter():
        st.info(tr("**Nobody has a score here yet** on a task that anybody may see."), icon=":material/inbox:")
    else:
        st.info(tr("**No model meets all of these filters.** Widen one of them."), icon=":material/filter_alt:")


def show_best(answers: Answers) -> None:
    """Who is best, above the controls of the table."""
    with answers.choices.headline:
        show_headline(answers.board)


def show_left_out(answers: Answers) -> None:
    """What the strict switch leaves out, and how to rank on other tasks."""
    selection = answers.board.selection
    if not selection.trusted:
        return
    unranked = int(answers.board.models["rank"].isna().sum())
    if unranked:
        ranked = tr_n(
            unranked,
            "Ranked are the models with figures run on today's data on all of these tasks; {n:,} model lacks some and "
            "stands below, without a rank.",
            "Ranked are the models with figures run on today's data on all of these tasks; {n:,} models lack some and "
            "stand below, without a rank.",
        )
    else:
        ranked = tr("Ranked are the models with figures run on today's data on all of these tasks.")
    left_out = tr_n(
        len(selection.unshared),
        "{n:,} task is left out because too few of them share it: {tasks}. Choose tasks in the bar at the side to rank "
        "on others.",
        "{n:,} tasks are left out because too few of them share them: {tasks}. Choose tasks in the bar at the side to "
        "rank on others.",
        tasks=_some(selection.unshared),
    )
    st.caption(running(ranked, left_out if selection.unshared else ""))


def show_compare_link(answers: Answers) -> None:
    """The way to the same question task by task: the first, those tied with it or above it, and the model chosen."""
    board, intervals, selection = answers.board.models, answers.board.intervals, answers.board.selection
    close = intervals.models.loc[intervals.models["against_first"].isin([TIED, AHEAD]), "model"]
    ranked = board.loc[board["rank"].notna(), "model"]
    chosen = [model for model in (url_state.choice("model"),) if board["model"].eq(model).any()]
    rivals = [rival.model for rival in intervals.rivals[:1]]
    near = [*ranked.iloc[:1], *chosen, *ranked[ranked.isin(close)], *ranked.iloc[:2], *rivals]
    models = list(dict.fromkeys(near))[:5]
    if len(models) < 2:
        return
    narrowed = selection.tasks is not None and (selection.filtered_tasks is not None or bool(selection.unshared))
    compare_link(
        tr("Compare the first with {others}, task by task", others=count(len(models) - 1, "other")),
        answers.board.name,
        models,
        tasks=(selection.tasks or ()) if narrowed else (),
        strict=selection.trusted,
    )


def show_views(answers: Answers) -> None:
    """The table, and quality against size."""
    show_board(answers.board)


def show_provenance(answers: Answers) -> None:
    """Where the figures of the model chosen come from; on paper, which nobody chooses on, nothing without one."""
    heading = st.container()
    models = answers.board.models["model"].tolist()
    hint = tr("Select a row above, or a name here")
    chosen = url_state.selectbox(tr("Model"), models, "model", index=None, placeholder=hint)
    if chosen is not None or not on_paper():
        heading.markdown("#### " + tr("Where the numbers come from"))
    if chosen is not None:
        show_private(models=[chosen])
        show_sources(answers.board.name, chosen)


main()
