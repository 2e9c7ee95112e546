"""The leaderboard in a few sentences: who is best, how sure that is, and who is best within limits."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.formatting import count, plain, score
from dashboard.queries.intervals import LACKS, Intervals
from dashboard.sections.board import Board
from dashboard.sections.filters import RULE
from data.rules.bootstrap import AHEAD, FEW, TIED
from data.rules.licences import ALLOWED, licence_of

__all__ = ["best_sentence", "best_within_limits", "show_headline"]

_RANKED_BY = {
    "borda": "Ranked by MTEB's Borda count: on every task a model earns a point for each model it beats, so the best "
    "mean need not come first, and a task a model has no score on earns it nothing.",
    "mean_task": "Ranked by the mean over all tasks.",
    "mean_task_type": "Ranked by the mean over the task types.",
}


def show_headline(board: Board) -> None:
    """One sentence a hurried reader can take away, and what the numbers are in one more."""
    first = best_sentence(board)
    if not first:
        tasks = count(int(board.models["tasks_scored"].iloc[0]), "task")
        st.markdown(f"#### None of {count(len(board.models), 'model')} can be ranked: none has all of {tasks}.")
        st.caption("Leave tasks out, or choose some by type, language or domain, in the bar at the side.")
        return
    st.markdown("#### " + first)
    st.markdown(best_within_limits(board) + _rival(board.intervals))
    st.caption(f"{_RANKED_BY[board.benchmark['ranked_by']]} {RULE}")


def best_sentence(board: Board) -> str:
    """Who is best of how many, by what mean, and how sure that is, in Markdown; empty where nobody is ranked."""
    ranked = _ranked(board)
    if ranked.empty:
        return ""
    first, tasks = ranked.iloc[0], count(int(board.models["tasks_scored"].iloc[0]), "task")
    lead = f"Best of {count(len(ranked), 'model')} on {tasks}: **{plain(first['model'])}**"
    return lead + _mean(first, board.quality) + "." + _how_sure(board.intervals, len(ranked))


def best_within_limits(board: Board) -> str:
    """The best for commercial use, up to 1B and up to 100M parameters, in Markdown; empty where there is none."""
    return _also_best(_ranked(board), board.quality)


def _ranked(board: Board) -> pd.DataFrame:
    return board.models[board.models["rank"].notna()]


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
