"""A command as a user types it, without a process of its own: starting one takes a second of imports."""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import NamedTuple

import pytest

from data.store import keys
from evaluators.__main__ import main

__all__ = ["Ended", "command"]


class Ended(NamedTuple):
    """How a command ended: its exit status and what it printed."""

    status: int
    out: str
    err: str


def command(*words: object) -> Ended:
    """``python -m evaluators WORDS`` through its entry, errors put into sentences and exit status included."""
    out, err, status = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["evaluators", *map(str, words)])
        patch.setenv("COLUMNS", "200")
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            keys.forget()
    return Ended(status, out.getvalue(), err.getvalue())
