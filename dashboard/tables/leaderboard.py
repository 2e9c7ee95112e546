"""The leaderboard's frame as it is shown: columns in their order, scores in points, and what stands in their heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import SCORE_FORMAT, licence, whole_points
from data.rules.bootstrap import AHEAD, TIED

__all__ = [
    "CARD",
    "DATA",
    "OWN",
    "PRIVATE",
    "RANK_RANGE",
    "REVISION",
    "as_csv",
    "columns_of",
    "label_of",
    "ordered",
    "quality_of",
    "shown",
    "sortable",
    "sure",
    "with_badges",
]

RANK_RANGE, MEAN_RANGE = "Rank range", "Mean range"
CARD, DATA, REVISION, OWN, PRIVATE = "card", "data", "revision", "own run", "private"
_MEANS = {
    "mean_subset": "Mean (Subset)",
    "mean_task": "Mean (Task)",
    "mean_task_type": "Mean (TaskType)",
    "mean_public": "Mean (Public)",
    "mean_private": "Mean (Private)",
}
_FACTS = {
    "zero_shot": "Zero-shot",
    "n_parameters": "Parameters",
    "dimensions": "Dimensions",
    "max_tokens": "Max tokens",
    "licence": "Licence",
    "release_date": "Released",
}


def quality_of(benchmark: Mapping[str, Any]) -> str:
    """Column of the benchmark's headline mean: the one its rank is of, else the first it shows."""
    if benchmark["show_mean_subset"]:
        return "mean_subset"
    return "mean_task_type" if benchmark["ranked_by"] == "mean_task_type" else "mean_task"


def label_of(quality: str) -> str:
    """Head of a mean's column."""
    return _MEANS[quality]


def shown(board: pd.DataFrame, groups: pd.DataFrame, types: pd.DataFrame, benchmark: Mapping[str, Any]) -> pd.DataFrame:
    """The table to show: one row a model, columns named as in their heads, scores in points, missing blank."""
    frame = pd.DataFrame({"Rank": board["rank"].astype("Int64"), "Model": board["model"]})
    for key in _means(benchmark):
        frame[_MEANS[key]] = whole_points(board[key])
    frame["Missing"] = board["tasks_missing"].where(board["tasks_missing"] > 0).astype("Int64")
    frame["Evidence"] = [_evidence(row) for row in board.itertuples()]
    for means in (groups, types):
        for name in means.columns:
            frame[name] = whole_points(means[name].reindex(board["model"])).to_numpy()
    for key, name in _FACTS.items():
        if key != "zero_shot" or benchmark["show_zero_shot"]:
            frame[name] = board[key].map(licence) if key == "licence" else board[key]
    return frame


def sure(frame: pd.DataFrame, intervals: pd.DataFrame, quality: str) -> pd.DataFrame:
    """The table with the 95 % intervals of its ranks and its headline mean, as texts; unchanged if there are none.

    ``intervals`` is the frame of :class:`dashboard.queries.intervals.Intervals`. Models that cannot be told apart from
    the first are marked, and those whose mean is reliably above its own.
    """
    found = intervals.set_index("model").reindex(frame["Model"])
    if not found["rank_low"].notna().any():
        return frame
    marks = found["against_first"].map({TIED: " tied", AHEAD: " higher mean"}).fillna("")
    places = zip(found["rank_low"], found["rank_high"], marks, strict=True)
    ranks = ["" if pd.isna(low) else _places(low, high) + mark for low, high, mark in places]
    frame.insert(2, RANK_RANGE, ranks)
    of = {"mean_task": "mean", "mean_task_type": "type"}.get(quality)
    if of:
        pairs = zip(100 * found[f"{of}_low"], 100 * found[f"{of}_high"], strict=True)
        texts = ["" if pd.isna(low) else f"{low:.1f}–{high:.1f}" for low, high in pairs]
        if any(texts):
            frame.insert(list(frame.columns).index(_MEANS[quality]) + 1, MEAN_RANGE, texts)
    return frame


def with_badges(frame: pd.DataFrame, badges: pd.Series) -> pd.DataFrame:
    """The table with a badge a model beside its evidence; ``badges`` is indexed by model."""
    held = frame["Model"].map(badges).fillna("")
    frame.insert(frame.columns.tolist().index("Evidence") + 1, "Checked", held)
    return frame


def ordered(frame: pd.DataFrame, by: str, *, reverse: bool) -> pd.DataFrame:
    """The table sorted by a column: ranks, sizes and gaps from small to large, the rest from large to small.

    What is missing stands last either way.
    """
    ascending = (by in ("Rank", "Model", "Missing", "Parameters", "Licence")) != reverse
    return frame.sort_values(by, ascending=ascending, na_position="last", kind="stable").reset_index(drop=True)


def sortable(frame: pd.DataFrame) -> list[str]:
    """Columns a viewer can sort by."""
    return [name for name in frame.columns if name not in ("Evidence", RANK_RANGE, MEAN_RANGE)]


def as_csv(frame: pd.DataFrame) -> bytes:
    """The table as it is shown; a text that a spreadsheet would run as a formula gets a quote in front."""
    flat = frame.assign(Evidence=frame["Evidence"].map("; ".join))
    for name in ("Model", "Licence"):
        flat[name] = flat[name].map(_inert, na_action="ignore")
    return flat.to_csv(index=False).encode("utf-8")


def columns_of(frame: pd.DataFrame, quality: str, tasks: int) -> dict[str, Any]:
    """How each column is drawn, with its plain-words explanation."""
    column = st.column_config
    best = _MEANS[quality]
    config: dict[str, Any] = {
        name: column.NumberColumn(
            format=SCORE_FORMAT,
            width=max(96, 7 * len(name) + 24),
            help=_HELP.get(name, f"Mean of its {name} tasks."),
        )
        for name in frame.columns
        if frame[name].dtype == "float64"
    }
    labels = sorted({label for row in frame["Evidence"] for label in row})
    return config | {
        "Rank": column.NumberColumn(width=56, pinned=True, help=_HELP["Rank"]),
        "Model": column.TextColumn(width=240, pinned=True, help="Select a row to see where its numbers come from."),
        best: column.ProgressColumn(format=SCORE_FORMAT, min_value=0, max_value=100, width=130, help=_HELP[best]),
        RANK_RANGE: column.TextColumn(width=96, help=_HELP[RANK_RANGE]),
        MEAN_RANGE: column.TextColumn(width=96, help=_HELP[MEAN_RANGE]),
        "Missing": column.NumberColumn(width=72, help=f"Of {tasks} tasks, how many have no score or not a whole one."),
        "Evidence": column.MultiselectColumn(
            options=labels, color=[_colour(label) for label in labels], width=210, help=_HELP["Evidence"]
        ),
        "Checked": column.TextColumn(width=130, help=_HELP["Checked"]),
        "Zero-shot": column.NumberColumn(format="%d %%", width=80, help=_HELP["Zero-shot"]),
        "Parameters": column.NumberColumn(format="compact", width=88, help="Weights of the model, all of them."),
        "Dimensions": column.NumberColumn(format="%d", width=88, help="Length of a vector, the largest it offers."),
        "Max tokens": column.NumberColumn(format="%d", width=88, help="Longest text it reads, in tokens."),
        "Licence": column.TextColumn(width=210, help=_HELP["Licence"]),
        "Released": column.DateColumn(format="YYYY-MM-DD", width=96),
    }


def _means(benchmark: Mapping[str, Any]) -> list[str]:
    wanted = {
        "mean_subset": benchmark["show_mean_subset"],
        "mean_task": benchmark["show_mean_task"],
        "mean_task_type": benchmark["show_mean_task_type"],
        "mean_public": benchmark["show_public_private"],
        "mean_private": benchmark["show_public_private"],
    }
    return [key for key in _MEANS if wanted[key]] or ["mean_task"]


def _evidence(row: Any) -> list[str]:
    counts = {CARD: row.reported, DATA: row.other_dataset, REVISION: row.other_revision}
    own = [label for label, holds in ((PRIVATE, row.private), (OWN, not row.ranked)) if holds]
    return own + [f"{n} {label}" for label, n in counts.items() if n]


def _places(low: float, high: float) -> str:
    return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"


def _colour(label: str) -> str:
    colours = {CARD: "orange", DATA: "gray", REVISION: "violet", OWN: "green", PRIVATE: "blue"}
    return next(colour for kind, colour in colours.items() if label.endswith(kind))


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


_HELP = {
    RANK_RANGE: "Where the rank would lie, in 95 of 100 cases, had the benchmark been made of other tasks like these "
    "(bootstrap over tasks). Tied: the tasks cannot tell its mean from that of the first; higher mean: they can, and "
    "its own is above. Nothing is said of a model without all of the tasks that the first has.",
    MEAN_RANGE: "Where the mean would lie, in 95 of 100 cases, had the benchmark been made of other tasks like these.",
    "Rank": "MTEB's rule. Usually a Borda count: on every task a model earns a point for each model it beats, and the "
    "points are added up. Some benchmarks rank by a mean instead.",
    "Mean (Task)": "Mean over all tasks, each counting once. Blank unless every task has a score.",
    "Mean (TaskType)": "Mean of the task types' means, so that a type with many tasks weighs no more than another.",
    "Mean (Subset)": "Mean over all subsets (languages and the like) of all tasks. Blank unless every one has a score.",
    "Mean (Public)": "Mean over the tasks whose data anybody can download.",
    "Mean (Private)": "Mean over the tasks whose data is kept secret, which no model can have been trained on.",
    "Licence": "What its licence lets a company do, then its name. Open weights alone do not allow commercial use. A "
    "reading aid, no legal advice; its text as stated is shown with a model's sources.",
    "Zero-shot": "Share of the tasks the model was not trained on; blank where nobody said what it was trained on.",
    "Checked": "Of the tasks on which a second run or the model's card can be held against a figure, how many hold; "
    "contradicted when more than a quarter do not. Blank: nothing to compare. See the page Reproduction.",
    "Evidence": "What some of its scores rest on; blank where all were run on today's data with one revision. "
    "The legend is below the table.",
}
