"""Tables of the tasks and models pages."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from dashboard.formatting import count, day
from dashboard.stored_words import tr_stored
from dashboard.tables.columns import DIFFERENCE, PARAMETERS, POINTS, PRIVATE, WORDED, Column, Table, number
from dashboard.words import listed, mark, tr
from data.store.vocabulary import Origin

__all__ = [
    "cells_table", "how_scored", "languages_table", "metrics_table", "profile_table", "score_facts_table",
    "standings_table", "task_facts_table",
]  # fmt: skip

_FACTS = (Column("Fact", "fact", WORDED), Column("Value", "value"))
_STANDINGS = (
    Column("Place", "place", small_first=True),
    Column("Model", "model", width="medium"),
    PRIVATE,
    Column("Score", "score", POINTS),
    Column("Cells", "cells", sort="cells_present"),
    Column("Parameters", "n_parameters", PARAMETERS, small_first=True),
    Column(
        "Trained on it",
        "trained_on_it",
        help="Whether the model was trained on this task, or on one that mteb holds to be similar",
    ),
    Column("Note", "note"),
    Column("Revision", "revision_short"),
    Column("mteb", "mteb_version"),
    Column("File", "file"),
)
_PERCENTILE = number("%.0f")
_OF_PEERS = mark("Share of the peers that score lower; 50 is the middle")
_PROFILE = (
    Column("Task", "task"),
    PRIVATE,
    Column("Type", "type"),
    Column("Split", "split", optional=True),
    Column("Subset", "subset", optional=True),
    Column("Languages", "languages", optional=True),
    Column("Score", "score", POINTS),
    Column("Percentile", "percentile", _PERCENTILE, _OF_PEERS),
    Column("Δ to median", "to_median", DIFFERENCE, "Against the median of the peers, in points"),
    Column("Δ to best", "to_best", DIFFERENCE, "Against the best of the peers, in points"),
    Column("Peers", "peers", help="Peers with a score on the same task or cell"),
)
_LANGUAGES = (
    Column("Language", "language"),
    Column("Tasks", "tasks"),
    Column("Cells", "cells"),
    Column("Mean of cells", "score", POINTS),
    Column("Mean percentile", "percentile", _PERCENTILE, _OF_PEERS),
)


def task_facts_table(facts: dict[str, Any]) -> Table:
    """What the registry says of a task, as rows of two texts; what nobody said has no row."""
    languages, years = _several(facts.get("languages")), [_text(facts.get(k)) for k in ("date_from", "date_to")]
    return _facts_table(
        {
            mark("Type"): _text(facts.get("type")),
            mark("Metric"): _text(facts.get("metric")),
            mark("Domains"): ", ".join(_several(facts.get("domains"))),
            mark("Languages"): f"{len(languages)}: {', '.join(languages)}"
            if len(languages) > 1
            else ", ".join(languages),
            mark("Splits"): ", ".join(_several(facts.get("splits"))),
            mark("Samples"): "" if _missing(facts.get("n_samples")) else f"{facts['n_samples']:,.0f}",
            mark("Data set"): _text(facts.get("dataset")),
            mark("Data set revision today"): _text(facts.get("dataset_revision")),
            mark("Licence"): _text(facts.get("licence")),
            mark("Texts from"): _span([year for year in years if year]),
            mark("Made by"): _text(facts.get("sample_creation")),
            mark("Labels by"): _text(facts.get("annotations")),
            mark("Prompt (query)"): _text(facts.get("prompt_query")),
            mark("Prompt (document)"): _text(facts.get("prompt_document")),
            mark("Category"): _text(facts.get("category")),
            mark("Superseded by"): _text(facts.get("superseded_by")),
            mark("Reference"): _text(facts.get("reference")),
        }
    )


def score_facts_table(row: dict[Any, Any]) -> Table:
    """Where one score came from, as rows of two texts."""
    return _facts_table(
        {
            mark("Model"): row["model"],
            mark("Revision"): _text(row["revision"]) or tr("not said"),
            mark("Origin"): tr(row["origin"]),
            mark("Data set revision"): _text(row["dataset_revision"]) or tr("not said"),
            mark("mteb"): _text(row["mteb_version"]) or tr("not said"),
            mark("Evaluated"): day(row["date"]) or tr("not said"),
            mark("File"): row["file"],
            mark("Read as"): tr_stored(_text(row["notes"])),
            mark("Note"): _note(row),
        }
    )


def _facts_table(facts: dict[str, Any]) -> Table:
    return Table.of(_FACTS, pd.DataFrame([pair for pair in facts.items() if pair[1]], columns=["fact", "value"]))


def how_scored(facts: dict[str, Any], cells_total: int, benchmark: str) -> str:
    """In one sentence, what a score on this task is."""
    metric = _text(facts.get("metric")) or tr("the main score")
    where = tr("the cells of {benchmark}", benchmark=benchmark) if benchmark else tr("the task's own cells")
    cells = count(cells_total, "cell")
    over = tr("its one cell") if cells_total == 1 else tr("the plain mean over {cells} (split × subset)", cells=cells)
    return tr(
        "A score is {metric}, {over}, in {where}; blank where a cell is missing that other models have.",
        metric=metric, over=over, where=where,
    )  # fmt: skip


def standings_table(standings: pd.DataFrame) -> Table:
    """Every model on a task, in points, with what each score rests on.

    ``standings`` may have ``trained``, whether each was trained on the task: 1, 0, or NaN where nobody said.
    """
    rows = standings.to_dict("records")
    source = standings.assign(
        cells=[tr("{n} of {total}", n=row["cells_present"], total=row["cells_total"]) for row in rows],
        note=[_note(row) for row in rows],
        trained_on_it=[
            tr("not stated") if _missing(row.get("trained")) else tr("yes") if row["trained"] else "" for row in rows
        ],
        revision_short=standings["revision"].fillna("").str.slice(0, 10),
    )
    return Table.of(_STANDINGS, source)


def _note(row: dict[Any, Any]) -> str:
    notes = []
    if row["reported"]:
        notes.append(tr("model card's own figure"))
    if row["origin"] == Origin.REPRODUCED:
        notes.append(tr("run here"))
    if row["other_dataset"]:
        notes.append(tr("other or unknown dataset revision"))
    if not _missing(row["metric"]):
        notes.append(tr("metric: {metric}", metric=row["metric"]))
    return listed(notes, "; ")


def cells_table(cells: pd.DataFrame) -> Table:
    """Cells in points: one row a split and subset, a column a model."""
    names, heads = ("split", "subset", "languages"), (mark("Split"), mark("Subset"), mark("Languages"))
    grid = cells.assign(languages=cells["languages"].fillna("")).pivot_table(
        index=list(names), columns="model", values="main_score", aggfunc="mean", dropna=True
    )
    return Table.of(
        (
            *(Column(head, name) for head, name in zip(heads, names, strict=True)),
            *(Column(model, model, POINTS, ours=False) for model in grid.columns),
        ),
        grid.reset_index(),
    )


def metrics_table(metrics: pd.DataFrame) -> Table:
    """Metrics down, cells across, as stored: most are 0-1, but times and counts are not."""
    cell = metrics["split"] + " · " + metrics["subset"]
    grid = metrics.assign(cell=cell).pivot_table(
        index="metric", columns="cell", values="value", aggfunc="mean", sort=False
    )
    values = (Column(name, name, number("%.5f"), ours=False) for name in grid.columns)
    return Table.of((Column("Metric", "metric"), *values), grid.sort_index().reset_index())


def profile_table(profile: pd.DataFrame) -> Table:
    """A model's tasks against its peers, in points; cells carry their split, subset and languages."""
    differences = {f"to_{name}": profile["score"] - profile[name] for name in ("median", "best")}
    return Table.of(_PROFILE, profile.assign(**differences))


def languages_table(languages: pd.DataFrame) -> Table:
    """A model's languages against its peers, in points."""
    return Table.of(_LANGUAGES, languages)


def _span(years: list[str]) -> str:
    return tr("{low} to {high}", low=years[0], high=years[1]) if len(years) == 2 else "".join(years)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str:
    return "" if _missing(value) else str(value)


def _several(value: Any) -> list[str]:
    return [] if _missing(value) else [str(item) for item in value]
