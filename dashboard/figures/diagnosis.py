"""How much of a drift each named cause explains."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.drift_maps import short
from dashboard.figures.theme import ACCENT, CATEGORICAL, MUTED, styled

__all__ = ["waterfall"]


def waterfall(causes: pd.DataFrame, unexplained: float, floor: float | None) -> go.Figure:
    """From all of the drift down to what is left, a step an accepted cause.

    Args:
        causes: accepted ones in their order, with ``cause`` and ``explained`` (share of the drift, 0 to 1).
        unexplained: share of the drift that is left, 0 to 1.
        floor: share of the drift that precision alone would leave, drawn as a line; None where it is not known.
    """
    names = ["all of the drift", *(short(cause, 34) for cause in causes["cause"]), "unexplained"]
    shares = [1.0, *(-share for share in causes["explained"]), unexplained]
    figure = go.Figure(
        go.Waterfall(
            y=names, x=[100 * share for share in shares], orientation="h",
            measure=["absolute", *["relative"] * len(causes), "total"],
            text=[f"{100 * abs(share):.1f} %" for share in shares], textposition="auto", cliponaxis=False,
            decreasing={"marker": {"color": ACCENT}}, totals={"marker": {"color": CATEGORICAL[1]}},
            connector={"line": {"color": MUTED, "width": 1}}, hoverinfo="y+text",
        )
    )  # fmt: skip
    if floor is not None:
        figure.add_vline(
            x=100 * floor,
            line={"color": MUTED, "dash": "dot"},
            annotation_text="precision",
            annotation_position="top right",
        )
    styled(figure, height=110 + 34 * len(names))
    figure.update_layout(
        yaxis={"autorange": "reversed", "automargin": True}, showlegend=False,
        xaxis={"title": "Share of the drift, %", "range": [0, 115], "tickvals": [0, 25, 50, 75, 100]},
    )  # fmt: skip
    return figure
