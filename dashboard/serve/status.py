"""What an operator asks the running dashboard: does the store open, and how old is the record?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb

from dashboard.queries.record import record_age
from data.store.access_mode import read_only, store_path
from data.store.database import reading
from data.store.errors import PlumblineError
from data.store.following import Followed, followed

__all__ = ["store_status"]


def store_status(now: datetime | None = None) -> dict[str, Any]:
    """The answer as JSON has it.

    ``ok``: the store opens. ``store``: its path; ``error``: why it does not open, as a page would say it. ``imported``
    and ``record_date``: when the record was imported and of when it is, ISO 8601 in UTC; ``record_age_days``: days
    since the latter, or since the import where the source names no date. ``read_only``: nothing is written here.
    ``published``: for a store that comes from shared storage, from where, which publication is shown, when the last
    look was answered, and what is wrong since when; a store that opens is ok all the same.
    """
    answer: dict[str, Any] = {"ok": False, "store": str(store_path()), "read_only": read_only()}
    if (state := followed(store_path())) is not None:
        answer["published"] = _published(state)
    try:
        with reading() as cursor:
            age = record_age(cursor)
    except (PlumblineError, duckdb.Error) as error:
        return {**answer, "error": str(error).splitlines()[0]}
    of = age.source_date or age.imported
    days = ((now or datetime.now(UTC)) - of.replace(tzinfo=UTC)).total_seconds() / 86400 if of else None
    return {
        **answer,
        "ok": True,
        "imported": _utc(age.imported),
        "record_date": _utc(age.source_date),
        "record_age_days": None if days is None else round(days, 1),
    }


def _published(state: Followed) -> dict[str, Any]:
    return {
        "from": state.address,
        "number": state.shown.number if state.shown else None,
        "published_at": state.shown.published_at if state.shown else None,
        "looked_at": _utc(state.looked_at),
        "trouble": str(state.trouble) if state.trouble else None,
        "since": _utc(state.since),
    }


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=UTC).isoformat(timespec="seconds")
