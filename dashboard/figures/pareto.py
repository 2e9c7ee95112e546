"""Quality against size: which models nobody smaller beats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import (
    ACCENT,
    CATEGORICAL,
    INVISIBLE,
    MUTED,
    ORDERED,
    SYMBOLS,
    as_text,
    small_text,
    styled,
)  # fmt: skip
from dashboard.formatting import parameters, rounded, score
from dashboard.words import mark, tr
from data.rules import licences
from data.rules.licences import CLASSES, licence_of
from data.rules.weighting import pareto

__all__ = ["MOST_POINTS", "drawable", "drawn", "front", "pareto_chart"]

UNKNOWN = mark("not stated")
_BEFORE = "before "  # of the group of the oldest years
_UNSURE = (UNKNOWN, CLASSES[licences.UNKNOWN])
MOST_POINTS = 1000  # besides the front: a browser draws no more at once, and nobody can tell more of them apart


def drawable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a quality and a size above zero; a word-counting model has no parameters, and zero no logarithm."""
    known = frame.dropna(subset=["n_parameters", "quality"])
    return known[known["n_parameters"] > 0]


def front(frame: pd.DataFrame) -> pd.DataFrame:
    """Models that no model of the same size or smaller beats, smallest first.

    Takes columns ``n_parameters`` and ``quality``; rows that :func:`drawable` leaves out are never on it.
    """
    known = drawable(frame)
    best = pareto(known["quality"].to_numpy(float), known["n_parameters"].to_numpy(float))
    return known[best].sort_values("n_parameters")


def drawn(frame: pd.DataFrame, chosen: str | None = None) -> pd.DataFrame:
    """Rows of :func:`drawable` that get a point: all, or of very many the front, the chosen and others at even steps.

    The steps are of the order the rows come in, so that of rows in the order of ranks what is drawn is as dense as all.
    """
    known = drawable(frame)
    if len(known) <= MOST_POINTS:
        return known
    points = known["model"].isin([*front(known)["model"], chosen]).to_numpy(copy=True)
    points[np.linspace(0, len(known) - 1, MOST_POINTS).astype(int)] = True
    return known[points]


def pareto_chart(frame: pd.DataFrame, *, quality: str, by: str, chosen: str | None = None) -> go.Figure:
    """A point a model over parameters (log), coloured and shaped by ``by``, with the front as a line.

    Of very many models those of :func:`drawn` have a point. Takes columns ``model``, ``n_parameters``, ``quality``
    (0-1), ``rank`` and ``by`` ("licence" or "release"). ``chosen`` is ringed. Names are shown as text whatever they
    hold.
    """
    known, best = drawable(frame), front(frame)
    points = drawn(known, chosen)
    figure = go.Figure()
    figure.add_scatter(
        x=best["n_parameters"], y=rounded(100 * best["quality"]), mode="lines", name=tr("best at its size or smaller"),
        line={"color": MUTED, "width": 1.5, "shape": "hv", "dash": "dot"}, hoverinfo="skip",
    )  # fmt: skip
    groups = (
        _years(points["release_date"])
        if by == "release"
        else points["licence"].map(lambda text: licence_of(text).label)
    )
    names = sorted(groups.unique(), key=_last)
    colours = ORDERED[-len(names) :] if by == "release" else CATEGORICAL
    for i, name in enumerate(names):
        colour = MUTED if name in _UNSURE else colours[i % len(colours)]
        rows = points[(groups == name).to_numpy()]
        figure.add_scatter(
            x=rows["n_parameters"], y=rounded(100 * rows["quality"]), mode="markers", name=as_text(_said(name)),
            marker={"size": 8, "opacity": 0.85, "color": colour, "symbol": SYMBOLS[i % len(SYMBOLS)]},
            customdata=rows["model"], text=[_hover(row) for row in rows.itertuples()],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    _name_the_front(figure, best)
    _ring(figure, known[known["model"] == chosen])
    figure.update_xaxes(type="log", title=tr("Parameters"), tickvals=_TICKS, ticktext=[parameters(t) for t in _TICKS])
    figure.update_yaxes(title=as_text(tr(quality)))
    title = tr("{quality} (0 to 100) against the number of parameters, a point a model", quality=tr(quality))
    return styled(figure, title=title, alt=_alt(known, best), height=520)


def _alt(known: pd.DataFrame, best: pd.DataFrame) -> str:
    """How many models there are, and the two ends of the front."""
    if best.empty:
        return tr("No model has both a size and this mean.")
    small, large = best.iloc[0], best.iloc[-1]
    return tr(
        "{n:,} models, {front:,} of them beaten by none of their size or smaller: from {small} ({small_size}, {low}) "
        "to {large} ({large_size}, {high}).",
        n=len(known), front=len(best), small=small["model"], small_size=parameters(small["n_parameters"]),
        low=score(small["quality"]), large=large["model"], large_size=parameters(large["n_parameters"]),
        high=score(large["quality"]),
    )  # fmt: skip


def _said(name: str) -> str:
    """A group's name in the viewer's language: a class of licences, or years."""
    year = name.removeprefix(_BEFORE)
    return tr(name) if year == name else tr("before {year}", year=year)


_TICKS = [1e6, 1e7, 1e8, 1e9, 1e10, 1e11]


def _years(dates: pd.Series) -> pd.Series:
    """The year, the oldest ones together: as many as there are colours that can be told apart."""
    years = pd.to_datetime(dates).dt.year
    first = years.max() - len(ORDERED) + 2
    names = years.map("{:.0f}".format, na_action="ignore").where(years >= first, f"{_BEFORE}{first:.0f}")
    return names.where(years.notna(), UNKNOWN)


def _last(name: str) -> tuple[bool, int, bool, str]:
    classes = list(CLASSES.values())
    place = classes.index(name) if name in classes else 0
    return (name in _UNSURE, place, not name.startswith(_BEFORE), name)


def _hover(row: Any) -> str:
    facts = tr("{score}, {parameters} parameters", score=score(row.quality), parameters=parameters(row.n_parameters))
    if pd.notna(row.rank):
        facts = tr("rank {rank:.0f}, {facts}", rank=row.rank, facts=facts)
    return f"<b>{as_text(row.model)}</b><br>{facts}"


def _name_the_front(figure: go.Figure, best: pd.DataFrame) -> None:
    """Names at corners of the front, from the largest down, as far as they do not overlap."""
    placed: list[tuple[float, float]] = []
    rows: list[Any] = list(best.iloc[::-1].itertuples())
    for row in rows:
        x, y = math.log10(row.n_parameters), 100 * row.quality
        if any(abs(x - other) < 1 and abs(y - height) < 4 for other, height in placed):
            continue
        placed.append((x, y))
        figure.add_annotation(
            x=x, y=y, text=as_text(row.model.rsplit("/", 1)[-1], 28), showarrow=False, xanchor="right",
            yanchor="bottom", xshift=-4, font={"size": small_text()},
        )  # fmt: skip


def _ring(figure: go.Figure, rows: pd.DataFrame) -> None:
    if len(rows):
        figure.add_scatter(
            x=rows["n_parameters"], y=rounded(100 * rows["quality"]), mode="markers", name=tr("chosen"),
            hoverinfo="skip", marker={"size": 16, "color": INVISIBLE, "line": {"color": ACCENT, "width": 2.5}},
        )  # fmt: skip
