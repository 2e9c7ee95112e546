"""What APIs charge, beside the models of any table, and what is wrong with the lists of it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.access import prices
from dashboard.formatting import day, plain
from dashboard.words import listed, tr
from data.rules.prices import BUNDLED_PRICES, is_old

__all__ = ["show_faults_of_prices", "with_prices"]

_NAMED = 8


def with_prices(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the price of each row's ``model``: ``usd`` a million tokens, ``price_of`` (the day, old or not).

    Also ``price_source`` and ``price_note``; blank where no list names the model.
    """
    known, today = prices().by_model, datetime.now(UTC).date()
    rows = [known.get(str(model)) for model in frame["model"]]
    said_on = ["" if row is None else day(row.as_of) for row in rows]
    old = [row is not None and is_old(row.as_of, today) for row in rows]
    return frame.assign(
        usd=[np.nan if row is None else row.usd for row in rows],
        price_of=[tr("{day}, old", day=text) if past else text for text, past in zip(said_on, old, strict=True)],
        price_source=["" if row is None else row.source for row in rows],
        price_note=["" if row is None else row.note for row in rows],
    )


def show_faults_of_prices(models: list[str]) -> None:
    """One line on what a list of prices has and cannot be used: lines that are none, and names no model has."""
    known = prices()
    for fault in known.faults:
        st.warning(plain(tr(fault)), icon=":material/sell:")
    # Those of the user's own list first: they are what somebody has just mistyped.
    unknown = set(known.by_model) - set(models)
    strangers = sorted(unknown, key=lambda name: (known.by_model[name].file == str(BUNDLED_PRICES), name))
    if strangers:
        names = listed([*map(plain, strangers[:_NAMED]), *["…"] * (len(strangers) > _NAMED)])
        st.caption(tr("Prices of models this store does not know: {names}.", names=names))
