"""Whether a model's figures were reproduced, in words: beside its name, and why it is said."""

from __future__ import annotations

import pandas as pd

from dashboard.formatting import word
from dashboard.words import mark, tr

__all__ = ["badge_words", "with_reasons"]

_HELD = {
    "own runs": mark("{held} of {compared} tasks hold in own runs"),
    "official runs": mark("{held} of {compared} tasks hold in official runs"),
}


def with_reasons(badges: pd.DataFrame) -> pd.DataFrame:
    """The badges with ``why``: how many tasks hold, and in whose runs."""
    return badges.assign(why=[_why(*row) for row in _facts(badges, "checked_by")])


def badge_words(badges: pd.DataFrame) -> pd.Series:
    """Badges in a few characters, by model: "reproduced 17/19"; blank where nothing was compared."""
    short = [
        f"{word(badge)} {held}/{compared}" if compared else "" for badge, held, compared in _facts(badges, "badge")
    ]
    return pd.Series(short, index=pd.Index(badges["model"]), dtype=object)


def _facts(badges: pd.DataFrame, first: str) -> zip[tuple[str, int, int]]:
    return zip(badges[first], badges["tasks_held"], badges["tasks_compared"], strict=True)


def _why(checked_by: str, held: int, compared: int) -> str:
    if not compared:
        return tr("no figure of it was compared with another one")
    return tr(_HELD[checked_by], held=held, compared=compared)
