"""Questions of the reproduction page. Deltas, verdicts and effects are data's; here they are asked for and laid out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from dashboard.queries.believing import MOST_MODELS, is_large, usual_models
from dashboard.queries.rows import Cursor, first_column
from data.rules.deltas import Thresholds, deltas
from data.rules.effects import Effects, decompose, delta_table
from data.rules.setups import NamedRun, named_runs, setups
from data.rules.signs import WeightsFinding
from data.store.runs import ReproduceSettings, in_one_line, recorded, warnings_of
from data.store.vocabulary import Comparison, Origin, Tier, Verdict

__all__ = [
    "ShownPart",
    "command",
    "counts",
    "effects",
    "judged",
    "kinds",
    "metrics_of_both",
    "part_of",
    "provenance",
    "rows_by_set_up",
    "task_types",
    "run_warnings",
    "types",
    "weight_faults",
]

# Facts that differ between any two results and explain nothing.
_NEVER_THE_SAME = ("file", "date", "origin", "run", "notes", "texts a second", "evaluation time", "peak memory")


def kinds(cursor: Cursor) -> dict[str, int]:
    """Number of comparisons of each kind there is anything of."""
    rows = cursor.execute(
        "SELECT kind, count(DISTINCT (claim_id, check_id)) FROM delta_figures GROUP BY kind"
    ).fetchall()
    return {str(kind): int(pairs) for kind, pairs in rows}


class ShownPart(NamedTuple):
    """What is asked about of a comparison with more cells than a page takes, and which of its models are shown.

    ``cells`` by verdict, ``models`` and ``tasks`` are of all that match; ``shown`` are those of most cells that do not
    hold, by name. ``every`` is the number of cells of the comparison.
    """

    shown: tuple[str, ...]
    cells: Mapping[str, int]
    models: int
    tasks: int
    every: int


def part_of(
    cursor: Cursor, kind: str, limits: Thresholds, wanted: str = "", types: tuple[str, ...] = (), pinned: str = ""
) -> ShownPart | None:
    """The models of a large comparison that a page shows; None of one that it shows whole.

    ``wanted`` is part of the name of a model, run or task, ``types`` are task types: empty for all. The model
    ``pinned`` is among those shown if there is anything of it.
    """
    if not is_large(cursor, kind):
        return None
    asked = {**asdict(limits), "kind": kind, "wanted": wanted, "types": list(types)}
    cells = dict(
        cursor.execute(f"{_MATCHING} SELECT verdict, count(*) FROM matching GROUP BY verdict", asked).fetchall()
    )
    counted = "SELECT count(DISTINCT model), count(DISTINCT task) FROM matching"
    [(models, tasks)] = cursor.execute(f"{_MATCHING} {counted}", asked).fetchall()
    order = "model = $pinned DESC, count(*) FILTER (verdict IN ('broken', 'gap')) DESC, model LIMIT $most"
    named = f"{_MATCHING} SELECT model FROM matching GROUP BY model ORDER BY {order}"
    shown = first_column(cursor, named, {**asked, "most": MOST_MODELS, "pinned": pinned})
    [(every,)] = cursor.execute("SELECT count(*) FROM delta_figures WHERE kind = ?", [kind]).fetchall()
    return ShownPart(tuple(sorted(shown)), cells, int(models), int(tasks), int(every))


_MATCHING = """
WITH matching AS (
    SELECT model, task, verdict FROM deltas_under($match_floors, $drift, $drift_floors, $lost)
    WHERE kind = $kind AND (len($types) = 0 OR list_contains($types, type))
        AND ($wanted = '' OR contains(lower(concat_ws(' ', model, check_run, claim_run)), lower($wanted))
            OR contains(lower(task), lower($wanted)))
)
"""


def task_types(cursor: Cursor, kind: str) -> list[str]:
    """Types of the tasks on which there is anything to compare, by name."""
    query = "SELECT DISTINCT type FROM delta_figures WHERE kind = ? AND type IS NOT NULL ORDER BY type"
    return first_column(cursor, query, [kind])


def judged(cursor: Cursor, kind: str, limits: Thresholds, models: Sequence[str] | None = None) -> pd.DataFrame:
    """The deltas of one kind; ``row`` is what a line of the heatmap stands for: a model, or a run of it.

    ``models``: only of these.
    """
    frame = deltas(cursor, kind, limits, models=models)
    frame.insert(0, "row", frame["model"])
    if kind == Comparison.RUNS:
        frame["row"] = frame["model"] + " · " + frame["claim_run"] + " → " + frame["check_run"]
    elif kind != Comparison.REPORTED:
        frame["row"] = frame["model"] + " · " + frame["check_run"].fillna("imported").astype(str)
    return frame


def effects(
    cursor: Cursor, kind: str, limits: Thresholds, models: tuple[str, ...] | None = None
) -> tuple[Effects, int]:
    """Whose fault, and of how many other models what is usual on the same tasks was learned.

    Own runs are few, so they are judged by what model cards against official runs show on the same tasks. Two runs of
    this machine share data and evaluator: between them nothing is usual but noise. Of ``models``, where these are not
    all, what is usual is learned of others too.
    """
    table = delta_table(judged(cursor, kind, limits, models), limits, "row")
    if kind == Comparison.REPORTED and models is None:
        return decompose(table), 0
    if kind == Comparison.RUNS:
        usual = table.iloc[:0]
    else:
        usual = delta_table(judged(cursor, Comparison.REPORTED, limits, usual_models(cursor)), limits, "row")
        if kind == Comparison.REPORTED:
            usual = usual[~usual["row"].isin(set(table["row"]))]
    usual = usual[usual["column"].isin(set(table["column"]))]
    return decompose(table, usual), int(usual["row"].nunique())


def rows_by_set_up(
    cursor: Cursor, kind: str, limits: Thresholds, models: tuple[str, ...] | None = None
) -> dict[str, NamedRun]:
    """The rows that are runs, by what sets their set-up apart from another run of the model; none of model cards."""
    if kind == Comparison.REPORTED:
        return {}
    rows = judged(cursor, kind, limits, models)
    published = rows if kind == Comparison.REPRODUCED else deltas(cursor, Comparison.REPRODUCED, limits, models=models)
    pairs = rows[["row", "check_run", "claim_run"]].drop_duplicates().astype(object).itertuples(index=False, name=None)
    return named_runs(setups(cursor), published, ((row, run, claim or "") for row, run, claim in pairs))


def counts(cells_by_verdict: Mapping[str, int]) -> pd.DataFrame:
    """Cells of each verdict, in the order of seriousness: verdict, cells, share of those that can be compared.

    What cannot be compared is no part of that whole and has no share.
    """
    cells = pd.Series(dict(cells_by_verdict), dtype="int64").reindex(list(Verdict), fill_value=0)
    comparable = cells.sum() - cells[Verdict.NOT_COMPARABLE]
    share = (cells / comparable if comparable else cells * np.nan).astype(float)
    share[Verdict.NOT_COMPARABLE] = np.nan
    return pd.DataFrame({"verdict": cells.index, "cells": cells.to_numpy(), "share": share.to_numpy()})


def types(frame: pd.DataFrame) -> pd.DataFrame:
    """Per task type: cells of each verdict, and quantiles of the deltas that can be compared (0-1 scale)."""
    cells = pd.crosstab(frame["type"], frame["verdict"]).reindex(columns=list(Verdict), fill_value=0)
    quantiles = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    measured = frame[frame["comparable"].astype(bool)].groupby("type")["delta"].quantile(quantiles).unstack()
    spread = measured.reindex(index=cells.index, columns=quantiles).rename(columns=lambda q: f"q{100 * q:.0f}")
    whole = cells.join(spread)
    return whole.assign(cells=cells.sum(axis=1)).sort_values("cells", ascending=False).reset_index()


def provenance(cursor: Cursor, claim_id: int, check_id: int) -> pd.DataFrame:
    """Everything known of where two results come from, side by side: what, claim, check, differs.

    ``differs`` is true only where both sides are known; the settings and versions of a published file are not, beyond
    those it names.
    """
    sides = [_facts(cursor, result_id) for result_id in (claim_id, check_id)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    claims, checks = ([side.get(name) for name in names] for side in sides)
    frame = pd.DataFrame({"what": names, "claim": claims, "check": checks}, dtype=object)
    known = frame["claim"].notna() & frame["check"].notna() & ~frame["what"].isin(_NEVER_THE_SAME)
    return frame.assign(differs=known & (frame["claim"] != frame["check"]))


def _facts(cursor: Cursor, result_id: int) -> dict[str, str]:
    row = cursor.execute(
        """SELECT r.*, i.source_commit, u.settings, u.environment, u.command, t.dataset_path, t.batch_size, t.seconds,
               t.texts, t.peak_memory_mb, k.metric AS task_metric
           FROM results r
           LEFT JOIN imports i ON i.import_id = r.added_in
           LEFT JOIN runs u ON u.run_id = r.run_id
           LEFT JOIN run_tasks t ON t.run_id = r.run_id AND t.task = r.task
           LEFT JOIN tasks k ON k.task = r.task
           WHERE r.result_id = ?""",
        [result_id],
    ).df()
    r = row.astype(object).where(row.notna(), None).iloc[0]
    facts = {
        "origin": r["origin"] + (" (withdrawn since)" if r["withdrawn"] else ""),
        "model revision": r["revision"],
        "data set revision": r["dataset_revision"],
        "metric": r["metric"] or r["task_metric"],
        "mteb": r["mteb_version"],
        "date": f"{r['date']:%Y-%m-%d}" if r["date"] is not None else None,
        "file": r["file"],
        "notes": r["notes"],
        "run": r["run_id"],
        "data set folder": r["dataset_path"],
        "batch size": r["batch_size"],
        "texts a second": f"{r['texts'] / r['seconds']:.1f}" if r["texts"] and r["seconds"] else None,
        "evaluation time": f"{r['evaluation_time']:.0f} s" if r["evaluation_time"] else None,
        "peak memory": f"{r['peak_memory_mb']:.0f} MB" if r["peak_memory_mb"] else None,
    }
    records = recorded(r["settings"], r["environment"], None, None)
    settings, environment = cast(ReproduceSettings, records.settings), records.environment
    facts |= settings.get("in_use") or {}
    facts["loader"] = settings.get("loader")
    facts["trust"] = (settings.get("asked") or {}).get("trust")
    facts |= environment["libraries"]
    facts |= {name: dict(environment)[name] for name in ("cpu", "gpus", "torch_threads", "platform", "python")}
    return {name: _text(value) for name, value in facts.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def metrics_of_both(cursor: Cursor, claim_id: int, check_id: int, split: str, subset: str) -> pd.DataFrame:
    """Every metric of both sides of a cell: metric, claim, check, delta (check - claim); NaN where a side has none."""
    return cursor.execute(
        """WITH figures AS (
               FROM metrics_of([$claim, $check])
               UNION ALL BY NAME SELECT result_id, split, subset, 'main_score' AS metric, main_score AS value
               FROM scores WHERE result_id IN ($claim, $check)
           )
           SELECT metric, any_value(value) FILTER (result_id = $claim) AS claim,
               any_value(value) FILTER (result_id = $check) AS "check", "check" - claim AS delta
           FROM figures WHERE split = $split AND subset = $subset
           GROUP BY metric ORDER BY metric <> 'main_score', delta IS NULL, metric""",
        {"claim": claim_id, "check": check_id, "split": split, "subset": subset},
    ).df()


def run_warnings(cursor: Cursor, result_id: int) -> list[str]:
    """Every warning of the run that made a result, on loading the model and on the task; none for a published file."""
    rows = cursor.execute(
        """SELECT u.warnings, t.warnings FROM results r JOIN runs u USING (run_id)
           LEFT JOIN run_tasks t ON t.run_id = r.run_id AND t.task = r.task WHERE r.result_id = ?""",
        [result_id],
    ).fetchall()
    return list(dict.fromkeys(in_one_line(each) for row in rows for column in row for each in warnings_of(column)))


def weight_faults(cursor: Cursor, result_id: int) -> list[WeightsFinding]:
    """What was found in the model of the run that made a result before it ran: the code of each, and what was seen."""
    rows = cursor.execute(
        "SELECT f.code, f.seen FROM findings f JOIN results r USING (run_id) WHERE r.result_id = ? AND f.tier = ?"
        " ORDER BY f.code",
        [result_id, Tier.WEIGHTS],
    ).fetchall()
    return [WeightsFinding(str(code), str(seen)) for code, seen in rows]


def run_command(cursor: Cursor, run: str) -> str | None:
    """What was typed to make a run; None for one that nobody here typed."""
    row = cursor.execute("SELECT command FROM runs WHERE run_id = ?", [run]).fetchone()
    return str(row[0]) if row and row[0] else None


def command(cell: dict[str, Any]) -> str:
    """What to type to run the check of a cell on this machine, for a cell without a run of this machine."""
    words = ["python", "-m", "evaluators", "reproduce", str(cell["model"]), "--tasks", str(cell["task"])]
    revision = cell["claim_revision"] if cell["claim_origin"] == Origin.OFFICIAL else cell["check_revision"]
    if isinstance(revision, str) and len(revision) == 40:
        words += ["--revision", revision]
    if cell["claim_origin"] == Origin.REPORTED:
        words += ["--compare-to", Origin.REPORTED]
    elif cell["kind"] == Comparison.RUNS:
        words += ["--compare-to", str(cell["claim_run"])]
    return shlex.join(words)
