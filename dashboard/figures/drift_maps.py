"""Heatmaps of drift, each cell of which can be clicked.

Streamlit reports no click on a heatmap, so every map carries invisible markers, one a cell: the x and y of a click are
the column and the row. The colour of drift is the same on all maps: grey where arithmetic alone explains it, and
further from the page with every step beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10, sqrt
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.figures.theme import (
    as_text,
    as_texts,
    bar_above,
    diverging,
    drift_colours,
    level_bar,
    map_width,
    row_height,
    styled,
    text_size,
)
from dashboard.formatting import small
from dashboard.words import tr
from data.rules.drift import FLOORS

__all__ = ["drift_map", "floor_marks", "signed_map"]

_LEAST = 1e-8  # drift below this is drawn as this: rounding of the measure itself
_MANY = 90  # rows beyond which names would overprint each other
_WEBGL = 4_000  # cells beyond which markers are drawn as pixels, not as elements of the page


def drift_map(
    values: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    log: bool,
    floor_kind: str = "",
    counts: pd.DataFrame | None = None,
) -> go.Figure:
    """Amounts of drift, larger is farther, blank where there is none.

    Args:
        values: rows and columns in the order to draw, top to bottom and left to right.
        rows: their names as shown.
        columns: their names as shown.
        label: what is measured.
        log: colour by the logarithm, from 1e-8 up.
        floor_kind: how a precision floor reads on this scale, see ``Scale.floor``.
        counts: how many texts each cell is of, for its tooltip.
    """
    z = values.to_numpy(dtype=np.float32)
    colours = np.log10(np.maximum(z, _LEAST)) if log else z
    top = float(np.nanmax(colours)) if np.isfinite(colours).any() else 0.0
    low, high = (log10(_LEAST), max(top, -2.0)) if log else (0.0, top or 1.0)
    if log and floor_kind == "one":  # up to the floor all is one grey
        low, high = -1.5, max(top, 1.0)
    bar = _log_bar(low, high, floor_kind) if log else _plain_bar(high, floor_kind)
    figure = go.Figure(
        go.Heatmap(
            z=colours, colorscale=drift_colours(), zmin=low, zmax=high, hoverinfo="skip", xgap=1,
            ygap=0 if len(z) > _MANY else 1, colorbar={**level_bar(), **bar},
        )
    )  # fmt: skip
    figure.add_traces(_markers(z, label, ".3g", None if counts is None else counts.to_numpy(dtype=np.float32)))
    return _framed(
        figure, rows, columns, tr("Drift of each cell: {measure}", measure=label), _alt(z, rows, columns, label)
    )


def signed_map(values: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], *, label: str) -> go.Figure:
    """Signed differences around zero: blue is more than the reference, orange less."""
    z = values.to_numpy(dtype=np.float32)
    most = float(np.nanmax(np.abs(z))) if np.isfinite(z).any() else 0.0
    figure = go.Figure(
        go.Heatmap(
            z=z, colorscale=diverging(), zmin=-(most or 1), zmax=most or 1, hoverinfo="skip", xgap=1,
            ygap=0 if len(z) > _MANY else 1, colorbar=level_bar(),
        )
    )  # fmt: skip
    figure.add_traces(_markers(z, label, "+.3g", None))
    title = tr("Difference of each cell, around 0: {measure}", measure=label)
    return _framed(figure, rows, columns, title, _alt(z, rows, columns, label))


def floor_marks(kind: str) -> dict[str, float]:
    """Precision floors on the scale of a measure, by name.

    Of kind ``distance`` as they are (fp32 is 1e-6), ``root`` the root of their double (a relative length), ``one`` if
    the measure is a multiple of the floor already.
    """
    if kind in ("", "one"):
        return {"floor": 1.0} if kind else {}
    return {name: sqrt(2 * value) if kind == "root" else value for name, value in FLOORS.items() if name != "auto"}


_TICKS = {"ticks": "inside", "ticklen": 10, "tickwidth": 2, "tickcolor": "#1d2430"}
_AXIS = {"showgrid": False, "zeroline": False, "ticks": ""}


def _log_bar(low: float, high: float, kind: str) -> dict[str, object]:
    marks = floor_marks(kind)
    if not marks:
        ticks = list(range(floor(low), floor(high) + 1, 2))
        return {"tickvals": ticks, "ticktext": [f"1e{tick}" if tick else "1" for tick in ticks]}
    within = {name: log10(value) for name, value in marks.items() if log10(value) <= high - 0.4}
    texts = ["0", *_staggered(within), small(10**high)]
    return {"tickvals": [low, *within.values(), high], "ticktext": texts, "tickangle": 0, **_TICKS}


def _staggered(names: Iterable[str]) -> list[str]:
    """Every second name a line lower, so that neighbours have room on a narrow screen."""
    return [f"<br>{name}" if i % 2 else name for i, name in enumerate(names)]


def _plain_bar(high: float, kind: str) -> dict[str, object]:
    marks = {name: value for name, value in floor_marks(kind).items() if 0.02 * high < value <= high}
    if not marks:
        return {}
    texts = ["0", *_staggered(marks), small(high)]
    return {"tickvals": [0, *marks.values(), high], "ticktext": texts, **_TICKS}


def _markers(
    z: NDArray[np.float32], label: str, spec: str, counts: NDArray[np.float32] | None
) -> list[go.Scatter | go.Scattergl]:
    """One for each cell with a figure, one for each without; numbers only, so that 12,000 of them travel fast."""
    kind = go.Scattergl if z.size > _WEBGL else go.Scatter
    known = np.isfinite(z)
    texts = "" if counts is None else "<br>" + tr("%{customdata[1]:d} texts")
    hover = {True: f"{as_text(label, 60)} %{{customdata[0]:{spec}}}{texts}", False: tr("no figure")}
    clear = {"marker": {"opacity": 0.0}}
    traces = []
    for has in (True, False):
        down, across = np.nonzero(known == has)
        if len(down):
            facts = [z[down, across]] if counts is None else [z[down, across], counts[down, across]]
            traces.append(
                kind(
                    x=across, y=down, mode="markers", showlegend=False, selected=clear, unselected=clear,
                    customdata=np.stack(facts, axis=1) if has else None,
                    hovertemplate=f"<b>%{{x}}</b><br>%{{y}}<br>{hover[has]}<extra></extra>",
                    marker={"symbol": "square", "size": 12, "opacity": 0.0},
                )
            )  # fmt: skip
    return traces


def _alt(z: NDArray[np.float32], rows: Sequence[str], columns: Sequence[str], label: str) -> str:
    """How large the map is, and what its middle and its furthest cell are."""
    size: dict[str, Any] = {"rows": len(rows), "columns": len(columns), "measure": label}
    known = np.abs(z[np.isfinite(z)])
    if not len(known):
        return tr("{measure}: {rows:,} rows by {columns:,} columns without a figure.", **size)
    i, j = map(int, np.unravel_index(np.nanargmax(np.abs(z)), z.shape))
    return tr(
        "{measure}: {rows:,} rows by {columns:,} columns, {median:.2g} in the median; the furthest is {value:.3g}, of "
        "{row} and {column}.",
        **size, median=float(np.median(known)), value=float(z[i, j]), row=rows[i], column=columns[j],
    )  # fmt: skip


def _framed(figure: go.Figure, rows: Sequence[str], columns: Sequence[str], title: str, alt: str) -> go.Figure:
    named = len(rows) <= _MANY
    slanted = len(columns) > 6
    longest = max((min(len(str(name)), 22) for name in columns), default=0)
    above = 78 + (5.4 * text_size() / 13 * longest if slanted else 14)
    each = row_height(24 if len(rows) <= 16 else 17)
    styled(
        figure, title=title, alt=alt, above=above,
        height=above + 16 + (max(len(rows), 3) * each if named else 760),
        hovermode="closest", hoverdistance=-1, clickmode="event+select", dragmode="zoom",
        margin_r=40 if slanted else 16, least=map_width(len(columns), rows) if slanted and named else 0,
        yaxis=_AXIS | {
            "range": [len(rows) - 0.5, -0.5], "automargin": True, "tickvals": np.arange(len(rows)),
            "ticktext": as_texts(rows, 26), "showticklabels": named,
        },
        xaxis=_AXIS | {
            "range": [-0.5, len(columns) - 0.5], "tickangle": -45 if slanted else 0, "side": "top",
            "tickvals": np.arange(len(columns)), "ticktext": as_texts(columns, 22),
        },
    )  # fmt: skip
    return bar_above(figure, above)
