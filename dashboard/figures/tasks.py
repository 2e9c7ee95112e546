"""Figures of the tasks and models pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import ACCENT, MUTED, SEQUENTIAL, as_text, as_texts, marker, styled
from dashboard.formatting import rounded
from dashboard.tables.compare import short_names

__all__ = ["cells_map", "distribution_chart", "profile_chart"]

WIDE = 30  # cells from which a heatmap lies on its side


def distribution_chart(standings: pd.DataFrame, chosen: Sequence[str]) -> go.Figure:
    """How all complete scores on a task are spread, with the chosen models marked.

    Args:
        standings: columns model, score (0-1), place.
        chosen: models to mark.
    """
    complete = standings.dropna(subset=["score"])
    scores = rounded(100 * complete["score"])
    counts, edges = np.histogram(scores, bins=min(40, max(5, len(scores) // 6)))
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges) * 0.94, marker={"color": MUTED, "opacity": 0.55},
        name="all models", showlegend=False, customdata=np.column_stack([edges[:-1], edges[1:]]),
        hovertemplate="%{y} models between %{customdata[0]:.2f} and %{customdata[1]:.2f}<extra></extra>",
    )  # fmt: skip
    top = max(float(counts.max(initial=1)), 1.0)
    names = short_names(list(chosen))
    for i, model in enumerate(chosen):
        mine = complete[complete["model"] == model]
        if mine.empty:
            continue
        score, place = float(rounded(100 * mine["score"].iloc[0])), int(mine["place"].iloc[0])
        mark = marker(i, 12)
        figure.add_scatter(
            x=[score, score], y=[0, top * 1.08], mode="lines+markers", line={"color": mark["color"], "width": 2},
            name=f"{as_text(names[model])}: {score:.2f}, place {place}", hovertemplate="%{x:.2f}",
            marker=mark | {"size": [0, 12]},
        )  # fmt: skip
    figure.update_xaxes(title="score")
    figure.update_yaxes(title="models", rangemode="tozero")
    return styled(figure, height=320)


def cells_map(cells: pd.DataFrame, models: Sequence[str]) -> go.Figure:
    """Main score of each model (across) on each cell (down), 0-100; a cell without a score is blank.

    Args:
        cells: columns model, split, subset, main_score (0-1).
        models: in the order to show.
    """
    several = cells["split"].nunique() > 1
    label = cells["subset"] + (" · " + cells["split"] if several else "")
    grid = (
        cells.assign(label=label)
        .pivot_table(index="label", columns="model", values="main_score", aggfunc="mean", sort=False)
        .reindex(columns=list(models))
    )
    grid = grid.loc[grid.mean(axis=1).sort_values(ascending=False).index]
    values, across = rounded(100 * grid).astype(np.float32), as_texts(short_names(list(models)).values())
    wide = len(grid) > WIDE  # many languages read better along the wide side
    down = list(grid.index)
    if wide:
        values, across, down = values.T, down, across
    figure = go.Figure(
        go.Heatmap(
            z=values, x=across, y=down,
            colorscale=SEQUENTIAL, xgap=1, ygap=1, hoverongaps=False, colorbar={"title": "score", "thickness": 12},
            hovertemplate="%{x}<br>%{y}: %{z:.2f}<extra></extra>",
            texttemplate=None if wide or len(models) > 12 else "%{z:.1f}",
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", side="bottom" if wide else "top", tickangle=-90 if wide else None)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    return styled(figure, height=180 + 26 * len(models) if wide else 120 + 20 * len(grid))


def profile_chart(tasks: pd.DataFrame) -> go.Figure:
    """Percentile among peers on every task, a row a task type; 50 is the middle of the field.

    Args:
        tasks: columns task, type, score (0-1), percentile (0-100), peers.
    """
    known = tasks.dropna(subset=["percentile"])
    order = known.groupby("type")["percentile"].mean().sort_values().index
    figure = go.Figure()
    figure.add_box(
        x=known["percentile"], y=known["type"], orientation="h", boxpoints=False, line={"color": MUTED, "width": 1},
        fillcolor="rgba(127,127,127,.15)", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=known["percentile"], y=known["type"], mode="markers", showlegend=False,
        marker={"color": ACCENT, "size": 9, "opacity": 0.75, "line": {"width": 1, "color": "white"}},
        customdata=known[["task", "score", "peers"]].assign(
            task=as_texts(known["task"]), score=rounded(100 * known["score"])
        ),
        hovertemplate="<b>%{customdata[0]}</b><br>percentile %{x:.0f} of %{customdata[2]} peers"
        "<br>score %{customdata[1]:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=50, line={"width": 1.5, "color": MUTED, "dash": "dot"})
    figure.update_xaxes(title="percentile among peers (higher is better)", range=[-2, 102])
    figure.update_yaxes(categoryorder="array", categoryarray=list(order), automargin=True)
    return styled(figure, height=120 + 44 * len(order))
