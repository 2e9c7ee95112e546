"""Tasks: one task, every model's score on it, and the cells and metrics a score is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import tasks as tasks_figures
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import names as names_queries
from dashboard.queries import task as task_queries
from dashboard.queries import training as training_queries
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import first_rows, show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import page_link
from dashboard.sections.private import show_private, with_private
from dashboard.tables import tasks as tasks_tables
from dashboard.words import listed, mark, tr

OWN = mark("The task's own cells")
MOST = 10


class Choices(NamedTuple):
    """A task, the benchmark whose cells of it count (empty: all of its own), and the models to mark."""

    task: str
    benchmark: str
    marked: list[str]


class Answers(NamedTuple):
    """What is chosen, the task's facts, and every model's score on it."""

    choices: Choices
    facts: dict[str, Any]
    standings: pd.DataFrame


def main() -> None:
    """The task chosen, its models, then one model's cells and metrics."""
    lay_out(controls, questions, (show_facts, show_distribution, show_standings))


def controls() -> Choices | None:
    """Task, the cells it is scored on, models to mark."""
    offered = answer_of(names_queries.tasks)
    if not offered:
        show_empty(tr("The store has no scores yet."), "python -m evaluators import")
        return None
    left, middle, right = st.columns([3, 3, 4])
    start = offered.index("STSBenchmark") if "STSBenchmark" in offered else 0
    task = url_state.subject("task", tr("Task"), offered, "task", index=start, remember="task", where=left)
    if task is None:
        return None
    scopes = [OWN, *answer_of(task_queries.benchmarks_with, task)]
    hint = tr("A benchmark may use fewer cells of a task.")
    scope = url_state.subject(
        "benchmark with this task", tr("Scored on"), scopes, "in", where=middle, help=hint,
        shown=lambda name: tr(name) if name == OWN else name,
    )  # fmt: skip
    if scope is None:
        return None
    marked = url_state.multiselect(tr("Mark models"), answer_of(names_queries.models), "models", where=right)
    return Choices(task, "" if scope == OWN else scope, marked)


def questions(choices: Choices) -> Answers:
    """The task's facts and standings."""
    standings = answer_of(task_queries.models_by_score, choices.task, choices.benchmark)
    return Answers(choices, answer_of(task_queries.task_description, choices.task), standings)


def show_facts(answers: Answers) -> None:
    """What the task is and how its score is made."""
    choices, facts, standings = answers
    show_private(models=choices.marked, tasks=[choices.task])
    if facts.get("description"):
        st.markdown(plain(facts["description"]))
    total = int(standings["cells_total"].max()) if len(standings) else 0
    st.markdown(plain(tasks_tables.how_scored(facts, total, choices.benchmark)))
    with st.expander(tr("Task facts")):
        show_table(tasks_tables.task_facts_table(facts), height="content")


def show_distribution(answers: Answers) -> None:
    """How scores spread over all models, and where the marked ones stand."""
    standings, marked = answers.standings, answers.choices.marked
    complete = int(standings["score"].notna().sum())
    partial = len(standings) - complete
    st.subheader(tr("{models} with a complete score", models=count(complete, "model")), anchor=False)
    if partial:
        some = mark("{models} with some of its cells only; their score is blank.")
        st.caption(tr(some, models=count(partial, "more model")))
    if complete:
        show_chart(tasks_figures.distribution_chart(standings, marked), key="t_distribution")
    if lacking := [model for model in marked if not standings.loc[standings["score"].notna(), "model"].eq(model).any()]:
        st.caption(tr("No complete score here: {models}.", models=listed(map(plain, lacking))))


def show_standings(answers: Answers) -> None:
    """Every model, the marked ones on top; below, the cells and metrics of the one that is open."""
    choices, _, standings = answers
    if standings.empty:
        show_empty(tr("No model has a score on these cells."))
        return
    marked = standings["model"].isin(choices.marked)
    every = pd.concat([standings[marked], standings[~marked]])
    ordered = first_rows(every)
    overlap = answer_of(training_queries.overlap, tuple(ordered["model"]), (choices.task,))
    ordered = ordered.assign(trained=overlap[choices.task].reindex(ordered["model"]).to_numpy())
    row = show_sortable(tasks_tables.standings_table(with_private(ordered)), "rows")
    st.caption(tr("Select a row to see the cells and metrics its score is made of, a head to sort by it."))
    if row is not None:  # before the control it sets, which is below
        url_state.set_choice("open", str(row["model"]))
    model = url_state.subject(
        "model on this task", tr("Cells and metrics of"), every["model"].tolist(), "open", width=480
    )
    if model is not None:
        show_cells(standings, choices)
        show_model(standings, model, choices.benchmark)


def show_cells(standings: pd.DataFrame, choices: Choices) -> None:
    """Splits and subsets as a heatmap and a table."""
    models = [model for model in choices.marked if standings["model"].eq(model).any()]
    models = models or list(standings["model"][:MOST])
    results = standings.set_index("model").loc[models, "result_id"]
    cells = answer_of(task_queries.cells, tuple(int(result) for result in results), choices.benchmark)
    if cells.groupby("model").size().max() < 2:
        return
    st.subheader(tr("Splits, subsets and languages"), anchor=False)
    if not choices.marked:
        first = count(len(models), "model")
        st.caption(tr("The first {models}; mark models to see those instead.", models=first))
    show_chart(tasks_figures.cells_map(cells, models), key="t_cells")
    with st.expander(tr("The same as a table")):
        show_table(tasks_tables.cells_table(cells))


def show_model(standings: pd.DataFrame, model: str, benchmark: str) -> None:
    """One model's score on this task: where it came from, and every metric stored of it."""
    row = standings[standings["model"] == model].to_dict("records")[0]
    st.subheader(tr("{model} on this task", model=plain(model)), anchor=False)
    show_private(models=[model])
    page_link(
        "models", tr("Its profile over all tasks"), model=model, **({"benchmark": benchmark} if benchmark else {})
    )
    left, right = st.columns(2)
    show_table(tasks_tables.score_facts_table(row), where=left, height="content")
    metrics = answer_of(task_queries.metrics, int(row["result_id"]))
    if metrics.empty:
        only = mark("Only the main score of this result is stored; secondary metrics come with an import of the files.")
        right.caption(tr(only))
    else:
        show_table(tasks_tables.metrics_table(metrics), where=right)


main()
