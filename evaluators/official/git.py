"""Which commit a checkout is at."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

__all__ = ["commit_of", "described"]

Commit = tuple[str | None, dt.datetime | None]


def commit_of(place: Path) -> Commit:
    """Commit that the checkout at ``place`` is at, and its date in UTC; nothing for a folder that is no checkout."""
    return described(["git", "-C", str(place)], "HEAD") if (place / ".git").exists() else (None, None)


def described(git: list[str], commit: str) -> Commit:
    """Full name and date of a commit; nothing where git does not know it or is not there."""
    try:
        told = subprocess.run(
            [*git, "show", "-s", "--format=%H %cI", commit], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None, None
    sha, date = told.stdout.split()
    return sha, dt.datetime.fromisoformat(date).astimezone(dt.UTC).replace(tzinfo=None)
