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
from data.rules.bootstrap import TIED
from data.rules.weighting import ordinal, ratio_in_words

__all__ = ["lacking_table", "reasons", "how_robust", "short_list_table", "weights_table", "who_is_left_out"]

SURE = 0.95

_HOLDS = "Share of 2,000 small changes of the weights in which it holds"
_LEADING = (
    Column("Place", "place", small_first=True),
    MODEL,
    PRIVATE,
    Column("Score", "score", POINTS),
    Column("95 % interval", "interval", help="Had the tasks been others like these: bootstrap over tasks", sort="low"),
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
    Column("Share", "weight", number("%.2f %%", 100)),
    Column("Language", "language", optional=True),
)
_LACKING = (MODEL, PRIVATE, Column("Scores missing", "missing"))


def short_list_table(ranked: pd.DataFrame, top: int) -> Table:
    """The ranked models as shown: scores in points, shares in percent, sizes in words."""
    pairs = zip(ranked["low"], ranked["high"], strict=True)
    interval = ["" if pd.isna(low) else f"{100 * low:.2f} to {100 * high:.2f}" for low, high in pairs]
    of_types = [Column(name.removeprefix("mean "), name, POINTS) for name in ranked.columns if name.startswith("mean ")]
    columns = (*_LEADING, Column(f"Top {top}", "among_top", SHARE, _HOLDS), *of_types, *_FACTS)
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
        return f"stays first in {row['first']:.0%} of small changes of the weights: robust"
    if row["place"] == 1:
        return f"stays first in only {row['first']:.0%} of small changes of the weights"
    word = "robust" if row["among_top"] >= SURE else "not robust"
    return f"among the first {top} in {row['among_top']:.0%} of small changes of the weights: {word}"


def reasons(ranked: pd.DataFrame, types: list[str], top: int) -> list[tuple[str, str]]:
    """Why each of the first ``top`` models stands where it does: (model, a sentence).

    Args:
        ranked: as :class:`dashboard.queries.use.ShortList` has it.
        types: task types that count, the heaviest first.
        top: length of the list.
    """
    if ranked.empty:
        return []
    rows = ranked.to_dict("records")
    first, second = rows[0], rows[1] if len(rows) > 1 else None
    return [(str(row["model"]), _why(row, first, second, types, top)) for row in rows[:top]]


def _why(row: dict[Any, Any], first: dict[Any, Any], second: dict[Any, Any] | None, types: list[str], top: int) -> str:
    parts = _strengths(row, types)
    if row is first:
        if second is not None and row["place"] < second["place"]:
            tied = ", which these tasks cannot tell apart" if second["against_first"] == TIED else ""
            parts.append(f"{signed(row['score'] - second['score']).lstrip('+')} points ahead of the next{tied}")
    else:
        behind = first["score"] - row["score"]
        tied = ", which these tasks cannot tell apart" if row["against_first"] == TIED else ""
        parts.append(
            f"{signed(behind).lstrip('+')} points behind the first{tied}" if behind > 0 else "level with the first"
        )
        size = ratio_in_words(row["index_bytes"], first["index_bytes"])
        parts += [f"{size} index size" if size == "the same" else f"{size} the index size"] if size else []
    parts.append(how_robust(row, top))
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def _strengths(row: dict[Any, Any], types: list[str]) -> list[str]:
    """Places by task type; of many types, the two the model is best at and the one it is worst at."""
    if len(types) > 3:
        by_place = sorted(types, key=lambda name: int(row[f"place {name}"]))
        types = [*by_place[:2], by_place[-1]]
    return [f"{ordinal(row[f'place {name}'])} on {name}" for name in types]


def who_is_left_out(lacking: int, excluded: dict[str, int], models: int) -> str:
    """In one sentence, whom the limits and missing scores keep off the list."""
    parts = [f"{name} ({n})" for name, n in excluded.items() if n]
    limits = f"the limits on {', '.join(parts)}" if parts else ""
    scores = f"missing scores ({lacking})" if lacking else ""
    why = " and ".join(part for part in (limits, scores) if part)
    return f"Of {count(models, 'model')} on the benchmark, {why} keep others out." if why else ""
