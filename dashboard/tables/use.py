"""Tables and sentences of the page on one's own use."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.formatting import count, signed
from dashboard.tables.columns import (
    BYTES,
    CHECK,
    DAY,
    LICENCE,
    MODEL,
    PARAMETERS,
    PERCENT,
    POINTS,
    PRIVATE,
    SHARE,
    TASK,
    Column,
    Table,
    number,
)
from dashboard.words import capital, listed, mark, phrase, stopped, tr
from data.rules.bootstrap import TIED
from data.rules.weighting import SAME_SIZE, ordinal, ratio_in_words

__all__ = ["lacking_table", "reasons", "how_robust", "short_list_table", "weights_table", "who_is_left_out"]

SURE = 0.95

_HOLDS = mark("Share of 2,000 small changes of the weights in which it holds")
# The limits, as queries name them.
_LIMITS = (
    mark("parameters"), mark("dimensions"), mark("max tokens"), mark("zero-shot"), mark("licence"),
    mark("open weights"),
)  # fmt: skip
_LEADING = (
    Column("Place", "place", small_first=True),
    MODEL,
    PRIVATE,
    Column("Score", "score", POINTS),
    Column("95% interval", "interval", help="Had the tasks been others like these: bootstrap over tasks", sort="low"),
    Column("Tied with first", "tied", CHECK, "The interval of the difference to the first has 0 in it"),
    Column("First", "first", SHARE, _HOLDS),
)
_FACTS = (
    Column("Parameters", "n_parameters", PARAMETERS, small_first=True),
    Column("Dimensions", "dimensions", small_first=True),
    Column("Index", "index_bytes", BYTES, small_first=True),
    Column("Cost a month", "cost", number("%.2f", 1), optional=True, small_first=True),
    Column("USD per 1M tokens", "usd", number("%.3f"), "List price of its API", optional=True, small_first=True),
    Column("Max tokens", "max_tokens"),
    Column("Licence", "licence", LICENCE),
    Column("Zero-shot", "zero_shot", PERCENT),
    Column("Released", "release_date", DAY),
)
_WEIGHTS = (
    TASK,
    PRIVATE,
    Column("Type", "type"),
    Column("Share", "weight", number("%.2f%%", 100)),
    Column("Language", "language", optional=True),
)
_LACKING = (MODEL, PRIVATE, Column("Scores missing", "missing"))


def short_list_table(ranked: pd.DataFrame, top: int) -> Table:
    """The ranked models as shown: scores in points, shares in percent, sizes in words."""
    pairs = zip(ranked["low"], ranked["high"], strict=True)
    interval = [
        "" if pd.isna(low) else tr("{low} to {high}", low=f"{100 * low:.2f}", high=f"{100 * high:.2f}")
        for low, high in pairs
    ]
    of_types = [
        Column(name.removeprefix("mean "), name, POINTS, ours=False)
        for name in ranked.columns
        if name.startswith("mean ")
    ]
    columns = (*_LEADING, Column(phrase("Top {n}", n=top), "among_top", SHARE, _HOLDS), *of_types, *_FACTS)
    whole = {name: ranked[name].astype("Int64") for name in ("dimensions", "max_tokens")}
    return Table.of(columns, ranked.assign(interval=interval, tied=ranked["against_first"].eq(TIED), **whole))


def weights_table(weights: pd.DataFrame) -> Table:
    """Every task that counts with its share of the score in percent, the heaviest first."""
    return Table.of(_WEIGHTS, weights.sort_values("weight", ascending=False, kind="stable"))


def lacking_table(lacking: pd.DataFrame) -> Table:
    """Models within the limits, with how many scores that count they lack."""
    return Table.of(_LACKING, lacking)


def how_robust(row: dict[Any, Any], top: int) -> str:
    """Whether a model keeps its place under small changes of the weights."""
    if row["place"] == 1 and row["first"] >= SURE:
        return tr("stays first in {share:.0%} of small changes of the weights: robust", share=row["first"])
    if row["place"] == 1:
        return tr("stays first in only {share:.0%} of small changes of the weights", share=row["first"])
    robust = mark("among the first {top} in {share:.0%} of small changes of the weights: robust")
    not_robust = mark("among the first {top} in {share:.0%} of small changes of the weights: not robust")
    return tr(robust if row["among_top"] >= SURE else not_robust, top=top, share=row["among_top"])


def reasons(ranked: pd.DataFrame, types: list[str], top: int) -> list[tuple[str, str]]:
    """Why each of the first ``top`` models stands where it does: (model, a sentence).

    Args:
        ranked: as :class:`dashboard.queries.use.ShortList` has it.
        types: task types that count, the heaviest first.
        top: length of the list.
    """
    if ranked.empty:
        return []
    rows = ranked.head(max(top, 2)).to_dict("records")
    first, second = rows[0], rows[1] if len(rows) > 1 else None
    return [(str(row["model"]), _why(row, first, second, types, top)) for row in rows[:top]]


def _why(row: dict[Any, Any], first: dict[Any, Any], second: dict[Any, Any] | None, types: list[str], top: int) -> str:
    parts = _strengths(row, types)
    if row is first:
        if second is not None and row["place"] < second["place"]:
            ahead = mark("{points} points ahead of the next")
            tied = mark("{points} points ahead of the next, which these tasks cannot tell apart")
            points = signed(row["score"] - second["score"]).lstrip("+")
            parts.append(tr(tied if second["against_first"] == TIED else ahead, points=points))
    else:
        parts.append(_behind(first["score"] - row["score"], tied=row["against_first"] == TIED))
        size = ratio_in_words(row["index_bytes"], first["index_bytes"])
        parts += [] if not size else [tr("{size} index size", size=tr(size))] if size == SAME_SIZE else [
            tr("{size} the index size", size=tr(size))
        ]  # fmt: skip
    parts.append(how_robust(row, top))
    return stopped(capital(listed(parts, "; ")))


def _behind(points: float, *, tied: bool) -> str:
    if points <= 0:
        return tr("level with the first")
    apart = mark("{points} points behind the first")
    together = mark("{points} points behind the first, which these tasks cannot tell apart")
    return tr(together if tied else apart, points=signed(points).lstrip("+"))


def _strengths(row: dict[Any, Any], types: list[str]) -> list[str]:
    """Places by task type; of many types, the two the model is best at and the one it is worst at."""
    if len(types) > 3:
        by_place = sorted(types, key=lambda name: int(row[f"place {name}"]))
        types = [*by_place[:2], by_place[-1]]
    return [tr("{place} on {name}", place=tr(ordinal(row[f"place {name}"])), name=name) for name in types]


def who_is_left_out(lacking: int, excluded: dict[str, int], models: int) -> str:
    """In one sentence, whom the limits and missing scores keep off the list."""
    parts = listed(f"{tr(name)} ({n})" for name, n in excluded.items() if n)
    values = {"models": count(models, "model"), "limits": parts, "lacking": lacking}
    if parts and lacking:
        return tr(
            "Of {models} on the benchmark, the limits on {limits} and missing scores ({lacking}) keep others out.",
            **values,
        )
    if parts:
        return tr("Of {models} on the benchmark, the limits on {limits} keep others out.", **values)
    return tr("Of {models} on the benchmark, missing scores ({lacking}) keep others out.", **values) if lacking else ""
