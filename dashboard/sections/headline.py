"""The leaderboard in a few sentences: who is best, how sure that is, and who is best within limits."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.formatting import count, plain, score
from dashboard.queries.intervals import LACKS, Intervals
from dashboard.sections.board import Board
from dashboard.sections.filters import RULE
from dashboard.tables import best as best_tables
from dashboard.words import listed, mark, running, tr, tr_n
from data.rules.bootstrap import AHEAD, FEW, TIED

__all__ = ["best_sentence", "best_within_limits", "show_headline"]

_RANKED_BY = {
    "borda": mark(
        "Ranked by MTEB's Borda count: on every task a model earns a point for each model it beats, so the best "
        "mean need not come first, and a task a model has no score on earns it nothing."
    ),
    "mean_task": mark("Ranked by the mean over all tasks."),
    "mean_task_type": mark("Ranked by the mean over the task types."),
}


def show_headline(board: Board) -> None:
    """One sentence a hurried reader can take away, and what the numbers are in one more."""
    first = best_sentence(board)
    if not first:
        every, tasks = count(len(board.models), "model"), count(int(board.models["tasks_scored"].iloc[0]), "task")
        none = tr("None of {models} can be ranked: none has all of {tasks}.", models=every, tasks=tasks)
        st.markdown(f"#### {none}")
        st.caption(tr("Leave tasks out, or choose some by type, language or domain, in the bar at the side."))
        return
    st.markdown("#### " + first)
    st.markdown(running(best_within_limits(board), *_rival(board.intervals)))
    st.caption(running(tr(_RANKED_BY[board.benchmark["ranked_by"]]), tr(RULE)))


def best_sentence(board: Board) -> str:
    """Who is best of how many, by what mean, and how sure that is, in Markdown; empty where nobody is ranked."""
    ranked = _ranked(board)
    if ranked.empty:
        return ""
    tasks = count(int(board.models["tasks_scored"].iloc[0]), "task")
    return running(_best(ranked, tasks, board.quality), *_how_sure(board.intervals, len(ranked)))


def best_within_limits(board: Board) -> str:
    """The best for commercial use, up to 1B and up to 100M parameters, in Markdown; empty where there is none."""
    return running(*_also_best(_ranked(board), board.quality))


def _ranked(board: Board) -> pd.DataFrame:
    return board.models[board.models["rank"].notna()]


def _best(ranked: pd.DataFrame, tasks: str, quality: str) -> str:
    """Who is first, and with which mean."""
    first, among = ranked.iloc[0], count(len(ranked), "model")
    named = {"models": among, "tasks": tasks, "model": plain(first["model"])}
    if pd.notna(first[quality]):
        return tr("Best of {models} on {tasks}: **{model}**, mean {mean}.", mean=score(first[quality]), **named)
    lacks = count(int(first["tasks_missing"]), "task")
    return tr("Best of {models} on {tasks}: **{model}**, no mean as it lacks {missing}.", missing=lacks, **named)


def _how_sure(intervals: Intervals, ranked: int) -> list[str]:
    """What the tasks say of the first against all others; empty where they say nothing."""
    if ranked == 1:
        return [tr("Nobody else is ranked here, so it is first of one.")]
    against = intervals.models["against_first"].value_counts()
    tied, ahead, lacks = (int(against.get(code, 0)) for code in (TIED, AHEAD, LACKS))
    if against.get(FEW, 0) or not intervals.models["rank_low"].notna().any():
        return []
    judged = int((intervals.models["against_first"] != "").sum()) - lacks
    if not judged:
        return [tr("No other model has all of its tasks, so it is set apart from none.")]
    if not tied and not ahead:
        if lacks:
            return [tr("The tasks set it apart from all {n} others that have all of its tasks.", n=judged)]
        return [tr("The tasks set it apart from all {n} others.", n=judged)]
    level = tr_n(tied, "{n:,} other is statistically tied with it.", "{n:,} others are statistically tied with it.")
    above = tr_n(ahead, "{n:,} other has a reliably higher mean.", "{n:,} others have a reliably higher mean.")
    return [level] * bool(tied) + [above] * bool(ahead)


def _rival(intervals: Intervals) -> list[str]:
    """Those that lack tasks, and so rank below, and do better on what is shared."""
    if not intervals.rivals:
        return []
    best, more = intervals.rivals[0], len(intervals.rivals) - 1
    named = {"model": plain(best.model), "better": best.better, "shared": best.shared}
    if not more:
        return [tr("Of those that lack tasks, **{model}** is better on {better} of the {shared} they share.", **named)]
    text = mark(
        "Of those that lack tasks, **{model}** is better on {better} of the {shared} they share, and {others} on most."
    )
    return [tr(text, others=count(more, "other"), **named)]


def _also_best(board: pd.DataFrame, quality: str) -> list[str]:
    """The best for commercial use, up to 1B and up to 100M parameters; one that is best twice is named once."""
    limits = {
        mark("with open weights for commercial use"): best_tables.commercial(board),
        mark("up to 1B parameters"): board["n_parameters"].le(1e9),
        mark("up to 100M parameters"): board["n_parameters"].le(1e8),
    }
    sentences = []
    for place, reasons in best_tables.best_by_place(limits).items():
        row = board.iloc[place]
        rank = tr("rank {rank:.0f}", rank=row["rank"]) if pd.notna(row["rank"]) else tr("no rank")
        if pd.notna(row[quality]):
            mean = tr("mean {mean}", mean=score(row[quality]))
        else:
            mean = tr("no mean as it lacks {missing}", missing=count(int(row["tasks_missing"]), "task"))
        sentences.append(
            tr(
                "Best {reasons}: **{model}** ({facts}).",
                reasons=listed(map(tr, reasons), mark(" and best ")), model=plain(row["model"]),
                facts=listed([rank, mean]),
            )
        )  # fmt: skip
    return sentences
