"""Figure of the page on one's own use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures.theme import ACCENT, CATEGORICAL, MUTED, as_texts, styled
from dashboard.formatting import bytes_text, parameters, rounded, score
from dashboard.words import mark, tr
from data.rules.weighting import pareto

__all__ = ["SIZES", "short_list_chart"]

# What quality can be weighed against: column of the short list -> (title of the axis, how a value is written).
SIZES: dict[str, tuple[str, str, Callable[[float], str]]] = {
    mark("Index size"): ("index_bytes", mark("index size (bytes)"), bytes_text),
    mark("Parameters"): ("n_parameters", mark("parameters"), parameters),
    mark("Dimensions"): ("dimensions", mark("dimensions"), lambda n: "" if pd.isna(n) else f"{n:.0f}"),
}


_NEAR = 0.08  # of the figure's width and height: on a phone two marks so near leave no room between their places


def short_list_chart(ranked: pd.DataFrame, size: str, top: int) -> go.Figure:
    """Weighted score against a size on a log axis, with the Pareto front; the short list is marked with its places.

    Args:
        ranked: as :class:`dashboard.queries.use.ShortList` has it; models of unknown size are not drawn.
        size: a key of :data:`SIZES`.
        top: length of the short list.
    """
    column, title, spell = SIZES[size]
    known = ranked.assign(size=ranked[column].astype("Float64").astype(float)).dropna(subset=["size"])
    front = known[pareto(known["score"].to_numpy(), known["size"].to_numpy())].sort_values("size")
    listed = known["place"] <= top
    places, sides = _places(known, listed)
    figure = go.Figure()
    figure.add_scatter(
        x=front["size"], y=rounded(100 * front["score"]), mode="lines", name=tr("nothing better is smaller"),
        line={"shape": "hv", "color": CATEGORICAL[1], "width": 2}, hoverinfo="skip",
    )  # fmt: skip
    for part, name, texts, style in (
        (known[~listed], tr("other models"), None, {"color": MUTED, "size": 8, "opacity": 0.55}),
        (
            known[listed],
            tr("short list"),
            places,
            {"color": ACCENT, "size": 13, "symbol": "diamond"},
        ),
    ):
        figure.add_scatter(
            x=part["size"], y=rounded(100 * part["score"]), name=name, marker=style, text=texts,
            mode="markers" if texts is None else "markers+text", textposition=None if texts is None else sides,
            customdata=np.column_stack([as_texts(part["model"]), part["place"], part["size"].map(spell)]),
            hovertemplate="<b>%{customdata[0]}</b><br>"
            + tr("place %{customdata[1]}, score %{y:.2f}, %{customdata[2]}") + "<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=tr(title), type="log", dtick="D2", tickformat=".2~s")
    figure.update_yaxes(title=tr("weighted score"))
    return styled(
        figure, title=tr("Weighted score (0 to 100) against {size}, a point a model", size=tr(title)),
        alt=_alt(known, front, spell), height=460,
    )  # fmt: skip


def _places(known: pd.DataFrame, listed: pd.Series) -> tuple[list[str], list[str]]:
    """The place at each model of the short list, and on which side of it.

    Where several lie close together the uppermost has the places of all; two such groups turn away from each other.
    """
    rows = known[listed].sort_values("score", ascending=False)
    at = _across(rows, known)
    heads: dict[int, list[int]] = {}
    for i, place in enumerate(rows["place"]):
        head = next((head for head in heads if (np.abs(at[head] - at[i]) < _NEAR).all()), i)
        heads.setdefault(head, []).append(int(place))
    texts, sides = pd.Series("", index=rows.index), pd.Series("top center", index=rows.index)
    for head, places in heads.items():
        texts.iloc[head] = ", ".join(map(str, sorted(places)))
    order = sorted(heads, key=lambda head: float(at[head, 0]))
    for left, right in zip(order, order[1:], strict=False):
        if (np.abs(at[left] - at[right]) < (3 * _NEAR, _NEAR)).all():
            sides.iloc[left] = "top left"
            sides.iloc[right] = "top right"
    there = known.index[listed]
    return texts.reindex(there).tolist(), sides.reindex(there).tolist()


def _across(rows: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """(rows, 2), where each lies in the figure of all ``known``: shares of its width and of its height."""
    x, y = np.log10(known["size"]), known["score"]
    spans = max(x.max() - x.min(), 0.5), max(y.max() - y.min(), 0.05)
    return np.column_stack([np.log10(rows["size"]) / spans[0], rows["score"] / spans[1]])


def _alt(known: pd.DataFrame, front: pd.DataFrame, spell: Callable[[float], str]) -> str:
    """How many models there are, and the two ends of the front."""
    if front.empty:
        return tr("No model of known size.")
    small, large = front.iloc[0], front.iloc[-1]
    return tr(
        "{n:,} models, {front:,} of them with nothing better that is smaller: from {small} ({small_size}, {low}) to "
        "{large} ({large_size}, {high}).",
        n=len(known), front=len(front), small=small["model"], small_size=spell(small["size"]),
        low=score(small["score"]), large=large["model"], large_size=spell(large["size"]), high=score(large["score"]),
    )  # fmt: skip
