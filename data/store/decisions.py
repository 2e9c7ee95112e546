"""What was decided with the pages: a plain file beside the store, one JSON object a line, never changed but at its end.

The store itself stays read-only for the dashboard, and is built anew by imports; decisions outlive both. A decision
keeps the figures it was taken on, so that a later look tells whether they still stand. A line that cannot be read (cut
short by a full disk, edited by hand) costs only itself.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from data.store.access_mode import must_be_writable, store_path
from data.store.errors import InputError, StoreBusyError, StoreError

__all__ = ["LONGEST", "Conclusion", "Decision", "Decisions", "Item", "decide", "decisions_path", "read_decisions"]


class Conclusion(StrEnum):
    """What was decided."""

    ACCEPT = "accept"
    REJECT = "reject"
    INVESTIGATE = "investigate"


# Of each text, in characters.
LONGEST = {"name": 120, "question": 300, "reason": 4000, "author": 120, "link": 8000}
_MOST_ITEMS = 200
_SECONDS = 10.0  # to wait for others who write


class Item(NamedTuple):
    """What a decision is about: its kind (model, task, benchmark, run, check) and its name."""

    kind: str
    name: str


@dataclass(frozen=True)
class Decision:
    """One line of the file.

    Attributes:
        name: what it is called in a list.
        question: what was asked.
        choice: what was decided.
        reason: why.
        author: who decided, as they call themselves or as they signed in.
        link: the view it was taken on, as "compare?c_models=...", relative to the dashboard's address.
        items: what it is about.
        figures: the figures it was taken on, by a name each; numbers on the scale of the store, or words of it.
        record: the state of the public record then, as a commit and its date.
        at: when, in UTC, ISO 8601 to the second.
        decision_id: of this line.
    """

    name: str
    question: str
    choice: Conclusion
    reason: str
    author: str
    link: str
    items: tuple[Item, ...] = ()
    figures: Mapping[str, float | str | None] = field(default_factory=dict)
    record: str = ""
    at: str = ""
    decision_id: str = ""


class Decisions(NamedTuple):
    """Every decision, the latest first, and a sentence for each line that could not be read."""

    decisions: tuple[Decision, ...]
    unreadable: tuple[str, ...]


def decisions_path() -> Path:
    """Path of the file: beside the store and named after it."""
    return store_path().with_suffix(".decisions.jsonl")


def decide(decision: Decision, path: Path | None = None) -> Decision:
    """Add a decision at the end of the file, whoever else writes meanwhile; it comes back with its time and id.

    Raises:
        InputError: a text is missing, too long, or of characters that cannot be shown.
        StoreBusyError: others have been writing for too long.
        ReadOnlyError: nothing may be written beside the store.
        StoreError: the file cannot be written.
    """
    path = path or decisions_path()
    must_be_writable(path)
    _check(decision)
    stamped = asdict(decision) | {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "decision_id": uuid.uuid4().hex[:12],
    }
    line = json.dumps(stamped, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    try:
        with FileLock(f"{path}.lock", timeout=_SECONDS):
            _append(path, line)
    except Timeout as error:
        raise StoreBusyError(
            "Somebody else is writing decisions", where=str(path), remedy="Try again in a moment."
        ) from error
    except OSError as error:
        raise StoreError(
            "The decision cannot be kept", where=f"{path}: {error.strerror}",
            remedy="Make the folder writable for the dashboard, or free space there.",
        ) from error  # fmt: skip
    return _read(json.loads(line))


def read_decisions(path: Path | None = None) -> Decisions:
    """All decisions of the file, the latest first; none where there is no file."""
    path = path or decisions_path()
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Decisions((), ())
    except OSError as error:
        return Decisions((), (f"{path}: {error.strerror}",))
    decisions, unreadable = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            decisions.append(_read(json.loads(line)))
        except (ValueError, TypeError, KeyError, RecursionError):
            unreadable.append(f"{path.name}:{number}")
    decisions.sort(key=lambda decision: decision.at, reverse=True)
    return Decisions(tuple(decisions), tuple(unreadable))


def _append(path: Path, line: bytes) -> None:
    """Write a whole line at the end; a line that was cut short before it is ended first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _check(decision: Decision) -> None:
    for name, most in LONGEST.items():
        text = getattr(decision, name)
        if name not in ("reason", "link") and not text.strip():
            raise InputError("The decision has no " + name, remedy="Fill it in.")
        if len(text) > most:
            raise InputError(f"The {name} has {len(text):,} characters", remedy=f"Keep it to {most:,}.")
    if len(decision.items) > _MOST_ITEMS:
        raise InputError(f"The decision is about {len(decision.items)} things", remedy=f"Name at most {_MOST_ITEMS}.")


def _read(line: Any) -> Decision:
    """A decision from its line; what a later version wrote beside is left out.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    texts = {name: line[name] for name in (*LONGEST, "at", "decision_id")}
    if not all(isinstance(text, str) for text in (*texts.values(), line.get("record", ""))):
        raise TypeError
    datetime.fromisoformat(line["at"])
    items = tuple(Item(str(kind), str(name)) for kind, name in line.get("items", ()))
    figures = {
        str(name): value
        for name, value in dict(line.get("figures", {})).items()
        if value is None or isinstance(value, str | float | int)
    }
    return Decision(
        **texts, choice=Conclusion(line["choice"]), items=items, figures=figures, record=line.get("record", "")
    )  # fmt: skip
