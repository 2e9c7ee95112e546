"""What a difference between two figures of one cell means, and where the lines between the verdicts are.

The rule itself is SQL, beside the deltas it judges (``data/store/views/30_deltas.sql``), so that page, terminal and
report cannot disagree. Here are its thresholds, how to override them, and the one way to ask for judged deltas.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from data.rules.words import Phrase, mark, phrase
from data.store.errors import InputError
from data.store.vocabulary import Comparison, Verdict

__all__ = [
    "SIDES", "Counted", "Sides", "Thresholds", "cells_by_verdict", "counted_by", "deltas", "summed_up", "thresholds",
    "worst_first",
]  # fmt: skip

_ENVIRONMENT = "PLUMBLINE_THRESHOLDS"
_REMEDY = "See data/rules/deltas.py."
_GRAVITY = {str(verdict): verdict.gravity for verdict in Verdict}


class Sides(NamedTuple):
    """The two figures of a comparison in words; a difference is the check's minus the claim's."""

    claim: Phrase
    check: Phrase
    article: bool = True  # whether English has one before the check

    def apart(self, size: float) -> Phrase:
        """A difference (0-1 scale) in points, with the side that is lower or higher."""
        article, none = mark("the {check} is {beside}"), mark("{check} is {beside}")
        return phrase(article if self.article else none, check=self.check, beside=self.beside(size))

    def beside(self, size: float) -> Phrase:
        """The same without the check, where that was named before."""
        below, above = mark("{points:.1f} points below the {claim}"), mark("{points:.1f} points above the {claim}")
        return phrase(below if size < 0 else above, points=abs(100 * size), claim=self.claim)


SIDES = {
    Comparison.REPORTED: Sides(phrase("model card"), phrase("official run")),
    Comparison.REPRODUCED: Sides(phrase("published figure"), phrase("our run"), article=False),
    Comparison.CARD: Sides(phrase("model card"), phrase("our run"), article=False),
    Comparison.RUNS: Sides(phrase("earlier run"), phrase("later run")),
}


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
                raise InputError(f"A threshold is a number of at least 0, and {name} is {value!r}", remedy=_REMEDY)


def thresholds(overrides: Mapping[str, float | None] | None = None, source: str | None = None) -> Thresholds:
    """The thresholds in force: the defaults, then ``source``, then ``overrides``; None overrides nothing.

    Args:
        overrides: values by name, as from command line options or a page's address.
        source: ``name=value`` pairs with commas between them, or the path of a TOML file that sets them; the default
            is the environment variable ``PLUMBLINE_THRESHOLDS``.

    Raises:
        InputError: a name that is no threshold, or a value that is no number of at least 0.
    """
    source = os.environ.get(_ENVIRONMENT, "") if source is None else source
    values: dict[str, Any] = dict(_read(source)) if source.strip() else {}
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    known = list(asdict(Thresholds()))
    if unknown := sorted(set(values) - set(known)):
        raise InputError(f"There is no threshold {', '.join(unknown)}", remedy=f"There are {', '.join(known)}.")
    return Thresholds(**values)


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
        raise InputError(f"A threshold is a number, and {name.strip()} is {value.strip()!r}", remedy=_REMEDY) from None


_MIRRORED = """-delta AS delta, check_score AS claim_score, claim_score AS check_score,
    verdict(-delta, check_score, floor, obstacle, same_data, match_floors := $match_floors, drift := $drift,
        drift_floors := $drift_floors, lost := $lost) AS verdict"""


def deltas(
    cursor: duckdb.DuckDBPyConnection,
    kind: str,
    limits: Thresholds | None = None,
    *,
    model: str | None = None,
    models: Sequence[str] | None = None,
    run_id: str | None = None,
    against: str | None = None,
    mirrored: bool = False,
) -> pd.DataFrame:
    """Judged deltas of one kind, one row a cell, in the order of model, task, split and subset.

    Args:
        cursor: of a store.
        kind: reported (official against a model card), reproduced (a run of this machine against the official figure,
            or the model card's where there is none), card (a run against the model card) or runs (a later run against
            an earlier one).
        limits: the thresholds; the default is what :func:`thresholds` finds.
        model: only this model.
        models: only these models.
        run_id: only where this run is the check.
        against: for kind runs, only where this run is the claim.
        mirrored: judge the claim as a check of its check: scores change sides and differences their sign.

    Returns:
        The columns of the view ``deltas``; ``delta`` is check minus claim on the 0-1 scale.
    """
    limits = limits or thresholds()
    named = [model] if model is not None else None if models is None else list(models)
    columns = f"* REPLACE ({_MIRRORED})" if mirrored else "*"
    return cursor.execute(
        f"""SELECT {columns} FROM deltas_under($match_floors, $drift, $drift_floors, $lost)
           WHERE kind = $kind AND ($models IS NULL OR list_contains($models, model))
               AND ($run_id IS NULL OR check_run = $run_id) AND ($against IS NULL OR claim_run = $against)
           ORDER BY model, check_run, claim_run, task, split, subset""",
        {**asdict(limits), "kind": kind, "models": named, "run_id": run_id, "against": against},
    ).df()


class Counted(NamedTuple):
    """Cells of a selection: how many can be compared, and how many of those hold; the rest stands apart."""

    cells: int
    comparable: int
    held: int

    @property
    def share(self) -> float | None:
        """Share of the comparable cells that hold, 0 to 1; None where there are none."""
        return self.held / self.comparable if self.comparable else None


def cells_by_verdict(judged: pd.DataFrame) -> dict[str, int]:
    """How many of a set of judged cells there are of each verdict; those of which there is none are left out."""
    return {str(verdict): int(n) for verdict, n in judged["verdict"].value_counts().items()}


def counted_by(cells: Mapping[str, int]) -> Counted:
    """What so many cells of each verdict come to as a whole: the one denominator is those that can be compared."""
    whole = sum(cells.values())
    held = sum(cells.get(verdict, 0) for verdict in Verdict if verdict.holds)
    return Counted(int(whole), int(whole - cells.get(Verdict.NOT_COMPARABLE, 0)), int(held))


def summed_up(judged: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """What the cells of a task, a model or a run come to, a row a group.

    The verdict is the worst of the cells that can be compared, and only of those is the difference: what cannot be
    compared is counted apart, and says nothing where there is anything else.

    Args:
        judged: rows of :func:`deltas`.
        by: the columns that make a group.

    Returns:
        ``by``, ``verdict``, ``delta`` (median of the comparable cells), ``mean`` (of the same), ``floor`` (their
        largest; all on the 0-1 scale, NaN where nothing can be compared), ``cells`` and ``comparable``.
    """
    comparable = judged["verdict"] != Verdict.NOT_COMPARABLE
    known = judged[["delta", "floor"]].where(comparable).astype(float)
    gravity = judged["verdict"].map(_GRAVITY).astype(int)
    frame = judged[by].assign(rank=gravity, known=known["delta"], floor=known["floor"], comparable=comparable)
    groups = frame.groupby(by, as_index=False, sort=False).agg(
        rank=("rank", "max"), delta=("known", "median"), mean=("known", "mean"), floor=("floor", "max"),
        cells=("rank", "size"), comparable=("comparable", "sum"),
    )  # fmt: skip
    verdicts = {rank: verdict for verdict, rank in _GRAVITY.items()}
    return groups.assign(verdict=groups["rank"].map(verdicts)).drop(columns="rank")


def worst_first(judged: pd.DataFrame, most: int | None = None) -> pd.DataFrame:
    """Judged cells in the order of their gravity, within one verdict by the size of the difference; the first ones."""
    order = pd.DataFrame({"rank": -judged["verdict"].map(_GRAVITY).astype(int), "size": -judged["delta"].abs()})
    return judged.loc[order.sort_values(["rank", "size"], kind="stable").index[:most]]
