"""Figures of the compare page, all of the wide frame of shared scores: index (type, task), a column a model, 0-1."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import CATEGORICAL, DIVERGING, MUTED, add_spans, as_text, as_texts, marker, styled
from dashboard.formatting import rounded, rounded_frame
from dashboard.tables.compare import short_names

__all__ = ["differences_chart", "differences_map", "most_different", "radar_chart", "scores_chart"]

ROW = 22  # pixels a task


def most_different(wide: pd.DataFrame, baseline: str, n: int) -> pd.DataFrame:
    """The ``n`` tasks that differ most from the baseline in any model, the most different first."""
    gap = wide.drop(columns=baseline).sub(wide[baseline], axis=0).abs().max(axis=1)
    return wide.loc[gap.sort_values(ascending=False, kind="stable").index[:n]]


def differences_chart(wide: pd.DataFrame, baseline: str, floors: pd.Series) -> go.Figure:
    """Signed difference to the baseline of every model on every task, with the noise floor as a band around zero."""
    names, labels, tasks = _names(wide), _labels(wide), wide.index.get_level_values("task")
    scores = rounded_frame(100 * wide)
    figure = go.Figure()
    noise = 100 * floors.reindex(tasks).fillna(0).to_numpy()
    if noise.any():
        figure.add_bar(
            y=labels, x=2 * noise, base=-noise, orientation="h", name="noise floor", customdata=noise,
            marker={"color": MUTED, "opacity": 0.3}, hovertemplate="noise floor ±%{customdata:.2f}<extra></extra>",
        )  # fmt: skip
    for i, model in enumerate(wide.columns.drop(baseline)):
        figure.add_scatter(
            y=labels, x=rounded(100 * (wide[model] - wide[baseline])), mode="markers", name=names[model],
            marker=_marker(i + 1), customdata=np.column_stack([as_texts(tasks), scores[model], scores[baseline]]),
            hovertemplate="<b>%{customdata[0]}</b><br>%{x:+.2f}: %{customdata[1]:.2f} against %{customdata[2]:.2f}",
        )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.5, "color": MUTED})
    figure.update_xaxes(title=f"points above or below {names[baseline]}", tickformat="+", zeroline=False)
    return _tall(figure, len(wide))


def scores_chart(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Scores on each task as dots on one line, from the lowest to the highest."""
    names, labels = _names(wide), _labels(wide)
    figure = go.Figure()
    add_spans(figure, 100 * wide.min(axis=1), 100 * wide.max(axis=1), labels, opacity=0.6)
    for i, model in enumerate([baseline, *wide.columns.drop(baseline)]):
        figure.add_scatter(
            y=labels, x=rounded(100 * wide[model]), mode="markers", marker=_marker(i),
            customdata=as_texts(wide.index.get_level_values("task")), hovertemplate="<b>%{customdata}</b><br>%{x:.2f}",
            name=names[model] + (" (baseline)" if model == baseline else ""),
        )  # fmt: skip
    figure.update_xaxes(title="score")
    return _tall(figure, len(wide))


def differences_map(wide: pd.DataFrame, baseline: str) -> go.Figure:
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


def radar_chart(wide: pd.DataFrame, baseline: str) -> go.Figure:
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
    return {model: as_text(name) for model, name in short_names(list(wide.columns)).items()}


def _labels(wide: pd.DataFrame) -> list[str]:
    tasks = wide.index.get_level_values("task")
    short = as_texts(tasks, 30)
    return short if len(set(short)) == len(short) else as_texts(tasks)  # rows of the same name would be drawn as one


def _marker(i: int) -> dict[str, object]:
    return marker(i, 11) | {"line": {"width": 1, "color": "rgba(127,127,127,.6)"}}
