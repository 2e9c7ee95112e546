"""The three questions people come with, each with the best answer the store already has, and the way on."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import count, parameters, plain, signed, word
from dashboard.queries import believing as believing_queries
from dashboard.queries import eyes as eyes_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import overview as overview_queries
from dashboard.queries import replace as replace_queries
from dashboard.queries.believing import Believed
from dashboard.queries.leaderboard import Filter
from dashboard.queries.overview import Challenger
from dashboard.queries.replace import USUAL
from dashboard.sections.board import board_of
from dashboard.sections.headline import best_sentence, best_within_limits
from dashboard.sections.links import compare_link, page_link
from dashboard.words import tr, tr_n
from data.rules.believing import BeliefVerdict
from data.rules.bootstrap import AHEAD
from data.rules.deltas import thresholds

__all__ = ["Asked", "asked_about", "show_believable", "show_doors"]


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
    name = last if last in names else names[leaderboard_queries.first_shown(names)]
    benchmark = leaderboard_queries.benchmark_row(offered, name)
    model = url_state.remembered("model")
    if model and answer_of(overview_queries.challengers, name, model):
        return Asked(benchmark, str(model), True)
    return Asked(benchmark, answer_of(overview_queries.usual_incumbent, name), False)


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
        st.markdown(tr("No proprietary model has a score on {benchmark}.", benchmark=plain(asked.name)))
    elif not ahead:
        st.markdown(
            tr("No open model that shares enough tasks with **{model}** has a higher mean on {benchmark}.",
               model=plain(incumbent), benchmark=plain(asked.name))
        )  # fmt: skip
    else:
        st.markdown(_beaten(asked, ahead[0]))
        if len(ahead) > 1:
            st.markdown(_smallest(ahead[1]))
    if incumbent is None:
        return
    boards = answer_of(replace_queries.boards_of, incumbent)
    # What the page starts with stays out of the address.
    choices = {"incumbent": incumbent} if incumbent != USUAL else {}
    choices |= {"benchmark": asked.name} if asked.name not in boards[:1] else {}
    page_link("replace", tr("Replace {model}", model=plain(_short(incumbent))), **choices)
    if ahead:
        label = tr_n(len(ahead), "Compare the two, task by task", "Compare the three, task by task")
        compare_link(label, asked.name, [incumbent, *(one.model for one in ahead)])


def _beaten(asked: Asked, best: Challenger) -> str:
    who = tr("the model looked at last") if asked.looked_at else tr("a proprietary model that many have")
    values = {
        "incumbent": plain(asked.incumbent), "who": who, "model": plain(best.model), "size": _size(best),
        "difference": signed(best.difference), "better": best.better, "tasks": count(best.shared, "task"),
    }  # fmt: skip
    if best.standing == AHEAD:
        return tr(
            "Beside **{incumbent}**, {who}, the best open model is **{model}**{size}: {difference} points on the"
            " {tasks} they share, better on {better}.",
            **values,
        )
    return tr(
        "Beside **{incumbent}**, {who}, the best open model is **{model}**{size}: {difference} points on the {tasks}"
        " they share, which they cannot tell from chance.",
        **values,
    )


def _smallest(small: Challenger) -> str:
    values = {"model": plain(small.model), "size": _size(small), "difference": signed(small.difference)}
    if small.standing == AHEAD:
        return tr("The smallest that is better is **{model}**{size}: {difference} points.", **values)
    return tr("The smallest that holds up is **{model}**{size}: {difference} points, no more than chance.", **values)


def _size(one: Challenger) -> str:
    return f" ({parameters(one.n_parameters)})" if one.n_parameters else ""


def _short(model: str) -> str:
    return model.rsplit("/", 1)[-1]


def show_believable(asked: Asked | None = None) -> None:
    """How many published figures hold when they are measured again, and how the newest check of vectors went."""
    claims = answer_of(eyes_queries.checked_claims, thresholds())
    if claims.figures:
        share = f"{100 * claims.held / claims.figures:.1f}"
        st.markdown(
            tr("**{held:,} of {figures:,}** published figures that were measured a second time hold ({share}%).",
               held=claims.held, figures=claims.figures, share=share)
        )  # fmt: skip
        st.markdown(_believed(answer_of(believing_queries.believed, thresholds())))
    else:
        st.markdown(tr("No published figure was measured a second time yet."))
    check = answer_of(overview_queries.newest_check)
    if check is not None:
        st.markdown(
            tr("Newest check of vectors: the same model as the reference in **{same} of {encoders}**; the worst,"
               " {name}: {verdict}.",
               same=check.same, encoders=count(check.encoders, "encoder"), name=plain(check.worst),
               verdict=looks.DRIFT_LOOKS[check.verdict].mark(word(check.verdict)))
        )  # fmt: skip
    page_link("reproduction", tr("Which figures hold"))
    page_link("drift", tr("Which vectors are the model's"))


def _believed(believed: Believed) -> str:
    """The claims of how many models hold, and the one to look at first."""
    first = next(iter(believed.beliefs), None)
    values = {"holds": believed.holding, "models": count(believed.models, "model")}
    if first is None or first.verdict in (BeliefVerdict.HOLDS, BeliefVerdict.NOT_COMPARABLE):
        return tr("The claims of **{holds:,} of {models}** hold.", **values)
    return tr(
        "The claims of **{holds:,} of {models}** hold; the first to look at is **{worst}**: {verdict}.",
        worst=plain(first.model), verdict=tr(first.verdict), **values,
    )  # fmt: skip
