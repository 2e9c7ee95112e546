"""Figures of the tasks and models pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import (
    ACCENT,
    MUTED,
    SEQUENTIAL,
    as_text,
    as_texts,
    bar_above,
    level_bar,
    map_width,
    marker,
    row_height,
    styled,
    text_size,
)
from dashboard.formatting import rounded
from dashboard.tables.compare import short_names
from dashboard.words import listed, running, stopped, tr

__all__ = ["cells_map", "distribution_chart", "profile_chart"]

_FEW = 5  # models in the fullest bar, up to which the axis names each number
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
        name=tr("all models"), showlegend=False, customdata=np.column_stack([edges[:-1], edges[1:]]),
        hovertemplate=tr("%{y} models between %{customdata[0]:.2f} and %{customdata[1]:.2f}") + "<extra></extra>",
    )  # fmt: skip
    top = max(float(counts.max(initial=1)), 1.0)
    if top <= _FEW:
        figure.update_yaxes(dtick=1)  # half a model is none
    names = short_names(list(chosen))
    for i, model in enumerate(chosen):
        mine = complete[complete["model"] == model]
        if mine.empty:
            continue
        score, place = float(rounded(100 * mine["score"].iloc[0])), int(mine["place"].iloc[0])
        mark = marker(i, 12)
        figure.add_scatter(
            x=[score, score], y=[0, top * 1.08], mode="lines+markers", line={"color": mark["color"], "width": 2},
            name=tr("{name}: {score:.2f}, place {place}", name=as_text(names[model]), score=score, place=place),
            hovertemplate="%{x:.2f}",
            marker=mark | {"size": [0, 12]},
        )  # fmt: skip
    figure.update_xaxes(title=tr("Score").lower())
    figure.update_yaxes(title=tr("Models").lower(), rangemode="tozero")
    title = tr("How many models have which score on this task, 0 to 100")
    return styled(figure, title=title, alt=_alt_of_scores(complete, chosen), height=340)


def _alt_of_scores(complete: pd.DataFrame, chosen: Sequence[str]) -> str:
    """How the scores lie, and where the chosen models do."""
    scores = 100 * complete["score"]
    marked = (
        tr("{name}: {score:.2f}, place {place}", name=row["model"], score=100 * row["score"], place=int(row["place"]))
        for row in complete[complete["model"].isin(chosen)].to_dict("records")
    )
    sentence = tr(
        "{n:,} models from {low:.2f} to {high:.2f}, {median:.2f} in the median.",
        n=len(complete), low=scores.min(), high=scores.max(), median=scores.median(),
    )  # fmt: skip
    return running(sentence, *map(stopped, filter(None, [listed(marked, "; ")])))


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
            colorscale=SEQUENTIAL, xgap=1, ygap=1, hoverongaps=False,
            colorbar=level_bar(),
            hovertemplate="%{x}<br>%{y}: %{z:.2f}<extra></extra>",
            texttemplate=None if wide or len(models) > 12 else "%{z:.1f}",
        )
    )  # fmt: skip
    figure.update_xaxes(
        type="category", side="bottom" if wide else "top", tickangle=-90 if wide else 45 if len(models) > 1 else 0
    )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    above = 62.0 if wide or len(models) == 1 else 52 + 4.4 * text_size() / 13 * max(map(len, across))
    height = 180 + row_height(26) * len(models) if wide else 100 + row_height(20) * len(grid)
    styled(
        figure, title=tr("Main score by model and cell, 0 to 100"), alt=_alt_of_cells(grid), height=height + above,
        above=above, least=map_width(len(grid) if wide else len(models), down),
    )  # fmt: skip
    return bar_above(figure, above)


def _alt_of_cells(grid: pd.DataFrame) -> str:
    """How many cells there are, and the easiest and the hardest; ``grid`` is sorted by their means."""
    means = 100 * grid.mean(axis=1)
    return tr(
        "{n:,} cells of {models:,} models; the mean is highest on {best} ({high:.2f}) and lowest on {worst} "
        "({low:.2f}).",
        n=len(grid), models=grid.shape[1], best=means.index[0], high=means.iloc[0], worst=means.index[-1],
        low=means.iloc[-1],
    )  # fmt: skip


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
        hovertemplate="<b>%{customdata[0]}</b><br>" + tr("percentile %{x:.0f} of %{customdata[2]} peers")
        + "<br>" + tr("score %{customdata[1]:.2f}") + "<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=50, line={"width": 1.5, "color": MUTED, "dash": "dot"})
    figure.update_xaxes(title=tr("percentile among peers (higher is better)"), range=[-2, 102])
    figure.update_yaxes(categoryorder="array", categoryarray=list(order), automargin=True)
    return styled(
        figure, title=tr("Share of its peers that the model beats on each task, in %, by task type"),
        alt=_alt_of_profile(known), height=120 + row_height(44) * len(order),
    )  # fmt: skip


def _alt_of_profile(known: pd.DataFrame) -> str:
    """Where the model is strongest and weakest."""
    if known.empty:
        return tr("No task with peers.")
    by_type = known.groupby("type")["percentile"].mean()
    return tr(
        "{n:,} tasks, percentile {median:.0f} in the median; strongest on {best} ({high:.0f} in the mean), weakest on "
        "{worst} ({low:.0f}).",
        n=len(known), median=known["percentile"].median(), best=by_type.idxmax(), high=by_type.max(),
        worst=by_type.idxmin(), low=by_type.min(),
    )  # fmt: skip
