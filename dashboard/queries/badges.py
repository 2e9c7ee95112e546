"""Whether a model's figures were reproduced: the badge other pages put beside its name."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.rows import Cursor

__all__ = ["badges"]


def badges(cursor: Cursor) -> pd.DataFrame:
    """One row a model: badge, tasks_compared, tasks_held and checked_by (own runs | official runs | None)."""
    return cursor.execute("SELECT * FROM badges ORDER BY model").df()
