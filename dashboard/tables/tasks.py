"""Tables of the tasks and models pages."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dashboard.formatting import count, day, parameters, shown_in_points
from data.store.vocabulary import Origin

__all__ = ["cells", "how_scored", "languages", "metrics", "profile", "provenance", "standings", "task_facts"]


def task_facts(facts: dict[str, Any]) -> pd.DataFrame:
    """What the registry says of a task, as rows of two texts; what nobody said has no row."""
    languages, years = _several(facts.get("languages")), [_text(facts.get(k)) for k in ("date_from", "date_to")]
    rows = {
        "Type": _text(facts.get("type")),
        "Metric": _text(facts.get("metric")),
        "Domains": ", ".join(_several(facts.get("domains"))),
        "Languages": f"{len(languages)}: {', '.join(languages)}" if len(languages) > 1 else ", ".join(languages),
        "Splits": ", ".join(_several(facts.get("splits"))),
        "Samples": "" if _missing(facts.get("n_samples")) else f"{facts['n_samples']:,.0f}",
        "Data set": _text(facts.get("dataset")),
        "Data set revision today": _text(facts.get("dataset_revision")),
        "Licence": _text(facts.get("licence")),
        "Texts from": " to ".join(year for year in years if year),
        "Made by": _text(facts.get("sample_creation")),
        "Labels by": _text(facts.get("annotations")),
        "Prompt (query)": _text(facts.get("prompt_query")),
        "Prompt (document)": _text(facts.get("prompt_document")),
        "Category": _text(facts.get("category")),
        "Superseded by": _text(facts.get("superseded_by")),
        "Reference": _text(facts.get("reference")),
    }
    return pd.DataFrame([(name, value) for name, value in rows.items() if value], columns=["Fact", "Value"])


def how_scored(facts: dict[str, Any], cells_total: int, benchmark: str) -> str:
    """In one sentence, what a score on this task is."""
    metric = _text(facts.get("metric")) or "the main score"
    where = f"the cells of {benchmark}" if benchmark else "the task's own cells"
    over = "its one cell" if cells_total == 1 else f"the plain mean over {count(cells_total, 'cell')} (split × subset)"
    return f"A score is {metric}, {over}, in {where}; blank where a cell is missing that other models have."


def standings(frame: pd.DataFrame) -> pd.DataFrame:
    """Every model on a task, in points, with what each score rests on."""
    return pd.DataFrame(
        {
            "Place": frame["place"],
            "Model": frame["model"],
            "Score": 100 * frame["score"],
            "Cells": [f"{p} of {t}" for p, t in zip(frame["cells_present"], frame["cells_total"], strict=True)],
            "Parameters": [parameters(n) for n in frame["n_parameters"]],
            "Note": [_note(row) for row in frame.to_dict("records")],
            "Revision": frame["revision"].fillna("").str.slice(0, 10),
            "mteb": frame["mteb_version"].fillna(""),
            "File": frame["file"],
        }
    ).pipe(shown_in_points)


def _note(row: dict[Any, Any]) -> str:
    notes = []
    if row["reported"]:
        notes.append("model card's own figure")
    if row["origin"] == Origin.REPRODUCED:
        notes.append("run here")
    if row["other_dataset"]:
        notes.append("other or unknown dataset revision")
    if not _missing(row["metric"]):
        notes.append(f"metric: {row['metric']}")
    return "; ".join(notes)


def provenance(row: dict[Any, Any]) -> pd.DataFrame:
    """Where one score came from, as rows of two texts."""
    rows = {
        "Model": row["model"],
        "Revision": _text(row["revision"]) or "not said",
        "Origin": row["origin"],
        "Data set revision": _text(row["dataset_revision"]) or "not said",
        "mteb": _text(row["mteb_version"]) or "not said",
        "Evaluated": day(row["date"]) or "not said",
        "File": row["file"],
        "Read as": _text(row["notes"]),
        "Note": _note(row),
    }
    return pd.DataFrame([(name, value) for name, value in rows.items() if value], columns=["Fact", "Value"])


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells in points: one row a split and subset, a column a model."""
    index = ["split", "subset", "languages"]
    grid = frame.assign(languages=frame["languages"].fillna("")).pivot_table(
        index=index, columns="model", values="main_score", aggfunc="mean", dropna=True
    )
    shown = shown_in_points(100 * grid).reset_index()
    return shown.rename(columns={"split": "Split", "subset": "Subset", "languages": "Languages"})


def metrics(frame: pd.DataFrame) -> pd.DataFrame:
    """Metrics down, cells across, as stored: most are 0-1, but times and counts are not."""
    cell = frame["split"] + " · " + frame["subset"]
    grid = frame.assign(cell=cell).pivot_table(
        index="metric", columns="cell", values="value", aggfunc="mean", sort=False
    )
    return grid.sort_index().reset_index().rename(columns={"metric": "Metric"})


def profile(frame: pd.DataFrame) -> pd.DataFrame:
    """A model's tasks against its peers, in points; cells carry their split, subset and languages."""
    shown = pd.DataFrame({"Task": frame["task"], "Type": frame["type"]})
    for column in ("split", "subset", "languages"):
        if column in frame:
            shown[column.capitalize()] = frame[column].fillna("")
    return shown.assign(
        Score=100 * frame["score"],
        **{
            "Percentile": frame["percentile"],
            "Δ to median": 100 * (frame["score"] - frame["median"]),
            "Δ to best": 100 * (frame["score"] - frame["best"]),
            "Peers": frame["peers"],
        },
    ).pipe(shown_in_points)


def languages(frame: pd.DataFrame) -> pd.DataFrame:
    """A model's languages against its peers, in points."""
    return pd.DataFrame(
        {
            "Language": frame["language"],
            "Tasks": frame["tasks"],
            "Cells": frame["cells"],
            "Mean of cells": 100 * frame["score"],
            "Mean percentile": frame["percentile"],
        }
    ).pipe(shown_in_points)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str:
    return "" if _missing(value) else str(value)


def _several(value: Any) -> list[str]:
    return [] if _missing(value) else [str(item) for item in value]
