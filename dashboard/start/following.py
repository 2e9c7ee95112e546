"""A dashboard whose store comes from shared storage: ``PLUMBLINE_STORE_FROM`` names where it is published."""

from __future__ import annotations

import math
import os

from data.store.access_mode import store_path
from data.store.errors import InputError
from data.store.following import Follower
from data.store.storage import open_storage

__all__ = ["follow_published"]

_EVERY = "60"  # seconds between two looks at the pointer, each of which is one request


def follow_published() -> None:
    """Begin to follow where the environment says so; waits for the first store where there is none here.

    Raises:
        InputError: the environment's settings cannot be used, or the local store holds runs of this machine.
        MissingDependencyError: what speaks to the storage is not installed.
    """
    address = os.environ.get("PLUMBLINE_STORE_FROM", "").strip()
    if not address:
        return
    follower = Follower(open_storage(address), store_path(), _every())
    follower.refuse_own_runs()
    if not store_path().exists():
        follower.look()
    follower.start()


def _every() -> float:
    given = os.environ.get("PLUMBLINE_STORE_EVERY", "").strip() or _EVERY
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86_400:
        raise InputError(
            "The time between two looks is a number of seconds",
            where=f"PLUMBLINE_STORE_EVERY={given}"[:200],
            remedy="Set 1 to 86400.",
        )
    return seconds
