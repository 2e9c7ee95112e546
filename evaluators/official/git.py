"""Which commit a checkout is at."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

__all__ = ["checkout_commit", "commit_and_date"]

Commit = tuple[str | None, dt.datetime | None]


def checkout_commit(place: Path) -> Commit:
    """Commit that the checkout at ``place`` is at, and its date in UTC; nothing for a folder that is no checkout."""
    return commit_and_date(["git", "-C", str(place)], "HEAD") if (place / ".git").exists() else (None, None)


def commit_and_date(git: list[str], commit: str) -> Commit:
    """Full name and date of a commit; nothing where git does not know it or is not there."""
    try:
        shown = subprocess.run(
            [*git, "show", "-s", "--format=%H %cI", commit], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None, None
    sha, date = shown.stdout.split()
    return sha, dt.datetime.fromisoformat(date).astimezone(dt.UTC).replace(tzinfo=None)
