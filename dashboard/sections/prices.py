"""What APIs charge, beside the models of any table, and what is wrong with the lists of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

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
    columns = {"usd": np.nan, "price_of": "", "price_source": "", "price_note": ""}
    # Lists name a few dozen models, and a frame may have very many.
    places = frame["model"].isin(list(known)).to_numpy().nonzero()[0]
    rows: list[tuple[Any, ...]] = []
    for model in frame["model"].iloc[places].tolist():
        row = known[model]
        said_on = day(row.as_of)
        price_of = tr("{day}, old", day=said_on) if is_old(row.as_of, today) else said_on
        rows.append((row.usd, price_of, row.source, row.note))
    priced = {}
    for i, (name, blank) in enumerate(columns.items()):
        column = pd.Series(blank, index=frame.index)
        column.iloc[places] = [values[i] for values in rows]
        priced[name] = column
    return frame.assign(**priced)


def show_faults_of_prices(models: list[str]) -> None:
    """One line on what a list of prices has and cannot be used: lines that are none, and names no model has."""
    known = prices()
    for fault in known.faults:
        st.warning(plain(tr(fault)), icon=":material/sell:")
    # Those of the user's own list first: they are what somebody has just mistyped.
    unknown = set(known.by_model).difference(models)
    strangers = sorted(unknown, key=lambda name: (known.by_model[name].file == str(BUNDLED_PRICES), name))
    if strangers:
        names = listed([*map(plain, strangers[:_NAMED]), *["…"] * (len(strangers) > _NAMED)])
        st.caption(tr("Prices of models this store does not know: {names}.", names=names))
