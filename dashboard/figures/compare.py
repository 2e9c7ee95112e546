"""Figures of the compare page, all of the wide frame of shared scores: index (type, task), a column a model, 0-1."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import (
    CATEGORICAL,
    MUTED,
    add_spans,
    as_text,
    as_texts,
    bar_above,
    diverging,
    level_bar,
    map_width,
    marker,
    row_height,
    small_text,
    styled,
    text_size,
)  # fmt: skip
from dashboard.formatting import rounded, rounded_frame, score, signed
from dashboard.tables.compare import short_names
from dashboard.words import listed, stopped, tr
from data.rules.words import written

__all__ = ["differences_chart", "differences_map", "most_different", "radar_chart", "scores_chart"]

ROW = 22  # pixels a task
_CIRCLE = 170  # pixels across that a radar needs


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
            y=labels, x=2 * noise, base=-noise, orientation="h", name=tr("noise floor"), customdata=noise,
            marker={"color": MUTED, "opacity": 0.3},
            hovertemplate=tr("noise floor ±%{customdata:.2f}") + "<extra></extra>",
        )  # fmt: skip
    for i, model in enumerate(wide.columns.drop(baseline)):
        figure.add_scatter(
            y=labels, x=rounded(100 * (wide[model] - wide[baseline])), mode="markers", name=names[model],
            marker=_marker(i + 1), customdata=np.column_stack([as_texts(tasks), scores[model], scores[baseline]]),
            hovertemplate="<b>%{customdata[0]}</b><br>%{x:+.2f}: "
            + tr("%{customdata[1]:.2f} against %{customdata[2]:.2f}"),
        )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.5, "color": MUTED})
    figure.update_xaxes(title=tr("points above or below {name}", name=names[baseline]), tickformat="+", zeroline=False)
    title = tr("Difference to {name} on each task, in points", name=short_names(list(wide.columns))[baseline])
    return _tall(figure, len(wide), title, _alt_of_differences(wide, baseline))


def scores_chart(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Scores on each task as dots on one line, from the lowest to the highest."""
    names, labels = _names(wide), _labels(wide)
    figure = go.Figure()
    add_spans(figure, 100 * wide.min(axis=1), 100 * wide.max(axis=1), labels, opacity=0.6)
    for i, model in enumerate([baseline, *wide.columns.drop(baseline)]):
        figure.add_scatter(
            y=labels, x=rounded(100 * wide[model]), mode="markers", marker=_marker(i),
            customdata=as_texts(wide.index.get_level_values("task")), hovertemplate="<b>%{customdata}</b><br>%{x:.2f}",
            name=tr("{name} (baseline)", name=names[model]) if model == baseline else names[model],
        )  # fmt: skip
    figure.update_xaxes(title=tr("Score").lower())
    return _tall(figure, len(wide), tr("Score of each model on each task, 0 to 100"), _alt_of_scores(wide))


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
            colorscale=diverging(), zmin=-reach, zmid=0, zmax=reach, xgap=1, ygap=1,
            text=[[written(f"{value:+.1f}") for value in row] for row in change],
            texttemplate="%{text}", textfont={"size": small_text()}, hovertemplate="<b>%{y}</b><br>%{x}: %{z:+.2f}<br>"
            + tr("%{customdata[0]:.2f} against %{customdata[1]:.2f}") + "<extra></extra>",
            colorbar=level_bar() | {"tickformat": "+"},
        )
    )  # fmt: skip
    slanted = len(others) > 1  # names rise to the left, where there is room above those of the tasks
    longest = max(map(len, map(names.__getitem__, others)), default=0)
    above = 52 + (4.4 * text_size() / 13 * longest if slanted else 14)
    figure.update_xaxes(side="top", tickangle=45 if slanted else 0)
    title = tr("Difference to {name} by task and model, in points", name=short_names(list(wide.columns))[baseline])
    least = map_width(len(others), _labels(wide), most=30)
    _tall(figure, len(wide), title, _alt_of_differences(wide, baseline), legend=False, above=above, least=least)
    return bar_above(figure, above)


def radar_chart(wide: pd.DataFrame, baseline: str) -> go.Figure:
    """Mean score of each task type around a circle; areas mislead, so the page offers it last."""
    names, means = _names(wide), rounded_frame(100 * wide.groupby(level="type").mean())
    labels = [_in_two_lines(name) for name in means.index]
    figure = go.Figure()
    for i, model in enumerate([baseline, *wide.columns.drop(baseline)]):
        values = means[model].to_list()
        figure.add_scatterpolar(
            r=[*values, values[0]], theta=[*labels, labels[0]], name=names[model], marker=_marker(i),
            line={"color": CATEGORICAL[i % len(CATEGORICAL)]}, hovertemplate="%{theta}: %{r:.2f}",
        )  # fmt: skip
    figure.update_polars(bgcolor="rgba(0,0,0,0)", radialaxis={"range": [0, 100], "angle": 90, "nticks": 5})
    # Labels stand outside of the plot's own area, which leaves them no room of itself.
    longest = max((len(line) for label in labels for line in label.split("<br>")), default=0)
    side = round(0.62 * text_size() * longest) + 8
    figure = styled(
        figure, title=tr("Mean score of each task type, 0 to 100"), alt=_alt_of_types(means), height=480, above=36,
        least=2 * side + _CIRCLE,
    )  # fmt: skip
    return figure.update_layout(margin={"l": side, "r": side, "b": 40})


def _in_two_lines(name: object) -> str:
    """A name of several words, as "PairClassification" is, in two lines about as long as each other."""
    text = str(name)
    words = re.findall(r"[A-Z][a-z0-9]*|[A-Z]+(?![a-z])|[^A-Z]+", text)
    cuts = [len("".join(words[:i])) for i in range(1, len(words))]
    if len(text) <= 12 or not cuts:
        return as_text(text)
    at = min(cuts, key=lambda cut: abs(cut - len(text) / 2))
    return f"{as_text(text[:at])}<br>{as_text(text[at:])}"


def _alt_of_differences(wide: pd.DataFrame, baseline: str) -> str:
    """How often each model is above and below the baseline, and where it differs most."""
    names = short_names(list(wide.columns))
    sentences = []
    for model in wide.columns.drop(baseline):
        apart = wide[model] - wide[baseline]
        most = int(apart.abs().argmax()) if apart.notna().any() else None
        sentences.append(
            tr(
                "{model} is above {baseline} on {up:,} tasks and below on {down:,}, most on {task} ({points} points)",
                model=names[model], baseline=names[baseline], up=int((apart > 0).sum()), down=int((apart < 0).sum()),
                task="" if most is None else wide.index.get_level_values("task")[most],
                points="" if most is None else signed(apart.iloc[most]),
            )
        )  # fmt: skip
    return stopped(listed(sentences, "; "))


def _alt_of_scores(wide: pd.DataFrame) -> str:
    names = short_names(list(wide.columns))
    means = (tr("{name} {score}", name=names[model], score=score(wide[model].mean())) for model in wide.columns)
    return tr("Mean scores over the {n:,} tasks shown: {means}.", n=len(wide), means=listed(means))


def _alt_of_types(means: pd.DataFrame) -> str:
    """The best model of each type."""
    names = short_names(list(means.columns))
    best = (
        tr("{type}: {name} {score:.2f}", type=kind, name=names[str(row.idxmax())], score=row.max())
        for kind, row in means.iterrows()
        if row.notna().any()
    )
    return tr("The highest mean of each task type: {means}.", means=listed(best, "; "))


def _tall(
    figure: go.Figure, rows: int, title: str, alt: str, *, legend: bool = True, above: float = 0, least: int = 0
) -> go.Figure:
    figure.update_yaxes(autorange="reversed", automargin=True, title=None)
    height = 90 + row_height(ROW) * rows + (30 if legend else above)
    return styled(figure, title=title, alt=alt, height=height, above=above, least=least)


def _names(wide: pd.DataFrame) -> dict[str, str]:
    return {model: as_text(name) for model, name in short_names(list(wide.columns)).items()}


def _labels(wide: pd.DataFrame) -> list[str]:
    tasks = wide.index.get_level_values("task")
    short = as_texts(tasks, 30)
    return short if len(set(short)) == len(short) else as_texts(tasks)  # rows of the same name would be drawn as one


def _marker(i: int) -> dict[str, object]:
    return marker(i, 11) | {"line": {"width": 1, "color": "rgba(127,127,127,.6)"}}
