"""What is asked, and answers that are plain lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd

__all__ = ["Cursor", "first_column", "most_frequent", "wide"]

Cursor = duckdb.DuckDBPyConnection  # of one version of the store

Parameters = Sequence[object] | Mapping[str, object]


def first_column(cursor: Cursor, query: str, parameters: Parameters | None = None) -> list[str]:
    """The first column of what a query gives, in its order."""
    return [row[0] for row in cursor.execute(query, parameters).fetchall()]


def wide(cursor: Cursor, cells: str, parameters: Mapping[str, object], across: str, value: str) -> pd.DataFrame:
    """A value of what a query gives: models down, another column across, both in the order of names; NaN for none.

    Of a million cells the names, twice each, are ten times as large as the table: they are asked for once.

    Args:
        cursor: on the store.
        cells: a query with the columns ``model``, ``across`` and ``value``, each pair of names once.
        parameters: of the query, by name.
        across: the column whose values become columns.
        value: a column of numbers.
    """
    down, names = (
        first_column(cursor, f"SELECT DISTINCT {name} FROM ({cells}) ORDER BY 1", parameters)
        for name in ("model", across)
    )
    placed = cursor.execute(_PLACED.format(cells=cells, across=across, value=value), parameters).fetchnumpy()
    table = np.full((len(down), len(names)), np.nan)
    values: np.ma.MaskedArray[Any, Any] = np.ma.asarray(placed["value"], dtype=np.float64)
    table[placed["row"], placed["column"]] = values.filled(np.nan)
    return pd.DataFrame(
        table, pd.Index(down, name="model", dtype=str), pd.Index(names, name=across, dtype=str), copy=False
    )


_PLACED = """
WITH cells AS ({cells}),
rows AS (
    SELECT model, (row_number() OVER (ORDER BY model))::INTEGER - 1 AS place FROM (SELECT DISTINCT model FROM cells)
),
columns AS (
    SELECT {across} AS name, (row_number() OVER (ORDER BY {across}))::INTEGER - 1 AS place
    FROM (SELECT DISTINCT {across} FROM cells)
)
SELECT r.place AS "row", k.place AS "column", c.{value} AS "value"
FROM cells c JOIN rows r ON r.model = c.model JOIN columns k ON k.name = c.{across}
"""


def most_frequent(cursor: Cursor, names: str, parameters: Parameters) -> list[str]:
    """The values of the column ``name`` of a query, the most frequent first, each once; NULL is none."""
    query = f"SELECT name FROM ({names}) WHERE name IS NOT NULL GROUP BY name ORDER BY count(*) DESC, name"
    return first_column(cursor, query, parameters)
