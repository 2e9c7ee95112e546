"""The figures a decision is taken on: those of what it is about, by name, so that they can be looked up again."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.queries import drift
from dashboard.queries.own_cells import OWN_CELLS
from dashboard.queries.rows import Cursor
from data.store.decisions import Item

__all__ = ["Figures", "figures_of"]

Figures = dict[str, float | str | None]

_FIRST = 5  # of a benchmark, where no model is named
_BETWEEN = " · "


def figures_of(cursor: Cursor, items: tuple[Item, ...]) -> Figures:
    """What the store says now of the models, tasks, benchmarks, runs and checks, a name each.

    Means and ranks are mteb's own on the whole benchmark, scores 0-1 on the task's own cells; verdicts are words of
    the store.
    """
    names: dict[str, list[str]] = {}
    for kind, name in items:
        names.setdefault(kind, []).append(name)
    models = names.get("model", [])
    figures: Figures = {}
    for benchmark in names.get("benchmark", []):
        figures.update(_standing(cursor, benchmark, models))
    if models:
        figures.update(_scores(cursor, models, names.get("task", [])))
        figures.update(_badges(cursor, models))
    for run in names.get("run", []):
        row = cursor.execute("SELECT status FROM runs WHERE run_id = ?", [run]).fetchone()
        figures[_BETWEEN.join([run, "status"])] = None if row is None else str(row[0])
    for check in names.get("check", []):
        figures.update(_verdicts(cursor, check))
    return figures


def _standing(cursor: Cursor, benchmark: str, models: list[str]) -> Figures:
    rows = cursor.execute(
        """
        SELECT model, rank, mean_task, mean_task_type, tasks_present FROM ranking($benchmark, NULL, NULL, false)
        WHERE list_contains($models, model) OR (len($models) = 0 AND rank <= $first)
        """,
        {"benchmark": benchmark, "models": models, "first": _FIRST},
    ).df()
    return {
        _BETWEEN.join([row["model"], benchmark, name]): _number(row[name])
        for row in rows.to_dict("records")
        for name in ("rank", "mean_task", "mean_task_type", "tasks_present")
    }


def _scores(cursor: Cursor, models: list[str], tasks: list[str]) -> Figures:
    if not tasks:
        return {}
    rows = cursor.execute(
        f"WITH {OWN_CELLS} SELECT model, task, any_score FROM own WHERE list_contains($models, model)",
        {"tasks": tasks, "models": models},
    ).fetchall()
    return {_BETWEEN.join([model, task, "score"]): _number(score) for model, task, score in rows}


def _badges(cursor: Cursor, models: list[str]) -> Figures:
    rows = cursor.execute(
        "SELECT model, badge, tasks_held, tasks_compared FROM badges WHERE list_contains($models, model)",
        {"models": models},
    ).fetchall()
    return {
        _BETWEEN.join([model, "checked"]): f"{badge} {held}/{compared}" if compared else None
        for model, badge, held, compared in rows
    }


def _verdicts(cursor: Cursor, check: str) -> Figures:
    checks = drift.checks(cursor)
    ids = list(checks.loc[checks["name"] == check, "check_id"])
    if not ids:
        return {_BETWEEN.join([check, "verdict"]): None}
    rows = cursor.execute(
        """
        SELECT e.label, s.output, s.verdict FROM drift_summary s JOIN encoders e USING (encoder_id)
        WHERE s.check_id = ? ORDER BY e.label, s.output
        """,
        ids,
    ).fetchall()
    return {_BETWEEN.join([label, output, "verdict"]): str(verdict) for label, output, verdict in rows}


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
