"""The leaderboard as it is shown: its columns, what they explain, and what each figure rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.queries.filling import FilledBoard
from dashboard.queries.leaderboard import quality_of
from dashboard.tables.columns import COMPACT, DATE, LICENCE, POINTS, WHOLE, Column, Format, Table, number
from dashboard.tables.filling import with_predicted
from dashboard.words import mark, phrase, tr
from data.rules.bootstrap import AHEAD, TIED

__all__ = [
    "CARD", "DATA", "FACTS", "MEANS", "OWN_RUN", "PRIVATE_MODEL", "REVISION", "board_table", "fact_sources",
]  # fmt: skip

CARD, DATA, REVISION, OWN_RUN, PRIVATE_MODEL = "card", "data", "revision", mark("own run"), mark("private")
# Of how many scores each is said.
_OF_SCORES = {CARD: mark("{n} card"), DATA: mark("{n} data"), REVISION: mark("{n} revision")}
_SAID = (mark("Card"), mark("Data"), mark("Revision"))  # each by itself
_COLOURS = {CARD: "orange", DATA: "gray", REVISION: "violet", OWN_RUN: "green", PRIVATE_MODEL: "blue"}
# Means by their column in the store; a benchmark says which of them it shows.
MEANS = {
    "mean_subset": mark("Mean (Subset)"),
    "mean_task": mark("Mean (Task)"),
    "mean_task_type": mark("Mean (TaskType)"),
    "mean_public": mark("Mean (Public)"),
    "mean_private": mark("Mean (Private)"),
}
_MEANING = {
    "mean_subset": mark(
        "Mean over all subsets (languages and the like) of all tasks. Blank unless every one has a score."
    ),
    "mean_task": mark("Mean over all tasks, each counting once. Blank unless every task has a score."),
    "mean_task_type": mark(
        "Mean of the task types' means, so that a type with many tasks weighs no more than another."
    ),
    "mean_public": mark("Mean over the tasks whose data anybody can download."),
    "mean_private": mark("Mean over the tasks whose data is kept secret, which no model can have been trained on."),
}
_BAR = Format(
    st.column_config.ProgressColumn, {"format": "%.2f", "min_value": 0, "max_value": 100}, POINTS.write
)  # fmt: skip
_LEADING = (
    Column(
        "Rank", "rank", WHOLE,
        "MTEB's rule. Usually a Borda count: on every task a model earns a point for each model it beats, and the "
        "points are added up. Some benchmarks rank by a mean instead.",
        width=48, small_first=True,
    ),
    Column("Model", "model", help="Select a row to see where its numbers come from, several to compare.", width=196),
)  # fmt: skip
_RANK_RANGE = Column(
        "Rank range", "rank_range",
        help="Where the rank would lie, in 95 of 100 cases, had the benchmark been made of other tasks like these "
        "(bootstrap over tasks). Tied: the tasks cannot tell its mean from that of the first; higher mean: they can, "
        "and its own is above. Nothing is said of a model without all of the tasks that the first has.",
        width=96, optional=True, sort="rank_low",
)  # fmt: skip
_MEAN_RANGE = Column(
    "Mean range", "mean_range",
    help="Where the mean would lie, in 95 of 100 cases, had the benchmark been made of other tasks like these.",
    width=96, optional=True, sort="mean_low",
)  # fmt: skip
_CHECKED = Column(
    "Checked", "checked",
    help="Of the tasks on which a second run or the model's card can be held against a figure, how many hold; "
    "contradicted when more than a quarter do not. Blank: nothing to compare. See the page Reproduction.",
    width=130,
)  # fmt: skip
_ZERO_SHOT = Column(
    "Zero-shot", "zero_shot", number("%d%%"),
    "Share of the tasks the model was not trained on; blank where nobody said what it was trained on.",
    width=80, optional=True,
)  # fmt: skip
# What the store says of a model: a line here is all that a further column takes, its source any column of `models`.
FACTS = (
    Column(
        "Parameters", "n_parameters", COMPACT, "Weights of the model, all of them.", width=88, small_first=True
    ),
    Column("Dimensions", "dimensions", WHOLE, "Length of a vector, the largest it offers.", width=88),
    Column("Max tokens", "max_tokens", WHOLE, "Longest text it reads, in tokens.", width=88),
    Column(
        "Licence", "licence", LICENCE,
        "What its licence lets a company do, then its name. Open weights alone do not allow commercial use. A "
        "reading aid, no legal advice; its text as stated is shown with a model's sources.",
        width=210,
    ),
    Column("Released", "release_date", DATE, width=96),
)  # fmt: skip


def fact_sources() -> tuple[str, ...]:
    """Columns of the store's `models` that the table shows."""
    return tuple(column.source for column in FACTS if isinstance(column.source, str))


def board_table(
    board: pd.DataFrame,
    benchmark: Mapping[str, Any],
    groups: pd.DataFrame | None = None,
    types: pd.DataFrame | None = None,
    intervals: pd.DataFrame | None = None,
    checked: pd.Series | None = None,
    filled: FilledBoard | None = None,
) -> Table:
    """The table of a benchmark: one row a model, scores in points, missing ones blank.

    Args:
        board: of :func:`dashboard.queries.leaderboard.table`, with ``private`` and, where it is shown, ``zero_shot``.
        benchmark: which means it shows, and whether zero-shot.
        groups: its own further means (0-1), models down.
        types: means of task types (0-1), models down.
        intervals: of :class:`dashboard.queries.intervals.Intervals`, by model.
        checked: badges by model.
        filled: what is predicted where tasks are missing, in columns of its own; with ranks, these come first.
    """
    quality = quality_of(benchmark)
    missing = board["tasks_missing"]
    source = board.assign(
        rank=board["rank"].astype("Int64"),
        tasks_missing=missing.where(missing > 0).astype("Int64"),
        evidence=pd.Series(map(_evidence, board.itertuples()), index=board.index),
        checked="" if checked is None else board["model"].map(checked).fillna(""),
        **_ranges(board["model"], intervals, quality),
    )
    if not benchmark["show_zero_shot"]:
        source = source.drop(columns="zero_shot", errors="ignore")
    further = []
    for means in (means for means in (groups, types) if means is not None):
        for name in means.columns:
            further.append(
                Column(name, name, POINTS, phrase("Mean of its {name} tasks.", name=name), _wide_as(name), ours=False)
            )
            source[name] = means[name].reindex(board["model"]).to_numpy()
    columns = [
        *_LEADING, *_means(benchmark, quality), *_scored(source), *([] if checked is None else [_CHECKED]),
        *further, _ZERO_SHOT, *FACTS,
    ]  # fmt: skip
    return Table.of(columns, source) if filled is None else with_predicted(columns, source, filled)


def _means(benchmark: Mapping[str, Any], quality: str) -> list[Column]:
    """The means the benchmark shows: first its headline mean, a bar with the intervals of mean and rank behind it.

    Rank, name and that mean are as wide together as a phone.
    """
    flags = {
        "mean_subset": "show_mean_subset",
        "mean_task": "show_mean_task",
        "mean_task_type": "show_mean_task_type",
        "mean_public": "show_public_private",
        "mean_private": "show_public_private",
    }
    columns = []
    shown = [mean for mean in MEANS if benchmark[flags[mean]]] or ["mean_task"]
    for mean in sorted(shown, key=lambda mean: mean != quality):
        column = Column(MEANS[mean], mean, POINTS, _MEANING[mean], _wide_as(MEANS[mean]))
        headline = [replace(column, format=_BAR, width=92), _MEAN_RANGE, _RANK_RANGE]
        columns += headline if mean == quality else [column]
    return columns if quality in shown else [_RANK_RANGE, *columns]


def _wide_as(name: str) -> int:
    """Width in pixels in which a head can be read."""
    return max(96, 7 * len(name) + 24)


def _scored(board: pd.DataFrame) -> list[Column]:
    """How many tasks a model lacks, and what its scores rest on."""
    known = sorted({label for row in board["evidence"] for label in row})
    labels, colours = [label for label, _ in known], [_COLOURS[kind] for _, kind in known]
    of_tasks = phrase("Of {total} tasks, how many have no score or not a whole one.", total=board["tasks_scored"].max())
    return [
        Column("Missing", "tasks_missing", WHOLE, of_tasks, width=72, small_first=True),
        Column(
            "Evidence", lambda frame: frame["evidence"].map(lambda row: [label for label, _ in row]),
            Format(st.column_config.MultiselectColumn, {"options": labels, "color": colours}),
            "What some of its scores rest on; blank where all were run on today's data with one revision. "
            "The legend is below the table.",
            width=210,
        ),
    ]  # fmt: skip


def _ranges(models: pd.Series, intervals: pd.DataFrame | None, quality: str) -> dict[str, Any]:
    """Intervals of ranks and of the headline mean as texts, with the bounds they are sorted by; none of a blank.

    Models that cannot be told apart from the first are marked, and those whose mean is reliably above its own.
    """
    if intervals is None or not intervals["rank_low"].notna().any():
        return {}
    bounds = intervals.set_index("model").reindex(models)
    places = zip(bounds["rank_low"], bounds["rank_high"], bounds["against_first"], strict=True)
    ranges: dict[str, Any] = {
        "rank_range": ["" if pd.isna(low) else _places(low, high, against) for low, high, against in places],
        "rank_low": bounds["rank_low"].to_numpy(),
    }
    if mean := {"mean_task": "mean", "mean_task_type": "type"}.get(quality):
        low, high = 100 * bounds[f"{mean}_low"].to_numpy(), 100 * bounds[f"{mean}_high"].to_numpy()
        texts = ["" if pd.isna(a) else f"{a:.1f}–{b:.1f}" for a, b in zip(low, high, strict=True)]
        ranges |= {"mean_range": texts, "mean_low": low}
    return ranges


def _evidence(row: Any) -> list[tuple[str, str]]:
    """What some of a model's scores rest on: as it is said, and which of the kinds it is."""
    counts = {CARD: row.reported, DATA: row.other_dataset, REVISION: row.other_revision}
    of_model = [(tr(kind), kind) for kind, holds in ((PRIVATE_MODEL, row.private), (OWN_RUN, not row.ranked)) if holds]
    return of_model + [(tr(_OF_SCORES[kind], n=n), kind) for kind, n in counts.items() if n]


def _places(low: float, high: float, against_first: object) -> str:
    places = f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"
    if against_first == TIED:
        return tr("{places} tied", places=places)
    return tr("{places} higher mean", places=places) if against_first == AHEAD else places
