"""Models: one model's profile over a benchmark's tasks and languages, against peers of about its size."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import tasks as tasks_figures
from dashboard.formatting import count, parameters, plain, score
from dashboard.messages import show_empty
from dashboard.queries import compare as compare_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import names as names_queries
from dashboard.queries import profile as profile_queries
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import open_page
from dashboard.sections.private import show_private, with_private
from dashboard.tables import compare as compare_tables
from dashboard.tables import tasks as tasks_tables
from dashboard.tables.columns import Table
from dashboard.words import listed, mark, running, stopped, tr

FEW = 5
BY_TASK, BY_LANGUAGE = mark("By task"), mark("By language")


class Choices(NamedTuple):
    """A model and one of its benchmarks."""

    model: str
    benchmark: str


class Answers(NamedTuple):
    """What is chosen, the model's facts, its peers, and its tasks against theirs."""

    choices: Choices
    facts: pd.DataFrame
    peers: list[str]
    tasks: pd.DataFrame


def main() -> None:
    """The model chosen, its percentiles by task, strengths and weaknesses, languages down to their cells."""
    lay_out(controls, questions, (show_standing, show_peers, show_against_peers))


def controls() -> Choices | None:
    """Model and benchmark."""
    offered = answer_of(names_queries.models)
    if not offered:
        show_empty(tr("The store has no scores yet."), "python -m evaluators import")
        return None
    left, right = st.columns(2)
    start = answer_of(profile_queries.first_model)
    index = offered.index(start) if start in offered else 0
    model = url_state.subject("model", tr("Model"), offered, "model", index=index, remember="model", where=left)
    if model is None:
        return None
    show_private(models=[model])
    benchmarks = answer_of(profile_queries.benchmarks_of, model)
    if not benchmarks:
        show_empty(tr("This model has scores, but on no task of a benchmark."))
        return None
    first = leaderboard_queries.first_shown(benchmarks)
    benchmark = url_state.subject("benchmark", tr("Benchmark"), benchmarks, "benchmark", index=first, where=right)
    return None if benchmark is None else Choices(model, benchmark)


def questions(choices: Choices) -> Answers:
    """The model's facts, its peers and its tasks."""
    return Answers(
        choices,
        answer_of(compare_queries.registry_facts, (choices.model,), choices.benchmark),
        answer_of(profile_queries.peers, *choices),
        answer_of(profile_queries.tasks_against_peers, *choices),
    )


def show_standing(answers: Answers) -> None:
    """The model's rank and mean on the benchmark, as its leaderboard has them."""
    model, benchmark = answers.choices
    board = profile_queries.standing_of(answer_of(profile_queries.standings, benchmark), model)
    if board is None:
        return
    named = {"model": plain(model), "benchmark": plain(benchmark)}
    lead = (
        tr("Rank {rank} of {models} on {benchmark}", rank=board.rank, models=count(board.ranked, "model"), **named)
        if board.rank is not None
        else tr("No rank on {benchmark}", **named)
    )
    if board.mean is not None:
        behind = tr("mean {mean} over {tasks}", mean=score(board.mean), tasks=count(board.tasks, "task"))
    else:
        behind = tr(
            "no mean, as it has {n} of {tasks}", n=board.tasks - board.missing, tasks=count(board.tasks, "task")
        )
    st.markdown("#### " + listed([f"**{plain(model)}**", stopped(listed([lead, behind]))], ": "))


def show_peers(answers: Answers) -> None:
    """Facts, and whom the model is compared with."""
    size = answers.facts["n_parameters"].iloc[0]
    peers = {"models": count(len(answers.peers), "other model"), "benchmark": plain(answers.choices.benchmark)}
    if pd.notna(size):
        whom = tr(
            "Peers: the {models} of {benchmark} with {low} to {high} parameters, half to twice its own {size}.",
            low=parameters(size / 2), high=parameters(size * 2), size=parameters(size), **peers,
        )  # fmt: skip
    else:
        whom = tr("Peers: the {models} of {benchmark} of any size, because its own is unknown.", **peers)
    percentile = tr("A percentile is the share of the peers with a score on the same task that score lower.")
    st.markdown(running(whom, percentile))
    with st.expander(tr("Model facts")):
        show_table(compare_tables.facts_table(answers.facts), height="content")


def show_against_peers(answers: Answers) -> None:
    """The model's tasks, or its languages."""
    if answers.tasks.empty:
        show_empty(tr("This model has no complete task of this benchmark."))
    elif url_state.segmented_control(tr("Against its peers"), [BY_TASK, BY_LANGUAGE], "view", shown=tr) == BY_TASK:
        show_profile(answers.tasks, answers.choices)
    else:
        show_languages(answers.choices)


def show_profile(tasks: pd.DataFrame, choices: Choices) -> None:
    """Percentiles by type, the best and worst tasks, and all of them; a click opens the task."""
    show_chart(tasks_figures.profile_chart(tasks), key="m_profile")
    ranked = tasks.dropna(subset=["percentile"])
    few = min(FEW, len(ranked) // 2)
    if few:
        extremes = (
            ("strongest", tr("Strongest"), ranked.head(few)),
            ("weakest", tr("Weakest"), ranked.tail(few).iloc[::-1]),
        )
        for where, (name, title, part) in zip(st.columns(2), extremes, strict=True):
            where.markdown(f"**{title}**")
            table = tasks_tables.profile_table(with_private(part)).without("Δ to best", "Peers")
            show_tasks(table, choices, name, where=where)
    st.markdown(f"**{tr('All tasks')}**")
    show_tasks(tasks_tables.profile_table(with_private(tasks)), choices, "tasks")
    st.caption(tr("Select a row to open its task: the cells and metrics the score is made of."))


def show_languages(choices: Choices) -> None:
    """Languages against peers; the cells of the one chosen."""
    languages, cells = answer_of(profile_queries.languages_against_peers, *choices)
    if languages.empty:
        show_empty(tr("Nobody said which languages these cells are in."))
        return
    left, right = st.columns([2, 3])
    row = show_sortable(tasks_tables.languages_table(languages), "languages", where=left)
    if row is not None:  # before the control it sets, which is beside it
        url_state.set_choice("language", row["language"])
    left.caption(tr("Select a row to see its cells. A cell of two languages counts for both."))
    language = url_state.selectbox(tr("Cells in"), list(languages["language"]), "language", where=right)
    written = cells["languages"].fillna("").str.split(",")
    in_language = cells[[any(part.split("-")[0] == language for part in parts) for parts in written]]
    table = tasks_tables.profile_table(with_private(in_language)).without("Type")
    show_tasks(table, choices, "cells", where=right)


def show_tasks(table: Table, choices: Choices, name: str, *, where: Any = st) -> None:
    """A table whose rows open their task with this model marked."""
    row = show_sortable(table, name, where=where)
    if row is not None:
        model = choices.model
        open_page("tasks", task=str(row["task"]), **{"in": choices.benchmark}, models=[model], open=model)


main()
