"""Tables and sentences of the page on one's own use."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.formatting import bytes_, count, day, licence, parameters, shown_in_points, signed
from data.rules.bootstrap import TIED
from data.rules.weighting import ordinal, ratio_in_words

__all__ = ["left_out", "reasons", "robust", "short_list", "weights"]

SURE = 0.95


def short_list(ranked: pd.DataFrame, top: int) -> pd.DataFrame:
    """The ranked models as shown: scores in points, shares in percent, sizes in words."""
    shown = pd.DataFrame(
        {
            "Place": ranked["place"],
            "Model": ranked["model"],
            "Score": 100 * ranked["score"],
            "95 % interval": [
                "" if pd.isna(low) else f"{100 * low:.2f} to {100 * high:.2f}"
                for low, high in zip(ranked["low"], ranked["high"], strict=True)
            ],
            "Tied with first": ranked["against_first"].eq(TIED),
            "First": 100 * ranked["first"],
            f"Top {top}": 100 * ranked["among_top"],
        }
    )
    for column in ranked.columns[ranked.columns.str.startswith("mean ")]:
        shown[column.removeprefix("mean ")] = 100 * ranked[column]
    shown["Parameters"] = [parameters(n) for n in ranked["n_parameters"]]
    shown["Dimensions"] = ranked["dimensions"].astype("Int64")
    shown["Index"] = [bytes_(n) for n in ranked["index_bytes"]]
    if ranked["cost"].notna().any():
        shown["Cost a month"] = ranked["cost"]
    shown["Max tokens"] = ranked["max_tokens"].astype("Int64")
    shown["Licence"] = ranked["licence"].map(licence)
    shown["Zero-shot"] = ranked["zero_shot"]
    shown["Released"] = [day(value) for value in ranked["release_date"]]
    return shown_in_points(shown)


def robust(row: dict[Any, Any], top: int) -> str:
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
    parts.append(robust(row, top))
    sentence = "; ".join(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def _strengths(row: dict[Any, Any], types: list[str]) -> list[str]:
    """Places by task type; of many types, the two the model is best at and the one it is worst at."""
    if len(types) > 3:
        by_place = sorted(types, key=lambda name: int(row[f"place {name}"]))
        types = [*by_place[:2], by_place[-1]]
    return [f"{ordinal(row[f'place {name}'])} on {name}" for name in types]


def weights(frame: pd.DataFrame) -> pd.DataFrame:
    """Every task that counts with its share of the score in percent, the heaviest first."""
    shown = frame.sort_values("weight", ascending=False, kind="stable")
    columns = {"Task": shown["task"], "Type": shown["type"], "Share": 100 * shown["weight"]}
    if (shown["language"] != "").any():
        columns["Language"] = shown["language"]
    return shown_in_points(pd.DataFrame(columns))


def left_out(lacking: int, excluded: dict[str, int], pool: int) -> str:
    """In one sentence, whom the limits and missing scores keep off the list."""
    parts = [f"{name} ({n})" for name, n in excluded.items() if n]
    limits = f"the limits on {', '.join(parts)}" if parts else ""
    scores = f"missing scores ({lacking})" if lacking else ""
    why = " and ".join(part for part in (limits, scores) if part)
    return f"Of {count(pool, 'model')} on the benchmark, {why} keep others out." if why else ""
