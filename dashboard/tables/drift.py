"""Tables of the drift page: verdicts in figures, and two encoders beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import plain, small
from dashboard.tables.columns import (
    DIFFERENCE,
    MARK,
    MOMENT,
    POINTS,
    SMALL,
    WHOLE,
    WORDED,
    Column,
    Format,
    Table,
    number,
)
from dashboard.words import mark, phrase, tr
from data.rules.measures import MEASURES

__all__ = [
    "cost_table", "differences_table", "dimensions_table", "drift_history_table", "neighbours_table",
    "text_measures_table", "tokens_table", "verdict_columns", "verdict_figures_table",
]  # fmt: skip

_FOUR, _SIX, _EXPONENT = number("%.4f"), number("%.6f"), number("%+.2e")
_THREE, _ONE = number("%.3f"), number("%.1f")
_FLOOR_MEANS = mark("Cosine distance that the declared precisions explain by themselves")
_OWN_TESTS_MEAN = mark("Of the encoder's own behaviour, before any comparison")
_HISTORY = (
    Column("Check (UTC)", "started_at", MOMENT),
    Column("Verdict", "verdict", WORDED),
    Column("Median", "median", SMALL),
    Column("Worst", "worst", SMALL),
    Column("Changed since the check before", "changed", width="large"),
)
_COST = (
    Column("Encoder", "encoder"),
    Column("Task", "task"),
    Column("Mean drift", "drift", SMALL),
    Column("Delta, points", "delta", DIFFERENCE),
    Column("Noise floor", "floor", POINTS),
    Column("Verdict of the score", "verdict", WORDED),
    Column("Run", "run_id"),
)
_TEXT_MEASURES = {
    "cosine_distance": mark("Cosine distance"),
    "l2": mark("L2"),
    "l2_normalised": mark("L2 of unit vectors"),
    "max_difference": mark("Largest difference"),
    "max_dimension": mark("in dimension"),
    "norm": mark("Length"),
    "norm_ratio": mark("Length ratio"),
    "neighbours_kept": mark("Neighbours kept"),
}
_CHANGES = {mark("kept"): "gray", mark("lost"): "red", mark("gained"): "blue"}


def verdict_figures_table(verdicts: pd.DataFrame) -> Table:
    """Every figure a verdict rests on, an encoder a row."""
    failed = verdicts["texts_failed"].where(verdicts["texts_failed"] > 0)
    return Table.of(verdict_columns(), verdicts.assign(failed=failed))


def verdict_columns() -> tuple[Column, ...]:
    """Columns of the figures of a check: every measure there is, as its row says, between what is no measure."""
    return (
        Column("Encoder", "name"),
        Column("Verdict", "verdict", WORDED),
        Column("Floor", "floor", SMALL, _FLOOR_MEANS),
        *(Column(each.label, each.name, number(each.format), each.help) for each in MEASURES),
        Column("Texts", "texts", WHOLE, "Texts compared"),
        Column("Failed", "failed", WHOLE, "Texts without a vector"),
        Column("Tests failed", "tests_failed", WHOLE, _OWN_TESTS_MEAN),
        Column("Seconds", "seconds", _ONE, "To encode the texts"),
    )


def drift_history_table(history: pd.DataFrame) -> Table:
    """The checks of a pair, the newest first."""
    return Table.of(_HISTORY, history[::-1])


def cost_table(points: pd.DataFrame) -> Table:
    """What drift costs in score, a task of an encoder a row."""
    return Table.of(_COST, points)


def text_measures_table(measures: Mapping[str, Mapping[Any, Any]], reference: str) -> Table:
    """Every measure of one text against the reference's vector; ``measures`` are those of each encoder, by its name."""
    source = pd.DataFrame({"measure": list(_TEXT_MEASURES.values())})
    columns = [Column(phrase("Against {reference}", reference=reference), "measure", WORDED)]
    for name, values in measures.items():
        texts = [_figure(values[measure]) for measure in _TEXT_MEASURES]
        columns.append(Column(name, _always(texts), ours=False))
    return Table.of(columns, source)


def _always(values: list[str]) -> Callable[[pd.DataFrame], list[str]]:
    return lambda _: values


def _from_one(position: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda frame: frame[position] + 1


def _figure(value: Any) -> str:
    if pd.isna(value):
        return ""
    return small(value, 4 if abs(value) >= 1e-3 else 3)


def differences_table(settings: pd.DataFrame, left: str, right: str) -> Table:
    """Settings of two sides under their names (name, left, right, differs), what differs marked."""
    columns = (MARK, Column("Setting", "name"), Column(left, "left", width="medium", ours=False))
    return Table.of((*columns, Column(right, "right", width="medium", ours=False)), settings)


def tokens_table(tokens: pd.DataFrame, candidate: str, against: str) -> Table:
    """Tokens of two encoders in step, numbered from 1."""
    sides = (("reference", against), ("candidate", candidate))
    columns = [
        column
        for side, name in sides
        for column in (
            Column("#", _from_one(f"{side}_position"), width=60),
            Column(name, side, ours=False),
        )
    ]
    return Table.of((MARK, *columns), tokens)


def dimensions_table(dimensions: pd.DataFrame, candidate: str, against: str) -> Table:
    """Two vectors dimension by dimension, the largest difference first."""
    columns = (
        Column("Dimension", "dimension"),
        Column(against, "reference", _SIX, ours=False),
        Column(candidate, "candidate", _SIX, ours=False),
        Column("Difference", "difference", _EXPONENT),
    )
    return Table.of(columns, dimensions.sort_values("difference", key=abs, ascending=False))


def neighbours_table(neighbours: pd.DataFrame, text_names: Mapping[str, str], candidate: str, against: str) -> Table:
    """The nearest texts of one text with two encoders: kept, lost, gained."""
    options = {"options": [tr(change) for change in _CHANGES], "color": list(_CHANGES.values())}
    changes = Format(st.column_config.MultiselectColumn, options)
    columns = (
        Column("", lambda frame: frame["change"].map(lambda change: [tr(change)]), changes),
        Column("Text", lambda frame: frame["text_hash"].map(text_names)),
        Column("Rank", "reference_rank", help=plain(against)),
        Column(phrase("Cosine, {encoder}", encoder=against), "reference", _FOUR),
        Column("Rank now", "candidate_rank", help=plain(candidate)),
        Column(phrase("Cosine, {encoder}", encoder=candidate), "candidate", _FOUR),
    )
    return Table.of(columns, neighbours)
