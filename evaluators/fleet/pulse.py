"""A driver's sign of life on storage, and whether another one still gives its own.

No clock is compared with another machine's: a session is dead when its record has not changed for so long by ours.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from data.store.errors import PlumblineError, StorageError
from data.store.vocabulary import Status
from evaluators.fleet.plan import FleetPlan
from evaluators.fleet.shelf import Shelf
from evaluators.reproduce.journal import now

__all__ = ["Pulse", "new_session"]

_CLOCK_SET = 60.0  # seconds


def new_session() -> str:
    """A name that no other driver has."""
    host = "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in socket.gethostname())[:40]
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{host}-{os.getpid()}-{secrets.token_hex(3)}"


class Pulse:
    """Writes this session's record on storage every heartbeat, from a thread, until it is stopped.

    Args:
        plan: whose ``limits`` say how often, and when another session is dead.
        shelf: the session's storage.
        beat: gives what the record says of how far it is, and writes what else has changed; called from the thread.
    """

    def __init__(self, plan: FleetPlan, shelf: Shelf, beat: Callable[[], dict[str, Any]]) -> None:
        self._plan, self._shelf, self._beat = plan, shelf, beat
        self._number, self._over = 0, threading.Event()
        self._others: dict[str, tuple[Any, float]] = {}  # the record seen last, and since when
        self._started_at = now()
        self.trouble = ""  # why the last sign of life could not be given
        self._written_at = time.monotonic()  # when the last one that arrived was begun
        self._thread = threading.Thread(target=self._go_on, name="plumbline-pulse", daemon=True)

    def start(self) -> None:
        """Give the first sign of life, then go on.

        Raises:
            StorageError: storage cannot be written, so nothing else could be kept either.
        """
        self._write(Status.RUNNING)
        self._thread.start()

    def stop(self, status: str) -> None:
        """Say that this session is over: what it had claimed is anybody's at once."""
        self._over.set()
        self._thread.join(60)
        self._write(status)

    def check(self) -> None:
        """Nothing, while storage is written.

        Raises:
            StorageError: it was away for so long that others take this session for dead.
        """
        if time.monotonic() - self._written_at > self._plan.limits.dead_after:
            raise StorageError(
                f"Storage has been away for {self._plan.limits.dead_after:.0f} seconds",
                where=self._shelf.storage.url,
                remedy=f"What was finished is kept; give the same command when it is back. {self.trouble}".strip(),
            )

    def is_dead(self, session: str) -> bool:
        """Whether another session is over, or has given no sign of life for too long."""
        record = self._shelf.shown(f"sessions/{session}.json")
        if record is not None and (record.get("status") != Status.RUNNING or _died_here(record)):
            return True
        mark = None if record is None else record.get("number")
        seen, since = self._others.setdefault(session, (mark, time.monotonic()))
        if seen != mark:
            self._others[session] = (mark, time.monotonic())
            return False
        return time.monotonic() - since > self._plan.limits.dead_after

    def _go_on(self) -> None:
        while not self._over.wait(self._plan.limits.heartbeat):
            try:
                self._write(Status.RUNNING)
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 -- nothing may end this thread: others would take us for dead
                # Storage that is away for a while ends nothing.
                self.trouble = str(error) if isinstance(error, PlumblineError) else repr(error)

    def _write(self, status: str) -> None:
        self._number, began = self._number + 1, time.monotonic()
        process = psutil.Process()
        record = {
            "session": self._shelf.session,
            "plan_id": self._plan.plan_id,
            "status": status,
            "number": self._number,
            "machine": _machine(),
            "pid": process.pid,
            "process_began": process.create_time(),
            "started_at": self._started_at,
            "seen_at": now(),
        }
        self._shelf.show(f"sessions/{self._shelf.session}.json", record | self._beat())
        self._written_at = began


def _machine() -> str:
    """This machine since it was started; processes of two containers on one are not of one.

    Containers may share the name of their machine (host networks do), but not the numbers of their processes.
    """
    numbers = Path("/proc/self/ns/pid")
    which = numbers.readlink() if numbers.exists() else ""
    return f"{socket.gethostname()} {psutil.boot_time():.0f} {which}".strip()


def _died_here(record: dict[str, Any]) -> bool:
    """Whether the session ran on this machine and its process is gone: nobody has to wait to know.

    When a process began is reckoned from the clock, which may have been set since: a minute either way says nothing.
    """
    if record.get("machine") != _machine():
        return False
    try:
        process = psutil.Process(int(record["pid"]))
        other = abs(process.create_time() - float(record["process_began"])) > _CLOCK_SET
        return other or process.status() == psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return True
    except psutil.Error:
        return False
