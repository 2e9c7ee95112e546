"""Storage that is away for a while is waited for: nothing that was run is lost to it."""

from __future__ import annotations

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from data.store.errors import StorageError
from evaluators.fleet.plan import Patience

__all__ = ["patient"]


def patient(limits: Patience) -> Retrying:
    """What calls a function again each heartbeat while storage does not answer, as long as an owner may be silent.

    Then the StorageError is passed on.
    """
    return Retrying(
        retry=retry_if_exception_type(StorageError),
        wait=wait_fixed(limits.heartbeat),
        stop=stop_after_delay(limits.dead_after),
        reraise=True,
    )
