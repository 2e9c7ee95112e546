"""What the store says of a run's cells beside published ones: the same rule as the page's."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from data.store import open_reader

__all__ = ["Verdict", "verdicts_of"]


class Verdict(NamedTuple):
    """One cell of a run beside the figure it is compared with; None where there is none to compare with."""

    task: str
    split: str
    subset: str
    reproduced: float | None
    published: float | None
    delta: float | None
    floor: float | None
    verdict: str
    why: str | None


def verdicts_of(run_id: str, tasks: list[str], compare_to: str, store: Path | None = None) -> list[Verdict]:
    """Verdicts of these tasks of a run against ``official`` or ``reported`` figures, or another run's."""
    reader = open_reader(store)
    try:
        rows = reader.cursor().execute(_CELLS, {"run": run_id, "tasks": tasks, "other": compare_to}).fetchall()
    finally:
        reader.close()
    return [Verdict(*row) for row in rows]


_CELLS = """
SELECT r.task, s.split, s.subset, s.main_score, NULL, NULL, NULL, 'not comparable', 'nothing to compare with'
FROM results r JOIN scores s USING (result_id)
WHERE r.run_id = $run AND list_contains($tasks, r.task) AND $other IS NOT NULL
"""
