"""Figure of the page on what changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import CATEGORICAL, MUTED, add_spans, as_texts, row_height, styled
from dashboard.words import tr

__all__ = ["moves_chart"]


def moves_chart(frame: pd.DataFrame, most: int) -> go.Figure:
    """Ranks before and after as dots on one line, the ``most`` that moved furthest; up is blue, down is orange.

    Args:
        frame: columns model, rank_before, rank_after, move (positive is up).
        most: how many models to draw.
    """
    known = frame[frame["move"].fillna(0) != 0]
    moved = known.loc[known["move"].abs().sort_values(ascending=False, kind="stable").index[:most]]
    labels = np.array(as_texts(moved["model"]), dtype=object)
    before, after, move = (moved[name].to_numpy() for name in ("rank_before", "rank_after", "move"))
    figure = go.Figure()
    add_spans(figure, before, after, labels)
    figure.add_scatter(
        x=before, y=labels, mode="markers", name=tr("before"),
        hovertemplate="%{y}<br>" + tr("was %{x}") + "<extra></extra>",
        marker={"color": MUTED, "size": 9, "symbol": "circle-open", "line": {"width": 2}},
    )  # fmt: skip
    for name, rows, color, symbol in (
        (tr("now, higher"), move > 0, CATEGORICAL[0], "triangle-left"),
        (tr("now, lower"), move < 0, CATEGORICAL[1], "triangle-right"),
    ):
        figure.add_scatter(
            x=after[rows], y=labels[rows], mode="markers", name=name, customdata=move[rows],
            marker={"color": color, "size": 12, "symbol": symbol},
            hovertemplate="%{y}<br>" + tr("is %{x} (%{customdata:+d} places)") + "<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=tr("rank (1 is best, at the left)"), rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    title = tr("Rank before and after, in places: the {n:,} models that moved furthest", n=len(moved))
    return styled(figure, title=title, alt=_alt(moved), height=110 + row_height(24) * len(moved))


def _alt(moved: pd.DataFrame) -> str:
    """The moves in a sentence; the furthest comes first."""
    if moved.empty:
        return tr("No model moved.")
    first = moved.iloc[0]
    return tr(
        "{up:,} models rose and {down:,} fell; {model} moved furthest, from rank {before:.0f} to {after:.0f}.",
        up=int((moved["move"] > 0).sum()), down=int((moved["move"] < 0).sum()), model=first["model"],
        before=first["rank_before"], after=first["rank_after"],
    )  # fmt: skip
