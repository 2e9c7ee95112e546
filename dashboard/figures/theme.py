"""Colours and layout all figures share.

Figures leave background, text and grid colours to Streamlit, which follows the viewer's light or dark theme; colours
that carry meaning are set here and readable on both. The categorical set is Okabe and Ito's, ordered so that neighbours
differ in lightness too, and every category also gets a marker shape of its own.
"""

from __future__ import annotations

import plotly.graph_objects as go

__all__ = ["ACCENT", "CATEGORICAL", "DIVERGING", "MUTED", "ORDERED", "SEQUENTIAL", "SYMBOLS", "styled"]

CATEGORICAL = ["#2f6fc4", "#d98200", "#0f8a6d", "#b3446c", "#8c6bb1", "#4aa3c7", "#9c6b30", "#7d8590"]
SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"]
ACCENT, MUTED = CATEGORICAL[0], CATEGORICAL[-1]

# Steps in time, from old to new: ordered and still told apart, on light and on dark.
ORDERED = ["#7d8590", "#8c6bb1", "#2f6fc4", "#0f8a6d", "#d98200", "#cf4a30"]

# Signed differences, centred on zero: blue is better, orange is worse; both ends are equally dark.
DIVERGING = [[0.0, "#a64b00"], [0.25, "#e8a35e"], [0.5, "#ececec"], [0.75, "#74a9dc"], [1.0, "#134d96"]]
# Amounts: dark is more on light, and still ordered on dark.
SEQUENTIAL = "Cividis"


def styled(figure: go.Figure, *, height: int = 420) -> go.Figure:
    """The same figure with the margins, legend and hover all of ours have."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "title": None},
        hoverlabel={"align": "left"},
        font={"size": 13},
        modebar={"remove": ["lasso2d", "select2d", "autoScale2d"]},
    )
    return figure
