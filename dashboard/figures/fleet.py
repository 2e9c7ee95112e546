"""The figure of the fleet page: which cells are done, at work, left and given up."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import as_texts, bar_above, level_bar, map_width, row_height, styled
from dashboard.formatting import word
from dashboard.words import listed, stopped, tr
from data.store.vocabulary import Status

__all__ = ["cells_done_map"]

# In the order of the legend, with colours that are told apart without red and green, by their lightness alone.
_COLOURS = {
    Status.DONE: "#2a788e",
    Status.RUNNING: "#7ad151",
    Status.WAITING: "rgba(127,127,127,.25)",
    Status.SET_ASIDE: "#e8a33d",
    Status.FAILED: "#8b1e3f",
}
_BAR = 48  # px that the bar of states takes, between title and map
_NAMED = 60  # models or tasks up to which each is named


def cells_done_map(cells: pd.DataFrame) -> go.Figure:
    """The state of each task (across) on each model (down), with how long it took.

    Args:
        cells: columns setup, task, status, seconds.
    """
    order = [str(status) for status in _COLOURS]
    number = {status: place for place, status in enumerate(order)}
    grid = cells.assign(state=cells["status"].map(number)).pivot(index="setup", columns="task", values="state")
    words = {status: word(status) for status in order}
    took = cells["seconds"].map(lambda seconds: "" if pd.isna(seconds) else f"{seconds:,.1f} s")
    hover = (
        cells.assign(
            text=[f"{words[status]} {time}".strip() for status, time in zip(cells["status"], took, strict=True)]
        )
        .pivot(index="setup", columns="task", values="text")
        .reindex(index=grid.index, columns=grid.columns)
    )
    steps = len(order)
    scale = [[edge / steps, colour] for place, colour in enumerate(_COLOURS.values()) for edge in (place, place + 1)]
    figure = go.Figure(
        go.Heatmap(
            z=grid, x=as_texts(grid.columns), y=as_texts(grid.index), text=hover, zmin=-0.5, zmax=steps - 0.5,
            colorscale=scale, xgap=1, ygap=1, hoverongaps=False, hovertemplate="%{y}<br>%{x}: %{text}<extra></extra>",
            colorbar=level_bar() | {"tickvals": list(range(steps)), "ticktext": list(words.values()), "tickangle": 0},
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", automargin=True, showticklabels=grid.shape[1] <= _NAMED)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", showticklabels=len(grid) <= _NAMED)
    counts = cells["status"].value_counts()
    alt = stopped(listed([f"{words[status]}: {counts[status]:,}" for status in order if status in counts.index], "; "))
    height = 170 + row_height(22 if len(grid) <= _NAMED else 6) * len(grid)
    title = tr("State of each task on each model, and the seconds it took")
    least = map_width(grid.shape[1], grid.index, most=60) if grid.shape[1] <= _NAMED else 0
    styled(figure, title=title, alt=alt, height=height + _BAR, above=_BAR, least=least)
    return bar_above(figure, _BAR)
