"""The measurements of this tree and of a commit, in turns on one machine, and what this tree takes for each of theirs.

Both trees run their own ``tests.bench``, so a measurement that only one of them has is left out.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORSE = 1.05  # of the commit's own figure: by more than that it is marked
# "what it is, padded to 44 characters   12.3 s" or "... p50   12 ms": every measurement's line begins like this.
_LINE = re.compile(r"^(?P<what>.{44}) +(?:p50 +)?(?P<value>[\d.,]+) (?P<unit>s|ms|MB)\b")


def compare(revision: str, subjects: Iterable[str], rounds: int, place: Path | None) -> list[str]:
    """Run the subjects in this tree and in a checkout of ``revision`` by turns; print a line a measurement.

    Returns:
        The measurements that are worse by more than a twentieth, in the median of the rounds.
    """
    worse = []
    with _checkout(revision) as other:
        for subject in subjects:
            pairs: dict[str, list[tuple[float, float, str]]] = {}
            for turn in range(rounds):
                first, second = (ROOT, other) if turn % 2 else (other, ROOT)  # neither always has the warm cache
                taken = {tree: _measured(tree, subject, place) for tree in (first, second)}
                for what in taken[ROOT].keys() & taken[other].keys():
                    (mine, unit), (theirs, _) = taken[ROOT][what], taken[other][what]
                    pairs.setdefault(what, []).append((mine, theirs, unit))
            for what, values in pairs.items():
                ratio = statistics.median(mine / max(theirs, 1e-9) for mine, theirs, _ in values)
                mine, theirs = (statistics.median(value[side] for value in values) for side in (0, 1))
                mark = "   WORSE" if ratio > WORSE else ""
                print(f"{what:44} {mine:8.2f} {values[0][2]:2}   {theirs:8.2f} at {revision}   ratio {ratio:.2f}{mark}")
                worse += [what] if mark else []
    return worse


def _measured(tree: Path, subject: str, place: Path | None) -> dict[str, tuple[float, str]]:
    """The figures a tree prints for a subject, by what they are; empty where it has no such subject."""
    command = [sys.executable, "-m", "tests.bench", "--only", subject, *(["--from", str(place)] if place else [])]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    lines = filter(None, map(_LINE.match, ran.stdout.splitlines()))
    return {line["what"].strip(): (float(line["value"].replace(",", "")), line["unit"]) for line in lines}


@contextmanager
def _checkout(revision: str) -> Iterator[Path]:
    """A worktree of the commit, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", str(tree), revision], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)
