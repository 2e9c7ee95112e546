"""Colours, layout and marks all figures share.

Figures leave background, text and grid colours to Streamlit, which follows the viewer's light or dark theme; colours
that carry meaning are set here and readable on both. The categorical set is Okabe and Ito's, ordered so that neighbours
differ in lightness too, and every category also gets a marker shape of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

__all__ = [
    "ACCENT",
    "CATEGORICAL",
    "DIVERGING",
    "INVISIBLE",
    "MUTED",
    "ORDERED",
    "SEQUENTIAL",
    "SYMBOLS",
    "add_spans",
    "as_text",
    "as_texts",
    "marker",
    "styled",
]

CATEGORICAL = ["#2f6fc4", "#d98200", "#0f8a6d", "#b3446c", "#8c6bb1", "#4aa3c7", "#9c6b30", "#7d8590"]
SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"]
ACCENT, MUTED = CATEGORICAL[0], CATEGORICAL[-1]
INVISIBLE = "rgba(0,0,0,0)"

# Steps in time, from old to new: ordered and still told apart, on light and on dark.
ORDERED = ["#7d8590", "#8c6bb1", "#2f6fc4", "#0f8a6d", "#d98200", "#cf4a30"]

# Signed differences, centred on zero: blue is better, orange is worse; both ends are equally dark.
DIVERGING = [[0.0, "#a64b00"], [0.25, "#e8a35e"], [0.5, "#ececec"], [0.75, "#74a9dc"], [1.0, "#134d96"]]
# Amounts: dark is more on light, and still ordered on dark.
SEQUENTIAL = "Cividis"


def styled(figure: go.Figure, *, height: int = 420, **layout: Any) -> go.Figure:
    """The same figure with the margins, legend and hover all of ours have, and what its own layout says beside."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "title": None},
        hoverlabel={"align": "left"},
        font={"size": 13},
        modebar={"remove": ["lasso2d", "select2d", "autoScale2d"]},
    )
    return figure.update_layout(layout)


def marker(i: int, size: int) -> dict[str, object]:
    """Colour and shape of the i-th of several things told apart."""
    return {"color": CATEGORICAL[i % len(CATEGORICAL)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": size}


def add_spans(figure: go.Figure, low: Any, high: Any, y: Any, **more: Any) -> None:
    """Level lines from ``low`` to ``high``, one at each of ``y``, in one trace; they answer no pointer."""
    ends = np.column_stack([low, high, np.full(len(y), np.nan)]).ravel()
    more = {"line": {"color": MUTED, "width": 2}} | more
    figure.add_scatter(x=ends, y=np.repeat(y, 3), mode="lines", hoverinfo="skip", showlegend=False, **more)


def as_text(name: object, most: int | None = None) -> str:
    """A name as plotly may show it: no markup, no formula, and no longer than there is room for.

    What is cut is the middle: names of encoders begin with the model they share and end with what sets them apart.
    """
    text = " ".join(str(name).split())
    if most and len(text) > most:
        text = f"{text[: most // 3]}…{text[most // 3 + 1 - most :]}"
    return escape(text, quote=False).replace("$", "&#36;")


def as_texts(names: Iterable[object], most: int | None = None) -> list[str]:
    """Each of the names as plotly may show it."""
    return [as_text(name, most) for name in names]
