"""Tables of what was diagnosed, suggested and tested."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.tables.columns import LIST, WORDED, Column, Format, Table, number
from dashboard.words import mark, tr
from data.rules.causes import effect_of
from data.rules.suggestions import Suggestion

__all__ = ["causes_table", "protocol_table", "suggestions_table"]

# What an encoder is asked of itself, as the store names it.
_TESTS = (
    mark("loads"), mark("deterministic"), mark("batch"), mark("order"), mark("distinct"), mark("shape"), mark("norms"),
)  # fmt: skip
_EXPONENT = number("%.2e")
_PROTOCOL = (
    Column("Test", "test", WORDED),
    Column("Outcome", "outcome", WORDED),
    Column("Value", "value", _EXPONENT),
    Column("What was seen", "detail", width="large"),
)
_CAUSES = (
    Column("Cause", "cause"),
    Column("Where", "slot", WORDED),
    Column("Stated", "accepted"),
    Column("Explains, %", "explained", number("%.1f", 100)),
    Column("Drift left after it", "remaining", _EXPONENT),
    Column("Cannot be told from", "same_as", LIST),
)
_SUGGESTIONS = (
    Column("Known fault", "cause"),
    Column(
        "Fit", "fit",
        Format(
            st.column_config.ProgressColumn, {"min_value": 0, "max_value": 100, "format": "%.0f %%"},
            lambda fit: 100 * fit,
        ),
        "Share of the deltas' squares that the fault's cost accounts for; of what single metrics say, the "
        "share of tasks that say so",
    ),
    Column("Mean difference by kind of task", "why", width="large"),
    Column("What it does to vectors", "effect", width="large"),
)  # fmt: skip


def protocol_table(tests: pd.DataFrame) -> Table:
    """What an encoder was asked before any comparison."""
    return Table.of(_PROTOCOL, tests)


def causes_table(causes: pd.DataFrame) -> Table:
    """Causes of a diagnosis with the share of the drift each explains."""
    return Table.of(_CAUSES, causes)


def suggestions_table(suggestions: Sequence[Suggestion]) -> Table:
    """Known faults by how well their cost fits the scores."""
    rows = [(tr(each.words), each.fit, tr(each.why), tr(effect_of(each.code))) for each in suggestions]
    return Table.of(_SUGGESTIONS, pd.DataFrame(rows, columns=["cause", "fit", "why", "effect"]))
