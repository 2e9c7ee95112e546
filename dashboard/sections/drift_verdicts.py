"""Which encoder is the same model and which is not: the sentences first, the figures a click away."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import looks
from dashboard.formatting import count, plain, word
from dashboard.looks import Look
from dashboard.sections.grid import show_table
from dashboard.stored_words import tr_stored
from dashboard.tables import drift as drift_tables
from dashboard.words import language, listed, mark, tr, tr_n
from data.rules.drift import DRIFT_VERDICTS
from data.store.vocabulary import DriftVerdict

__all__ = ["GROUPS", "show_verdict_figures", "show_verdicts"]

_SHORTER = mark("other length")


def _meant_by(look: Look) -> tuple[str, ...]:
    return tuple(verdict for verdict, its in looks.DRIFT_LOOKS.items() if its == look)


# What a verdict means to somebody who has to choose: how it looks and its words, then the verdicts that mean it.
GROUPS = [
    (looks.GOOD, mark("The same model"), _meant_by(looks.GOOD)),
    (looks.CAUTION, mark("The same, with a catch"), (*_meant_by(looks.CAUTION), _SHORTER)),
    (looks.BAD, mark("Not the same"), _meant_by(looks.BAD)),
]
_VERDICTS = DRIFT_VERDICTS | {
    _SHORTER: mark("The same vectors in fewer or more dimensions: they do not fit the same index.")
}
_SHOWN = 8  # of a group, before the rest is folded


def show_verdicts(verdicts: pd.DataFrame, reference: str) -> None:
    """A headline and three columns: the same model, the same with a catch, not the same."""
    # The same numbers in fewer dimensions are no replacement: the two do not fit one index.
    same_model = [verdict for verdict in DriftVerdict if verdict.same]
    meant = verdicts["verdict"].where(verdicts["mixes"] | ~verdicts["verdict"].isin(same_model), _SHORTER)
    groups = [verdicts[meant.isin(among)] for *_, among in GROUPS]
    same, catch, other = (len(group) for group in groups)
    st.markdown(
        tr_n(
            same,
            "**{n:,} encoder of {total} is the same model** as the reference {reference}; {catch} with a catch, "
            "{other} not.",
            "**{n:,} encoders of {total} are the same model** as the reference {reference}; {catch} with a catch, "
            "{other} not.",
            total=len(verdicts), reference=plain(reference), catch=catch, other=other,
        )
    )  # fmt: skip
    for column, group, (look, words, among) in zip(st.columns(3), groups, GROUPS, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(look.mark(f"**{tr(words)}** · {len(group)}"), help=_meaning(among))
            _lines(group.head(_SHOWN))
            if len(group) > _SHOWN:
                with st.expander(tr("{n} more", n=len(group) - _SHOWN)):
                    _lines(group.iloc[_SHOWN:])


def show_verdict_figures(verdicts: pd.DataFrame) -> None:
    """Every figure a verdict rests on, an encoder a row."""
    show_table(drift_tables.verdict_figures_table(verdicts), key="drift_figures")


def _lines(group: pd.DataFrame) -> None:
    # One element for all of them: a page of a hundred encoders must not be a hundred elements.
    if group.empty:
        st.caption(tr("None."))
        return
    lines = [
        f"**{plain(row['name'])}**  \n{plain(_sentence(row))}" + _tests(row["tests_failed"])
        for row in group.to_dict("records")
    ]
    st.markdown("\n\n".join(lines))


def _sentence(row: dict[Hashable, Any]) -> str:
    """What the check says of an encoder; where nobody has translated that, the verdict stands before it."""
    sentence = tr_stored(row["sentence"])
    untold = language() != "en" and sentence == row["sentence"]
    return listed([word(row["verdict"]), sentence], ": ") if untold else sentence


def _tests(failed: int) -> str:
    return " " + tr(":orange[{tests} of its own failed.]", tests=count(failed, "test")) if failed else ""


def _meaning(among: tuple[str, ...]) -> str:
    return "\n\n".join(listed([f"**{word(verdict)}**", tr(_VERDICTS[verdict])], ": ") for verdict in among)
