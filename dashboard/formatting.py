"""How numbers, dates and names are written on every page; what is missing is blank.

Scores are kept on the 0-1 scale in the store and shown times 100 with two decimals, as MTEB's own board shows them.
Every page rounds by :func:`rounded`, so that one figure reads the same wherever it stands.
"""

from __future__ import annotations

import re
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dashboard.words import language, tr
from data.rules.licences import licence_of
from data.rules.words import written

__all__ = [
    "bytes_text", "count", "day", "interval_text", "licence", "parameters", "plain", "in_points", "percent", "rounded",
    "rounded_frame", "score", "signed", "small", "span_text", "word",
]  # fmt: skip

# Words of the store that are also counted: "3 models".
_COUNTED = frozenset({"card", "data", "model", "revision", "run", "score", "task", "text"})
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Markdown turns bare addresses into links after it has read the escapes, so these are parted by a word joiner.
_ADDRESS = re.compile(r"(?i)(https?:|www(?=\.)|@)")


def plain(text: object) -> str:
    """Text from outside, escaped so that Markdown shows every character of it as it is."""
    one_line = " ".join(str(text).split())
    return _PUNCTUATION.sub(r"\\\1", _ADDRESS.sub("\\1\u2060", one_line))


def rounded(values: ArrayLike, digits: int = 2) -> np.ndarray:
    """Half away from zero, once what differs in the last bits only is dropped: 10.585 is 10.59 however it is summed."""
    exact = np.asarray(values, dtype=np.float64)
    half_away: np.ndarray = np.copysign(np.floor(np.round(np.abs(exact) * 10**digits, 6) + 0.5) / 10**digits, exact)
    return half_away


def rounded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its fractional columns rounded to two decimals, as they are shown."""
    fractions = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    return frame.assign(**{str(name): rounded(frame[name]) for name in fractions})


def in_points(value: float | None) -> float | None:
    """A 0-1 score in points, 0-100, with two decimals; None stays None."""
    return None if _missing(value) else float(rounded(100 * float(value)))  # type: ignore[arg-type]


def score(value: float | None) -> str:
    """A 0-1 score in points with two decimals: 0.70123 is 70.12."""
    return "" if _missing(value) else written(f"{in_points(value):.2f}")


def signed(value: float | None) -> str:
    """A difference of 0-1 scores in points with its sign: -0.012 is −1.20, and nothing is ±0.00."""
    if _missing(value):
        return ""
    text = written(f"{in_points(value):+.2f}")
    return "±0.00" if text in ("+0.00", "−0.00") else text


def interval_text(low: float | None, high: float | None) -> str:
    """The ends of an interval of a difference, each as :func:`signed` writes it."""
    return "" if _missing(low) else tr("{low} to {high}", low=signed(low), high=signed(high))


def small(value: float | None, digits: int = 2) -> str:
    """A number of any size with so many figures: 0.00012345 is 1.2e-4 (not 1.2e-04), 0.034 is 0.034."""
    return "" if _missing(value) else written(f"{value:.{digits}g}")


def percent(share: float) -> str:
    """A share in percent: small ones with two figures (0.0523 is 5.2%), others whole."""
    return f"{small(100 * share)}%" if share < 0.0995 else f"{100 * share:.0f}%"


def parameters(n: float | None) -> str:
    """Number of parameters: 1_540_000_000 is 1.5B, 22_700_000 is 23M."""
    if _missing(n):
        return ""
    for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if n >= size * 0.9995:  # type: ignore[operator]
            value = n / size  # type: ignore[operator]
            digits = 0 if rounded(value, 1) >= 10 else 1
            return f"{rounded(value, digits):.{digits}f}".removesuffix(".0") + unit
    return f"{n:.0f}"


def licence(text: object) -> str:
    """A model's licence as every page shows it: the class first, then its readable name."""
    stated = licence_of(text)
    label = tr(stated.label)
    return label if stated.name == "not stated" else tr("{label}: {name}", label=label, name=tr(stated.name))


def bytes_text(n: float | None) -> str:
    """Bytes in decimal units: 1_536_000_000 is 1.5 GB."""
    if _missing(n):
        return ""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size * 0.9995:  # type: ignore[operator]
            value = n / size  # type: ignore[operator]
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{n:.0f} B"


def span_text(seconds: float | None) -> str:
    """How long something takes, in a unit of which it is one and a half or more: 200,000 s is 2.3 days."""
    if _missing(seconds):
        return ""
    span = float(seconds)  # type: ignore[arg-type]
    if span < 90:
        return tr("{n:.0f} s", n=span)
    if span < 90 * 60:
        return tr("{n:.0f} min", n=span / 60)
    if span < 36 * 3600:
        return tr("{n:.1f} h", n=span / 3600)
    return tr("{n:.1f} days", n=span / 86400)


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun in the viewer's language: 1 task, 41 tasks. The noun is looked up by ``one``."""
    if language() != "en":
        return f"{n:,} {tr(one)}"
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def word(value: object) -> str:
    """A word of the store (a verdict, a state, where a cause acts) in the viewer's language.

    A noun in small letters is looked up as it stands behind a number; by itself it is looked up with a capital.
    """
    text = str(value)
    if language() == "en" or not text:
        return text
    return tr(text.capitalize() if text in _COUNTED else text)


def day(value: date | datetime | None) -> str:
    """A date as 2026-11-21."""
    return "" if _missing(value) else f"{value:%Y-%m-%d}"


def _missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]
