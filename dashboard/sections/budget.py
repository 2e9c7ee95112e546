"""What a budget tells, in words: how surely the mean is known, what a model comes to, and what own tasks add."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.access import answer_of, version
from dashboard.formatting import count, percent, plain, score, span_text
from dashboard.messages import show_empty
from dashboard.queries import budget as budget_queries
from dashboard.queries.budget import Measured, Rests
from dashboard.sections.grid import show_table
from dashboard.sections.private import with_private
from dashboard.tables import budget as budget_tables
from dashboard.words import mark, running, tr, tr_n
from data.rules.budget.choice import Budget
from data.rules.budget.curve import CurvePoint, Picking, budget_curve
from data.rules.budget.filling import filled_means
from data.rules.budget.plan import ENOUGH_MODELS, BudgetPlan, plan_of
from data.rules.budget.prediction import Prediction, Predictor
from data.rules.budget.redundancy import FEWEST_MODELS, redundancy_of
from data.store.access_mode import store_path

__all__ = [
    "ModelAnswer", "curve_of", "fitted_with", "is_sure", "known_of", "planned", "show_copies", "show_how_sure",
    "show_known", "show_own_tasks",
]  # fmt: skip

_SPREAD_OF = 10  # models with every task, below which nothing is said of how far they spread


class ModelAnswer(NamedTuple):
    """What is known of a model, what the tasks at hand make of it, and which tasks that rests on."""

    model: str
    measured: Measured
    prediction: Prediction
    rests_on: frozenset[str]


def fitted_with(predictor: Predictor, models: Collection[str]) -> Predictor:
    """What is fitted to the same benchmark with these models, where it has a sample in which they are not."""
    if predictor.table.drawn_of is None or set(models) <= set(predictor.table.models):
        return predictor
    return answer_of(budget_queries.record_predictor, predictor.table.benchmark, tuple(sorted(models)))


def planned(benchmark: str, predictor: Predictor, budget: Budget, measured: Measured | None, model: str) -> BudgetPlan:
    """The tasks to run for a budget, on top of what is measured of a model; kept for the next visit."""
    done = () if measured is None or measured.rests is Rests.WHOLE else tuple(measured.scores)
    key = repr((*_place(), benchmark, model, budget, done))
    return _planned(key, predictor, budget, done)


def curve_of(benchmark: str, *pickings: Picking) -> tuple[CurvePoint, ...]:
    """How surely each budget tells the mean of a benchmark; kept for the next visit."""
    predictor = answer_of(budget_queries.record_predictor, benchmark)
    return _curve(repr((*_place(), benchmark)), predictor, pickings or tuple(Picking))


def known_of(predictor: Predictor, model: str, measured: Measured, plan: BudgetPlan) -> ModelAnswer:
    """What a model comes to: by what was measured of it, or, where all is published, by the tasks of the plan alone."""
    scores = measured.scores
    if measured.rests is Rests.WHOLE:
        scores = {step.task: scores[step.task] for step in plan.steps}
    key = repr((*_place(), predictor.table.benchmark, model, measured.rests, sorted(scores.items())))
    return ModelAnswer(model, measured, _predicted(key, predictor, measured, scores, model), frozenset(scores))


def _place() -> tuple[object, ...]:
    """The store that is read and its version: what anything kept for the next visit hangs on."""
    return str(store_path()), version()


@st.cache_data(max_entries=128, show_spinner=False)
def _predicted(
    key: str, _predictor: Predictor, _measured: Measured, _scores: dict[str, float], _model: str
) -> Prediction:
    here = _measured.rests is Rests.HERE
    predicted = _predictor.predict(_scores, _predictor.table.noise if here else None, leave_out=_model)
    if _measured.rests is Rests.WHOLE or (here and _model in _predictor.table.models):
        return predicted
    # Of what a model happens to lack the Leaderboard speaks as well: where it does, this page says the same.
    filled = filled_means(_predictor, only=[_model], own={_model: _scores} if here else None).means.get(_model)
    return predicted._replace(mean=filled.mean, held_out=filled.held_out) if filled else predicted


@st.cache_data(max_entries=128, show_spinner=False)
def _planned(key: str, _predictor: Predictor, _budget: Budget, _done: tuple[str, ...]) -> BudgetPlan:
    return plan_of(_predictor, _budget, _done)


@st.cache_data(max_entries=128, show_spinner=False)
def _curve(key: str, _predictor: Predictor, pickings: tuple[Picking, ...]) -> tuple[CurvePoint, ...]:
    return budget_curve(_predictor, pickings)


def show_how_sure(plan: BudgetPlan, predictor: Predictor) -> None:
    """The answer in one sentence, and what it is worth in one more."""
    table, tasks = predictor.table, len(predictor.table.tasks)
    if not plan.steps:
        _show_nothing_to_run(plan, predictor)
        return
    n, sure = len(plan.steps), is_sure(predictor)
    blanks = {"tasks": tasks, "share": percent(plan.share)}
    more = {"half": _points(plan.after.half), "done": len(plan.done)}
    if not sure:
        text = mark(
            "**{n} of {tasks} tasks**, {share} of the time, would be the first to run; how surely, nobody can say."
        )
        st.markdown("#### " + tr(text, n=n, **blanks))
        st.caption(
            tr(
                "Only {models} have most of this benchmark's tasks; from {enough} on it is said how surely the mean is "
                "known. Until then take the list as a hint, and run all tasks where it matters.",
                models=count(predictor.expected(()).models, "model"), enough=ENOUGH_MODELS,
            )
        )  # fmt: skip
        return
    if plan.done:
        text = mark(
            "**{n} more of {tasks} tasks**, {share} of the time, beside the {done} that are done tell the mean within "
            "**±{half} points** (95%)."
        )
        st.markdown("#### " + tr(text, n=n, **blanks, **more))
    else:
        st.markdown("#### " + tr_n(
            n,
            "**{n} of {tasks} tasks**, {share} of the time, tells the mean within **±{half} points** (95%).",
            "**{n} of {tasks} tasks**, {share} of the time, tell the mean within **±{half} points** (95%).",
            **blanks, **more,
        ))  # fmt: skip
    st.markdown(running(_worth(predictor, plan), _takes(plan, float(table.seconds.sum()))))
    st.caption(
        tr(
            "Measured on {models}, each predicted by models of other families. It holds for models like these; one of "
            "a new kind may be further off.",
            models=count(plan.after.models, "model"),
        )
    )
    if table.drawn_of is not None:
        st.caption(
            tr(
                "So many models have figures here that {some:,} of {all:,} are asked, the same ones at every visit: a "
                "sample by name, some of every task, and those this page is about.",
                some=len(table.models), all=table.drawn_of,
            )
        )  # fmt: skip


def is_sure(predictor: Predictor) -> bool:
    """Whether enough models have most of the tasks to say how surely a mean is known."""
    return predictor.expected(()).models >= ENOUGH_MODELS


def _show_nothing_to_run(plan: BudgetPlan, predictor: Predictor) -> None:
    """Why no task is to be run: all are done, or none fits."""
    if len(plan.done) == len(predictor.table.tasks):
        show_empty(tr("Every task of this benchmark is measured: nothing is left to be told."))
        return
    if len(predictor.table.tasks) == 1:
        show_empty(tr("This benchmark has one task: there is nothing to choose."))
        return
    whole = float(predictor.table.seconds.sum())
    show_empty(
        tr(
            "No task fits this budget: the cheapest takes {share} of the time ({time}). Choose more.",
            share=percent(plan.cheapest / whole), time=span_text(plan.cheapest),
        )
    )  # fmt: skip


def _worth(predictor: Predictor, plan: BudgetPlan) -> str:
    """What the interval is worth: what is known without a task, and how far apart models are."""
    without = tr("Without a single task it is ±{half}.", half=_points(predictor.expected(()).half))
    means = predictor.table.scores @ predictor.table.weights
    means = means[~np.isnan(means)]
    if len(means) < _SPREAD_OF:
        return without
    low, high = np.quantile(means, [0.05, 0.95])
    spread = tr(
        "Nine in ten of the {n:,} models with every task lie between {low} and {high}.",
        n=len(means), low=_points(low), high=_points(high),
    )  # fmt: skip
    return running(without, spread)


def _takes(plan: BudgetPlan, whole: float) -> str:
    return tr(
        "A typical model takes {time} of {whole} (published times).",
        time=span_text(plan.seconds), whole=span_text(whole),
    )  # fmt: skip


def show_known(known: ModelAnswer, plan: BudgetPlan, predictor: Predictor) -> None:
    """What a model comes to, with its published mean beside it, and the same by task type."""
    measured, expected = known.measured, known.prediction
    if not known.rests_on:
        st.info(
            tr("**{model}** has no figure on any of these tasks, so nothing is known of it.", model=plain(known.model)),
            icon=":material/person_search:",
        )
        return
    st.markdown(running(_comes_to(known, predictor), _beside(measured, expected, predictor)))
    table = predictor.table
    types = dict(zip(table.tasks, table.types, strict=True))
    with st.expander(tr("By task type"), icon=":material/category:"):
        show_table(budget_tables.types_known_table(expected, types, known.rests_on, measured.types))
        st.caption(
            tr("Its own figures and those of its family are left out of what predicts it, as if nobody had seen it.")
        )


def _comes_to(known: ModelAnswer, predictor: Predictor) -> str:
    """A model's mean, how surely, and its rank."""
    measured, expected = known.measured, known.prediction
    half = (expected.mean.high - expected.mean.low) / 2
    blanks = {
        "model": plain(known.model), "tasks": count(len(known.rests_on), "task"), "mean": score(expected.mean.value),
        "half": f"{100 * half:.2f}",
    }  # fmt: skip
    if not is_sure(predictor):
        return tr("**{model}** would come to about {mean}; how surely cannot be said.", **blanks)
    texts = {
        Rests.HERE: mark("By the {tasks} run here **{model}** comes to **{mean} ± {half}**."),
        Rests.WHOLE: mark("By these {tasks} alone **{model}** comes to **{mean} ± {half}**."),
        Rests.PARTLY: mark("By the {tasks} that are published **{model}** comes to **{mean} ± {half}**."),
    }
    sentence = tr(texts[measured.rests], **blanks)
    if expected.rank is None:
        return sentence
    low, high = round(expected.rank.low), round(expected.rank.high)
    places = {"low": low, "high": high, "total": len(predictor.table.models)}
    if predictor.table.drawn_of is not None:
        if low == high:
            return running(sentence, tr("Rank {low} among the {total:,} models that are asked.", **places))
        return running(sentence, tr("Rank {low} to {high} among the {total:,} models that are asked.", **places))
    if low == high:
        return running(sentence, tr("Rank {low} of {total:,}.", **places))
    return running(sentence, tr("Rank {low} to {high} of {total:,}.", **places))


def _beside(measured: Measured, expected: Prediction, predictor: Predictor) -> str:
    """The published mean beside the predicted one."""
    if math.isnan(measured.mean):
        return "" if measured.rests is Rests.PARTLY else tr("It has no published mean here: tasks are missing.")
    if not is_sure(predictor) or expected.mean.low <= measured.mean <= expected.mean.high:
        return tr("Published is {mean}.", mean=score(measured.mean))
    return tr("Published is {mean}, which is outside.", mean=score(measured.mean))


def show_copies(commands: list[str], definition: str) -> None:
    """The list of tasks to take along: commands for the shell, and a benchmark for mteb."""
    left, right = st.columns(2)
    left.markdown("**" + tr("Run them here") + "**")
    for command in commands:
        left.code(command, language="bash", wrap_lines=True)
    right.markdown("**" + tr("As a benchmark of mteb") + "**")
    right.code(definition, language="python", wrap_lines=True)


def show_own_tasks(benchmark: str, predictor: Predictor) -> None:
    """What each own task adds to the public benchmark, or how to get there."""
    st.subheader(tr("Own tasks: what do they add?"), anchor=False)
    own = answer_of(budget_queries.own_scores)
    if own.empty:
        show_empty(
            tr(
                "No own task has been run yet. With runs of at least {n} models that also have public figures, this "
                "says which own tasks tell what {benchmark} tells already.",
                n=FEWEST_MODELS, benchmark=plain(benchmark),
            ),
            f"python -m evaluators reproduce MODEL --own {shlex.quote('FOLDER')}",
        )  # fmt: skip
        return
    predictor, rows = fitted_with(predictor, own["model"].unique()), []
    for task, part in own.groupby("task", sort=False):
        scores = dict(zip(part["model"], part["score"], strict=True))
        seen = redundancy_of(predictor.table, predictor.gaussian, scores)
        rows.append({"task": task, **seen._asdict()})
    frame = pd.DataFrame(rows)
    show_table(budget_tables.own_tasks_table(with_private(frame)))
    st.caption(
        running(
            tr(
                "Each own score is predicted by the public scores of {benchmark}, of models whose family was left out; "
                "from {n} models on.", n=FEWEST_MODELS, benchmark=plain(benchmark),
            ),
            tr("What public tasks do not tell may also be chance: a small set of texts is noisy."),
        )
    )  # fmt: skip


def _points(value: float) -> str:
    """Hundredths of the 0-1 scale, as coarse as an interval deserves."""
    return f"{100 * value:.2f}" if abs(value) < 0.00995 else f"{100 * value:.1f}"
