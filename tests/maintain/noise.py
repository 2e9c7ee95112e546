"""How far honest reruns of one model on one task differ: the noise floors every verdict rests on.

The published record was corrected and re-run for two years, and each commit that touched a score left a pair (before,
after). Most pairs are the same run filed twice; some are corrections; the rest are what is wanted here: the same model
run again. `data/README.md` states in words the rule that this module applies.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import duckdb
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from data.store.database import store_path, writing
from data.store.errors import InputError
from data.store.migrate import NOISE_FLOORS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FLOOR_COLUMNS", "fit_floors", "honest_pairs", "noise", "read_pairs"]

FLOOR_COLUMNS = ["scope", "name", "n", "median", "p90", "p95", "floor"]

# A batch of reruns whose moved cells moved by more than a point in the median was not a rerun but a correction.
CORRECTION = 0.01
# With fewer cells than this nothing in a batch tells a rerun from a correction: people rerun one task because it was
# wrong. Such batches are left out whatever they show, so that no pair is dropped for being far apart by itself.
SMALLEST_BATCH = 3
# Weight of the wider scope, in models: a task seen with four models counts as much as its type.
PRIOR_MODELS = 4
# Nobody acts on a tenth of a point, and published figures are often rounded to that.
LOWEST = 0.001

_NEEDED = {
    "model", "task", "task_type", "subset", "delta", "cls", "commit_date",
    "revision_before", "revision_after", "dataset_revision_before", "dataset_revision_after",
}  # fmt: skip


def read_pairs(path: Path) -> pd.DataFrame:
    """Rerun pairs from a Parquet file, one row a cell that was published twice.

    Raises:
        InputError: no such file, not Parquet, or columns missing.
    """
    if not path.is_file():
        raise InputError("There is no file of rerun pairs", where=str(path), remedy="Name one with --from.")
    try:
        pairs = duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).df()
    except duckdb.Error as error:
        raise InputError("The file is not readable Parquet", where=str(path)) from error
    if missing := sorted(_NEEDED - set(pairs.columns)):
        raise InputError(f"Columns are missing: {', '.join(missing)}", where=str(path))
    return pairs


def honest_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that are reruns of one thing, with ``moved`` = absolute difference (0-1 scale).

    Kept: the same model revision, data set revision and major version of mteb, in batches that are not corrections.
    A batch is what one model (or one task and subset) changed on one day.
    """
    same = (
        pairs["cls"].isin(["same_mteb", "same_major"])
        & (pairs["revision_before"] == pairs["revision_after"])
        & (pairs["dataset_revision_before"] == pairs["dataset_revision_after"])
    )
    kept = pairs[same].assign(moved=lambda p: p["delta"].abs(), day=lambda p: p["commit_date"].str[:10])
    keep = kept.groupby(["model", "day", "task_type"])["moved"].transform("size") >= SMALLEST_BATCH
    nonzero = kept["moved"].where(kept["moved"] > 0)
    for batch in (["model", "day", "task_type"], ["model", "day", "task"], ["task", "subset", "day"]):
        groups = nonzero.groupby([kept[column] for column in batch])
        corrected = (groups.transform("median") > CORRECTION) & (groups.transform("count") >= SMALLEST_BATCH)
        keep &= ~corrected
    return kept[keep]


def fit_floors(honest: pd.DataFrame) -> pd.DataFrame:
    """Noise floors by task, task type and over all, from pairs of :func:`honest_pairs`.

    Only cells that moved count: an equal score may be the same run filed twice. Quantiles give every model the same
    weight, because one model's batch is one experiment however many cells it has. The p95 of a type and over all is the
    least that is left when one task or one model is taken out, so that none sets it alone; a type's is widened by
    1 + 1/sqrt(models). A scope is shrunk towards the wider one by the number of models behind it.

    Returns:
        Columns scope (task | type | all), name, n (pairs), median, p90, p95, floor; all scores on the 0-1 scale.
    """
    moved = honest[honest["moved"] > 0]
    if moved.empty:
        raise InputError("No honest rerun pair is left", remedy="Give more pairs; every floor rests on them.")
    rows = []
    _, overall = _quantiles(moved)
    # A type nobody ran twice: twice what is seen elsewhere.
    widest = max(2 * _robust_p95(moved), LOWEST)
    rows.append({"scope": "all", "name": "", **overall, "floor": widest})
    for kind, of_type in moved.groupby("task_type"):
        models, seen = _quantiles(of_type)
        type_floor = _shrunk(_robust_p95(of_type) * (1 + models**-0.5), models, widest)
        rows.append({"scope": "type", "name": kind, **seen, "floor": type_floor})
        for task, of_task in of_type.groupby("task"):
            models, seen = _quantiles(of_task)
            rows.append({"scope": "task", "name": task, **seen, "floor": _shrunk(seen["p95"], models, type_floor)})
    import pandas as pd  # every command of the line imports this module, and pandas takes a second

    return pd.DataFrame(rows, columns=FLOOR_COLUMNS).sort_values(["scope", "name"], ignore_index=True)


def _shrunk(own: float, models: int, wider: float) -> float:
    return max((models * own + PRIOR_MODELS * wider) / (models + PRIOR_MODELS), LOWEST)


def _robust_p95(moved: pd.DataFrame) -> float:
    """The p95 that no single task and no single model sets: the least of those with one of them left out."""
    lowest = _quantiles(moved)[1]["p95"]
    for column in ("task", "model"):
        names = moved[column].unique()
        if len(names) >= SMALLEST_BATCH:
            lowest = min(lowest, *(_quantiles(moved[moved[column] != name])[1]["p95"] for name in names))
    return lowest


def _quantiles(moved: pd.DataFrame) -> tuple[int, dict[str, float]]:
    """Number of models, and the pair count with three quantiles in which every model weighs the same."""
    weights = 1 / moved.groupby("model")["moved"].transform("size").to_numpy(float)
    values = moved["moved"].to_numpy(float)
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    median, p90, p95 = values[order][np.searchsorted(reached, np.array([0.5, 0.9, 0.95]) - 1e-12)]
    return moved["model"].nunique(), {"n": len(moved), "median": median, "p90": p90, "p95": p95}


def noise(
    source: Annotated[Path, typer.Option("--from", help="Parquet file of rerun pairs")],
    out: Annotated[
        Path, typer.Option("--out", help="where the table goes; the bundled record by default")
    ] = NOISE_FLOORS,
) -> None:
    """Derive the noise floors from rerun pairs, for the bundled record and for the store if there is one."""
    pairs = read_pairs(source)
    honest = honest_pairs(pairs)
    floors = fit_floors(honest)
    out.parent.mkdir(parents=True, exist_ok=True)
    duckdb.from_df(floors.astype({"n": "int32"})).write_parquet(str(out), compression="zstd")
    if out == NOISE_FLOORS and store_path().exists():
        with writing() as connection:
            connection.execute("DELETE FROM noise_floors")
            connection.execute("INSERT INTO noise_floors SELECT * FROM read_parquet(?)", [str(out)])
    table = Table("type", "pairs", "median", "p95", "floor", title="Noise floors by task type")
    for row in floors[floors["scope"] != "task"].to_dict("records"):
        table.add_row(row["name"] or "all", *(f"{row[figure]:.5g}" for figure in ("n", "median", "p95", "floor")))
    console = Console()
    console.print(table)
    console.print(
        f"{len(pairs):,} pairs, {len(honest):,} honest, {(honest['moved'] > 0).sum():,} of them moved; "
        f"{(floors['scope'] == 'task').sum():,} tasks have a floor of their own. Written to {out}.",
        highlight=False,
    )
