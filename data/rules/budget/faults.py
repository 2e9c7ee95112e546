"""What each fault costs, task by task: the table of real runs that ``python -m tests.maintain faults`` measures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from data.rules.causes import CAUSES, words_of
from data.rules.words import mark
from data.store.errors import InputError

__all__ = ["FAULT_COLUMNS", "FAULTS_FILE", "PARTS_DRAWN", "MeasuredFault", "FaultTable", "fault_table"]

Floats = npt.NDArray[np.float64]

FAULTS_FILE = Path(__file__).resolve().parents[2] / "record" / "faults.parquet"
FAULT_COLUMNS = ("model", "revision", "mteb", "setup", "cause", "blanks", "task", "type", "part", "score", "seconds")
# Parts of a model that were drawn at random, as the table has them.
PARTS_DRAWN = (mark("all"), mark("the last layer"), mark("a middle layer"), mark("one tensor"))
# The run that all others are held against.
_RIGHT = "right"


class MeasuredFault(NamedTuple):
    """A fault that was put into a model.

    Attributes:
        code: of the set-up, as in ``max-length-32``.
        cause: code of its cause, or of a family of causes, in :mod:`data.rules.causes`.
        words: what it is called.
    """

    code: str
    cause: str
    words: str


class FaultTable(NamedTuple):
    """Measured runs of one model, right and faulty.

    Attributes:
        model: that was run.
        tasks: it was run on.
        types: of the tasks.
        parts: of each task, the subsets it was run on; empty where it was run whole.
        right: (tasks,), the right scores, 0-1 scale, NaN where not measured.
        faults: that were put in.
        deltas: (faults, tasks), faulty minus right, NaN where not measured.
        harmless: names of runs that differ in nothing that matters (batch size, seed, precision, library).
        harmless_deltas: (harmless, tasks), the same for them.
    """

    model: str
    tasks: tuple[str, ...]
    types: tuple[str, ...]
    parts: tuple[str, ...]
    right: Floats
    faults: tuple[MeasuredFault, ...]
    deltas: Floats
    harmless: tuple[str, ...]
    harmless_deltas: Floats


def fault_table(path: Path = FAULTS_FILE) -> FaultTable:
    """Read the table of runs that comes with the record.

    Raises:
        InputError: there is no such file, or it is not that table.
    """
    if not path.is_file():
        raise InputError(
            "There is no table of measured faults",
            where=str(path),
            remedy="Measure it: python -m tests.maintain faults",
        )
    try:
        rows = duckdb.execute(
            "SELECT model, setup, cause, blanks, task, type, part, score FROM read_parquet(?) ORDER BY task, setup",
            [str(path)],
        ).df()
    except duckdb.Error as error:
        raise InputError("The file is no table of measured faults", where=str(path)) from error
    scores = rows.pivot(index="setup", columns="task", values="score")
    first = rows.drop_duplicates("task").set_index("task").loc[scores.columns]
    named = rows.drop_duplicates("setup").set_index("setup").loc[scores.index]
    right = scores.loc[_RIGHT].to_numpy(float)
    deltas = scores.to_numpy(float) - right
    faulty = (named["cause"] != "").to_numpy()
    harmless = ~faulty & (scores.index != _RIGHT)
    faults = [
        MeasuredFault(str(code), str(cause), _words(str(cause), str(blanks)))
        for code, cause, blanks in named.loc[faulty, ["cause", "blanks"]].itertuples(name=None)
    ]
    return FaultTable(
        model=str(rows["model"].iloc[0]),
        tasks=tuple(map(str, scores.columns)),
        types=tuple(first["type"]),
        parts=tuple(first["part"]),
        right=right,
        faults=tuple(faults),
        deltas=deltas[faulty],
        harmless=tuple(map(str, scores.index[harmless])),
        harmless_deltas=deltas[harmless],
    )


def _words(cause: str, blanks: str) -> str:
    return CAUSES[cause].filled(json.loads(blanks)).words if cause in CAUSES else words_of(cause)
