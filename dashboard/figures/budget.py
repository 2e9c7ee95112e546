"""Figure of the page on what a budget tells: how surely, against what is spent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboard.figures.theme import ACCENT, CATEGORICAL, MUTED, as_text, small_text, styled
from dashboard.formatting import count, percent, rounded
from dashboard.words import mark, tr
from data.rules.budget.curve import CurvePoint, Picking

__all__ = ["Spot", "budget_chart"]

# How tasks are picked: words, dash, marker, width.
_WAYS = {
    Picking.RANDOM: (mark("tasks at random"), "dot", "x", 1.5),
    Picking.CHEAPEST: (mark("the cheapest tasks"), "dash", "square", 1.5),
    Picking.TELLING: (mark("the most telling tasks"), "solid", "circle", 3),
}
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Spot(NamedTuple):
    """Where one stands on the curve: share of the time spent (0-1), half of the interval (0-1) and number of tasks."""

    spent: float
    half: float
    tasks: int


def budget_chart(
    points: Sequence[CurvePoint],
    spot: Spot | None,
    benchmark: str,
    others: Mapping[str, Sequence[CurvePoint]] | None = None,
) -> go.Figure:
    """Half of the 95% interval of the mean against the share of the published time, on a log axis.

    Args:
        points: of the benchmark, by every way of picking tasks.
        spot: what is chosen; None marks nothing.
        benchmark: its name.
        others: points of other benchmarks by name, the telling tasks alone.
    """
    figure = go.Figure()
    for i, (name, theirs) in enumerate((others or {}).items()):
        _add(figure, theirs, as_text(name), {"color": CATEGORICAL[(i + 1) % 6], "dash": "solid", "width": 1.5}, None)
    for picking, (words, dash, symbol, width) in _WAYS.items():
        mine = [point for point in points if point.picking is picking]
        colour = ACCENT if picking is Picking.TELLING else MUTED
        line = {"color": colour, "dash": dash, "width": width}
        _add(figure, mine, tr(words), line, {"symbol": symbol, "size": 7, "color": colour})
    if spot is not None:
        figure.add_scatter(
            x=[spot.spent], y=rounded([100 * spot.half]), mode="markers", name=tr("chosen"), hoverinfo="skip",
            marker={"size": 15, "symbol": "diamond", "color": ACCENT, "line": {"color": "#ffffff", "width": 1.5}},
        )  # fmt: skip
        # Below the curve and before it there is room: it falls, and nothing is surer.
        side = "right" if spot.spent > _TICKS[2] else "center"
        figure.add_annotation(
            x=_log(spot.spent), y=100 * spot.half, showarrow=False, yanchor="top", yshift=-9, xanchor=side,
            font={"size": small_text()}, text=f"<b>{count(spot.tasks, 'task')}: ±{100 * spot.half:.1f}</b>",
        )  # fmt: skip
    figure.update_xaxes(
        title=tr("share of the time all tasks take"), type="log", tickvals=_TICKS,
        ticktext=[percent(tick) for tick in _TICKS],
    )  # fmt: skip
    figure.update_yaxes(title=tr("± points (95%)"), rangemode="tozero")
    title = tr("How surely a few tasks tell the mean: ± points against time")
    return styled(figure, title=title, alt=_alt(points, spot, benchmark), height=400)


def _add(
    figure: go.Figure,
    points: Sequence[CurvePoint],
    name: str,
    line: dict[str, object],
    marker: dict[str, object] | None,
) -> None:
    if not points:
        return
    what = tr("%{customdata[0]}, %{customdata[1]} of the time: ±%{y:.2f} points")
    figure.add_scatter(
        x=[point.spent for point in points], y=rounded([100 * point.half for point in points]), name=name, line=line,
        mode="lines" if marker is None else "lines+markers", marker=marker,
        customdata=[[count(round(point.tasks), "task"), percent(point.spent)] for point in points],
        hovertemplate=f"<b>{name}</b><br>{what}<extra></extra>",
    )  # fmt: skip


def _alt(points: Sequence[CurvePoint], spot: Spot | None, benchmark: str) -> str:
    """Where the curve begins and ends, and what is chosen."""
    mine = [point for point in points if point.picking is Picking.TELLING]
    if not mine:
        return tr("{benchmark}: no task fits any of {n} budgets.", benchmark=benchmark, n=len(_TICKS) - 1)
    first, last = mine[0], mine[-1]
    ends = {
        "benchmark": benchmark, "first": percent(first.spent), "first_half": f"{100 * first.half:.1f}",
        "last": percent(last.spent), "last_half": f"{100 * last.half:.1f}",
    }  # fmt: skip
    if spot is None:
        return tr("{benchmark}: from ±{first_half} points at {first} of the time to ±{last_half} at {last}.", **ends)
    return tr(
        "{benchmark}: from ±{first_half} points at {first} of the time to ±{last_half} at {last}; chosen are "
        "{tasks} with ±{half}.",
        tasks=count(spot.tasks, "task"), half=f"{100 * spot.half:.1f}", **ends,
    )  # fmt: skip


def _log(value: float) -> float:
    """Where plotly puts an annotation on a log axis."""
    return math.log10(value) if value > 0 else 0.0
