"""A run's cells beside published ones, as the page judges them: the rule is ``data.rules.deltas``'s."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from data.rules.deltas import deltas
from data.rules.setups import named_runs, setups
from data.store.database import reading
from data.store.errors import NotFoundError, StoreMissingError
from data.store.vocabulary import Comparison, Origin, Verdict

__all__ = ["JudgedCell", "check_comparison", "set_up_of", "verdicts_of"]


class JudgedCell(NamedTuple):
    """One cell of a run beside the figure it is compared with; None where there is none to compare with."""

    task: str
    split: str
    subset: str
    reproduced: float | None
    other: float | None
    delta: float | None
    floor: float | None
    verdict: str
    why: str | None


def verdicts_of(
    run_id: str, model: str, tasks: list[str], compare_to: str = "official", store: Path | None = None
) -> list[JudgedCell]:
    """Verdicts of these tasks of a run, the worst first.

    Args:
        run_id: the run.
        model: its model.
        tasks: names.
        compare_to: ``official``, ``reported``, or the id of another run.
        store: the default is the published one.
    """
    with reading(store) as cursor:
        judged = _judged(cursor, run_id, model, compare_to)
        scores = cursor.execute(_OWN, {"run": run_id, "tasks": tasks}).fetchall()
    nothing = (None, None, None, Verdict.NOT_COMPARABLE, _nothing(compare_to))
    cells = [JudgedCell(*cell, *judged.get(tuple(cell[:3]), nothing)) for cell in scores]
    return sorted(cells, key=_order)


def set_up_of(run_id: str, model: str, store: Path | None = None) -> str | None:
    """What sets a run apart from the run of the same model that agrees best with what is published, in a sentence."""
    with reading(store) as cursor:
        reproduced = deltas(cursor, Comparison.REPRODUCED, model=model)
        setup = named_runs(setups(cursor), reproduced, [("this", run_id, "")])["this"]
    if not setup.differs:
        return None
    return f"Its set-up: {setup.differs}" + (f", beside run {setup.beside}." if setup.beside else ".")


def check_comparison(compare_to: str, store: Path | None = None) -> None:
    """Refuse to run against something that is not there.

    Raises:
        NotFoundError: neither ``official`` nor ``reported`` nor a run of the store.
    """
    if compare_to in (Origin.OFFICIAL, Origin.REPORTED):
        return
    try:
        with reading(store) as cursor:
            runs = cursor.execute("SELECT 1 FROM runs WHERE run_id = ?", [compare_to]).fetchall()
    except StoreMissingError:
        runs = []
    if not runs:
        raise NotFoundError(
            "There is no such run to compare with", where=compare_to, remedy="Use official, reported, or a run's id."
        )


def _judged(
    cursor: duckdb.DuckDBPyConnection, run_id: str, model: str, compare_to: str
) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Other figure, delta, floor, verdict and reason by task, split and subset."""
    if compare_to == Origin.OFFICIAL:  # where nothing is published, that kind falls back to the model card
        frame = deltas(cursor, Comparison.REPRODUCED, model=model, run_id=run_id)
        frame = frame[frame["claim_origin"] == Origin.OFFICIAL]
    elif compare_to == Origin.REPORTED:
        frame = deltas(cursor, Comparison.CARD, model=model, run_id=run_id)
    else:
        frame = deltas(cursor, Comparison.RUNS, model=model, run_id=run_id, against=compare_to)
    columns = ["claim_score", "delta", "floor", "verdict", "why_not"]
    figures = frame[columns].astype(object).where(frame[columns].notna(), None)
    keys = zip(frame["task"], frame["split"], frame["subset"], strict=True)
    return dict(zip(keys, figures.itertuples(index=False, name=None), strict=True))


def _nothing(compare_to: str) -> str:
    return {"official": "no official score", "reported": "no reported score"}.get(compare_to, f"not in {compare_to}")


def _order(cell: JudgedCell) -> tuple[int, float]:
    """Broken first, match after, what cannot be compared last; within one, the larger delta first."""
    return -Verdict(cell.verdict).gravity, -abs(cell.delta or 0.0)


_OWN = """
SELECT r.task, s.split, s.subset, s.main_score
FROM current_results r JOIN scores s USING (result_id)
WHERE r.run_id = $run AND list_contains($tasks, r.task)
ORDER BY r.date, s.split, s.subset
"""
