"""Which verdict on a candidate ends a command with status 1, for those that compare encoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.text import Text

from data.rules.drift import LEVELS, reaches
from data.store.errors import InputError

__all__ = ["FAIL_ON", "fail", "levels"]

FAIL_ON = "End with status 1 on a verdict this bad or worse: differs, unstable, unusable, or any verdict's own name."


def levels(names: Iterable[str]) -> tuple[str, ...]:
    """The levels named, each alone or several with commas between them.

    Raises:
        InputError: there is no such level.
    """
    named = tuple(level.strip() for name in names for level in str(name).split(","))
    if unknown := [name for name in named if name not in LEVELS]:
        raise InputError(f"There is no verdict {', '.join(unknown)}", remedy=f"They are: {', '.join(LEVELS)}.")
    return named


def fail(verdicts: Iterable[tuple[str, str]], levels: Sequence[str], console: Console) -> None:
    """End with status 1 where a verdict on a candidate is at least as bad as the mildest of the levels.

    Args:
        verdicts: label and verdict of each output of each candidate.
        levels: from :func:`levels`.
        console: where it is said.
    """
    bad = [f"{label} ({verdict})" for label, verdict in verdicts if any(reaches(verdict, level) for level in levels)]
    if bad:
        console.print(Text(f"Failing on {', '.join(levels)}: {', '.join(dict.fromkeys(bad))}", style="red"))
        raise typer.Exit(1)
