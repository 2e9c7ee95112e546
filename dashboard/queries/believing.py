"""Whether each model's published figures can be believed, from all that was compared of it."""

from __future__ import annotations

import pandas as pd

from dashboard.queries import reproduction
from dashboard.queries.rows import Cursor
from data.rules.believing import Belief, beliefs
from data.rules.deltas import Thresholds, deltas
from data.store.vocabulary import Comparison

__all__ = ["beliefs_of_models"]


def beliefs_of_models(cursor: Cursor, limits: Thresholds) -> list[Belief]:
    """One verdict a model, the ones to look at first; tasks on which most models moved are charged to the task."""
    kinds = (Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD)
    frames = [frame for kind in kinds if len(frame := deltas(cursor, kind, limits))]
    if not frames:
        return []
    split, _ = reproduction.effects(cursor, Comparison.REPORTED, limits)
    columns = split.columns
    charged = [str(name) for name in columns.loc[columns["significant"].astype(bool), "name"]] if len(columns) else []
    return beliefs(pd.concat(frames, ignore_index=True), charged)
