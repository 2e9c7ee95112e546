"""Figure of the page on what changed."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import CATEGORICAL, MUTED, styled

__all__ = ["moves_chart"]


def moves_chart(frame: pd.DataFrame, most: int) -> go.Figure:
    """Ranks before and after as dots on one line, the ``most`` that moved furthest; up is blue, down is orange.

    Args:
        frame: columns model, rank_before, rank_after, move (positive is up).
        most: how many models to draw.
    """
    known = frame.dropna(subset=["move"])
    known = known[known["move"] != 0]
    moved = known.loc[known["move"].abs().sort_values(ascending=False, kind="stable").index[:most]]
    labels = [html.escape(name) for name in moved["model"]]
    before, after = moved["rank_before"].to_numpy(), moved["rank_after"].to_numpy()
    figure = go.Figure()
    figure.add_scatter(
        x=np.column_stack([before, after, np.full(len(moved), np.nan)]).ravel(), y=np.repeat(labels, 3), mode="lines",
        line={"color": MUTED, "width": 2}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=before, y=labels, mode="markers", name="before", hovertemplate="%{y}<br>was %{x}<extra></extra>",
        marker={"color": MUTED, "size": 9, "symbol": "circle-open", "line": {"width": 2}},
    )  # fmt: skip
    for name, rows, color, symbol in (
        ("now, higher", moved["move"].to_numpy() > 0, CATEGORICAL[0], "triangle-left"),
        ("now, lower", moved["move"].to_numpy() < 0, CATEGORICAL[1], "triangle-right"),
    ):
        figure.add_scatter(
            x=after[rows], y=[label for label, mine in zip(labels, rows, strict=True) if mine], mode="markers",
            name=name, marker={"color": color, "size": 12, "symbol": symbol}, customdata=moved["move"].to_numpy()[rows],
            hovertemplate="%{y}<br>is %{x} (%{customdata:+d} places)<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="rank (1 is best, at the left)", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    return styled(figure, height=110 + 24 * len(moved))
