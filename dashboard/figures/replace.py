"""Figure of the page on replacing a model: what is gained and what is lost, to either side of zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import ACCENT, CATEGORICAL, MUTED, as_text, as_texts, row_height, styled
from dashboard.formatting import count, rounded, signed
from dashboard.tables.compare import short_names
from dashboard.words import tr
from data.rules.words import written

__all__ = ["gains_chart"]

ROW = 26  # pixels a bar
_LOSS = CATEGORICAL[1]


def gains_chart(groups: pd.DataFrame, by: str, incumbent: str) -> go.Figure:
    """Mean difference of each group of tasks as a bar from zero, with the mean noise floor as a band behind it.

    Blue is gained, orange lost, grey within the noise.

    Args:
        groups: columns ``by``, tasks, difference and floor (0-1, NaN where no floor is known), as they are to stand.
        by: "type" or "language", what a group is.
        incumbent: name of the model that is zero.
    """
    labels = as_texts(groups[by], 30)
    change = rounded(100 * groups["difference"])
    noise = 100 * groups["floor"].fillna(0).to_numpy(dtype=np.float64)
    colours = np.where(np.abs(change) <= noise, MUTED, np.where(change > 0, ACCENT, _LOSS))
    figure = go.Figure()
    if noise.any():
        figure.add_bar(
            y=labels, x=2 * noise, base=-noise, orientation="h", name=tr("noise floor"), width=0.9, hoverinfo="skip",
            marker={"color": MUTED, "opacity": 0.3},
        )  # fmt: skip
    figure.add_bar(
        y=labels, x=change, orientation="h", width=0.5, showlegend=False, marker={"color": colours},
        text=[written(f"{value:+.1f}") for value in change], textposition="outside", cliponaxis=False,
        customdata=np.column_stack([[count(int(n), "task") for n in groups["tasks"]], noise]),
        hovertemplate="<b>%{y}</b><br>%{x:+.2f} (±%{customdata[1]:.2f})<br>%{customdata[0]}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.5, "color": MUTED})
    reach = 1.25 * max(float(np.abs(change).max(initial=1.0)), float(noise.max(initial=0.0)))
    ends = [
        -reach if change.min(initial=0.0) < 0 else -0.35 * reach,
        reach if change.max(initial=0.0) > 0 else 0.35 * reach,
    ]
    figure.update_xaxes(
        title=tr("points above or below {model}", model=as_text(short_names([incumbent])[incumbent], 28)),
        tickformat="+",
        zeroline=False,
        range=ends,
    )
    figure.update_yaxes(autorange="reversed", automargin=True, title=None)
    title = tr("Gained and lost by task type, in points" if by == "type" else "Gained and lost by language, in points")
    return styled(
        figure, title=title, alt=_alt(groups, by, incumbent), height=110 + row_height(ROW) * len(groups),
        barmode="overlay", bargap=0.2,
    )  # fmt: skip


def _alt(groups: pd.DataFrame, by: str, incumbent: str) -> str:
    """How many groups gain and lose, and the two that do so most."""
    known = groups.dropna(subset=["difference"]).sort_values("difference", kind="stable")
    if known.empty:
        return tr("Nothing can be compared.")
    worst, best = known.iloc[0], known.iloc[-1]
    return tr(
        "Against {model}, {up:,} of {n:,} groups gain and {down:,} lose: most gained on {best} ({high} points), least "
        "on {worst} ({low} points).",
        model=incumbent, n=len(known), up=int((known["difference"] > 0).sum()),
        down=int((known["difference"] < 0).sum()), best=best[by], high=signed(best["difference"]), worst=worst[by],
        low=signed(worst["difference"]),
    )  # fmt: skip
