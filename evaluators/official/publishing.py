"""Import what is new on shared storage, and publish the store there for every dashboard that follows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from data.store.database import store_path
from data.store.errors import InputError
from data.store.publication import (
    KEEP,
    Publication,
    fetch_store,
    latest_publication,
    publication_here,
    publish_store,
    runs_of_this_machine,
)
from data.store.storage import Storage

__all__ = ["Published", "publish_from"]


class Published(NamedTuple):
    """What a publisher did.

    Attributes:
        publication: the one that stands now.
        new: whether it was made now, rather than the same store published before.
        fetched: the publication the local store was taken from first, where there was none here or an older one.
        elsewhere: the one before was made of another store than this one.
    """

    publication: Publication
    new: bool
    fetched: Publication | None
    elsewhere: bool


def publish_from(
    storage: Storage,
    bring: Callable[[], object] | None,
    *,
    store: Path | None = None,
    keep: int = KEEP,
    own_runs: bool = False,
) -> Published:
    """Publish the local store on a storage.

    Args:
        storage: where to.
        bring: imports what is new into the local store; None to publish it as it is.
        store: the local store.
        keep: how many stores stay on the storage.
        own_runs: publish runs of this machine with it.

    Raises:
        InputError: the store holds runs of this machine, and nobody said that they may be seen.
        StoreBusyError: somebody else published meanwhile, or writes the store.
        StorageError: the storage cannot be asked; what was published before stands.
    """
    store = store or store_path()
    before = latest_publication(storage)
    here, unchanged = publication_here(store, storage)
    fetched = None
    # So that the history of imports goes on where there is no disk that lasts, as in a container of every night.
    if before is not None and (not store.exists() or (unchanged and here is not None and here.number < before.number)):
        fetch_store(storage, before, store)
        here = fetched = before
    _check_own_runs(store, own_runs)
    if bring is not None:
        bring()
    _check_own_runs(store, own_runs)
    published = publish_store(storage, store, before, keep=keep)
    return Published(published, published != before, fetched, before is not None and here != before)


def _check_own_runs(store: Path, allowed: bool) -> None:
    runs = 0 if allowed else runs_of_this_machine(store)
    if runs:
        raise InputError(
            f"The store holds {runs} run{'s' * (runs > 1)} of this machine, which all who see the dashboards would see",
            where=str(store),
            remedy="`--own-runs` publishes them, too; PLUMBLINE_STORE names another store.",
        )
