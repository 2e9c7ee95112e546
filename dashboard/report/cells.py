"""A cell of a table as text, written as the page's column writes it; what is missing is empty."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import Any

import pandas as pd

from dashboard.formatting import small
from dashboard.report.document import Head

__all__ = ["cell_text", "is_numeric", "is_missing", "plain_value"]

# Day.js, as Streamlit's columns write moments.
_MOMENTS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_UNITS = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3))


def is_missing(value: Any) -> bool:
    """Whether nothing stands in a cell."""
    if isinstance(value, str):
        return value == ""
    if isinstance(value, Iterable):
        return not len(list(value))
    return bool(pd.isna(value))


def is_numeric(value: Any) -> bool:
    """Whether a value is a number, and no yes or no."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not pd.isna(value)


def plain_value(value: Any) -> Any:
    """A value as Python has it: no scalar of numpy, a list for what holds several."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, tuple | set) else value


def cell_text(value: Any, head: Head) -> str:
    """What a cell shows."""
    value = plain_value(value)
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if is_numeric(value):
        return _number(value, head.form)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, date):  # a moment is one, too
        return value.strftime(_spelled(head.form or ("YYYY-MM-DD HH:mm" if hasattr(value, "hour") else "YYYY-MM-DD")))
    if head.kind == "link" and head.display:
        return _displayed(str(value), head.display)
    return str(value)


def _number(value: float, form: str) -> str:
    if "%" in form:
        with suppress(TypeError, ValueError):
            return form % value
    if form == "localized":
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")
    if form == "compact":
        unit, size = next(((unit, size) for unit, size in _UNITS if abs(value) >= size), ("", 1.0))
        return f"{small(value / size, 3)}{unit}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _spelled(form: str) -> str:
    return re.sub("|".join(_MOMENTS), lambda token: _MOMENTS[token.group()], form)


def _displayed(address: str, display: str) -> str:
    """The text of a link: what a pattern's group takes of the address, or one text for all."""
    if "(" not in display:
        return display
    match = re.search(display, address)
    return match.group(1) if match else address
