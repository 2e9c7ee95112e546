"""Questions of the leaderboard page. Ranks and means are views of the store; nothing is computed twice."""

from __future__ import annotations

import duckdb
import pandas as pd

__all__ = ["benchmarks"]


def benchmarks(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Every benchmark with a ranked model, in the order of mteb's menu, then those it does not show."""
    return cursor.execute(
        "SELECT * FROM benchmarks k WHERE EXISTS (FROM board b WHERE b.benchmark = k.benchmark)"
        " ORDER BY menu IS NULL, position, benchmark"
    ).df()
