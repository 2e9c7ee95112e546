"""Figures of the compare page, all of the wide frame of shared scores: index (type, task), a column a model, 0-1."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import CATEGORICAL, DIVERGING, MUTED, SYMBOLS, styled
from dashboard.formatting import rounded, rounded_frame
from dashboard.tables.compare import short_names

__all__ = ["differences", "dumbbell", "heatmap", "most_different", "radar"]

ROW = 22  # pixels a task


def most_different(wide: pd.DataFrame, baseline: str, n: int) -> pd.DataFrame:
    """The ``n`` tasks that differ most from the baseline in any model, the most different first."""
    gap = wide.drop(columns=baseline).sub(wide[baseline], axis=0).abs().max(axis=1)
    return wide.loc[gap.sort_values(ascending=False, kind="stable").index[:n]]


def differences(wide: pd.DataFrame, baseline: str, floors: pd.Series) -> go.Figure:
    """Signed difference to the baseline of every model on every task, with the noise floor as a band around zero."""
    names, labels, tasks = _names(wide), _labels(wide), _tasks(wide)
    scores = rounded_frame(100 * wide)
    figure = go.Figure()
    noise = 100 * floors.reindex(tasks).fillna(0).to_numpy()
    if noise.any():
        figure.add_bar(
            y=labels, x=2 * noise, base=-noise, orientation="h", name="noise floor", customdata=noise,
            marker={"color": MUTED, "opacity": 0.3}, hovertemplate="noise floor ±%{customdata:.2f}<extra></extra>",
        )  # fmt: skip
    for i, model in enumerate(wide.columns.drop(baseline)):
        change = rounded(100 * (wide[model] - wide[baseline]))
        figure.add_scatter(
            y=labels, x=change, mode="markers", name=names[model], marker=_marker(i + 1),
            customdata=np.column_stack([list(map(html.escape, tasks)), scores[model], scores[baseline]]),
            hovertemplate="<b>%{customdata[0]}</b><br>%{x:+.2f}: %{customdata[1]:.2f} against %{customdata[2]:.2f}",
        )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.5, "color": MUTED})
    figure.update_xaxes(title=f"points above or below {names[baseline]}", tickformat="+", zeroline=False)
    return _tall(figure, len(wide))


def dumbbell(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Scores on each task as dots on one line, from the lowest to the highest."""
    names, labels = _names(wide), _labels(wide)
    figure = go.Figure()
    low, high = 100 * wide.min(axis=1).to_numpy(), 100 * wide.max(axis=1).to_numpy()
    ends = np.column_stack([low, high, np.full(len(wide), np.nan)]).ravel()
    figure.add_scatter(
        x=ends, y=np.repeat(labels, 3), mode="lines", line={"color": MUTED, "width": 2}, opacity=0.6, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    for i, model in enumerate([baseline, *wide.columns.drop(baseline)]):
        figure.add_scatter(
            y=labels, x=rounded(100 * wide[model]), mode="markers", marker=_marker(i),
            customdata=[html.escape(task) for task in _tasks(wide)],
            name=names[model] + (" (baseline)" if model == baseline else ""),
            hovertemplate="<b>%{customdata}</b><br>%{x:.2f}",
        )  # fmt: skip
    figure.update_xaxes(title="score")
    return _tall(figure, len(wide))


def heatmap(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Model x task, coloured by the signed difference to the baseline, centred on zero."""
    names = _names(wide)
    others = list(wide.columns.drop(baseline))
    change = rounded(100 * wide[others].sub(wide[baseline], axis=0))
    reach = float(np.abs(change).max(initial=1.0))
    scores = rounded(100 * wide[others])
    against = np.broadcast_to(rounded(100 * wide[[baseline]]), scores.shape)
    figure = go.Figure(
        go.Heatmap(
            z=change, x=[names[model] for model in others], y=_labels(wide), customdata=np.dstack([scores, against]),
            colorscale=DIVERGING, zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
            texttemplate="%{z:+.1f}", textfont={"size": 11},
            hovertemplate="<b>%{y}</b><br>%{x}: %{z:+.2f}<br>%{customdata[0]:.2f} against %{customdata[1]:.2f}"
            "<extra></extra>",
            colorbar={"title": "points", "tickformat": "+", "thickness": 12},
        )
    )  # fmt: skip
    figure.update_xaxes(side="top", tickangle=-20 if len(others) > 2 else 0)
    return _tall(figure, len(wide), legend=False)


def radar(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Mean score of each task type around a circle; areas mislead, so the page offers it last."""
    names, means = _names(wide), rounded_frame(100 * wide.groupby(level="type").mean())
    figure = go.Figure()
    for i, model in enumerate([baseline, *wide.columns.drop(baseline)]):
        values = means[model].to_list()
        figure.add_scatterpolar(
            r=[*values, values[0]], theta=[*means.index, means.index[0]], name=names[model], marker=_marker(i),
            line={"color": CATEGORICAL[i % len(CATEGORICAL)]}, hovertemplate="%{theta}: %{r:.2f}",
        )  # fmt: skip
    figure.update_polars(bgcolor="rgba(0,0,0,0)", radialaxis={"range": [0, 100], "angle": 90})
    return styled(figure, height=480)


def _tall(figure: go.Figure, rows: int, *, legend: bool = True) -> go.Figure:
    figure.update_yaxes(autorange="reversed", automargin=True, title=None)
    return styled(figure, height=90 + ROW * rows + (30 if legend else 70))


def _names(wide: pd.DataFrame) -> dict[str, str]:
    """Plotly reads some markup in texts: names are shown as they are."""
    return {model: html.escape(name) for model, name in short_names(list(wide.columns)).items()}


def _tasks(wide: pd.DataFrame) -> list[str]:
    return [str(task) for task in wide.index.get_level_values("task")]


def _labels(wide: pd.DataFrame) -> list[str]:
    tasks = _tasks(wide)
    short = [task if len(task) <= 30 else task[:14] + "…" + task[-15:] for task in tasks]
    apart = len(set(short)) == len(short)  # rows of the same name would be drawn as one
    return [html.escape(name) for name in (short if apart else tasks)]


def _marker(i: int) -> dict[str, object]:
    line = {"width": 1, "color": "rgba(127,127,127,.6)"}
    return {"color": CATEGORICAL[i % len(CATEGORICAL)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 11, "line": line}
