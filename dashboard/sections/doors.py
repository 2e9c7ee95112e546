"""The three questions people come with, each with the best answer the store already has, and the way on."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import count, parameters, plain, signed
from dashboard.queries import eyes as eyes_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import overview as overview_queries
from dashboard.queries.leaderboard import Filter
from dashboard.queries.overview import Challenger
from dashboard.sections.board import board_of
from dashboard.sections.headline import best_sentence, best_within_limits
from dashboard.sections.links import compare_link, page_link
from dashboard.words import tr, tr_n
from data.rules.bootstrap import AHEAD
from data.rules.deltas import thresholds

__all__ = ["Asked", "asked_about", "show_doors"]

_REPLACE = "replace"  # the page of the second question, where there is one


class Asked(NamedTuple):
    """What the doors speak of: a benchmark (a row of the store's), and the model somebody has.

    ``looked_at``: whether that model was opened before in this session; else it is the usual one.
    """

    benchmark: dict[str, Any]
    incumbent: str | None
    looked_at: bool

    @property
    def name(self) -> str:
        """The benchmark's."""
        return str(self.benchmark["benchmark"])


def asked_about() -> Asked | None:
    """The benchmark and the model looked at last, else those most often asked about; None for an empty store."""
    offered = answer_of(leaderboard_queries.benchmarks)
    if offered.empty:
        return None
    names = offered["benchmark"].tolist()
    last = url_state.remembered("benchmark")
    place = names.index(last) if last in names else leaderboard_queries.first_shown(names)
    benchmark = {str(key): value for key, value in offered.iloc[place].items()}
    model = url_state.remembered("model")
    if model and answer_of(overview_queries.challengers, names[place], model):
        return Asked(benchmark, str(model), True)
    return Asked(benchmark, answer_of(overview_queries.usual_incumbent, names[place]), False)


def show_doors(asked: Asked) -> None:
    """A card for each question, side by side where there is room."""
    benchmark = plain(asked.name)
    doors = (
        (tr("Which model should we take?"), benchmark, show_best_model),
        (tr("Should we replace ours?"), benchmark, show_challengers),
        (tr("Can we believe this figure, this server?"), "", show_believable),
    )
    for column, (question, scope, show) in zip(st.columns(len(doors)), doors, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"##### {question}" + (f" :small[:gray[{scope}]]" if scope else ""))
            show(asked)


def show_best_model(asked: Asked) -> None:
    """The best of the benchmark, and within the limits most people have."""
    board = board_of(asked.benchmark, Filter())
    best = best_sentence(board) if board else ""
    if not board or not best:
        st.markdown(tr("No model of {benchmark} can be ranked yet.", benchmark=plain(asked.name)))
    else:
        st.markdown(best)
        st.markdown(best_within_limits(board))
    page_link("leaderboard", tr("{benchmark} in full", benchmark=plain(asked.name)), benchmark=asked.name)
    page_link("use", tr("Weigh what matters to us"))


def show_challengers(asked: Asked) -> None:
    """Which open model does better than the one somebody has, and the smallest that does."""
    incumbent = asked.incumbent
    ahead = answer_of(overview_queries.challengers, asked.name, incumbent) if incumbent else ()
    if incumbent is None:
        st.markdown(tr("No proprietary model has six tasks of {benchmark}.", benchmark=plain(asked.name)))
    elif not ahead:
        st.markdown(
            tr("No open model with all tasks of **{model}** has a higher mean on {benchmark}.",
               model=plain(incumbent), benchmark=plain(asked.name))
        )  # fmt: skip
    else:
        st.markdown(_beaten(asked, ahead[0]))
        if len(ahead) > 1:
            st.markdown(_smallest(ahead[1]))
    if incumbent is None:
        return
    if _REPLACE in url_state.pages_by_name():
        page_link(_REPLACE, tr("Replace {model}", model=plain(_short(incumbent))), incumbent=incumbent)
    if ahead:
        label = tr_n(len(ahead), "Compare the two, task by task", "Compare the three, task by task")
        compare_link(label, asked.name, [incumbent, *(one.model for one in ahead)])


def _beaten(asked: Asked, best: Challenger) -> str:
    who = tr("the model looked at last") if asked.looked_at else tr("the proprietary model with the most scores here")
    return tr(
        "Beside **{incumbent}**, {who}, the best open model is **{model}**{size}: mean {difference} points, higher on"
        " {better} of the {tasks} they share.",
        incumbent=plain(asked.incumbent), who=who, model=plain(best.model), size=_size(best),
        difference=signed(best.difference), better=best.better, tasks=count(best.shared, "task"),
    )  # fmt: skip


def _smallest(small: Challenger) -> str:
    values = {"model": plain(small.model), "size": _size(small), "difference": signed(small.difference)}
    if small.standing == AHEAD:
        return tr("The smallest that beats it is **{model}**{size}: mean {difference} points.", **values)
    return tr(
        "The smallest with a higher mean is **{model}**{size}: {difference} points, which the tasks cannot tell from"
        " chance.",
        **values,
    )  # fmt: skip


def _size(one: Challenger) -> str:
    return f" ({parameters(one.n_parameters)})" if one.n_parameters else ""


def _short(model: str) -> str:
    return model.rsplit("/", 1)[-1]


def show_believable(asked: Asked) -> None:
    """How many published figures hold when they are measured again, and how the newest check of vectors went."""
    claims = answer_of(eyes_queries.checked_claims, thresholds())
    models = answer_of(eyes_queries.checked_models)
    if claims.figures:
        share = f"{100 * claims.held / claims.figures:.1f}"
        st.markdown(
            tr("**{held:,} of {figures:,}** published figures that were measured a second time hold ({share} %).",
               held=claims.held, figures=claims.figures, share=share)
        )  # fmt: skip
        st.markdown(_contradicted(models))
    else:
        st.markdown(tr("No published figure was measured a second time yet."))
    check = answer_of(overview_queries.newest_check)
    if check is not None:
        st.markdown(
            tr("Newest check of vectors: **{same} of {encoders}** are the same model as their reference; the worst,"
               " {name}, is {verdict}.",
               same=check.same, encoders=count(check.encoders, "encoder"), name=plain(check.worst),
               verdict=looks.DRIFT_LOOKS[check.verdict].mark(tr(check.verdict.value)))
        )  # fmt: skip
    page_link("reproduction", tr("Which figures hold"))
    page_link("drift", tr("Which vectors are the model's"))


def _contradicted(models: Any) -> str:
    bad = models[models["is_contradicted"]]
    if bad.empty:
        return tr_n(
            len(models), "None of {n:,} model so checked is contradicted.",
            "None of the {n:,} models so checked is contradicted.",
        )  # fmt: skip
    worst = bad.iloc[0]
    return tr(
        "**{bad:,} of {models}** so checked are contradicted, most of all **{worst}**: {held} of its {tasks} hold.",
        bad=len(bad), models=count(len(models), "model"), worst=plain(worst["model"]),
        held=int(worst["tasks_held"]), tasks=count(int(worst["tasks_compared"]), "task"),
    )  # fmt: skip
