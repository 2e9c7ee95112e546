"""Budget: which few tasks tell the rest of a benchmark, how surely, what they cost, and what they leave untold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import budget as budget_figures
from dashboard.figures.budget import Spot
from dashboard.formatting import count, small
from dashboard.messages import show_empty
from dashboard.queries import budget as budget_queries
from dashboard.sections.budget import (
    ModelAnswer,
    curve_of,
    fitted_with,
    is_sure,
    known_of,
    planned,
    show_copies,
    show_how_sure,
    show_known,
    show_own_tasks,
)
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import open_page
from dashboard.sections.private import show_private
from dashboard.tables import budget as budget_tables
from dashboard.words import mark, running, tr
from data.rules.budget.choice import Budget
from data.rules.budget.curve import Picking
from data.rules.budget.plan import BudgetPlan, speed_here
from data.rules.budget.prediction import Predictor
from data.rules.budget.spelled import mteb_definition, reproduce_command

# Shares of the published time in percent, and the two other ways to say what may be spent.
_SHARES = ("1%", "2%", "5%", "10%", "20%")
_TASKS, _MINUTES = mark("Tasks"), mark("Min")
_USUAL = "MTEB(eng, v2)"  # which most know
_MOST_BESIDE = 4
_MANY, _TALL = 10, 38 + 35 * 11


class Choices(NamedTuple):
    """The benchmark, what may be spent (as a command says it, too), the model it is for, if any, and what predicts."""

    benchmark: str
    budget: Budget
    spelled: str
    model: str | None
    predictor: Predictor


class Answers(NamedTuple):
    """What is chosen, what the budget buys, and what is known of the model, if there is one."""

    choices: Choices
    plan: BudgetPlan
    known: ModelAnswer | None


def main() -> None:
    """How surely, then the tasks and the curve, then what they leave untold, to copy, and own tasks."""
    lay_out(controls, questions, (show_answer, show_tasks, show_list, show_untold, show_own))


def controls() -> Choices | None:
    """The benchmark, what may be spent, and a model."""
    boards = answer_of(budget_queries.boards)
    if not boards:
        show_empty(tr("The store has no scores yet."), "python -m evaluators import")
        return None
    left, middle, right = st.columns([3, 4, 3])
    benchmark = url_state.subject(
        "benchmark",
        tr("Benchmark"),
        boards,
        "benchmark",
        where=left,
        remember="benchmark",
        index=boards.index(_USUAL) if _USUAL in boards else 0,
    )
    if benchmark is None:
        return None
    predictor = answer_of(budget_queries.record_predictor, benchmark)
    paces = _paces(predictor)
    offered = (*_SHARES, _TASKS, *([_MINUTES] if paces else []))
    way = url_state.segmented_control(
        tr("Budget"), offered, "budget", where=middle, default="5%", shown=tr,
        help=tr("Share of the time that all tasks of the benchmark take a typical model, by published times."),
    )  # fmt: skip
    budget, spelled = _choose_amount(way, predictor, paces, middle)
    models = answer_of(budget_queries.models_of, benchmark)
    model = url_state.selectbox(
        tr("Model"), models, "model", index=None, where=right, placeholder=tr("any"),
        help=tr("What was run of it here counts as done; else the page shows what the tasks alone would say of it."),
    )  # fmt: skip
    if model is not None:
        predictor = fitted_with(predictor, [model]).as_stranger(model)
        show_private(models=[model])
    return Choices(benchmark, budget, spelled, model, predictor)


def _paces(predictor: Predictor) -> dict[str, float]:
    """How many times as long as a typical model each one takes here that was timed on any of these tasks."""
    typical = dict(zip(predictor.table.tasks, predictor.table.seconds.tolist(), strict=True))
    timed = answer_of(budget_queries.timed_here)
    every = {
        str(model): speed_here(typical, dict(zip(part["task"], part["seconds"], strict=True)))
        for model, part in timed.groupby("model")
    }
    return {model: pace for model, pace in every.items() if pace > 0}


def _choose_amount(way: str, predictor: Predictor, paces: dict[str, float], where: Any) -> tuple[Budget, str]:
    """What may be spent, and as a command says it."""
    if way == _TASKS:
        most = len(predictor.table.tasks)
        n = url_state.number_input(
            tr("Number of tasks"), "tasks", where=where, min_value=1.0, max_value=float(most), step=1.0,
            value=float(min(8, most)), format="%d",
        )  # fmt: skip
        return Budget(tasks=int(n or 1)), f"{int(n or 1)} tasks"
    if way == _MINUTES:
        minutes_at, pace_at = where.columns(2)
        minutes = url_state.number_input(
            tr("Minutes here"), "minutes", where=minutes_at, min_value=0.1, step=5.0, value=20.0, format="%g"
        )
        model = url_state.selectbox(
            tr("At the pace of"), sorted(paces), "pace", where=pace_at,
            help=tr("A model that was timed in runs of this machine, over all tasks it was timed on."),
        )  # fmt: skip
        pace = paces[model or next(iter(sorted(paces)))]
        return Budget(seconds=60 * (minutes or 0.1) / pace), f"{small(minutes or 0.1, 6)}min"
    share = float(way.removesuffix("%")) / 100
    return Budget(seconds=share * float(predictor.table.seconds.sum())), way


def questions(choices: Choices) -> Answers:
    """What the budget buys, and what is known of the model."""
    benchmark, model, predictor = choices.benchmark, choices.model, choices.predictor
    if model is None:
        return Answers(choices, planned(benchmark, predictor, choices.budget, None, ""), None)
    here = answer_of(budget_queries.run_here, benchmark, model)
    measured = budget_queries.measured_of(predictor.table, model, here)
    plan = planned(benchmark, predictor, choices.budget, measured, model)
    return Answers(choices, plan, known_of(predictor, model, measured, plan))


def show_answer(answers: Answers) -> None:
    """How surely these tasks tell the mean, and what the model comes to."""
    show_how_sure(answers.plan, answers.choices.predictor)
    if answers.known is not None:
        show_known(answers.known, answers.plan, answers.choices.predictor)


def show_tasks(answers: Answers) -> None:
    """The tasks to run, and how surely each budget tells the mean."""
    choices, plan = answers.choices, answers.plan
    points = curve_of(choices.benchmark)
    sure = is_sure(choices.predictor) and len(points) > 1
    left, right = st.columns([5, 4]) if sure else (st.container(), None)
    if plan.steps:
        left.subheader(tr("The tasks to run, in this order"), anchor=False)
        row = show_sortable(budget_tables.steps_table(plan, sure=sure), "rows", where=left, **_tall(plan.steps))
        left.caption(tr("Select a row to open the task, a head to sort by it."))
        if row is not None:
            open_page("tasks", task=str(row["task"]))
    if right is None:
        return
    boards = [name for name in answer_of(budget_queries.boards) if name != choices.benchmark]
    beside = url_state.multiselect(
        tr("Beside other benchmarks"),
        boards,
        "beside",
        where=right,
        placeholder=tr("None"),
        max_selections=_MOST_BESIDE,
    )
    with right:
        others = {name: curve_of(name, Picking.TELLING) for name in beside}
        spot = Spot(plan.share, plan.after.half, len(plan.steps)) if plan.steps and not plan.done else None
        chart = budget_figures.budget_chart(points, spot, choices.benchmark, others)
        show_chart(chart, key="b_curve")
        lower = tr("Lower is surer. Random tasks: the median of five draws of equal cost.")
        st.caption(running(lower, tr("Of other benchmarks: their most telling tasks.") if others else ""))


def _tall(rows: Sequence[object]) -> dict[str, Any]:
    """How high a table of so many rows is: as high as they are, up to what a screen has room for."""
    return {"height": _TALL} if len(rows) > _MANY else {}


def show_list(answers: Answers) -> None:
    """The same to take along."""
    choices, plan = answers.choices, answers.plan
    tasks = [step.task for step in plan.steps]
    if not tasks:
        return
    with st.expander(tr("Take the list along: commands, and a benchmark for mteb"), icon=":material/content_copy:"):
        commands = [] if plan.done else [reproduce_command(choices.model, choices.benchmark, choices.spelled)]
        commands.append(reproduce_command(choices.model, choices.benchmark, tasks=tasks))
        name = f"{choices.benchmark}: {choices.spelled}"
        show_copies(commands, mteb_definition(name, choices.benchmark, tasks))


def show_untold(answers: Answers) -> None:
    """What the choice does not tell: tasks left out, the least told first."""
    rest = answers.plan.rest
    if not rest or not (answers.plan.steps or answers.plan.done):
        return
    with st.expander(
        tr("What the rest is known from: {tasks} left out, the least told first", tasks=count(len(rest), "task")),
        icon=":material/visibility_off:",
    ):
        show_table(budget_tables.untold_table(rest), **_tall(rest))
        st.caption(tr("A task that is told badly moves the mean little by itself. If yours is among them, run it."))


def show_own(answers: Answers) -> None:
    """Which own tasks say what this benchmark says already."""
    show_own_tasks(answers.choices.benchmark, answers.choices.predictor)


main()
