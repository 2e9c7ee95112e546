"""Figures of drift that are no heatmaps: distributions, text length, one vector, history, and what drift costs."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.drift_maps import floor_marks
from dashboard.figures.theme import ACCENT, CATEGORICAL, MUTED, SYMBOLS, as_text, as_texts, marker, styled

__all__ = ["cost_chart", "history_chart", "length_chart", "spread_chart", "vector_chart"]

_LEAST = 1e-8
_WARM = CATEGORICAL[1]


def spread_chart(quantiles: pd.DataFrame, names: Mapping[str, str], *, of: str, title: str, log: bool) -> go.Figure:
    """Boxes of one thing (``drift``, ``norm`` or ``cosine``), an encoder a row; whiskers hold 90 % of the texts."""
    chosen = quantiles[quantiles["of"] == of].set_index("encoder_id")
    chosen = chosen.loc[[encoder for encoder in names if encoder in chosen.index]]
    if log:
        columns = ["least", "low", "q1", "median", "q3", "high", "most"]
        chosen[columns] = chosen[columns].clip(lower=_LEAST)
    figure = go.Figure(
        go.Box(
            y=as_texts((names[encoder] for encoder in chosen.index), 26), orientation="h", q1=chosen["q1"],
            median=chosen["median"], q3=chosen["q3"], lowerfence=chosen["low"], upperfence=chosen["high"],
            line={"color": ACCENT, "width": 1.5}, name=title, showlegend=False, hoverinfo="x",
        )
    )  # fmt: skip
    if log:
        _floors(figure, "distance", vertical=True)
    return styled(
        figure, height=90 + 26 * max(len(chosen), 2), margin={"t": 40},
        xaxis={"type": "log" if log else "linear", "title": title, "exponentformat": "e"},
        yaxis={"autorange": "reversed", "automargin": True},
    )  # fmt: skip


def length_chart(
    drift: pd.DataFrame, names: Mapping[str, str], chosen: str, *, length: str, label: str, floor_kind: str, log: bool,
    limits: Mapping[str, float],
) -> go.Figure:  # fmt: skip
    """Drift of every text against its length; the chosen encoder in colour, as the second trace, over all the others.

    Args:
        drift: ``encoder_id``, ``text_hash``, ``name``, ``length`` and ``value``.
        names: encoders by id.
        chosen: the encoder in colour.
        length: what the length counts.
        label: the measure.
        floor_kind: see ``Scale.floor``.
        log: logarithmic scale of drift.
        limits: lines to draw at lengths, by name, e.g. the maximum of each side.
    """
    drift = drift.assign(value=drift["value"].clip(lower=_LEAST)) if log else drift
    mine = drift[drift["encoder_id"] == chosen]
    others = drift[drift["encoder_id"] != chosen]
    figure = go.Figure(
        [
            go.Scattergl(
                x=others["length"].clip(lower=1), y=others["value"], mode="markers", name="other encoders",
                hoverinfo="skip", marker={"color": MUTED, "size": 4, "opacity": 0.35},
                unselected={"marker": {"opacity": 0.35}},
            ),
            go.Scatter(
                x=mine["length"].clip(lower=1), y=mine["value"], mode="markers",
                name=as_text(names.get(chosen, ""), 26), hovertext=as_texts(mine["name"], 60),
                marker={"color": _WARM, "size": 9, "opacity": 0.9}, unselected={"marker": {"opacity": 0.9}},
                hovertemplate=f"<b>%{{hovertext}}</b><br>{length} %{{x}}<br>{as_text(label, 26)} %{{y:.3g}}"
                "<extra></extra>",
            ),
        ]
    )  # fmt: skip
    if log:
        _floors(figure, floor_kind)
    _limits(figure, limits)
    return styled(
        figure, height=440, hovermode="closest", clickmode="event+select", margin={"t": 40},
        xaxis={"type": "log", "title": f"Length of the text in {length}"},
        yaxis={"type": "log" if log else "linear", "title": label, "exponentformat": "e"},
    )  # fmt: skip


def vector_chart(dimensions: pd.DataFrame) -> go.Figure:
    """Both vectors of one text over their dimensions, and the difference under them."""
    figure = go.Figure()
    for name, colour, width in (("reference", MUTED, 1.5), ("candidate", ACCENT, 1.0)):
        line = {"color": colour, "width": width}
        figure.add_scattergl(x=dimensions["dimension"], y=dimensions[name], name=name, mode="lines", line=line)
    figure.add_bar(
        x=dimensions["dimension"], y=dimensions["difference"], name="candidate - reference", yaxis="y2",
        marker={"color": _WARM, "line": {"width": 0}},
    )  # fmt: skip
    return styled(
        figure, height=320, bargap=0, hovermode="x unified", xaxis={"title": "Dimension", "anchor": "y2"},
        yaxis={"domain": [0.45, 1.0], "title": "value"}, yaxis2={"domain": [0.0, 0.36], "title": "difference"},
    )  # fmt: skip


def history_chart(history: pd.DataFrame) -> go.Figure:
    """Drift of the same pair at every check of it: the median, with the worst text above; the floor dotted."""
    figure = go.Figure()
    for column, name, colour, symbol in (
        ("worst", "worst text", _WARM, SYMBOLS[3]),
        ("median", "median", ACCENT, SYMBOLS[0]),
    ):
        figure.add_scatter(
            x=history["started_at"], y=history[column].clip(lower=_LEAST), name=name, mode="lines+markers",
            line={"color": colour, "width": 2}, marker={"size": 10, "symbol": symbol},
            customdata=history["check_id"], hovertext=as_texts(history["verdict"], 60),
            hovertemplate="%{x|%Y-%m-%d %H:%M}<br>%{y:.3g}<br>%{hovertext}<extra></extra>",
        )  # fmt: skip
    _floors(figure, "distance")
    distance = {"type": "log", "title": "Cosine distance", "exponentformat": "e"}
    return styled(figure, height=340, yaxis=distance, margin={"t": 40})


def cost_chart(points: pd.DataFrame) -> go.Figure:
    """Score lost or won (in points) against mean drift, a point a reproduced task; the noise floor as a bar."""
    figure = go.Figure()
    for i, (encoder, rows) in enumerate(points.groupby("encoder", sort=True)):
        figure.add_scatter(
            x=rows["drift"].clip(lower=_LEAST), y=100 * rows["delta"], mode="markers", name=as_text(encoder, 26),
            marker=marker(i, 10), customdata=rows[["task", "verdict"]].map(as_text, most=60),
            error_y={"type": "data", "array": 100 * rows["floor"], "thickness": 1, "width": 3, "color": MUTED},
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>drift %{x:.3g}<br>%{y:+.2f} points"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": MUTED, "width": 1})
    _floors(figure, "distance", vertical=True)
    return styled(
        figure, xaxis={"type": "log", "title": "Mean drift (cosine distance)", "exponentformat": "e"},
        yaxis={"title": "Reproduced - published, points"}, margin={"t": 40},
    )  # fmt: skip


def _limits(figure: go.Figure, limits: Mapping[str, float]) -> None:
    """Named upright lines at lengths, on a logarithmic scale."""
    for name, at in limits.items():
        figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=1, yref="paper", line={"color": MUTED, "width": 1})
        # Shapes take a value, annotations its logarithm.
        figure.add_annotation(
            x=log10(at), y=0, yref="paper", text=as_text(name, 34), textangle=-90, showarrow=False, xanchor="right",
            yanchor="bottom", font={"size": 11, "color": MUTED},
        )  # fmt: skip


def _floors(figure: go.Figure, kind: str, *, vertical: bool = False) -> None:
    """Dotted lines on a logarithmic scale where each precision's own rounding ends."""
    along, across = ("x", "y") if vertical else ("y", "x")
    for name, value in floor_marks(kind).items():
        line = {"color": MUTED, "width": 1, "dash": "dot"}
        figure.add_shape(
            type="line", line=line, **{f"{along}0": value, f"{along}1": value, f"{across}0": 0, f"{across}1": 1},
            **{f"{across}ref": "paper"},
        )  # fmt: skip
        # Shapes take a value, annotations its logarithm.
        place = {along: log10(value), across: 1, f"{across}ref": "paper", "yanchor": "bottom"}
        place |= {} if vertical else {"xanchor": "right"}
        figure.add_annotation(text=name, showarrow=False, font={"size": 11, "color": MUTED}, **place)
