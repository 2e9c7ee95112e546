"""How old the record is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from dashboard.queries.rows import Cursor
from data.store.vocabulary import ImportKind

__all__ = ["RecordAge", "record_age"]


class RecordAge(NamedTuple):
    """When the published figures were last imported, and of when they are (UTC); None where that is not known."""

    imported: datetime | None
    source_date: datetime | None


def record_age(cursor: Cursor) -> RecordAge:
    """Of the last import of published figures; of neither where there was none."""
    query = "SELECT started_at, source_date FROM imports WHERE kind <> ? ORDER BY import_id DESC LIMIT 1"
    rows = cursor.execute(query, [ImportKind.RUN]).fetchall()
    return RecordAge(*rows[0]) if rows else RecordAge(None, None)
