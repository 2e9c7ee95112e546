"""Two lists of settings in one table, what differs marked and on top."""

from __future__ import annotations

import pandas as pd

from dashboard.sections.grid import show_table
from dashboard.tables import drift as drift_tables

__all__ = ["show_differences"]


def show_differences(settings: pd.DataFrame, left: str, right: str) -> None:
    """``name``, ``left``, ``right`` and ``differs``, under the names of the two sides."""
    show_table(drift_tables.encoder_pair_table(settings, left, right))
