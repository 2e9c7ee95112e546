"""Whether a model's figures were reproduced: the badge other pages put beside its name."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.rows import Cursor

__all__ = ["badges", "short_badges"]


def badges(cursor: Cursor) -> pd.DataFrame:
    """One row a model: badge, tasks_compared, tasks_held, checked_by (own runs | official runs | None), and ``why``."""
    frame = cursor.execute("SELECT * FROM badges ORDER BY model").df()
    held = frame["tasks_held"].astype(str) + " of " + frame["tasks_compared"].astype(str) + " tasks hold"
    frame["why"] = (held + " in " + frame["checked_by"].fillna("").astype(str)).where(
        frame["tasks_compared"] > 0, "no figure of it was compared with another one"
    )
    return frame


def short_badges(frame: pd.DataFrame) -> pd.Series:
    """Badges in a few characters, by model: "reproduced 17/19"; blank where nothing was compared."""
    text = frame["badge"] + " " + frame["tasks_held"].astype(str) + "/" + frame["tasks_compared"].astype(str)
    return text.where(frame["tasks_compared"] > 0, "").set_axis(frame["model"])
