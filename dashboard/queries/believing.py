"""Whether each model's published figures can be believed, from all that was compared of it."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.rows import Cursor
from data.rules.believing import Belief, beliefs
from data.rules.deltas import Thresholds, deltas
from data.rules.effects import decompose, delta_table
from data.store.vocabulary import Comparison

__all__ = ["beliefs_of_models"]


def beliefs_of_models(cursor: Cursor, limits: Thresholds) -> list[Belief]:
    """One verdict a model, the ones to look at first; tasks on which most models moved are charged to the task."""
    kinds = (Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD)
    by_kind = {kind: deltas(cursor, kind, limits) for kind in kinds}
    frames = [frame for frame in by_kind.values() if len(frame)]
    if not frames:
        return []
    split = decompose(delta_table(by_kind[Comparison.REPORTED], limits, "model"))
    columns = split.columns
    charged = [str(name) for name in columns.loc[columns["significant"].astype(bool), "name"]] if len(columns) else []
    return beliefs(pd.concat(frames, ignore_index=True), charged)
