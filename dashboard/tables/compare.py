"""Tables of the compare page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import count, day, interval_text, licence, parameters
from dashboard.tables.columns import (
    DIFFERENCE,
    INTERVAL,
    MODEL,
    POINTS,
    PRIVATE,
    TASK,
    WHOLE,
    WORDED,
    Column,
    Format,
    Table,
)
from dashboard.words import mark, tr
from data.rules.bootstrap import AHEAD, BEHIND, FEW, TIED

__all__ = [
    "ALL_TASKS", "DELTA", "facts_table", "head_to_head_table", "short_names", "tasks_table", "trained_models",
    "types_table",
]  # fmt: skip

DELTA = "Δ "
ALL_TASKS = mark("All tasks")
# Names of types are MTEB's; the word for all of them is ours.
_TYPE = Format(
    st.column_config.TextColumn, write=lambda types: types.map(lambda name: tr(name) if name == ALL_TASKS else name)
)

_HEAD_TO_HEAD = (
    MODEL,
    PRIVATE,
    Column(
        "Mean", "mean", POINTS,
        "Of the shared tasks, weighted as on Our use where the link says so, else as the benchmark's headline mean "
        "does",
    ),
    Column("Difference", "difference", DIFFERENCE, "Mean difference to the baseline on the shared tasks, in points"),
    INTERVAL,
    Column("Wins", "wins"),
    Column("Losses", "losses"),
    Column("Ties", "ties"),
    Column("What the tasks say", "verdict_in_words"),
)  # fmt: skip


_STANDINGS = {
    TIED: mark("cannot be told apart from {name}"),
    AHEAD: mark("better than {name}"),
    BEHIND: mark("worse than {name}"),
}
_WEIGHTS = {True: mark("open"), False: mark("closed")}
_INSTRUCTIONS = {True: mark("uses them"), False: mark("no")}

_SEEN = Column(
    "Trained on it", "trained_on_it", optional=True,
    help="Which of the models were trained on this task, or on one that mteb holds to be similar",
)  # fmt: skip


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Names without their organisation, where that leaves them apart."""
    short = {model: model.rsplit("/", 1)[-1] for model in models}
    names = list(short.values())
    return {model: name if names.count(name) == 1 else model for model, name in short.items()}


def facts_table(facts: pd.DataFrame) -> Table:
    """One row a fact, one column a model, all as text; what nobody said is blank."""
    names = short_names(list(facts["model"]))
    by_model = {names[row["model"]]: _facts_of(row) for row in facts.to_dict("records")}
    source = pd.DataFrame(by_model).rename_axis("Fact").reset_index()
    models = (Column(name, name, ours=False) for name in by_model)
    return Table.of((Column("Fact", "Fact", WORDED), *models), source)


def _facts_of(row: dict[Any, Any]) -> dict[str, str]:
    languages, options = _several(row["languages"]), _several(row["dimension_options"])
    return {
        mark("Standing"): tr("Private").lower() if row.get("private") else "",
        mark("Parameters"): parameters(row["n_parameters"]),
        mark("Active parameters"): parameters(row["n_active_parameters"]),
        mark("Memory"): "" if pd.isna(row["memory_mb"]) else f"{row['memory_mb']:,.0f} MB",
        mark("Dimensions"): "" if pd.isna(row["dimensions"]) else f"{row['dimensions']:.0f}",
        mark("Can be cut to"): ", ".join(sorted({f"{d:.0f}" for d in options}, key=int)) if len(options) > 1 else "",
        mark("Max tokens"): "" if pd.isna(row["max_tokens"]) else f"{row['max_tokens']:,.0f}",
        mark("Licence"): licence(row["licence"]),
        mark("Licence as stated"): _text(row["licence"]),
        mark("Weights"): _said(_WEIGHTS, row["open_weights"]),
        mark("Released"): day(row["release_date"]),
        mark("Languages"): count(len(languages), "language") if languages else "",
        mark("Instructions"): _said(_INSTRUCTIONS, row["use_instructions"]),
        mark("Tasks trained on"): ""
        if pd.isna(row["trained_on"])
        else tr("{n:.0f} of {total:.0f}", n=row["trained_on"], total=row["judged"]),
        mark("Zero-shot"): "" if pd.isna(row["zero_shot"]) else f"{row['zero_shot']:.0f}%",
        mark("API price"): "" if pd.isna(row.get("usd", math.nan)) else _price(row),
        mark("Published figures"): tr("{badge}: {why}", badge=tr(_text(row["badge"])), why=tr(row["why"]))
        if _text(row.get("badge"))
        else "",
    }


def _price(row: dict[Any, Any]) -> str:
    return tr("{usd:.3g} USD per million tokens ({day})", usd=row["usd"], day=row["price_of"])


def head_to_head_table(pairs: pd.DataFrame, baseline: str) -> Table:
    """Wins, losses, ties and the mean difference, with what they say in words."""
    interval = list(map(interval_text, pairs["low"], pairs["high"]))
    words = [_verdict_in_words(row, baseline) for row in pairs.to_dict("records")]
    return Table.of(_HEAD_TO_HEAD, pairs.assign(interval=interval, verdict_in_words=words))


def _verdict_in_words(row: dict[Any, Any], baseline: str) -> str:
    name = short_names([baseline])[baseline]
    if not row["tasks"]:
        return tr("no shared task")
    if row["standing"] == FEW:
        return tr("too few shared tasks to tell ({n})", n=row["tasks"])
    return tr(_STANDINGS[row["standing"]], name=name)


def tasks_table(
    wide: pd.DataFrame,
    floors: pd.Series,
    baseline: str,
    private: pd.Series | None = None,
    trained: pd.Series | None = None,
) -> Table:
    """Scores in points and signed differences to the baseline, the biggest difference first.

    Args:
        wide: index (type, task), a column a model, 0-1.
        floors: by task, 0-1, NaN where unknown.
        baseline: one of the columns.
        private: by task, what of it is private.
        trained: by task, which of the models were trained on it, in words.
    """
    tasks = _biggest_first(wide, baseline).reset_index()
    noise = floors.reindex(tasks["task"]).to_numpy(dtype=float)
    marks = [] if private is None else [replace(PRIVATE, source=lambda _: private.reindex(tasks["task"]).to_numpy())]
    last = Column("Noise", lambda _: noise, POINTS, "Noise floor, in points; blank if unknown", small_first=True)
    seen = [] if trained is None else [replace(_SEEN, source=lambda _: trained.reindex(tasks["task"]).to_numpy())]
    return Table.of((TASK, *marks, Column("Type", "type"), *_models(wide, baseline), last, *seen), tasks)


def trained_models(overlap: pd.DataFrame, tasks: pd.Series) -> pd.Series:
    """Which models were trained on each task, by short name, commas between them; blank where none is known to be.

    Args:
        overlap: as :func:`dashboard.queries.training.overlap` has it.
        tasks: the task of each entry, by entry.
    """
    names = short_names(list(overlap.index))
    seen = {task: ", ".join(names[model] for model in column.index[column == 1]) for task, column in overlap.items()}
    return tasks.map(seen)


def types_table(wide: pd.DataFrame, baseline: str) -> Table:
    """Mean of the shared tasks of each type, with signed differences, the biggest first; the last row is of all."""
    means = _biggest_first(wide.groupby(level="type").mean(), baseline)
    means.loc[ALL_TASKS] = wide.mean()
    tasks = wide.groupby(level="type").size().reindex(means.index, fill_value=len(wide))
    columns = (
        Column("Type", "type", _TYPE),
        Column("Tasks", lambda _: tasks.to_numpy(), WHOLE),
        *_models(wide, baseline),
    )
    return Table.of(columns, means.rename_axis("type").reset_index())


def _biggest_first(scores: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """The same rows, those first in which any model differs most from the baseline."""
    differences = scores.sub(scores[baseline], axis=0).abs().max(axis=1)
    return scores.iloc[differences.to_numpy().argsort()[::-1]]


def _models(wide: pd.DataFrame, baseline: str) -> list[Column]:
    """The baseline's scores, then those of each other model with its differences to them."""
    names = short_names(list(wide.columns))
    columns = [Column(names[baseline], baseline, POINTS, ours=False)]
    for model in wide.columns.drop(baseline):
        columns.append(Column(names[model], model, POINTS, ours=False))
        columns.append(Column(DELTA + names[model], _difference(model, baseline), DIFFERENCE, ours=False))
    return columns


def _difference(model: str, baseline: str) -> Any:
    return lambda scores: scores[model] - scores[baseline]


def _said(words: Mapping[Any, str], value: Any) -> str:
    return tr(words[value]) if value in words else ""


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _several(value: Any) -> list[Any]:
    return [] if value is None or isinstance(value, float) or value is pd.NA else list(value)
