"""A decomposition of deltas in words: who is off, by how much, on how many cells, and where to look first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.rules.deltas import Sides
from data.rules.effects import Effects
from data.rules.setups import NamedRun
from data.rules.words import mark, phrase

__all__ = ["Attribution", "attributions", "caveat"]

_NAMELESS = Sides(phrase("claim"), phrase("check"))

# A loss of this much on most tasks is not a matter of precision or prompts: vectors are of other weights.
WRECKED = 0.25


@dataclass(frozen=True)
class Attribution:
    """One sentence about a model, a task or the whole table; ``label`` and ``advice`` are parts of ``sentence``."""

    of: str  # model | task | metric | all
    subject: str  # the name of its row or column
    observation: str
    advice: str
    size: float  # typical delta, 0-1 scale
    label: str = ""  # the subject as it is said, where that is not its name

    @property
    def sentence(self) -> str:
        """Who, what was observed, and where to look."""
        return f"{self.label or self.subject}: {self.observation}; {self.advice}."


def attributions(
    effects: Effects, named: Mapping[str, NamedRun] | None = None, sides: Sides = _NAMELESS
) -> list[Attribution]:
    """Every significant effect, models first, each group by how much it accounts for (size times cells).

    Args:
        effects: of a table of deltas.
        named: of rows that are runs, what their set-up is (:func:`data.rules.setups.named_runs`).
        sides: what the two figures are called, so that a sentence says which of them is lower.
    """
    rows = _models(effects.rows, named or {}, sides)
    return [*_common(effects, sides), *rows, *_tasks(effects.columns, sides), *_metrics(effects.cells)]


def caveat(effects: Effects, background: int) -> str | None:
    """What this table cannot tell apart, in one sentence; None when it is wide enough.

    Args:
        effects: of the table.
        background: number of other models whose figures on the same tasks were at hand.
    """
    rows, columns = len(effects.rows), len(effects.columns)
    if rows == 1 and not background:
        return mark(
            "One model or run alone cannot tell its own fault from one of the tasks: run another one on them, "
            "or import the published record"
        )
    if rows == 1 and columns >= 3:
        return phrase(
            "One model is judged here by what {n} others show on the same tasks; what only this run did to one task "
            "cannot be told from chance",
            n=background,
        )
    if columns < 3:
        return mark("With fewer than three tasks nothing tells a model's effect from a single cell")
    return None


def _common(effects: Effects, sides: Sides) -> Iterator[Attribution]:
    limit = float(effects.cells["limit"].median()) if len(effects.cells) else 0.0
    if abs(effects.common) > limit:
        observation = phrase("{apart} for every model and task alike", apart=sides.apart(effects.common))
        advice = mark("look at what all runs share")
        yield Attribution("all", mark("All figures"), observation, advice, effects.common)


def _models(rows: pd.DataFrame, named: Mapping[str, NamedRun], sides: Sides) -> Iterator[Attribution]:
    for row in _ordered(rows):
        same = row["up"] if row["typical"] > 0 else row["moved"] - row["up"]
        on_all, on_some = mark("{apart} on all {cells} tasks"), mark("{apart} on {same} of {cells} tasks")
        known = named.get(row["name"])
        advice = (known.advice if known else None) or _advice(row["typical"])
        observation = phrase(
            on_all if same == row["cells"] else on_some,
            apart=sides.apart(row["typical"]),
            same=same,
            cells=row["cells"],
        )
        yield Attribution("model", row["name"], observation, advice, row["typical"], known.label if known else "")


def _advice(typical: float) -> str:
    """Where to look when nothing is known but the size."""
    if typical <= -WRECKED:
        return mark("look at how it is loaded")
    if typical < 0:
        return mark("look at its set-up (prompts, pooling, length, precision)")
    if typical < WRECKED:
        return mark("look at prompts, and at whether the claim is of an older version")
    return mark("look at how the other side was run")


def _tasks(columns: pd.DataFrame, sides: Sides) -> Iterator[Attribution]:
    for column in _ordered(columns):
        moved, cells = column["moved"], column["cells"]
        both_ways = min(column["up"], moved - column["up"]) > moved / 4
        others = round(column["other_data"] * moved)
        if column["other_data"] > 0.5:
            advice = mark("another data set revision")
        elif others:
            advice = phrase(
                "another data set revision for {n} of them; else its metric, its split or the version of mteb", n=others
            )
        else:
            advice = mark("the data set revision is the same, so look at its metric, its split and the version of mteb")
        ways = mark("moved for {moved} of {cells} models, in both directions")
        way = mark("moved for {moved} of {cells} models, where {apart} in the median")
        apart = sides.apart(column["typical"])
        observation = phrase(ways if both_ways else way, moved=moved, cells=cells, apart=apart)
        yield Attribution("task", column["name"], observation, advice, column["typical"])


def _metrics(cells: pd.DataFrame) -> Iterator[Attribution]:
    mixed = cells[cells["cause"] == "metric"].groupby("column")["row"].nunique()
    for task, models in mixed.sort_values(ascending=False, kind="stable").items():
        one, many = mark("another metric is compared for 1 model"), mark("another metric is compared for {n} models")
        advice = mark("the metrics were mixed up, so this says nothing about the models")
        yield Attribution("metric", str(task), phrase(one if models == 1 else many, n=models), advice, 0.0)


def _ordered(lines: pd.DataFrame) -> list[dict[Hashable, Any]]:
    significant = lines[lines["significant"].astype(bool)]
    weight = (significant["typical"].abs() * significant["moved"]).sort_values(ascending=False, kind="stable")
    return significant.loc[weight.index].to_dict("records")
