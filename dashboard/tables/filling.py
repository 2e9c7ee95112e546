"""Predicted means and ranks in tables: in columns of their own, so that nothing predicted looks like a score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dashboard.formatting import rounded
from dashboard.queries.filling import FilledBoard
from dashboard.tables.columns import POINTS, WHOLE, Column, Table
from dashboard.words import mark, phrase

__all__ = ["PREDICTED", "predicted_text", "predicted_texts", "with_predicted"]

_HELP = mark(
    "What the mean would come to if the missing tasks were run: by the tasks the model has, and by how the models of "
    "the record do on the others. It lies within ± in 95 of 100 cases, as tested on up to {n} models of other "
    "families, cut down to the tasks it has. No score: kept nowhere, and in no mean, comparison or decision."
)
PREDICTED = Column("Predicted mean", "predicted", width=112, optional=True, sort="predicted_value")
_RANK = Column(
    "Predicted rank", "predicted_rank",
    help="Where the rank with predicted means lies, in 95 of 100 cases, by what is open about the missing tasks of "
    "this model and of the others.",
    width=96, optional=True, sort="predicted_low",
)  # fmt: skip
_MIXED = mark(
    "MTEB's rule, as if every model with a predicted mean had its missing tasks with the scores that are predicted. "
    "Models that cannot be predicted earn nothing on what they lack, as ever."
)
_WITHOUT = Column(
    "Rank without predicted", "measured_rank", WHOLE, "MTEB's rule on what was measured: the rank of every other page.",
    width=152, small_first=True,
)  # fmt: skip


def predicted_text(value: float, half: float) -> str:
    """A predicted mean (0-1) in points: ≈ 61.2 ± 0.8, never narrower than it is, to two decimals where it is narrow."""
    points, wide = 100 * value, 100 * half
    digits = 1 if wide >= 0.1 else 2
    wide = np.ceil(np.round(wide * 10**digits, 6)) / 10**digits
    return f"≈ {rounded(points, digits):.{digits}f} ± {wide:.{digits}f}"


def predicted_texts(models: pd.Series, means: pd.DataFrame) -> dict[str, Any]:
    """The columns of :data:`PREDICTED` for these models; blank without a prediction. ``means``: of a FilledBoard."""
    rows = means.reindex(models)
    pairs = zip(rows["value"], rows["high"] - rows["value"], strict=True)
    return {
        "predicted": ["" if pd.isna(value) else predicted_text(value, half) for value, half in pairs],
        "predicted_value": rows["value"].to_numpy(),
    }


def with_predicted(columns: Iterable[Column], source: pd.DataFrame, filled: FilledBoard) -> Table:
    """The leaderboard's table with predicted means behind its headline mean, and with ranks where these are asked for.

    Ranks with predicted means take the column of ranks, which says so; the others have one of their own.
    """
    if filled.means.empty:
        return Table.of(columns, source)
    rank, name, mean, *rest = columns
    source = source.assign(**predicted_texts(source["model"], filled.means))
    predicted_mean = replace(PREDICTED, help=phrase(_HELP, n=int(filled.means["held_out"].max())))
    # Without its bar and with less of long names the mean leaves a phone room for what is predicted beside it.
    narrow = (
        mean if mean.optional else replace(mean, format=POINTS, width=72)
    )  # a board without one has its range there
    beside = [replace(name, width=160), narrow, predicted_mean]
    if filled.ranks.empty:
        return Table.of([rank, *beside, *rest], source)
    ranks = filled.ranks.reindex(source["model"])
    predicted = source["model"].isin(filled.means.index)
    places = zip(ranks["low"], ranks["high"], predicted, strict=True)
    source = source.assign(
        measured_rank=source["rank"],
        rank=ranks["rank"].to_numpy(),
        predicted_rank=[_places(low, high) if of_it else "" for low, high, of_it in places],
        predicted_low=ranks["low"].where(predicted.to_numpy()).to_numpy(),
    )
    source["rank"] = source["rank"].astype("Int64")
    mixed = replace(rank, head=mark("Rank with predicted"), help=_MIXED)
    return Table.of([mixed, *beside, _RANK, _WITHOUT, *rest], source)


def _places(low: float, high: float) -> str:
    return f"≈ {low:.0f}" if low == high else f"≈ {low:.0f}–{high:.0f}"
