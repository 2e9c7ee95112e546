"""Figures of drift that are no heatmaps: distributions, text length, one vector, history, and what drift costs."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.drift_maps import floor_marks
from dashboard.figures.theme import (
    ACCENT,
    CATEGORICAL,
    MUTED,
    SYMBOLS,
    as_text,
    as_texts,
    log_axis,
    marker,
    row_height,
    small_text,
    styled,
)  # fmt: skip
from dashboard.formatting import day, signed, word
from dashboard.words import tr
from data.rules.drift import FLOORS

__all__ = ["cost_chart", "history_chart", "length_chart", "spread_chart", "vector_chart"]

_LEAST = 1e-8
_SINGLE = 40  # checks of a pair whose marks can be told apart
_NAMED = 6  # changes of a verdict, the last ones, that are named on the line
_APART = 0.08  # of the time that is drawn, between two changes that both have room for a name on a phone
_NEAR = 0.5  # powers of ten within which two floors have no room for a name each
_WARM = CATEGORICAL[1]


def spread_chart(quantiles: pd.DataFrame, names: Mapping[str, str], *, of: str, title: str, log: bool) -> go.Figure:
    """Boxes of one thing (``drift``, ``norm`` or ``cosine``), an encoder a row; whiskers hold 90% of the texts."""
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
    medians = chosen["median"]
    alt = tr(
        "{measure} of {n:,} encoders: medians from {low:.3g} ({lowest}) to {high:.3g} ({highest}).",
        measure=title, n=len(chosen), low=medians.min(), lowest=names[str(medians.idxmin())], high=medians.max(),
        highest=names[str(medians.idxmax())],
    ) if len(chosen) else title  # fmt: skip
    return styled(
        figure, title=tr("{measure}: half of the texts in the box, 90% within the whiskers", measure=title), alt=alt,
        height=90 + row_height(26) * max(len(chosen), 2), above=16,
        xaxis=log_axis([*chosen["low"], *chosen["high"], *FLOORS.values()]) if log else {},  # the title says of what
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
                x=others["length"].clip(lower=1), y=others["value"], mode="markers", name=tr("other encoders"),
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
    alt = tr(
        "{n:,} texts of {encoder}, {shortest:,.0f} to {longest:,.0f} {unit} long; {measure} {median:.2g} in the median "
        "and {most:.3g} at most.",
        n=len(mine), encoder=names.get(chosen, ""), shortest=mine["length"].min(), longest=mine["length"].max(),
        unit=length, measure=label, median=mine["value"].median(), most=mine["value"].max(),
    )  # fmt: skip
    return styled(
        figure, title=tr("{measure} of each text by its length in {unit}", measure=label, unit=length), alt=alt,
        height=440, hovermode="closest", clickmode="event+select", above=16,
        xaxis=log_axis(drift["length"]) | {"title": tr("Length of the text in {unit}", unit=length)},
        yaxis=(log_axis([*drift["value"], *floor_marks(floor_kind).values()]) if log else {}) | {"title": label},
    )  # fmt: skip


def vector_chart(dimensions: pd.DataFrame) -> go.Figure:
    """Both vectors of one text over their dimensions, and the difference under them."""
    figure = go.Figure()
    for name, label, colour, width in (
        ("reference", tr("reference"), MUTED, 1.5),
        ("candidate", tr("candidate"), ACCENT, 1.0),
    ):
        line = {"color": colour, "width": width}
        figure.add_scattergl(x=dimensions["dimension"], y=dimensions[name], name=label, mode="lines", line=line)
    figure.add_bar(
        x=dimensions["dimension"], y=dimensions["difference"], name=tr("candidate - reference"), yaxis="y2",
        marker={"color": _WARM, "line": {"width": 0}},
    )  # fmt: skip
    most = dimensions["difference"].abs().argmax() if len(dimensions) else None
    alt = "" if most is None else tr(
        "{n:,} dimensions; the largest difference is {difference:+.2g}, in dimension {dimension}.",
        n=len(dimensions), difference=dimensions["difference"].iloc[most], dimension=dimensions["dimension"].iloc[most],
    )  # fmt: skip
    return styled(
        figure, title=tr("Both vectors of the text by dimension, and their difference (values as served)"), alt=alt,
        height=340, bargap=0, hovermode="x unified", xaxis={"title": tr("Dimension"), "anchor": "y2"},
        yaxis={"domain": [0.45, 1.0], "title": tr("Value").lower()},
        yaxis2={"domain": [0.0, 0.36], "title": tr("Difference").lower()},
    )  # fmt: skip


def history_chart(history: pd.DataFrame) -> go.Figure:
    """Drift of the same pair at every check of it: the median, with the worst text above; floors dotted.

    The pair's own floor is a line of its own, since it may have been declared otherwise from a check on. Where a
    verdict is another than before, an upright line says which; where nobody was there, a cross stands at the bottom.
    """
    figure = go.Figure()
    size = 10 if len(history) <= _SINGLE else 5
    for column, name, colour, symbol in (
        ("worst", tr("worst text"), _WARM, SYMBOLS[3]),
        ("median", tr("Median").lower(), ACCENT, SYMBOLS[0]),
    ):
        figure.add_scatter(
            x=history["started_at"], y=history[column].clip(lower=_LEAST), name=name, mode="lines+markers",
            line={"color": colour, "width": 2}, marker={"size": size, "symbol": symbol},
            customdata=history["check_id"], hovertext=as_texts(history["verdict"].map(word), 60),
            hovertemplate="%{x|%Y-%m-%d %H:%M}<br>%{y:.3g}<br>%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=history["started_at"], y=history["floor"], name=tr("noise floor of this pair"), mode="lines",
        line={"color": MUTED, "width": 1.5, "dash": "dash", "shape": "hv"}, hovertemplate="%{y:.1g}<extra></extra>",
    )  # fmt: skip
    _turns(figure, history)
    _floors(figure, "distance")
    distance = log_axis([*history["median"], *history["worst"], *FLOORS.values()]) | {"title": tr("Cosine distance")}
    there = history[~history["away"]]
    first, last = (there if len(there) else history).iloc[[0, -1]].to_dict("records")
    turned, away = int(history["was"].notna().sum()), int(history["away"].sum())
    alt = tr(
        "{n:,} checks from {start} to {end}: the median from {before:.2g} to {after:.2g}, the worst text from "
        "{worst_before:.2g} to {worst_after:.2g}.",
        n=len(history), start=day(first["started_at"]), end=day(last["started_at"]), before=first["median"],
        after=last["median"], worst_before=first["worst"], worst_after=last["worst"],
    )  # fmt: skip
    alt += " " + tr(
        "Times the verdict changed: {turned:,}; checks that found nobody there: {away:,}.", turned=turned, away=away
    )
    title = tr("Drift at every check, cosine distance: the median and the worst text")
    return styled(figure, title=title, alt=alt, height=340, yaxis=distance, above=16)


def _turns(figure: go.Figure, history: pd.DataFrame) -> None:
    """Upright lines where the verdict changed, the last ones with its name, and crosses where nobody was there."""
    away = history[history["away"]]
    if len(away):
        figure.add_scatter(
            x=away["started_at"], y=[_LEAST] * len(away), name=tr("nobody there"), mode="markers", cliponaxis=False,
            marker={"size": 9, "symbol": "x-thin", "line": {"width": 2, "color": MUTED}},
            hovertemplate="%{x|%Y-%m-%d %H:%M}<br>" + tr("nobody there") + "<extra></extra>",
        )  # fmt: skip
    turns = history[history["was"].notna()]
    for row in turns.to_dict("records"):
        line = {"color": MUTED, "width": 1}
        figure.add_shape(type="line", x0=row["started_at"], x1=row["started_at"], y0=0, y1=1, yref="paper", line=line)
    span, named = history["started_at"].max() - history["started_at"].min(), list[pd.Timestamp]()
    for row in turns.iloc[::-1].to_dict("records"):
        # Names stand upright beside their lines: of lines that are close together the last one has its name.
        if len(named) == _NAMED or (named and named[-1] - row["started_at"] < _APART * span):
            continue
        named.append(row["started_at"])
        figure.add_annotation(
            x=row["started_at"], y=0, yref="paper", text=as_text(word(row["verdict"]), 26), textangle=-90,
            showarrow=False, xanchor="right", yanchor="bottom", font={"size": small_text()},
        )  # fmt: skip


def cost_chart(points: pd.DataFrame) -> go.Figure:
    """Score lost or won (in points) against mean drift, a point a reproduced task; the noise floor as a bar."""
    figure = go.Figure()
    for i, (encoder, rows) in enumerate(points.groupby("encoder", sort=True)):
        figure.add_scatter(
            x=rows["drift"].clip(lower=_LEAST), y=100 * rows["delta"], mode="markers", name=as_text(encoder, 26),
            marker=marker(i, 10), 
            customdata=rows[["task", "verdict"]].assign(verdict=rows["verdict"].map(word)).map(as_text, most=60),
            error_y={"type": "data", "array": 100 * rows["floor"], "thickness": 1, "width": 3, "color": MUTED},
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>" + tr("drift %{x:.3g}") + "<br>"
            + tr("%{y:+.2f} points") + "<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": MUTED, "width": 1})
    _floors(figure, "distance", vertical=True)
    lost = points.iloc[int(points["delta"].argmin())] if points["delta"].notna().any() else None
    alt = "" if lost is None else tr(
        "{n:,} tasks of {encoders:,} encoders; the most is lost by {encoder} on {task}: {points} points.",
        n=len(points), encoders=points["encoder"].nunique(), encoder=lost["encoder"], task=lost["task"],
        points=signed(lost["delta"]),
    )  # fmt: skip
    return styled(
        figure, title=tr("Score lost or won, in points, against the mean drift of the vectors"), alt=alt,
        xaxis=log_axis([*points["drift"], *FLOORS.values()]) | {"title": tr("Mean drift (cosine distance)")},
        yaxis={"title": tr("Reproduced - published, points")}, above=16,
    )  # fmt: skip


def _limits(figure: go.Figure, limits: Mapping[str, float]) -> None:
    """Named upright lines at lengths, on a logarithmic scale."""
    for name, at in limits.items():
        figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=1, yref="paper", line={"color": MUTED, "width": 1})
        # Shapes take a value, annotations its logarithm.
        figure.add_annotation(
            x=log10(at), y=0, yref="paper", text=as_text(name, 34), textangle=-90, showarrow=False, xanchor="right",
            yanchor="bottom", font={"size": small_text()},
        )  # fmt: skip


def _floors(figure: go.Figure, kind: str, *, vertical: bool = False) -> None:
    """Dotted lines on a logarithmic scale where each precision's own rounding ends."""
    along, across = ("x", "y") if vertical else ("y", "x")
    names = _names_of_floors(floor_marks(kind))
    for value, name in names.items():
        line = {"color": MUTED, "width": 1, "dash": "dot"}
        figure.add_shape(
            type="line", line=line, **{f"{along}0": value, f"{along}1": value, f"{across}0": 0, f"{across}1": 1},
            **{f"{across}ref": "paper"},
        )  # fmt: skip
        # Shapes take a value, annotations its logarithm.
        place = {along: log10(value), across: 1, f"{across}ref": "paper", "yanchor": "bottom"}
        place |= {} if vertical else {"xanchor": "right"}
        if not name:
            continue
        figure.add_annotation(text=name, showarrow=False, font={"size": small_text()}, **place)


def _names_of_floors(marks: Mapping[str, float]) -> dict[float, str]:
    """The name at each floor; of floors that lie close together the last has the names of all."""
    names: dict[float, str] = {}
    before = 0.0
    for name, value in sorted(marks.items(), key=lambda mark: mark[1]):
        near = before and log10(value / before) < _NEAR
        names[value] = f"{names[before]} · {name}" if near else name
        if near:
            names[before] = ""
        before = value
    return names
