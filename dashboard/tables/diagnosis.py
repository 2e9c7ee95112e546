"""Tables of what was diagnosed, suggested and tested."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.stored_words import tr_stored
from dashboard.tables.columns import CHECK, LIST, STORED, WORDED, Column, Format, Table, number
from dashboard.words import capital, mark, tr
from data.rules.causes import Cause, effect_of, stored_cause
from data.rules.causes.alike import either
from data.rules.suggestions import Suggestion
from data.rules.words import in_a_row, phrase
from data.store.vocabulary import DiagnosisVerdict

__all__ = ["causes_table", "protocol_table", "said_causes", "said_sentence", "suggestions_table"]

# What an encoder is asked of itself, as the store names it.
_TESTS = (
    mark("loads"), mark("deterministic"), mark("batch"), mark("order"), mark("distinct"), mark("shape"), mark("norms"),
)  # fmt: skip
_EXPONENT = number("%.2e")
_PROTOCOL = (
    Column("Test", "test", WORDED),
    Column("Outcome", "outcome", WORDED),
    Column("Value", "value", _EXPONENT),
    Column("What was seen", "detail", STORED, width="large"),
)
_CAUSES = (
    Column("Cause", "cause"),
    Column("Where", "slot", WORDED),
    Column("Stated", "accepted", CHECK),
    Column("Explains, %", "explained", number("%.1f", 100)),
    Column("Drift left after it", "remaining", _EXPONENT),
    Column("Cannot be told from", "same_as", LIST),
)
_SUGGESTIONS = (
    Column("Known fault", "cause"),
    Column(
        "Fit", "fit",
        Format(
            st.column_config.ProgressColumn, {"min_value": 0, "max_value": 100, "format": "%.0f%%"},
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


def said_causes(causes: pd.DataFrame) -> pd.DataFrame:
    """Causes of a diagnosis in the viewer's language: by their codes and blanks, where those give what was stored.

    What an older catalogue called otherwise, and a remedy that names what the store does not keep, stay as stored.
    """
    known = [_known(row) for row in causes.to_dict("records")]
    words = [
        _said(stored, None if cause is None else cause.words)
        for stored, cause in zip(causes["cause"], known, strict=True)
    ]
    remedies = [
        _said(stored, None if cause is None else cause.remedy)
        for stored, cause in zip(causes["remedy"], known, strict=True)
    ]
    alike = [None if same is None else [tr_stored(one) for one in same] for same in causes["same_as"]]
    return causes.assign(cause=words, remedy=remedies, same_as=pd.Series(alike, index=causes.index, dtype=object))


def _known(row: Mapping[Any, Any]) -> Cause | None:
    """The catalogue's cause of a stored one; None for one that it does not have."""
    code, blanks = row["code"], row["blanks"]
    return stored_cause(code, json.loads(blanks) if isinstance(blanks, str) else {}) if isinstance(code, str) else None


def _said(stored: Any, text: str | None) -> str:
    """The catalogue's text in the viewer's language where it is what was stored; else that."""
    if not isinstance(stored, str):
        return ""
    return tr(text) if text is not None and str(text) == stored else tr_stored(stored)


def said_sentence(row: Mapping[Any, Any], accepted: pd.DataFrame) -> str:
    """What a diagnosis comes to in the viewer's language, where its causes and its share give what was stored.

    Args:
        row: of the store's diagnoses.
        accepted: its causes as stored.
    """
    stored, left = str(row["sentence"]), row["unexplained"]
    names, in_full = [], []
    for cause in accepted.to_dict("records"):
        known = _known(cause)
        name: str = cause["cause"] if known is None else known.words
        same = [] if cause["same_as"] is None else list(cause["same_as"])
        names.append(either(name, same))
        in_full.append(either(name, same, whole=True))  # so it stands in older stores
    if not names or pd.isna(left):
        return tr_stored(stored)
    template = _EXPLAINED.get((row["verdict"], len(names) > 1))
    built, longer = (
        phrase(template, causes=in_a_row(causes, mark("{before} and {after}")), share=1 - left, left=left)
        if template
        else phrase(stored)
        for causes in (names, in_full)
    )
    return capital(tr(built)) if stored in (capital(built), capital(longer)) else tr_stored(stored)


# By verdict, and whether there are several causes.
_EXPLAINED = {
    (DiagnosisVerdict.EXPLAINED, False): mark("{causes} explains {share:.1%} of the drift."),
    (DiagnosisVerdict.EXPLAINED, True): mark("{causes} explain {share:.1%} of the drift."),
    (DiagnosisVerdict.PRECISION, False): mark("The drift is one of precision: {causes}."),
    (DiagnosisVerdict.PRECISION, True): mark("The drift is one of precision: {causes}."),
    (DiagnosisVerdict.PARTLY, False): mark(
        "{causes} settles part of the texts; {left:.0%} of the drift is left, and its cause is not known."
    ),
    (DiagnosisVerdict.PARTLY, True): mark(
        "{causes} settle part of the texts; {left:.0%} of the drift is left, and its cause is not known."
    ),
}


def causes_table(causes: pd.DataFrame) -> Table:
    """Causes of a diagnosis with the share of the drift each explains."""
    return Table.of(_CAUSES, causes)


def suggestions_table(suggestions: Sequence[Suggestion]) -> Table:
    """Known faults by how well their cost fits the scores."""
    rows = [(tr(each.words), each.fit, tr(each.why), tr(effect_of(each.code))) for each in suggestions]
    return Table.of(_SUGGESTIONS, pd.DataFrame(rows, columns=["cause", "fit", "why", "effect"]))
