"""Figures of deltas: the heatmap with both margins, the dumbbell plot with its noise band, verdicts by task type.

Frames in, figures out; all scores and deltas come in on the 0-1 scale and are drawn in points. Names are shown as text
whatever they hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.figures.theme import (
    ACCENT,
    INVISIBLE,
    MUTED,
    add_spans,
    as_text,
    as_texts,
    bar_above,
    diverging,
    level_bar,
    map_width,
    row_height,
    small_text,
    styled,
)  # fmt: skip
from dashboard.formatting import score, signed, word
from dashboard.words import listed, mark, tr
from data.rules.words import written
from data.store.vocabulary import Verdict

__all__ = ["VERDICT_COLOURS", "VERDICT_SYMBOLS", "deltas_map", "dumbbell_chart", "verdicts_chart"]

# Told apart by shape too; blue and orange stay apart for every kind of colour blindness, and light from dark.
VERDICT_COLOURS = {
    Verdict.MATCH: "#2166c2", Verdict.DRIFT: "#6db3f2", Verdict.GAP: "#f0a030", Verdict.BROKEN: "#b5400f",
    Verdict.NOT_COMPARABLE: MUTED,
}  # fmt: skip
VERDICT_SYMBOLS = {
    Verdict.MATCH: "circle", Verdict.DRIFT: "diamond", Verdict.GAP: "square", Verdict.BROKEN: "x",
    Verdict.NOT_COMPARABLE: "circle-open",
}  # fmt: skip
# Beyond this the colour says no more: most differences are small, and one broken model would wash them all out.
_ENDS = 20.0
_BAR = 48  # px that the bar of colours takes, between title and map
_TEXT = "%{text}<extra></extra>"
_WIDEST_WITH_TEXT = 24  # columns; plotly leaves values out where they do not fit, but tries each first


def deltas_map(
    cells: pd.DataFrame, rows: pd.DataFrame, columns: pd.DataFrame, chosen: tuple[str, str] | None = None
) -> go.Figure:
    """Deltas model by task, with the effect of each model to the right and of each task on top, both sorted.

    Args:
        cells: row, column, delta (0-1, of what can be compared; NaN drawn blank), verdict, cells, comparable, cause.
        rows: name, label (drawn on the axis), effect, typical, significant; the order given is drawn from the top.
        columns: the same of tasks, drawn from the left.
        chosen: row and column of the cell that is open, which is framed.

    Values stand in the cells where they fit. A click gives ``customdata`` [row, column] of the cell: an unseen marker
    lies on each, because a selection of a heatmap itself is not reported.
    """
    names, tasks = rows["name"].tolist(), columns["name"].tolist()
    i, j = pd.Index(names).get_indexer(cells["row"]), pd.Index(tasks).get_indexer(cells["column"])
    cells, i, j = cells[(i >= 0) & (j >= 0)], i[(i >= 0) & (j >= 0)], j[(i >= 0) & (j >= 0)]
    values = np.full((len(names), len(tasks)), np.nan, dtype=np.float32)
    values[i, j] = 100 * cells["delta"].to_numpy(float)
    top = 70 / (70 + 18 * max(len(names), 4))
    figure = make_subplots(
        rows=2, cols=2, row_heights=[top, 1 - top], column_widths=[0.86, 0.14], horizontal_spacing=0.008,
        vertical_spacing=0.012, shared_xaxes=True, shared_yaxes=True,
    )  # fmt: skip
    in_cells = {"text": _in_cells(values), "texttemplate": "%{text}"} if len(tasks) <= _WIDEST_WITH_TEXT else {}
    figure.add_heatmap(
        z=values, zmid=0, zmin=-_ENDS, zmax=_ENDS, colorscale=diverging(), hoverinfo="skip", xgap=1, ygap=1,
        **in_cells, row=2, col=1,
        colorbar=level_bar() | {"tickvals": [-20, -10, 0, 10, 20], "ticktext": ["≤ −20", "−10", "0", "+10", "≥ +20"]},
    )  # fmt: skip
    odd = (cells["verdict"] == Verdict.NOT_COMPARABLE).to_numpy()
    figure.add_scatter(
        x=j[odd], y=i[odd], mode="markers", hoverinfo="skip", row=2, col=1,
        marker={"symbol": "x-thin-open", "size": 6, "color": MUTED, "line": {"width": 1}},
    )  # fmt: skip
    figure.add_scatter(
        x=j, y=i, mode="markers", customdata=cells[["row", "column"]].to_numpy().tolist(), text=_hover(cells),
        hovertemplate=_TEXT, row=2, col=1,
        marker={"symbol": "square", "size": 14, "color": INVISIBLE, "line": {"width": 0}},
    )  # fmt: skip
    _frame(figure, names, tasks, chosen)
    _margin(figure, columns, np.arange(len(tasks)), upright=True)
    _margin(figure, rows, np.arange(len(names)), upright=False)
    figure.update_xaxes(
        tickvals=list(range(len(tasks))), ticktext=as_texts(columns["label"], 26), tickangle=-60, row=2, col=1
    )
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=as_texts(rows["label"], 32), range=[len(names) - 0.5, -0.5],
        row=2, col=1,
    )  # fmt: skip
    for axis in (figure.update_xaxes, figure.update_yaxes):
        axis(showgrid=False, zeroline=False, fixedrange=True)
    _clickable(
        figure, title=tr("Difference by model and task, in points; effects of models and tasks at the margins"),
        alt=_alt_of_map(cells, rows), above=_BAR, height=290 + _BAR + row_height(18) * max(len(names), 4),
        least=map_width(len(tasks), rows["label"], most=32, each=18), showlegend=False,
    )  # fmt: skip
    return bar_above(figure, _BAR)


def _in_cells(values: np.ndarray) -> list[list[str]]:
    """Differences as they stand in the cells, in points with one decimal; what rounds to nothing has no sign."""
    return [
        ["" if np.isnan(value) else written(f"{value:+.1f}") if abs(value) >= 0.05 else "0.0" for value in row]
        for row in values
    ]


def _frame(figure: go.Figure, names: list[str], tasks: list[str], chosen: tuple[str, str] | None) -> None:
    """A frame around the cell that is open, if it is drawn."""
    if chosen and chosen[0] in names and chosen[1] in tasks:
        y, x = names.index(chosen[0]), tasks.index(chosen[1])
        line = {"color": ACCENT, "width": 3}
        figure.add_shape(
            type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=line, layer="above", row=2, col=1
        )


def _clickable(figure: go.Figure, **layout: Any) -> go.Figure:
    """Marks look the same before and after a click: what is chosen is shown below, and nothing else has changed."""
    same = {"marker": {"opacity": 1}}
    for kind in ("scatter", "bar"):
        figure.update_traces(selected=same, unselected=same, selector={"type": kind})
    return styled(figure, dragmode=False, clickmode="event+select", hovermode="closest", **layout)


def _margin(figure: go.Figure, lines: pd.DataFrame, at: np.ndarray, *, upright: bool) -> None:
    """Bars of the effects: solid where the effect is significant, hollow where it may be chance."""
    sizes = 100 * lines["typical"].where(lines["significant"].astype(bool), lines["effect"]).fillna(0).to_numpy(float)
    significant = lines["significant"].to_numpy(bool)
    ends = diverging()
    colours = [ends[0 if size < 0 else -1][1] for size in sizes]
    filled = [colour if c else INVISIBLE for colour, c in zip(colours, significant, strict=True)]
    hover_texts = [
        f"<b>{as_text(n)}</b><br>"
        + tr("{points} points" if c else "{points} points (may be chance)", points=signed(s / 100))
        for n, s, c in zip(lines["name"], sizes, significant, strict=True)
    ]
    outline = {"color": [colour if c else MUTED for colour, c in zip(colours, significant, strict=True)], "width": 1}
    bars = {"marker": {"color": filled, "line": outline}, "hovertext": hover_texts}
    common = {"hoverinfo": "text", "showlegend": False, "width": 0.7}
    if upright:
        figure.add_bar(x=at, y=sizes, **bars, **common, row=1, col=1)
        figure.update_yaxes(tickfont={"size": small_text()}, nticks=3, row=1, col=1)
    else:
        figure.add_bar(x=sizes, y=at, orientation="h", **bars, **common, row=2, col=2)
        figure.update_xaxes(tickfont={"size": small_text()}, nticks=3, showticklabels=True, tickangle=0, row=2, col=2)


def _hover(cells: pd.DataFrame) -> list[str]:
    causes = {name: tr(text) for name, text in _CAUSES.items()}
    verdicts = {verdict: word(verdict) for verdict in Verdict}
    between, some = listed(["", ""]), mark("{n} of {total} cells not comparable")
    return [
        f"<b>{as_text(r)}</b><br>{as_text(c)}<br>{between.join(filter(None, (signed(d), verdicts[v], causes.get(w))))}"
        + (f"<br>{tr(some, n=n - k, total=n)}" if 0 < k < n else "")
        for r, c, d, v, w, n, k in zip(
            *(cells[name] for name in ("row", "column", "delta", "verdict", "cause", "cells", "comparable")),
            strict=True,
        )
    ]


# Whose a difference is, as the split of the deltas names it.
_CAUSES = {"model": mark("the model's"), "task": mark("the task's"), "model and task": mark("model and task")}


def _alt_of_map(cells: pd.DataFrame, rows: pd.DataFrame) -> str:
    """How many cells there are, which way they differ, and where most."""
    known = cells.dropna(subset=["delta"])
    if known.empty:
        return tr(
            "{n:,} cells of {rows:,} models or runs, none of which can be compared.", n=len(cells), rows=len(rows)
        )
    most = known.iloc[int(known["delta"].abs().argmax())]
    return tr(
        "{n:,} cells of {rows:,} models or runs: {down:,} lower and {up:,} higher, by {median} points in the median; "
        "the furthest is {row} on {task}, {points} points.",
        n=len(known), rows=len(rows), down=int((known["delta"] < 0).sum()), up=int((known["delta"] > 0).sum()),
        median=signed(known["delta"].median()), row=most["row"], task=most["column"], points=signed(most["delta"]),
    )  # fmt: skip


def dumbbell_chart(frame: pd.DataFrame, *, claim: str, check: str) -> go.Figure:
    """Claim and check of each cell, with the band in which they would match; the order given is drawn from the top.

    Takes columns who and what (the two lines of a label), claim_score, check_score, floor, delta, verdict and key
    (given back in customdata on a click).
    """
    y = np.arange(len(frame))
    claims, checks = 100 * frame["claim_score"].to_numpy(float), 100 * frame["check_score"].to_numpy(float)
    floor = 100 * frame["floor"].to_numpy(float)
    sides = as_text(tr(claim)), as_text(tr(check))
    figure = go.Figure()
    figure.add_bar(
        x=2 * floor, base=claims - floor, y=y, orientation="h", width=0.8, name=tr("noise band"), hoverinfo="skip",
        marker={"color": MUTED, "opacity": 0.3, "line": {"width": 0}},
    )  # fmt: skip
    add_spans(figure, claims, checks, y, line={"color": MUTED, "width": 1.5}, connectgaps=False)
    hover_texts = [
        f"<b>{as_text(r['who'])}</b><br>{as_text(r['what'])}<br>"
        + listed([f"{sides[0]} {score(r['claim_score'])}", f"{sides[1]} {score(r['check_score'])}"])
        + "<br>"
        + tr(
            "{points}, {verdict}; noise floor {floor}",
            points=signed(r["delta"]),
            verdict=word(r["verdict"]),
            floor=score(r["floor"]),
        )
        for r in frame.to_dict("records")
    ]
    figure.add_scatter(
        x=claims, y=y, mode="markers", name=sides[0], customdata=frame["key"].tolist(), text=hover_texts,
        hovertemplate=_TEXT,
        marker={"size": 9, "color": INVISIBLE, "line": {"color": ACCENT, "width": 2}},
    )  # fmt: skip
    for verdict in frame["verdict"].unique().tolist():
        rows = frame.reset_index(drop=True).query("verdict == @verdict")
        at = rows.index.to_numpy()
        figure.add_scatter(
            x=checks[at], y=at, mode="markers", name=tr("{side}: {verdict}", side=sides[1], verdict=word(verdict)),
            customdata=rows["key"].tolist(), text=[hover_texts[k] for k in at], hovertemplate=_TEXT,
            marker={"size": 10, "color": VERDICT_COLOURS[verdict], "symbol": VERDICT_SYMBOLS[verdict]},
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=y.tolist(), ticktext=[
            "<br>".join(lines) for lines in zip(as_texts(frame["who"], 36), as_texts(frame["what"], 40), strict=True)
        ], range=[len(frame) - 0.4, -0.6],
        fixedrange=True, showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(title=tr("Score, 0 to 100"), fixedrange=True, zeroline=False)
    title = tr("The biggest differences: {claim} and {check}, score from 0 to 100", claim=tr(claim), check=tr(check))
    height = 130 + row_height(32) * max(len(frame), 3)
    return _clickable(figure, title=title, alt=_alt_of_pairs(frame), height=height, bargap=0)


def _alt_of_pairs(frame: pd.DataFrame) -> str:
    """How many pairs there are and which is furthest apart; the order given begins with it."""
    if frame.empty:
        return tr("No cell.")
    first = frame.iloc[0]
    return tr(
        "{n:,} cells; first {who}, {what}: {claim} against {check}, {points} points.",
        n=len(frame), who=first["who"], what=first["what"], claim=score(first["claim_score"]),
        check=score(first["check_score"]), points=signed(first["delta"]),
    )  # fmt: skip


def verdicts_chart(types: pd.DataFrame) -> go.Figure:
    """Verdicts of each task type as shares, and the spread of its deltas (5 to 95%, quartiles, median).

    Takes columns type, cells, one of each verdict, q5, q25, q50, q75, q95 (0-1, NaN where nothing is comparable).
    """
    y = np.arange(len(types))
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.03, column_widths=[0.55, 0.45])
    for verdict, colour in VERDICT_COLOURS.items():
        share = 100 * types[verdict] / types["cells"].clip(lower=1)
        figure.add_bar(
            x=share, y=y, orientation="h", name=word(verdict), marker={"color": colour}, row=1, col=1,
            customdata=types[verdict].tolist(), hovertemplate=tr("%{x:.1f}%, %{customdata:,} cells: ") + word(verdict),
        )  # fmt: skip
    for low, high, width in (("q5", "q95", 2), ("q25", "q75", 6)):
        line = {"color": ACCENT, "width": width}
        add_spans(figure, 100 * types[low], 100 * types[high], y, line=line, row=1, col=2)
    figure.add_scatter(
        x=100 * types["q50"], y=y, mode="markers", showlegend=False, row=1, col=2,
        marker={"size": 9, "color": ACCENT, "symbol": "line-ns-open", "line": {"width": 2}},
        text=[
            tr(
                "median {median}, 90% within {low} to {high}",
                median=signed(r["q50"]), low=signed(r["q5"]), high=signed(r["q95"]),
            )
            for r in types.to_dict("records")
        ],
        hovertemplate=_TEXT,
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": MUTED, "width": 1}, row=1, col=2)
    labels = [f"{t} ({n:,})" for t, n in zip(as_texts(types["type"], 30), types["cells"], strict=True)]
    figure.update_yaxes(tickvals=y.tolist(), ticktext=labels, range=[len(types) - 0.5, -0.5], row=1, col=1)
    figure.update_xaxes(title=tr("Share of cells, %"), range=[0, 100], row=1, col=1)
    figure.update_xaxes(title=tr("Difference, points"), zeroline=False, row=1, col=2)
    for axis in (figure.update_xaxes, figure.update_yaxes):
        axis(fixedrange=True)
    return styled(
        figure, title=tr("Verdicts of each task type, in % of its cells, and its differences, in points"),
        alt=_alt_of_types(types), height=120 + row_height(30) * max(len(types), 3), barmode="stack", bargap=0.35,
        dragmode=False,
    )  # fmt: skip


def _alt_of_types(types: pd.DataFrame) -> str:
    """The verdicts over all types."""
    cells = int(types["cells"].sum())
    shares = (
        tr("{verdict} {share:.1f}%", verdict=word(verdict), share=100 * types[verdict].sum() / max(cells, 1))
        for verdict in VERDICT_COLOURS
    )
    return tr("{n:,} cells of {types:,} task types: {shares}.", n=cells, types=len(types), shares=listed(shares))
