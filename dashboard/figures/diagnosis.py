"""How much of a drift each named cause explains."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import (
    ACCENT,
    CATEGORICAL,
    MUTED,
    SYMBOLS,
    as_text,
    as_texts,
    row_height,
    small_text,
    styled,
)
from dashboard.words import listed, tr

__all__ = ["before_and_after_chart", "waterfall_chart"]


def waterfall_chart(causes: pd.DataFrame, unexplained: float, floor: float | None) -> go.Figure:
    """From all of the drift down to what is left, a step an accepted cause.

    Args:
        causes: accepted ones in their order, with ``cause`` and ``explained`` (share of the drift, 0 to 1).
        unexplained: share of the drift that is left, 0 to 1.
        floor: share of the drift that precision alone would leave, drawn as a line; None where it is not known.
    """
    parts = [tr("all of the drift"), *as_texts(causes["cause"], 34), tr("unexplained")]
    shares = [1.0, *(-share for share in causes["explained"]), unexplained]
    # In the labels, because a bar may be too short to hold its figure.
    names = [f"{part} · {100 * abs(share):.1f}%" for part, share in zip(parts, shares, strict=True)]
    figure = go.Figure(
        go.Waterfall(
            y=names, x=[100 * share for share in shares], orientation="h",
            measure=["absolute", *["relative"] * len(causes), "total"], hoverinfo="y",
            decreasing={"marker": {"color": ACCENT}}, totals={"marker": {"color": CATEGORICAL[1]}},
            connector={"line": {"color": MUTED, "width": 1}},
        )
    )  # fmt: skip
    if floor is not None:
        figure.add_vline(x=100 * floor, line={"color": MUTED, "dash": "dot"})
        figure.add_annotation(
            x=100 * floor, y=1, yref="paper", yanchor="bottom", xanchor="left", text=as_text(tr("precision alone")),
            showarrow=False, font={"size": small_text()},
        )  # fmt: skip
    explained = (
        tr("{cause} explains {share:.1f}%", cause=cause, share=100 * share)
        for cause, share in zip(causes["cause"], causes["explained"], strict=True)
    )
    alt = tr(
        "Of all the drift, {causes}; {share:.1f}% is unexplained.", causes=listed(explained), share=100 * unexplained
    )
    return styled(
        figure, title=tr("How much of the drift each cause explains, in %"), alt=alt, above=16,
        height=110 + row_height(34) * len(names), yaxis={"autorange": "reversed", "automargin": True}, showlegend=False,
        xaxis={"title": tr("Share of the drift, %"), "range": [0, 102], "tickvals": [0, 25, 50, 75, 100]},
    )  # fmt: skip


def before_and_after_chart(texts: pd.DataFrame) -> go.Figure:
    """Distance of each text from the candidate's: under the reference's own settings, and under those that explain it.

    Args:
        texts: ``before`` and ``after``, a row a text.
    """
    ordered = texts.sort_values("before", ascending=False, ignore_index=True).clip(lower=1e-8)
    figure = go.Figure()
    for name, label, colour, symbol in (
        ("before", tr("before"), CATEGORICAL[1], SYMBOLS[3]),
        ("after", tr("after"), ACCENT, SYMBOLS[0]),
    ):
        figure.add_scatter(
            x=ordered.index + 1, y=ordered[name], mode="markers", name=label, hovertemplate="%{y:.2e}",
            marker={"color": colour, "symbol": symbol, "size": 7},
        )  # fmt: skip
    return styled(
        figure, title=tr("Relative distance of each text from the candidate's, before and after (0 is none)"),
        alt=tr(
            "{n:,} texts: {before:.1e} apart in the median before, {after:.1e} after.",
            n=len(ordered), before=ordered["before"].median(), after=ordered["after"].median(),
        ),
        height=300, yaxis={"type": "log", "title": tr("Distance"), "exponentformat": "e"},
        xaxis={"title": tr("Texts, the farthest first")},
    )  # fmt: skip
