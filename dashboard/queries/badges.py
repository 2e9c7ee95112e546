"""Whether a model's figures were reproduced: the badge other pages put beside its name."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.rows import Cursor

__all__ = ["badges"]


def badges(cursor: Cursor, models: tuple[str, ...] | None = None) -> pd.DataFrame:
    """One row a model, of all or of these: badge, tasks_compared, tasks_held, checked_by (own runs, official runs)."""
    query = "SELECT * FROM badges WHERE $models IS NULL OR list_contains($models, model) ORDER BY model"
    return cursor.execute(query, {"models": None if models is None else list(models)}).df()
