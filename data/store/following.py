"""Keep the local store the one that is published on shared storage: look at the pointer, fetch, put in place.

The dashboard goes on with the store it has until another has arrived whole, whatever happens to the storage meanwhile;
what went wrong is known here for whoever asks.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from data.store.errors import InputError, PlumblineError, StorageError, StoreBusyError
from data.store.publication import (
    Publication,
    current_publication,
    fetch_store,
    publication_here,
    runs_of_this_machine,
)
from data.store.storage import Storage
from data.store.vocabulary import StorageFault

__all__ = ["Followed", "Follower", "followed"]

_log = logging.getLogger("plumbline.store")


@dataclass(frozen=True)
class Followed:
    """How it stands with a store that comes from shared storage.

    Attributes:
        address: of the storage.
        shown: the publication that is shown; None before the first has arrived.
        looked_at: the last look that was answered, UTC.
        trouble: what the last look came to, where it was not well.
        since: when that began, UTC.
    """

    address: str
    shown: Publication | None = None
    looked_at: datetime | None = None
    trouble: PlumblineError | None = None
    since: datetime | None = None


# By the local file: what is known of one store says nothing of another that this process shows.
_states: dict[Path, Followed] = {}


def followed(path: Path) -> Followed | None:
    """How it stands with the store at ``path``, where this process follows a published one there."""
    return _states.get(path)


class Follower:
    """Looks every so often in a thread of its own, which ends with the process."""

    def __init__(self, storage: Storage, path: Path, every: float) -> None:
        self.storage, self.path, self.every = storage, path, every
        here, unchanged = publication_here(path, storage)
        _states[path] = Followed(storage.url, here if unchanged else None)

    def start(self) -> threading.Thread:
        """Begin; the first look is at once."""
        thread = threading.Thread(target=self._watch, name="plumbline-following", daemon=True)
        thread.start()
        return thread

    def look(self) -> None:
        """Look once, and fetch what is new; what goes wrong is in :func:`followed`, and never raised."""
        now, before = datetime.now(UTC), _states[self.path]
        try:
            shown = self._bring()
        except PlumblineError as error:
            if before.trouble is None or str(before.trouble) != str(error):
                _log.warning("The store before is shown on: %s", error)
            _states[self.path] = replace(before, trouble=error, since=before.since or now)
        else:
            if before.trouble is not None:
                _log.info("The published store can be had again.")
            _states[self.path] = Followed(self.storage.url, shown, now)

    def refuse_own_runs(self) -> None:
        """Nothing, unless fetching would take runs of this machine away.

        Raises:
            InputError: how many, and what to do.
        """
        here, unchanged = publication_here(self.path, self.storage)
        runs = 0 if here is not None and unchanged else runs_of_this_machine(self.path)
        if runs:
            raise InputError(
                "The store here holds runs of this machine, which the published one would take the place of",
                where=f"{self.path}: {runs}",
                remedy="Name another file with PLUMBLINE_STORE; this one stays as it is.",
            )

    def _watch(self) -> None:
        wait = threading.Event()
        while True:
            try:
                self.look()
            except Exception:  # a defect must not end it: the next look may be well
                _log.exception("The published store could not be looked for")
            wait.wait(self.every)

    def _bring(self) -> Publication | None:
        """Fetch what is published, unless it is here already; which publication is shown then."""
        published = current_publication(self.storage)
        if published is None:
            raise StorageError(
                "No store was published there yet", where=self.storage.url,
                remedy="`python -m evaluators publish` publishes one.", code=StorageFault.MISSING,
            )  # fmt: skip
        here, unchanged = publication_here(self.path, self.storage)
        if unchanged and here == published:
            return published
        self.refuse_own_runs()
        try:
            fetch_store(self.storage, published, self.path)
        except StoreBusyError:  # another process that shows this file fetches it, or somebody writes: the next look
            return _states[self.path].shown
        _log.info("Publication %d of %s is shown now.", published.number, self.storage.url)
        return published
