"""Ray's side of a plan: actors asked for, calls made of them, and what came of each.

Ray places the actors, restarts those that die (``max_restarts``) and repeats the call that died or raised
(``max_task_retries``, ``retry_exceptions``). One call at a time is given to an actor, so that a death costs one.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from data.store import keys
from data.store.errors import InputError, MissingDependencyError, PlumblineError
from evaluators.fleet.answers import Elsewhere, GaveUp, Loaded, Ran, Refused, TaskFailedError, Watched
from evaluators.fleet.plan import FleetPlan, ModelSetUp
from evaluators.fleet.slots import Place
from evaluators.fleet.worker import SIGN, ModelWorker

__all__ = ["Crew", "Died", "Event", "Member", "free", "joined_cluster", "machines"]

_ROOT = Path(__file__).resolve().parents[2]
_LINES = 30  # of a worker's log


class Died(NamedTuple):
    """A worker that cannot go on: Ray has given it up, or it met an error that is no task's."""

    error: str
    out_of_memory: bool


Answer = Loaded | Refused | Ran | Elsewhere | GaveUp | Died


@dataclass(eq=False)
class Member:
    """An actor and its call."""

    setup: ModelSetUp
    growth: int
    slot: Place
    actor: Any
    task: str = ""  # of the call it is at; empty while it loads, and when it has none
    loaded: bool = False
    call: Any = None
    asked_for: float = field(default_factory=time.monotonic)
    placed: float | None = None  # since when its slot is taken
    watched: Watched | None = None
    watching: Any = None
    name: str = ""  # of its process in the logs


class Event(NamedTuple):
    """What a member's call came to."""

    member: Member
    task: str
    answer: Answer
    log: list[str]


class Crew:
    """The actors of a session."""

    def __init__(self, plan: FleetPlan, session: str) -> None:
        self._plan, self._session = plan, session
        self.members: list[Member] = []
        self._spent = (0.0, 0.0)  # seconds of cores and of cards of those that have left
        self._log = _Log()
        self._count = 0

    def engage(self, setup: ModelSetUp, growth: int, slot: Place, published: dict[str, float]) -> Member:
        """Ask Ray for an actor; it loads its model when it has its place."""
        import ray

        self._count += 1
        name = f"{self._plan.plan_id}-{self._session[-6:]}-{self._count}"
        actor = (
            ray.remote(concurrency_groups={"watch": 1})(ModelWorker)
            .options(
                name=name,
                num_cpus=slot.cpus,
                num_gpus=slot.gpus,
                memory=int(slot.memory_mb) * 2**20,
                max_restarts=-1,
                max_task_retries=0,
            )
            .remote(self._plan, setup, self._session, published, name)
        )
        member = Member(setup, growth, slot, actor, name=name)
        member.call = actor.load.options(max_task_retries=-1).remote()
        member.watching = actor.watch.options(concurrency_group="watch").remote()
        self.members.append(member)
        return member

    def give(self, member: Member, task: str, dead: frozenset[str], digest: str) -> None:
        """Have it run a task of the run with a digest."""
        member.task, member.watched = task, None
        member.call = member.actor.run.options(max_task_retries=-1, retry_exceptions=[TaskFailedError]).remote(
            task, dead, digest
        )

    def dismiss(self, member: Member) -> None:
        """End an actor; its place is free for the next."""
        import ray

        if member in self.members:
            self.members.remove(member)
            used = _used(member)
            self._spent = self._spent[0] + used[0], self._spent[1] + used[1]
            with suppress(Exception):  # a cluster that is gone has ended it already
                ray.kill(member.actor)

    def dismiss_all(self) -> None:
        """End all of them."""
        for member in list(self.members):
            self.dismiss(member)

    def events(self, seconds: float) -> Iterator[Event]:
        """What has ended, after waiting so long for the first of it."""
        import ray

        calls = {member.call: member for member in self.members if member.call is not None}
        if not calls:
            time.sleep(seconds)
            return
        ended, _ = ray.wait(list(calls), num_returns=1, timeout=seconds)
        more, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0) if ended else ([], [])
        for call in more:
            member = calls[call]
            task, member.call, member.task = member.task, None, ""
            answer = _answer(call)
            member.loaded = member.loaded or isinstance(answer, Loaded)
            yield Event(member, task, answer, self._log.of(member.name))

    def watch(self) -> None:
        """Ask each how far it is, and take what the ones asked before have answered."""
        import ray

        asked = {member.watching: member for member in self.members if member.watching is not None}
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0) if asked else ([], [])
        for reference in ready:
            member, answer = asked[reference], _answer(reference)
            member.watching = None
            if isinstance(answer, Watched):
                member.placed, member.watched = member.placed or time.monotonic(), answer
        for member in self.members:
            if member.watching is None:
                member.watching = member.actor.watch.options(concurrency_group="watch").remote()

    def spent(self) -> tuple[float, float]:
        """Seconds of cores and of cards taken so far."""
        used = [self._spent, *map(_used, self.members)]
        return sum(cores for cores, _ in used), sum(cards for _, cards in used)


def _used(member: Member) -> tuple[float, float]:
    seconds = 0.0 if member.placed is None else time.monotonic() - member.placed
    return seconds * member.slot.cpus, seconds * member.slot.gpus


def _answer(call: Any) -> Any:
    """What a call has given, where it has ended."""
    import ray

    try:
        return ray.get(call)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        return Died(keys.from_outside(f"{type(cause).__name__}: {cause}"), out_of_memory=False)
    except ray.exceptions.RayError as error:
        text = str(error)
        if "owner has died" in text:  # the owner is this driver: the cluster has lost it, or is gone itself
            raise PlumblineError(
                "The Ray cluster knows this driver no more",
                remedy="What was finished is kept. Look at the cluster's head; the same command goes on from there.",
            ) from error
        memory = isinstance(error, ray.exceptions.OutOfMemoryError) or bool(_MEMORY.search(text))
        return Died(_died(text, memory=memory), memory)


_MEMORY = re.compile("OUT_OF_MEMORY|low on memory|running low on memory", re.IGNORECASE)
_EXIT = re.compile(r"Worker exit detail: (.*)|The (node|owner) .* (died|dead).*|The actor is dead because (.*)")


def _died(text: str, *, memory: bool) -> str:
    if memory:
        return "Its machine ran out of memory and Ray ended its worker."
    exits = [line.strip() for line in text.splitlines() if _EXIT.search(line)]
    return f"Its worker died. {keys.from_outside(exits[-1]) if exits else ''}".strip()


class _Log:
    """The last lines that each worker has written, as Ray brings them here from every machine.

    A worker begins by writing its name; lines of its process that follow are its own.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._lines: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_LINES))
        # Ray has no public way to be handed these lines; without it, failures are shown without them.
        try:
            from ray._private.ray_logging import global_worker_stdstream_dispatcher as stream
        except ImportError:
            return
        stream.remove_handler("ray_print_logs")
        stream.remove_handler(_HANDLER)
        stream.add_handler(_HANDLER, self._take)
        # What Ray has to say of each death, in dozens of lines: the driver says it in one, with the worker's own last.
        with suppress(ImportError):
            from ray._private import worker

            worker.print_to_stdstream = lambda *_, **__: None

    def of(self, name: str) -> list[str]:
        """The last lines of a worker."""
        return list(self._lines[name])

    def _take(self, batch: dict[str, Any]) -> None:
        process = str(batch.get("ip")), str(batch.get("pid"))
        for line in map(str, batch.get("lines", ())):
            if line.startswith(SIGN):
                self._names[process] = line.removeprefix(SIGN).strip()
            elif (name := self._names.get(process)) is not None and line.strip():
                self._lines[name].append(keys.from_outside(line.rstrip()[:500]))


_HANDLER = "plumbline"


@contextmanager
def joined_cluster(address: str | None) -> Iterator[str | None]:
    """Take part in a cluster, or make one of this machine; gives the address of Ray's own dashboard where it has one.

    Raises:
        MissingDependencyError: Ray is not installed.
        InputError: nobody answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of what is run here is reported to anybody
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            "The fleet runs on Ray, which is not installed", remedy="pip install -r requirements-fleet.txt"
        ) from error
    # Libraries of the two must be one version, so the code may be as well: at this path, or in the machines' image.
    environment = {
        "env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))}
    }
    local: dict[str, Any] = {} if address else {"object_store_memory": _OBJECTS}
    try:
        if address:
            _check_answers(address)
            _take_token()
        context = ray.init(address=address or "local", runtime_env=environment, logging_level=logging.ERROR, **local)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if address is None:
            raise InputError(
                f"Ray cannot be started on this machine: {_first_line(error)}",
                remedy="Its logs are in /tmp/ray/session_latest/logs. RAY_TMPDIR names another, by a short path.",
            ) from error
        raise InputError(
            f"There is no Ray cluster to join: {_first_line(error)}",
            where=address,
            remedy="Give the address that `ray start --head` printed, as HOST:6379, or leave --address out.",
        ) from error
    try:
        yield f"http://{context.dashboard_url}" if context.dashboard_url else None
    finally:
        ray.shutdown()


def _first_line(error: BaseException) -> str:
    return keys.from_outside((str(error).strip() or type(error).__name__).splitlines()[0], 300)


def _check_answers(address: str) -> None:
    """Nothing where somebody listens at an address; Ray itself asks for many minutes before it says that nobody does.

    Raises:
        OSError, ValueError: nobody does, or it is no address.
    """
    if address == "auto":
        try:
            from ray._private.services import canonicalize_bootstrap_address

            address = canonicalize_bootstrap_address(address) or address
        except ImportError:  # Ray has no public way to say what it would take
            return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ValueError(f"{address} is no HOST:PORT")
    with socket.create_connection((host, int(port)), _PATIENCE):
        return


def _take_token() -> None:
    """Show the cluster this user's token where Ray has made one: `ray start` asks for it, and `ray.init` shows none."""
    from importlib import import_module

    level = logging.getLogger("ray").level
    logging.getLogger("ray").setLevel(logging.ERROR)
    with suppress(ImportError, AttributeError):  # Ray has no public way to ask whether there is one
        setup = import_module("ray._private.authentication.authentication_token_setup")
        setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    logging.getLogger("ray").setLevel(level)


_PATIENCE = 10.0  # seconds
_OBJECTS = 256 * 2**20  # bytes; answers are small, and Ray would take a third of the memory for them


def machines() -> list[Place]:
    """What each machine of the cluster has."""
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Place(has.get("CPU", 0.0), has.get("GPU", 0.0), round(has.get("memory", 0.0) / 2**20)) for has in alive]


def free() -> Place:
    """What nobody takes at the moment, of all machines together."""
    import ray

    has = ray.available_resources()
    return Place(has.get("CPU", 0.0), has.get("GPU", 0.0), round(has.get("memory", 0.0) / 2**20))
