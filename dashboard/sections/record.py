"""Where the figures come from and how old they are."""

from __future__ import annotations

from datetime import UTC, date, datetime

import streamlit as st

from dashboard import looks
from dashboard.access import answer_of, version
from dashboard.addresses import commit_address
from dashboard.formatting import count, day
from dashboard.queries import overview as overview_queries
from dashboard.queries.overview import Record
from dashboard.words import tr, tr_n

__all__ = ["OLD", "show_record"]

OLD = 60  # days


def show_record() -> None:
    """Repository, commit and age of the published figures, how many there are, and of which version the store is."""
    record = answer_of(overview_queries.record_facts)
    st.markdown(f"#### {tr('Where the figures come from')}")
    st.markdown(_origin(record, datetime.now(UTC).date()))
    facts = [
        count(record.models, "model"), count(record.tasks, "task"), count(record.scores, "score"),
        count(record.runs, "own run"), count(record.checks, "check"),
    ]  # fmt: skip
    st.markdown(" · ".join(facts))
    published = datetime.fromtimestamp(version().mtime_ns / 1e9, UTC)
    st.caption(
        tr("Models, tasks and benchmarks as mteb {mteb} describes them. This version of the store was published on"
           " {moment:%Y-%m-%d %H:%M} UTC.",
           mteb=record.mteb_version or tr("of an unknown version"), moment=published)
    )  # fmt: skip


def _origin(record: Record, today: date) -> str:
    """Repository and commit in a sentence, and how old it is, marked where that is much."""
    if record.date is None:
        return tr("Nobody said of which day the published figures are.")
    age = (today - record.date.date()).days
    old = tr_n(age, "{n} day old", "{n:,} days old")
    address = commit_address(record.commit)
    where = f"[embeddings-benchmark/results@{str(record.commit)[:8]}]({address})" if address else tr("a folder")
    sentence = tr(
        "Published figures of {date} from {where}: {age}.",
        date=day(record.date), where=where, age=looks.CAUTION.mark(f"**{old}**") if age > OLD else f"**{old}**",
    )  # fmt: skip
    if age <= OLD:
        return sentence
    return sentence + " " + tr("Newer ones come with {command}.", command="`python -m evaluators import --download`")
