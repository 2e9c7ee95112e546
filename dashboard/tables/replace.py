"""Tables of the page on replacing a model, and whom of the candidates it names first."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from dashboard.formatting import interval_text
from dashboard.queries.replace import Doubt, Lack
from dashboard.tables.best import best_by_place, commercial
from dashboard.tables.columns import (
    BYTES,
    DAY,
    DIFFERENCE,
    INTERVAL,
    LICENCE,
    MODEL,
    PARAMETERS,
    POINTS,
    PRIVATE,
    TASK,
    Column,
    Table,
    number,
)
from dashboard.tables.filling import PREDICTED
from dashboard.words import listed, mark, tr
from data.rules.bootstrap import AHEAD, BEHIND, FEW, TIED

__all__ = [
    "Pick", "candidates_table", "holding", "languages_gained_table", "moved_table", "not_compared_table", "picks",
]  # fmt: skip

SMALL = 1e9  # parameters

_CANDIDATES = (
    MODEL,
    PRIVATE,
    Column("Difference", "difference", DIFFERENCE, "To the model you have, in points, on the tasks both have"),
    INTERVAL,
    Column("What the tasks say", "says"),
    Column(
        "Mean of all tasks", "mean_of_all", POINTS,
        "Of the benchmark, as the Leaderboard has it; blank where a task is missing. What is said is of shared tasks",
        optional=True,
    ),
    PREDICTED,
    Column("Shared tasks", "tasks"),
    Column("Wins", "wins"),
    Column("Losses", "losses"),
    Column("Ties", "ties"),
    Column(
        "Trained on", "seen", sort="trained", small_first=True,
        help="Of the shared tasks, those it was trained on, or on one that mteb holds to be similar",
    ),
    Column(
        "Unseen", "unseen", DIFFERENCE,
        "The difference on the shared tasks that neither is known to be trained on; blank where nobody said",
    ),
    Column("Licence", "licence", LICENCE),
    Column("Weights", "weights"),
    Column("USD per 1M tokens", "usd", number("%.3f"), "List price of its API", optional=True, small_first=True),
    Column(
        "Price as of", "price_of", help="The day on which its source said so; old: more than a year ago", optional=True
    ),
    Column(
        "Tokens a second", "speed", number("%.0f"),
        "As the latest run of this machine measured it over whole tasks; four characters count as a token",
        optional=True,
    ),
    Column("Index", "index_bytes", BYTES, "Of all documents' vectors, without the search structure", small_first=True),
    Column(
        "Re-embedding", "dollars", number("$%.2f", 1), "All documents once, at the list price", optional=True,
        small_first=True,
    ),
    Column("Dimensions", "dimensions", small_first=True),
    Column("Parameters", "n_parameters", PARAMETERS, small_first=True),
    Column("Max tokens", "max_tokens"),
    Column("Released", "release_date", DAY),
)  # fmt: skip

_MOVED = (
    TASK,
    PRIVATE,
    Column("Type", "type"),
    Column("Difference", "difference", DIFFERENCE, "Candidate less incumbent, in points"),
    Column("Incumbent", "old", POINTS),
    Column("Candidate", "new", POINTS),
    Column("Noise", "floor", POINTS, "Noise floor, in points; blank if unknown", small_first=True),
    Column("Trained on it", "trained_on_it", help="Which of the two was trained on this task, or on one like it"),
    Column("Rests on", "rests_on", help="What makes the comparison on this task doubtful"),
)
_NOT_COMPARED = (TASK, PRIVATE, Column("Type", "type"), Column("Why", "why"))
_LANGUAGES = (
    Column("Language", "language"),
    Column("Difference", "difference", DIFFERENCE, "Mean over the cells both have, in points"),
    Column("Noise", "floor", POINTS, "Mean noise floor of the tasks, in points", small_first=True),
    Column("Tasks", "tasks"),
    Column("Cells", "cells"),
)

_LACKS = {
    Lack.BOTH: mark("neither has it"),
    Lack.INCUMBENT: mark("the incumbent lacks it"),
    Lack.CANDIDATE: mark("the candidate lacks it"),
    Lack.PARTLY: mark("one of them lacks cells that others have"),
    Lack.CARD: mark("only on a model card, left out"),
    Lack.DATA: mark("not on today's data, left out"),
    Lack.REVISION: mark("of another revision of the model, left out"),
}
_DOUBTS = {
    Doubt.CARD: mark("a model card's own figure"),
    Doubt.DATA: mark("two data revisions"),
    Doubt.METRIC: mark("two metrics"),
}


class Pick(NamedTuple):
    """A candidate that is named first, and of which kinds it is the best: all, commercial, small, priced."""

    row: dict[Any, Any]
    best_of: tuple[str, ...]


def holding(frame: pd.DataFrame) -> pd.DataFrame:
    """The candidates that are not worse than the incumbent as far as tasks like these can tell, the best first."""
    able = frame[frame["standing"].isin([AHEAD, TIED])]
    return able.sort_values(["difference", "model"], ascending=[False, True], ignore_index=True)


def picks(frame: pd.DataFrame) -> list[Pick]:
    """The best of all that hold up, with open weights for commercial use, up to 1B parameters, and with a price.

    Each model once, the best of all first. ``frame`` is as :func:`dashboard.queries.replace.rivals` has it, with
    ``usd``.
    """
    able = holding(frame)
    kinds = {
        "all": pd.Series(True, index=able.index),
        "commercial": commercial(able),
        "small": able["n_parameters"].le(SMALL),
        "priced": able["usd"].notna(),
    }
    best = best_by_place(kinds)
    rows = able.iloc[list(best)].to_dict("records")
    return [Pick(row, tuple(best_of)) for row, best_of in zip(rows, best.values(), strict=True)]


def candidates_table(frame: pd.DataFrame) -> Table:
    """The candidates as they stand to the incumbent, the best first."""
    rows = frame.to_dict("records")
    says = {
        AHEAD: tr("better"),
        TIED: tr("cannot be told apart"),
        BEHIND: tr("worse"),
        FEW: tr("too few tasks to tell"),
    }
    weights = {True: tr("open"), False: tr("closed")}
    whole = {name: frame[name].astype("Int64") for name in ("dimensions", "max_tokens")}
    source = frame.assign(
        interval=list(map(interval_text, frame["low"], frame["high"])),
        says=[says[row["standing"]] for row in rows],
        seen=[_seen(row["trained"], row["tasks"]) for row in rows],
        weights=[weights.get(row["open_weights"], "") for row in rows],
        **whole,
    )
    return Table.of(_CANDIDATES, source)


def _seen(trained: Any, tasks: int) -> str:
    """How many of these tasks a model was trained on; where nobody said, that."""
    return tr("not stated") if pd.isna(trained) else tr("{n:,} of {total:,}", n=int(trained), total=int(tasks))


def moved_table(tasks: pd.DataFrame) -> Table:
    """Shared tasks, those that moved most first, with marks of training overlap and of doubt."""
    shared = tasks[tasks["shared"]]
    order = shared["difference"].abs().sort_values(ascending=False, kind="stable").index
    rows = shared.loc[order]
    source = rows.assign(
        trained_on_it=[
            _who_was_trained(old, new) for old, new in zip(rows["old_trained"], rows["new_trained"], strict=True)
        ],
        rests_on=[listed(tr(_DOUBTS[doubt]) for doubt in doubts) for doubts in rows["doubts"]],
    )
    return Table.of(_MOVED, source)


def _who_was_trained(old: Any, new: Any) -> str:
    """Which of incumbent and candidate was trained on a task; blank where neither is known to be."""
    of = (pd.notna(old) and bool(old), pd.notna(new) and bool(new))
    return {
        (True, True): tr("both"), (True, False): tr("incumbent"), (False, True): tr("candidate"), (False, False): ""
    }[of]  # fmt: skip


def not_compared_table(tasks: pd.DataFrame) -> Table:
    """Tasks of the benchmark that are not compared, and why."""
    left = tasks[~tasks["shared"]].sort_values(["lack", "type", "task"])
    return Table.of(_NOT_COMPARED, left.assign(why=[tr(_LACKS[Lack(lack)]) for lack in left["lack"]]))


def languages_gained_table(languages: pd.DataFrame) -> Table:
    """Gain and loss by language, the one with most tasks first."""
    return Table.of(_LANGUAGES, languages)
