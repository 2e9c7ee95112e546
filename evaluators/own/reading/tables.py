"""CSV and TSV: heads and rows, by whatever separates them."""

from __future__ import annotations

import csv
import io
from collections import Counter

from evaluators.own.reading.refused import Bounds, RefusedError

__all__ = ["table_rows"]

_CELL = 1_000_000  # letters
_COLUMNS = 500
_ROWS = 500_000
_TRIED = 50  # lines by which the separator is told


def table_rows(text: str, name: str, watch: Bounds) -> tuple[list[str], list[list[str]], list[str]]:
    """Heads, rows and what was lost.

    Raises:
        RefusedError: it is no table, or a cell is larger than any text.
    """
    text = text.lstrip("\ufeff")
    csv.field_size_limit(_CELL)
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=_separator(text, name))
    rows: list[list[str]] = []
    notes: list[str] = []
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            if len(row) > _COLUMNS:
                raise RefusedError(f"line {reader.line_num} has {len(row):,} columns")
            rows.append([" ".join(cell.split()) for cell in row])
            if stopped := watch.full("".join(row)):
                notes = [f"cut after row {len(rows):,}: {stopped}"]
            elif len(rows) > _ROWS:
                notes = [f"cut after row {_ROWS:,}"]
            if notes:
                break
    except csv.Error as error:
        what = f"a cell has more than {_CELL:,} letters" if "field limit" in str(error) else str(error)
        raise RefusedError(f"line {reader.line_num}: {what}") from None
    if len(rows) < 2:
        raise RefusedError("it has no rows below its heads")
    return rows[0], rows[1:], notes


def _separator(text: str, name: str) -> str:
    """What splits the first lines into the same number of cells most often, and into most."""
    if name.lower().endswith(".tsv"):
        return "\t"
    head = "".join(text.splitlines(keepends=True)[:_TRIED])[:_CELL]
    best = (",", (0.0, 0))
    for separator in ",;\t|":
        try:
            widths = Counter(len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row)
        except csv.Error:
            continue
        (width, times), *_ = widths.most_common(1) or [(1, 0)]
        fit = (times / max(1, widths.total()), width) if width > 1 else (0.0, 0)
        if fit > best[1]:
            best = (separator, fit)
    return best[0]
