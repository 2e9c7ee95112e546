"""Whose fault is a difference: the model's, the task's, or one cell's?

A table of deltas, model by task, is split into what a whole row shares (the model, or how it was set up), what a whole
column shares (the task, its data or its metric) and what is left to single cells. The split is Tukey's median polish
(Exploratory Data Analysis, 1977, ch. 11) with weighted medians and missing cells; a mean would hand one broken model's
loss to every task it ran. Medians size an effect but do not say whether it is one: half the models moved on a task
leave its median at nothing. So each row and column is also tested: are its deltas further out than those of others in
the same columns (rows)? That uses ranks (Fisher's method over them), no distribution of deltas is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from data.rules.deltas import Thresholds
from data.store.vocabulary import Obstacle

__all__ = ["Effects", "decompose", "delta_table", "polish"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# An effect of fewer cells than this cannot be told from chance.
FEWEST = 3
SIGNIFICANT = 0.001
# A model's effect shows on most of its tasks; a task's on a good part of the models, because those that were run on the
# data of the time did not move.
MODEL_SHARE, TASK_SHARE = 0.6, 0.25
# Where few others share a column, its ranks are filled up with this many from the whole table.
PSEUDO = 20
# With no others at all: how often an honest rerun moves beyond the limit, at most (see data/README.md).
HONEST = 0.05


@dataclass(frozen=True)
class Effects:
    """What a table of deltas is made of; all sizes are on the 0-1 scale.

    ``rows`` and ``columns`` have one line each: name, cells, effect (median polish), moved and up (cells beyond the
    drift limit, and those of them upward), typical (median of the moved cells), p, significant (it is an effect), and
    for columns also other_data (share of the moved cells whose data set revision differs or is unknown). ``cells`` has
    row, column, delta, limit, residual and cause (none | model | task | model and task | metric | cell).
    """

    rows: pd.DataFrame
    columns: pd.DataFrame
    cells: pd.DataFrame
    common: float


def delta_table(deltas: pd.DataFrame, limits: Thresholds, row: str = "model") -> pd.DataFrame:
    """One line a row and task from judged deltas: the median over its splits and subsets.

    Returns:
        Columns row, column, delta (NULL where no cell can be used), limit (beyond it a delta has moved), weight
        (1 / noise floor), other_data, metric (no cell is of the same metric on both sides), verdict columns untouched.
    """
    usable = deltas["obstacle"].isna() & deltas["delta"].notna()
    frame = pd.DataFrame(
        {
            "row": deltas[row],
            "column": deltas["task"],
            "delta": deltas["delta"].where(usable),
            "floor": deltas["floor"],
            "other_data": ~deltas["same_data"].fillna(False).astype(bool),
            "metric": deltas["obstacle"].eq(Obstacle.METRIC).fillna(False).astype(bool),
        }
    )
    table = frame.groupby(["row", "column"], as_index=False).agg(
        delta=("delta", "median"), floor=("floor", "max"), other_data=("other_data", "mean"), metric=("metric", "any")
    )
    table["metric"] &= table["delta"].isna()
    table["limit"] = np.maximum(limits.drift, limits.drift_floors * table["floor"])
    table["weight"] = 1 / table["floor"].clip(lower=1e-6)
    return table.drop(columns="floor")


def polish(delta: Floats, weight: Floats, *, rounds: int = 50, tolerance: float = 1e-6) -> tuple[Floats, Floats, bool]:
    """Row and column effects of a table by weighted median polish.

    Args:
        delta: (rows, columns), NaN where there is no cell.
        weight: (rows, columns), positive.
        rounds: most sweeps over rows and columns.
        tolerance: a sweep that changes no effect by more than this is the last.

    Returns:
        (rows,) and (columns,) effects, and whether they settled. A row or column of fewer than three cells has none.
    """
    row, column = np.zeros(delta.shape[0]), np.zeros(delta.shape[1])
    some = ~np.isnan(delta)
    enough_row, enough_column = some.sum(1) >= FEWEST, some.sum(0) >= FEWEST
    for _ in range(rounds):
        before = np.concatenate([row, column])
        row = np.where(enough_row, _weighted_median(delta - column, weight), 0.0)
        column = np.where(enough_column, _weighted_median((delta - row[:, None]).T, weight.T), 0.0)
        if np.abs(np.concatenate([row, column]) - before).max(initial=0) <= tolerance:
            return row, column, True
    return row, column, False


def _weighted_median(values: Floats, weights: Floats) -> Floats:
    """Weighted median of each row (NaN of none); the middle of two values that have half the weight on either side."""
    if not values.size:
        return np.full(len(values), np.nan)
    order = np.argsort(values, axis=1)  # NaN last
    ordered = np.take_along_axis(values, order, 1)
    weight = np.where(np.isnan(ordered), 0.0, np.take_along_axis(weights, order, 1))
    reached = np.cumsum(weight, 1)
    half = reached[:, -1:] / 2
    low = np.argmax(reached >= half * (1 - 1e-9), axis=1)
    high = np.argmax(reached > half * (1 + 1e-9), axis=1)
    lines = np.arange(len(values))
    return np.asarray((ordered[lines, low] + ordered[lines, high]) / 2, float)


def decompose(table: pd.DataFrame, background: pd.DataFrame | None = None) -> Effects:
    """Split deltas into effects of rows, of columns, and of single cells.

    Args:
        table: lines of :func:`delta_table`.
        background: lines of other models on the same tasks. They say what is usual there, so that even a single row
            can be judged: its own column effects are theirs. An empty frame says that nothing is usual but noise, as
            between two runs of one machine. Without a background the rows are each other's. Only ``table``'s rows
            are returned; a single row cannot be told from the tasks it ran, and no task is significant.
    """
    n, grid = table["row"].nunique(), _grid(table, background)
    row, column, _ = polish(grid.values, grid.weight)
    # Runs judged by others may all be set up wrongly alike, so what they share is theirs.
    common, row = _centred(row, grid.values) if background is None else (0.0, row)

    peers = np.ones(len(grid.values), bool) if background is None else np.arange(len(grid.values)) >= n
    rows = _test(grid.values, grid.limit, peers, MODEL_SHARE, agreeing=True)
    rows["significant"] &= np.abs(row + common) > _medians(grid.limit)
    # A model that is off everywhere says nothing about the tasks it ran.
    others = np.where(rows["significant"].to_numpy(bool)[:, None], np.nan, grid.values)
    columns = _test(others.T, grid.limit.T, np.ones(len(grid.columns), bool), TASK_SHARE, agreeing=False)
    columns["significant"] &= len(grid.values) > 1
    far = np.abs(others) > grid.limit
    columns["other_data"] = np.where(far, grid.other, 0.0).sum(0) / np.maximum(far.sum(0), 1)

    i, j = grid.at[0][: len(table)], grid.at[1][: len(table)]
    cells = table[["row", "column", "delta", "limit", "metric"]].reset_index(drop=True)
    cells["residual"] = cells["delta"].to_numpy(float) - row[i] - column[j] - common
    cells["cause"] = _causes(cells, rows["significant"].to_numpy(bool)[i], columns["significant"].to_numpy(bool)[j])
    return Effects(
        rows=rows.assign(effect=row, name=grid.rows).iloc[:n].reset_index(drop=True),
        columns=columns.assign(effect=column, name=grid.columns).iloc[np.unique(j)].reset_index(drop=True),
        cells=cells.drop(columns="metric"),
        common=common,
    )


class _Grid(NamedTuple):
    rows: pd.Index[str]  # the table's own, then the background's
    columns: pd.Index[str]
    at: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # where each line lies
    values: Floats
    limit: Floats
    other: Floats
    weight: Floats


def _grid(table: pd.DataFrame, background: pd.DataFrame | None) -> _Grid:
    # A model may be on both sides, as a run and as what is published of it: those are two rows.
    both = table if background is None else pd.concat([table, background.assign(row="\0" + background["row"])])
    rows, columns = pd.Index(list(dict.fromkeys(both["row"]))), pd.Index(sorted(set(both["column"])))
    at = rows.get_indexer(both["row"].to_numpy()), columns.get_indexer(both["column"].to_numpy())
    filled = []
    for name, empty in (("delta", np.nan), ("limit", np.nan), ("other_data", 0.0), ("weight", 1.0)):
        filled.append(np.full((len(rows), len(columns)), empty))
        filled[-1][at] = both[name].to_numpy(float)
    return _Grid(rows, columns, at, *filled)


def _centred(row: Floats, values: Floats) -> tuple[float, Floats]:
    """What all rows share belongs to none of them: their median, and what is left of each."""
    enough = (~np.isnan(values)).sum(1) >= FEWEST
    if min(values.shape) < FEWEST or not enough.any():
        return 0.0, row
    common = float(np.median(row[enough]))
    return common, np.where(enough, row - common, 0.0)


def _medians(lines: Floats) -> Floats:
    return pd.DataFrame(lines.T).median().to_numpy(float)  # NaN of a line without cells, and no warning


def _test(values: Floats, limit: Floats, peers: Flags, share: float, *, agreeing: bool) -> pd.DataFrame:
    """Do the deltas of each line stand out among the peers' in the same columns?

    Two ways to stand out are tried, each of losses and gains: more cells moved than the columns' own rates explain
    (Poisson binomial), and cells further out than the peers' (Fisher's method over ranks). The least of the three
    probabilities counts, times three.
    """
    with np.errstate(invalid="ignore"):
        far = np.abs(values) > limit
        down, up = far & (values < 0), far & (values > 0)
    tests = [_counts(values, far, peers), _fisher(values, down, peers), _fisher(-values, up, peers)]
    p = np.minimum(1.0, 3 * np.min(tests, axis=0))
    cells = (~np.isnan(values)).sum(1)
    together = np.maximum(down.sum(1), up.sum(1)) if agreeing else far.sum(1)
    return pd.DataFrame(
        {
            "cells": cells,
            "moved": far.sum(1),
            "up": up.sum(1),
            "typical": _medians(np.where(far, values, np.nan)),
            "p": p,
            "significant": (p < SIGNIFICANT) & (together >= FEWEST) & (together >= share * np.maximum(cells, 1)),
        }
    )


def _counts(values: Floats, far: Flags, peers: Flags) -> Floats:
    """Probability of as many moved cells as each line has, if each moved as often as it does for the column's peers."""
    some = ~np.isnan(values)
    own = peers[:, None]
    overall = far[peers].sum() / some[peers].sum() if some[peers].any() else HONEST
    moved, present = far[peers].sum(0) - (far & own), some[peers].sum(0) - (some & own)
    rates = (moved + PSEUDO * overall) / (present + PSEUDO)
    tails = np.ones(len(values))
    for i, k in enumerate(far.sum(1)):
        if k >= FEWEST:
            chances = np.ones(1)  # of 0, 1, 2 ... moved cells so far
            for rate in rates[i, some[i]]:
                chances = np.convolve(chances, [1 - rate, rate])
            tails[i] = chances[k:].sum()
    return tails


def _fisher(values: Floats, counted: Flags, peers: Flags) -> Floats:
    """Combined probability of each line's counted cells being as low as they are; the others count as no evidence."""
    usual_values = values[peers]
    if not len(usual_values):
        return np.ones(len(values))
    everything = np.sort(usual_values[~np.isnan(usual_values)])
    logs = np.zeros(values.shape)
    for j in range(values.shape[1]):
        column = np.sort(usual_values[~np.isnan(usual_values[:, j]), j])
        here = values[counted[:, j], j]
        if len(here):
            own = peers[counted[:, j]].astype(int)  # a peer is not its own peer
            below = np.searchsorted(column, here, "right") - own
            usual = np.searchsorted(everything, here, "right") / max(len(everything), 1)
            logs[counted[:, j], j] = np.log((1 + below + PSEUDO * usual) / (1 + len(column) - own + PSEUDO))
    cells = (~np.isnan(values)).sum(1)
    return np.asarray(stats.chi2.sf(-2 * logs.sum(1), 2 * np.maximum(cells, 1)), float)


def _causes(cells: pd.DataFrame, of_row: Flags, of_column: Flags) -> npt.NDArray[np.object_]:
    moved = (cells["delta"].abs() > cells["limit"]).to_numpy(bool)
    return np.select(
        [cells["metric"].to_numpy(bool), ~moved, of_row & of_column, of_row, of_column],
        ["metric", "none", "model and task", "model", "task"],
        "cell",
    ).astype(object)
