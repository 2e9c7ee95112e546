"""What a difference between two figures of one cell means, and where the lines between the verdicts are.

The rule itself is SQL, beside the deltas it judges (``data/views/30_deltas.sql``), so that page, terminal and report
cannot disagree. Here are its thresholds, how to override them, and the one way to ask for judged deltas.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from data.errors import InputError

__all__ = ["KINDS", "VERDICTS", "Thresholds", "WORST_FIRST", "deltas", "thresholds"]

# From harmless to serious; `not comparable` says nothing about the model.
VERDICTS = ("match", "drift", "gap", "broken", "not comparable")
# Of several cells the first of these says what they come to: only where nothing can be compared, nothing can.
WORST_FIRST = ("broken", "gap", "drift", "match", "not comparable")
KINDS = ("reported", "reproduced", "card", "runs")

_ENVIRONMENT = "PLUMBLINE_THRESHOLDS"


@dataclass(frozen=True)
class Thresholds:
    """The lines between match, drift, gap and broken; scores and floors are on the 0-1 scale.

    A delta is a match up to ``match_floors`` noise floors, a drift up to the larger of ``drift`` and ``drift_floors``
    noise floors, and a gap beyond; a gap is broken when more than the share ``lost`` of the claimed score is gone.
    """

    match_floors: float = 1.0
    drift: float = 0.015
    drift_floors: float = 3.0
    lost: float = 0.3

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise InputError(
                    f"A threshold is a number of at least 0, and {name} is {value!r}", remedy="See data/verdict.py."
                )


def thresholds(given: Mapping[str, float | None] | None = None, source: str | None = None) -> Thresholds:
    """The thresholds in force: the defaults, then ``source``, then ``given`` (entries that are None are not given).

    Args:
        given: values by name, as from command line options or a page's address.
        source: ``name=value`` pairs with commas between them, or the path of a TOML file that sets them; the default
            is the environment variable ``PLUMBLINE_THRESHOLDS``.

    Raises:
        InputError: a name that is no threshold, or a value that is no number of at least 0.
    """
    source = os.environ.get(_ENVIRONMENT, "") if source is None else source
    chosen: dict[str, Any] = dict(_read(source)) if source.strip() else {}
    chosen |= {name: value for name, value in (given or {}).items() if value is not None}
    known = [field.name for field in fields(Thresholds)]
    if unknown := sorted(set(chosen) - set(known)):
        raise InputError(f"There is no threshold {', '.join(unknown)}", remedy=f"There are {', '.join(known)}.")
    return replace(Thresholds(), **chosen)


def _read(source: str) -> Mapping[str, Any]:
    if "=" in source:
        pairs = (part.partition("=") for part in source.split(","))
        return {name.strip(): _number(name, value) for name, _, value in pairs}
    try:
        with Path(source).expanduser().open("rb") as handle:
            return tomllib.load(handle)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The thresholds cannot be read: {error}", where=source) from error


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(
            f"A threshold is a number, and {name.strip()} is {value.strip()!r}", remedy="See data/verdict.py."
        ) from None


def deltas(
    cursor: duckdb.DuckDBPyConnection,
    kind: str,
    limits: Thresholds | None = None,
    *,
    model: str | None = None,
    run_id: str | None = None,
    against: str | None = None,
) -> pd.DataFrame:
    """Judged deltas of one kind, one row a cell, in the order of model, task, split and subset.

    Args:
        cursor: of a store.
        kind: reported (official against a model card), reproduced (a run of this machine against the official figure,
            or the model card's where there is none), card (a run against the model card) or runs (a later run against
            an earlier one).
        limits: the thresholds; the default is what :func:`thresholds` finds.
        model: only this model.
        run_id: only with this run on the right side.
        against: for kind runs, only with this run on the left side.

    Returns:
        The columns of the view ``deltas``; ``delta`` is right minus left on the 0-1 scale.
    """
    limits = limits or thresholds()
    return cursor.execute(
        """SELECT * FROM deltas_under($match_floors, $drift, $drift_floors, $lost)
           WHERE kind = $kind AND ($model IS NULL OR model = $model)
               AND ($run_id IS NULL OR right_run = $run_id) AND ($against IS NULL OR left_run = $against)
           ORDER BY model, right_run, left_run, task, split, subset""",
        {**asdict(limits), "kind": kind, "model": model, "run_id": run_id, "against": against},
    ).df()
