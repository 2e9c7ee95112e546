"""What a worker answers its driver: small, and known to both."""

from __future__ import annotations

from typing import Any, NamedTuple

from evaluators.fleet.shelf import Cell

__all__ = ["Elsewhere", "GaveUp", "Loaded", "Ran", "Refused", "TaskFailedError", "Watched", "other_run"]


class Loaded(NamedTuple):
    """A model that is ready, and what is there of its tasks."""

    digest: str  # of the run's identity
    run_id: str
    cells: dict[str, Cell]  # by task
    done: frozenset[str]  # tasks
    seconds: dict[str, float]  # what each of the others will take; unknown ones are missing
    node: str
    libraries: dict[str, str]  # versions of those that can change a score
    files: list[list[str]]  # paths and hashes of the model's
    fixed: bool  # its revision is: loaded again by the same plan it would be the same


class Refused(NamedTuple):
    """A model that is not to be run, and why."""

    error: str


class Ran(NamedTuple):
    """A task that was run to a record: done, or given up for want of memory."""

    record: dict[str, Any]
    ours: bool  # False where another's record counts


class Elsewhere(NamedTuple):
    """A task that another session runs."""

    session: str


class Watched(NamedTuple):
    """How far a worker is."""

    task: str
    texts: int
    asked: int
    seconds: float


class GaveUp(NamedTuple):
    """A task that was begun as often as it may be, and why it did not end: the record of the last time."""

    record: dict[str, Any]


def other_run(machine: str) -> str:
    """Why a model loaded on a machine cannot go on with a run that was begun on another."""
    return (
        f"On {machine} the model has other files, settings in use or libraries than where this run was begun: its"
        " figures would be another run's. Give the machines one image, or say in the plan which kind the model takes."
    )


class TaskFailedError(Exception):
    """A task raised, and Ray may try it again."""
