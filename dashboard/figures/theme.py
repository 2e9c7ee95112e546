"""Colours, layout, titles and marks all figures share.

Figures leave background and grid colours to Streamlit, which follows the viewer's light or dark theme; colours that
carry meaning are set here and readable on both, and names are as dark as the text of the page. The categorical set is
Okabe and Ito's, ordered so that neighbours differ in lightness too, and every category also gets a marker shape of its
own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.formatting import small
from dashboard.frame_keys import frame_choice

__all__ = [
    "ACCENT",
    "CATEGORICAL",
    "INVISIBLE",
    "MUTED",
    "ORDERED",
    "SEQUENTIAL",
    "SYMBOLS",
    "add_spans",
    "alt_of",
    "as_text",
    "as_texts",
    "bar_above",
    "diverging",
    "drift_colours",
    "least_of",
    "level_bar",
    "log_axis",
    "map_width",
    "marker",
    "row_height",
    "small_text",
    "styled",
    "text_size",
]

CATEGORICAL = ["#2f6fc4", "#d98200", "#0f8a6d", "#b3446c", "#8c6bb1", "#4aa3c7", "#9c6b30", "#7d8590"]
SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"]
ACCENT, MUTED = CATEGORICAL[0], CATEGORICAL[-1]
INVISIBLE = "rgba(0,0,0,0)"
_INK = {False: "#1d2430", True: "#e4e8ee"}  # text on a light and on a dark page, as .streamlit/config.toml has it

# Steps in time, from old to new: ordered and still told apart, on light and on dark.
ORDERED = ["#7d8590", "#8c6bb1", "#2f6fc4", "#0f8a6d", "#d98200", "#cf4a30"]

Scale = list[tuple[float, str]]
# Signed differences, centred on zero: blue is better, orange is worse; both ends stand out alike from the page, and
# what is near zero is near the page's own colour, so that a map of small differences does not glare in the dark.
_DIVERGING: Scale = [(0.0, "#a64b00"), (0.25, "#e8a35e"), (0.5, "#ececec"), (0.75, "#74a9dc"), (1.0, "#134d96")]
_DIVERGING_DARK: Scale = [(0.0, "#f0a35c"), (0.25, "#a65a1c"), (0.5, "#2a3039"), (0.75, "#33629c"), (1.0, "#7fb2ee")]
# Drift: grey where arithmetic alone explains it, and further from the page with every step beyond.
_DRIFT: Scale = [(0.0, "#b9c0ca"), (0.3, "#e9d9a6"), (0.55, "#e8a35e"), (0.8, "#b45309"), (1.0, "#571c00")]
_DRIFT_DARK: Scale = [(0.0, "#39414c"), (0.3, "#6a5f37"), (0.55, "#a0641f"), (0.8, "#d98536"), (1.0, "#ffc890")]
# Amounts: dark is more on light, and still ordered on dark.
SEQUENTIAL = "Cividis"


def text_size() -> int:
    """Size of the text in figures in px: 13, and larger where the page is shown to a room."""
    return 16 if _in_page() and frame_choice("present") == "1" else 13


def small_text() -> int:
    """Size of the smallest text in figures in px."""
    return text_size() - 1


def row_height(pixels: float) -> int:
    """Height of a row of a figure that is so many px high at the usual size of its text."""
    return round(pixels * text_size() / 13)


def diverging() -> Scale:
    """Colours of signed differences, orange to blue, for the viewer's theme."""
    return _DIVERGING_DARK if _is_dark() else _DIVERGING


def drift_colours() -> Scale:
    """Colours of amounts of drift, for the viewer's theme."""
    return _DRIFT_DARK if _is_dark() else _DRIFT


def _in_page() -> bool:
    return get_script_run_ctx(suppress_warning=True) is not None


def _is_dark() -> bool:
    return _in_page() and st.context.theme.type == "dark"


def level_bar() -> dict[str, object]:
    """A bar of colours that lies over its map, as wide as the figure: beside a map it would take a phone's room."""
    return {
        "orientation": "h", "yref": "container", "tickfont": {"size": small_text()}, "y": 1.0, "yanchor": "top", "x": 0,
        "xanchor": "left", "len": 1.0, "thickness": 10,
    }  # fmt: skip


def bar_above(figure: go.Figure, above: float) -> go.Figure:
    """The same figure, styled with this room ``above``, its :func:`level_bar` right below its title.

    A title of the bar's own would be drawn over it where the map is low.
    """
    layout = figure.layout
    return figure.update_traces(
        colorbar={"y": 1 - (layout.margin.t - above) / layout.height}, selector={"type": "heatmap"}
    )


def map_width(columns: int, names: Iterable[object], most: int = 26, each: float = 17) -> int:
    """What a map of so many named columns needs in px, so that no name lies on the next.

    Args:
        columns: of the map; names of columns stand upright or slanted.
        names: of its rows, left of it.
        most: letters of a row's name that are drawn.
        each: px of a column.
    """
    longest = max((min(len(str(name)), most) for name in names), default=0)
    return round(row_height(each) * columns + 0.55 * text_size() * longest + 60)


def log_axis(values: Iterable[float]) -> dict[str, object]:
    """A logarithmic axis over these values: ticks as pages write numbers, as few as a phone has room for."""
    known = np.asarray([value for value in values if value and value > 0 and np.isfinite(value)], dtype=float)
    steps = (1.0,) if len(known) and known.max() >= 30 * known.min() else (1.0, 2.0, 5.0)
    ticks = [step * 10.0**power for power in range(-12, 7) for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [small(tick) for tick in ticks]}


def styled(
    figure: go.Figure, *, title: str, alt: str, height: float = 420, above: float = 0, least: int = 0, **layout: Any
) -> go.Figure:
    """The same figure with title, margins, legend and hover all of ours have, and what its own layout says beside.

    Args:
        figure: the figure.
        title: what it shows, with units, as plain text; it is drawn above the figure in lines that a narrow screen has
            room for.
        alt: the same for who cannot see it, in one sentence with its main figures; kept in the figure (:func:`alt_of`).
        height: of all but the title, in px.
        above: room between title and plot, in px.
        least: what it needs in width to be read, in px; on a narrower screen it is moved sideways (:func:`least_of`).
        **layout: of the figure.
    """
    lines = _lines(title)
    size = text_size() + 1
    head = 8 + round(1.3 * size) * len(lines)
    figure.update_layout(
        height=round(height + head),
        margin={"l": 8, "r": 8, "t": head + 8 + above, "b": 8},
        title={  # a pad is that of the middle of its lines
            "text": "<br>".join(as_text(line) for line in lines), "font": {"size": size}, "x": 0, "xref": "container",
            "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": head // 2 + 1, "l": 4},
        },
        # Below the plot: as many lines as its names need, on any screen, and none of them over the title.
        legend={
            "orientation": "h", "xref": "container", "x": 0, "xanchor": "left", "yref": "container", "y": 0,
            "yanchor": "bottom", "title": None, "font": {"size": small_text()},
        },
        hoverlabel={"align": "left"},
        font={"size": text_size()},
        modebar={"remove": ["lasso2d", "select2d", "autoScale2d"]},
        meta={"alt": alt, "least": least},
    )  # fmt: skip
    figure.update_layout(layout)
    # Streamlit's own theme greys what stands at the axes, which are names of models and tasks here.
    ink = {"color": _INK[_is_dark()]}
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont=ink)
    figure.update_polars(angularaxis={"tickfont": ink})
    return figure.update_annotations(font=ink)


def alt_of(figure: go.Figure) -> str:
    """What a figure shows, in words."""
    return str((figure.layout.meta or {}).get("alt", ""))


def least_of(figure: go.Figure) -> int:
    """The width in px that a figure needs to be read; 0: any."""
    return int((figure.layout.meta or {}).get("least", 0))


_LINE = 46  # letters of a title that a screen of 390 px has room for; a Chinese sign is as wide as two


def _lines(title: str) -> list[str]:
    """A title in as few lines as a narrow screen has room for, about as long as one another where it has spaces."""
    lines = _parted(title, _LINE)
    if len(lines) == 1 or max(title) > "\u2fff":  # what is between two Chinese signs may be the middle of a word
        return lines
    return next(even for most in range(1, _LINE + 1) if len(even := _parted(title, most)) == len(lines))


def _parted(title: str, most: int) -> list[str]:
    """A title in lines of so many letters at most, parted between words or Chinese signs."""
    lines, width = [""], 0
    for part in re.findall(r"[^\s\u3000-\uffef]+[\s\u3000-\u303f\uff00-\uffef]*|\s+|.", " ".join(title.split())):
        wide = sum(2 if sign > "\u2fff" else 1 for sign in part)
        if width + len(part.rstrip()) > most and lines[-1]:
            lines, width = [*lines, ""], 0
        lines[-1], width = lines[-1] + part, width + wide
    return [line.strip() for line in lines]


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
