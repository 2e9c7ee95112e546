"""Tables of the page on what a budget tells: tasks to run, tasks left out, a model by task type, own tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dashboard.formatting import span_text
from dashboard.tables.columns import POINTS, PRIVATE, SHARE, TASK, TEXT, WORDED, Column, Format, Table, number
from dashboard.words import mark, tr
from data.rules.budget.plan import BudgetPlan, Untold
from data.rules.budget.prediction import Prediction
from data.rules.budget.redundancy import Novelty, Redundancy

__all__ = ["novelty_words", "own_tasks_table", "steps_table", "types_known_table", "untold_table"]

_NOVELTY = {
    Novelty.SAME: mark("says what the public ones already say"),
    Novelty.OWN: mark("says something of its own"),
    Novelty.OPEN: mark("cannot tell yet"),
    Novelty.FEW: mark("too few models to tell"),
}
_PLUS_MINUS = number("± %.1f", 100)
_SPAN = Format(TEXT.config, write=lambda seconds: seconds.map(span_text))
_TYPE = Column("Type", "type")
_TIME = Column(
    "Time", "seconds", _SPAN, small_first=True,
    help="Published evaluation time of a typical model: machines differ, the order and the shares hold",
)  # fmt: skip
_STEPS = (
    Column("#", "order", small_first=True),
    TASK,
    _TYPE,
    _TIME,
    Column("Takes away", "share", SHARE, "Of the doubt (variance) about the mean that stood before it"),
    Column(
        "Mean after it", "half", _PLUS_MINUS, small_first=True,
        help="± points around the mean, 95%. Measured on a finite number of models, so a small step up is chance.",
    ),
)  # fmt: skip
_UNTOLD = (
    TASK,
    _TYPE,
    Column(
        "Told", "known", SHARE,
        help="Share of how models differ on it that the tasks to run tell, of models whose family was left out; at 0 "
        "they tell nothing of it",
    ),
    Column("Goes with", "relative", help="The task to run that it goes with most"),
    Column("Correlation", "correlation", number("%.2f"), "With that one, over models"),
    _TIME,
)  # fmt: skip
_TYPES = (
    _TYPE,
    Column("Predicted", "value", POINTS),
    Column("95% interval", "interval", sort="low"),
    Column("Published", "published", POINTS, optional=True),
    Column("Tasks run", "run", help="Of the type's tasks"),
)
_OWN = (
    TASK,
    PRIVATE,
    Column("What it adds", "novelty", WORDED),
    Column("Public tasks tell", "share", SHARE, "Of how models differ on it; families left out"),
    Column("95% interval", "interval", sort="low"),
    Column("Goes with", "relative", help="The public task it goes with most"),
    Column("Correlation", "correlation", number("%.2f"), "With that one, over models"),
    Column("Models", "models", help="With a run on it and public figures"),
)


def steps_table(plan: BudgetPlan, *, sure: bool = True) -> Table:
    """The tasks to run, in their order; without what nobody can be sure of where models are too few."""
    frame = pd.DataFrame([step._asdict() for step in plan.steps]).assign(order=range(1, len(plan.steps) + 1))
    table = Table.of(_STEPS, frame)
    return table if sure else table.without("Mean after it")


def untold_table(rest: Sequence[Untold]) -> Table:
    """The tasks left out, the least told first."""
    frame = pd.DataFrame([one._asdict() for one in rest])
    return Table.of(_UNTOLD, frame.assign(known=frame["known"].clip(lower=0.0)))


def types_known_table(
    prediction: Prediction, types: Mapping[str, str], measured: frozenset[str], published: Mapping[str, float]
) -> Table:
    """A model's mean by task type, predicted and published.

    Args:
        prediction: of the model.
        types: of the benchmark's tasks.
        measured: tasks the prediction rests on.
        published: mean by task type (0-1) where all its tasks have a published score.
    """
    rows = []
    for kind, mean in prediction.types.items():
        inside = [task for task, other in types.items() if other == kind]
        done = sum(task in measured for task in inside)
        run = tr("{n} of {total}", n=done, total=len(inside))
        rows.append(
            {"type": kind, **mean._asdict(), "run": run, "published": published.get(kind, np.nan),
             "interval": _between(mean.low, mean.high, 1) if done < len(inside) else ""}
        )  # fmt: skip
    return Table.of(_TYPES, pd.DataFrame(rows))


def own_tasks_table(own: pd.DataFrame) -> Table:
    """Own tasks with what they add: task, private and the fields of a :class:`Redundancy`."""
    interval = [
        "" if pd.isna(low) else _between(max(low, 0.0), max(high, 0.0), 0)
        for low, high in zip(own["low"], own["high"], strict=True)
    ]
    words = own["novelty"].map({str(code): words for code, words in _NOVELTY.items()})
    return Table.of(_OWN, own.assign(novelty=words, share=own["share"].clip(lower=0.0), interval=interval))


def novelty_words(seen: Redundancy) -> str:
    """What an own task adds, as a sentence says it."""
    return tr(_NOVELTY[seen.novelty])


def _between(low: float, high: float, digits: int) -> str:
    return tr("{low} to {high}", low=f"{100 * low:.{digits}f}", high=f"{100 * high:.{digits}f}")
