"""Whether each model's published figures can be believed, from all that was compared of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd

from dashboard.queries.rows import Cursor
from data.rules.believing import Belief, BeliefVerdict, beliefs, is_doubtful
from data.rules.deltas import Thresholds, deltas
from data.rules.effects import decompose, delta_table
from data.store.vocabulary import Comparison

__all__ = ["MOST_CELLS", "MOST_MODELS", "Believed", "beliefs_of_models", "believed", "is_large", "usual_models"]

# A comparison of more cells than this is asked about some of its models at a time: a page can neither draw nor hold it.
MOST_CELLS, MOST_MODELS = 40_000, 100
_USUAL = 400  # models that what is usual on a task is learned of, where there are more
_KINDS = (Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD)


class Believed(NamedTuple):
    """What is believed of all models, and of each; of a large record, of each of those most in doubt.

    ``models`` were compared at all, the claims of ``holding`` hold and of ``doubtful`` do not.
    """

    beliefs: list[Belief]
    models: int
    holding: int
    doubtful: int


def is_large(cursor: Cursor, kind: str) -> bool:
    """Whether a kind of comparison has more cells than a page takes."""
    query = "SELECT count(*) > ? FROM delta_figures WHERE kind = ?"
    return bool(cursor.execute(query, [MOST_CELLS, kind]).fetchall()[0][0])


def usual_models(cursor: Cursor) -> tuple[str, ...] | None:
    """The models whose cards say what is usual on a task: None for all, else some, the same each time."""
    if not is_large(cursor, Comparison.REPORTED):
        return None
    query = "SELECT DISTINCT model FROM delta_figures WHERE kind = ? ORDER BY md5(model) LIMIT ?"
    return tuple(name for (name,) in cursor.execute(query, [Comparison.REPORTED, _USUAL]).fetchall())


def beliefs_of_models(cursor: Cursor, limits: Thresholds, models: Sequence[str] | None = None) -> list[Belief]:
    """One verdict a model, the ones to look at first; tasks on which most models moved are charged to the task.

    ``models``: only of these. Which tasks are charged is learned of everybody all the same.
    """
    by_kind = {kind: deltas(cursor, kind, limits, models=models) for kind in _KINDS}
    frames = [frame for frame in by_kind.values() if len(frame)]
    if not frames:
        return []
    usual = usual_models(cursor)
    of_everybody = models is None and usual is None
    cards = by_kind[Comparison.REPORTED] if of_everybody else deltas(cursor, Comparison.REPORTED, limits, models=usual)
    split = decompose(delta_table(cards, limits, "model"))
    columns = split.columns
    charged = [str(name) for name in columns.loc[columns["significant"].astype(bool), "name"]] if len(columns) else []
    return beliefs(pd.concat(frames, ignore_index=True), charged)


def believed(cursor: Cursor, limits: Thresholds) -> Believed:
    """How many models' claims hold, and what is believed of each; of a large record of those most in doubt."""
    if not is_large(cursor, Comparison.REPORTED):
        every = beliefs_of_models(cursor, limits)
        holding = sum(one.verdict == BeliefVerdict.HOLDS for one in every)
        silent = sum(one.verdict == BeliefVerdict.NOT_COMPARABLE for one in every)
        return Believed(every, len(every), holding, len(every) - holding - silent)
    query = "SELECT model, tasks, held FROM claims_held($match_floors, $drift, $drift_floors, $lost)"
    held = cursor.execute(query, asdict(limits)).df()
    doubtful: dict[str, int] = {}
    for row in held.to_dict("records"):
        failing = int(row["tasks"] - row["held"])
        if is_doubtful(failing, int(row["tasks"])):
            doubtful[str(row["model"])] = max(failing, doubtful.get(str(row["model"]), 0))
    gravest = sorted(doubtful, key=lambda model: (-doubtful[model], model))
    query = "SELECT count(DISTINCT model) FROM delta_figures WHERE kind <> ?"
    [(models,)] = cursor.execute(query, [Comparison.RUNS]).fetchall()
    judged = beliefs_of_models(cursor, limits, gravest[:MOST_MODELS])
    return Believed(judged, int(models), held["model"].nunique() - len(doubtful), len(doubtful))
