"""Whether to replace a model, in a few sentences: who holds up against it, by how much, and what is lost."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import bytes_text, count, interval_text, licence, plain, signed
from dashboard.tables import replace as replace_tables
from dashboard.tables.replace import Pick
from dashboard.words import listed, mark, tr, tr_n
from data.rules.bootstrap import AHEAD, BEHIND, TIED

__all__ = ["show_verdict"]

SAME = 0.05  # two indexes are as big
_BEST_OF = {
    "all": mark("best of all"),
    "commercial": mark("best with open weights for commercial use"),
    "small": mark("best up to 1B parameters"),
    "priced": mark("best with a known API price"),
}


def show_verdict(candidates: pd.DataFrame, incumbent: str, has: int, own_bytes: float) -> None:
    """The answer in a sentence, then each of those named first in one line.

    ``candidates`` are those compared, as the page's table shows them; ``own_bytes`` is the size of the index there is,
    ``has`` how many tasks the incumbent has.
    """
    chosen = replace_tables.picks(candidates)
    st.markdown("#### " + _answer(candidates, chosen, incumbent, has))
    lines = [_line(pick, own_bytes) for pick in chosen]
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))


def _answer(candidates: pd.DataFrame, chosen: list[Pick], incumbent: str, has: int) -> str:
    name = plain(incumbent)
    if not chosen:
        if candidates["standing"].eq(BEHIND).any():
            worse = int(candidates["standing"].eq(BEHIND).sum())
            return tr_n(
                worse,
                "Keep **{incumbent}**: the one candidate that can be judged is worse.",
                "Keep **{incumbent}**: all {n:,} candidates that can be judged are worse.",
                incumbent=name,
            )
        return tr("No candidate shares enough tasks with **{incumbent}** to say anything.", incumbent=name)
    best = chosen[0].row
    blanks = {
        "candidate": plain(best["model"]), "incumbent": name, "points": signed(best["difference"]).lstrip("+"),
        "tasks": count(int(best["tasks"]), "task"), "interval": interval_text(best["low"], best["high"]),
        "shared": int(best["tasks"]), "has": has,
    }  # fmt: skip
    if best["standing"] == AHEAD and best["tasks"] == has:
        return tr(
            "**{candidate}** is {points} points better than **{incumbent}** on all {has:,} of its tasks, more than "
            "tasks like these can explain by chance ({interval}).", **blanks,
        )  # fmt: skip
    if best["standing"] == AHEAD:
        return tr(
            "**{candidate}** is {points} points better than **{incumbent}** on the {shared:,} of its {has:,} tasks "
            "that both have, more than tasks like these can explain by chance ({interval}).", **blanks,
        )  # fmt: skip
    hold = int(candidates["standing"].isin([AHEAD, TIED]).sum())
    return tr_n(
        hold,
        "Nothing is better than **{incumbent}** beyond what tasks like these can tell; {n:,} candidate holds up: "
        "**{candidate}** ({interval} on {tasks}).",
        "Nothing is better than **{incumbent}** beyond what tasks like these can tell; {n:,} candidates hold up, "
        "**{candidate}** first ({interval} on {tasks}).",
        **blanks,
    )


def _line(pick: Pick, own_bytes: float) -> str:
    """One candidate: of what it is the best, what is gained and lost, what it costs."""
    row = pick.row
    parts = [
        tr(
            "{points} points on {tasks}, {wins:,} won and {losses:,} lost",
            points=signed(row["difference"]), tasks=count(int(row["tasks"]), "task"), wins=int(row["wins"]),
            losses=int(row["losses"]),
        ),
        tr("cannot be told apart") if row["standing"] == TIED else "",
        _lost(row),
        _seen(row),
        plain(licence(row["licence"])),
        "" if pd.isna(row["usd"]) else tr("{usd:.3g} USD per million tokens", usd=row["usd"]),
        _index(row["index_bytes"], own_bytes),
    ]  # fmt: skip
    best_of = listed(tr(_BEST_OF[kind]) for kind in pick.best_of)
    return tr(
        "**{model}** ({best_of}): {parts}.",
        model=plain(row["model"]),
        best_of=best_of,
        parts=listed(filter(None, parts), "; "),
    )


def _lost(row: dict[Any, Any]) -> str:
    if pd.isna(row["worst"]):
        return tr("no task type lost")
    return tr("lost on {type} ({points})", type=plain(row["worst_type"]), points=signed(row["worst"]))


def _seen(row: dict[Any, Any]) -> str:
    if pd.isna(row["trained"]):
        return tr("what it was trained on is not stated")
    if pd.isna(row["unseen"]) or not row["trained"]:
        return tr("trained on {n:,} of the tasks", n=int(row["trained"]))
    return tr(
        "trained on {n:,} of the tasks, {points} on the others", n=int(row["trained"]), points=signed(row["unseen"])
    )


def _index(mine: float, own: float) -> str:
    if math.isnan(mine):
        return ""
    if own > 0 and abs(mine / own - 1) <= SAME:
        return tr("index {size}, as big as today's", size=bytes_text(mine))
    if own > 0:
        return tr("index {size}, {ratio:.2g} times today's", size=bytes_text(mine), ratio=mine / own)
    return tr("index {size}", size=bytes_text(mine))
