"""Where the figures come from and how old they are."""

from __future__ import annotations

from datetime import UTC, date, datetime

import streamlit as st

from dashboard import looks
from dashboard.access import answer_of, version
from dashboard.addresses import commit_address
from dashboard.formatting import count, day, plain
from dashboard.messages import in_one_sentence
from dashboard.queries import overview as overview_queries
from dashboard.queries.overview import Record
from dashboard.words import running, tr, tr_n
from data.store.access_mode import store_path
from data.store.following import followed

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
    _show_followed()
    published = datetime.fromtimestamp(version().mtime_ns / 1e9, UTC)
    st.caption(
        tr("Models, tasks and benchmarks as mteb {mteb} describes them. This version of the store was published on"
           " {moment:%Y-%m-%d %H:%M} UTC.",
           mteb=record.mteb_version or tr("of an unknown version"), moment=published)
    )  # fmt: skip


def _show_followed() -> None:
    """Of a store that comes from shared storage: which publication it is, and what keeps a newer one away."""
    state = followed(store_path())
    if state is None:
        return
    if state.shown is not None:
        st.caption(
            tr("The store comes from {place}: publication {number:,}, of {moment:%Y-%m-%d %H:%M} UTC.",
               place=plain(state.address), number=state.shown.number,
               moment=datetime.fromisoformat(state.shown.published_at))
        )  # fmt: skip
    if state.trouble is not None and state.since is not None:
        sentence = tr("Since {moment:%Y-%m-%d %H:%M} UTC no newer store could be had, and this one is shown on.",
                      moment=state.since)  # fmt: skip
        st.markdown(running(looks.CAUTION.mark(sentence), in_one_sentence(state.trouble)))


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
